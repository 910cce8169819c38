"""Find the cell of every value of a column, a block of rows at a time.

In: a column and its cells. Out: per block the cells and 64 bits that are equal for equal values.
State: look-up tables, made once. A number costs one look-up of 16 bits of it, a text one hash and
one look-up: some three nanoseconds each, without compiled code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.ids import hash_keys
from ostinato.watch.cells import CategoryCells, Cells, NumberCells
from ostinato.watch.codes import codes, table
from ostinato.watch.values import BLOCK, read_numbers, text_of

EXAMPLES: Final = 3
"""New values that are given as examples."""

_HASHED: Final = 1 << 17  # texts hashed at once: each call costs a turn of Polars' engine

Bytes = NDArray[np.uint8]
Hashes = NDArray[np.uint64]


class Block(NamedTuple):
    """Some rows of a column, in order; the arrays are used again for the next ones.

    `cells` (k,) uint8; `bits` (k,) uint64, equal for equal values; `examples`: new values.
    """

    cells: Bytes
    bits: Hashes
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberCoder:
    """Cells of numbers: by a table of all codes, or by the borders where codes are too coarse."""

    cells: NumberCells
    table_: Bytes
    borders_: NDArray[np.float64]

    @classmethod
    def of(cls, cells: NumberCells) -> NumberCoder:
        """Make the tables."""
        starts = np.array(cells.starts, dtype=np.int64)
        return cls(cells, table(starts, cells.missing), np.array(cells.borders))

    def blocks(self, column: pl.Series) -> Iterator[Block]:
        """Yield the blocks of a column."""
        found = np.empty(BLOCK, dtype=np.uint8)
        scratch = np.empty(BLOCK, dtype=np.float32)
        for values, unread in read_numbers(column, self.cells.part, self.cells.width):
            cells = found[: len(values)]
            with np.errstate(over="ignore", invalid="ignore"):
                self._find(values, scratch, cells)
            # Missing values may be any NaN: as one pattern they are equal.
            lost = len(cells) > 0 and int(cells.max()) >= self.cells.missing
            known = np.where(np.isnan(values), np.nan, values) if lost else values
            if unread is not None:
                cells[unread] = self.cells.missing + 1
            yield Block(cells, known.view(np.uint64))

    def _find(self, values: NDArray[np.float64], scratch: NDArray[np.float32], out: Bytes) -> None:
        cells = self.cells
        if cells.starts:
            np.take(self.table_, codes(values, cells.centre, scratch), out=out, mode="clip")
            return
        out[:] = np.searchsorted(self.borders_, values, side="right")
        out[np.isnan(values)] = cells.missing


@dataclass(frozen=True, slots=True)
class TextCoder:
    """Cells of texts: an open-addressed table from the hash of each known one to its place.

    `keys` and `places` are the table; `cells_` and `marks_` give cell and lasting hash of each
    place: known values in order, then unknown ones, missing ones and such that are no text.
    """

    cells: CategoryCells
    keys_: Hashes
    places_: NDArray[np.int32]
    cells_: Bytes
    marks_: Hashes

    @classmethod
    def of(cls, cells: CategoryCells) -> TextCoder:
        """Make the tables."""
        known = [*cells.values, *cells.others]
        size = 256
        while size < 4 * len(known):
            size *= 2
        keys = np.zeros(size, dtype=np.uint64)
        places = np.full(size, len(known), dtype=np.int32)
        for place, key in enumerate(pl.Series(known, dtype=pl.String).hash().to_list()):
            slot = key & (size - 1)
            while places[slot] != len(known):
                slot = (slot + 1) & (size - 1)
            keys[slot], places[slot] = key, place
        unknown = cells.rest if cells.crowded else cells.new
        own = [*range(len(cells.values)), *[cells.rest] * len(cells.others), unknown]
        own += [cells.missing, cells.missing + 1]
        marks = hash_keys(np.array([*known, "", None, ""], dtype=object))
        return cls(cells, keys, places, np.array(own, dtype=np.uint8), marks)

    def blocks(self, column: pl.Series) -> Iterator[Block]:
        """Yield the blocks of a column."""
        for chunk, places in self._placed(column):
            cells, marks = np.take(self.cells_, places), np.take(self.marks_, places)
            unknown = len(self.cells_) - 3
            examples: tuple[str, ...] = ()
            if len(places) and int(cells.max()) >= self.cells.rest:
                rows = np.flatnonzero(places == unknown)
                if len(rows) and not self.cells.crowded:
                    new = text_of(chunk.gather(rows))
                    marks[rows] = hash_keys(np.array(new.to_list(), dtype=object))
                    examples = tuple(new.unique(maintain_order=True).head(EXAMPLES).to_list())
            yield Block(cells, marks, examples)

    def _placed(self, column: pl.Series) -> Iterator[tuple[pl.Series, NDArray[np.int32]]]:
        """Yield rows and the place of each."""
        dtype = column.dtype
        coded = dtype in (pl.Categorical, pl.Enum)
        if coded:
            by_code = self._by_code(column.unique().drop_nulls())
        elif dtype == pl.Boolean:
            by_code, coded = self._look_up(pl.Series(["false", "true"]).hash().to_numpy()), True
        elif dtype.is_nested() or dtype == pl.Binary:  # a look-up of one code: no text
            by_code, coded = np.array([len(self.cells_) - 1], dtype=np.int32), True
            there = pl.when(pl.first().is_not_null()).then(pl.lit(0, pl.UInt8))
            column = column.to_frame().select(there).to_series()
        else:
            column = text_of(column)
        for first in range(0, len(column), _HASHED):
            part = column[first : first + _HASHED]
            if coded:
                physical = part.cast(pl.UInt8) if dtype == pl.Boolean else part.to_physical()
                keys = physical.fill_null(0).to_numpy()
            else:
                keys = part.hash().to_numpy()
            gone = part.is_null().to_numpy() if part.null_count() else None
            for start in range(0, len(part), BLOCK):
                block = slice(start, start + BLOCK)
                places = by_code[keys[block]] if coded else self._look_up(keys[block])
                if gone is not None:
                    places[gone[block]] = len(self.cells_) - 2
                yield part[block], places

    def _by_code(self, values: pl.Series) -> NDArray[np.int32]:
        """Return the place of each code of a coded column, given its different values."""
        codes = values.to_physical().to_numpy().astype(np.int64)
        places = np.zeros(int(codes.max(initial=0)) + 1, dtype=np.int32)
        places[codes] = self._look_up(values.cast(pl.String).hash().to_numpy())
        return places

    def _look_up(self, hashes: Hashes) -> NDArray[np.int32]:
        last = np.uint64(len(self.keys_) - 1)
        slots = (hashes & last).astype(np.int64)
        places = np.take(self.places_, slots)
        unknown = len(self.cells_) - 3
        open_ = np.flatnonzero((np.take(self.keys_, slots) != hashes) & (places != unknown))
        while len(open_):  # another value lies in this slot: try the next
            slots[open_] = (slots[open_] + 1) & int(last)
            places[open_] = self.places_[slots[open_]]
            differs = (self.keys_[slots[open_]] != hashes[open_]) & (places[open_] != unknown)
            open_ = open_[differs]
        return places


Coder: TypeAlias = NumberCoder | TextCoder


def coder_of(cells: Cells) -> Coder:
    """Return what finds the cells of a column."""
    return NumberCoder.of(cells) if isinstance(cells, NumberCells) else TextCoder.of(cells)


def column_factor(index: int) -> int:
    """Return the factor of a column in the marks of rows: odd, 64 bits."""
    return int(hash_keys(np.array([index], dtype=np.int64))[0]) | 1


def mix_into(rows: Hashes, bits: Hashes, factor: int, scratch: Hashes) -> None:
    """Add the bits of a column to the marks of rows, so that equal rows have equal marks.

    A multilinear hash (Carter and Wegman 1979) over 2^64; the upper half is folded into the lower
    before, since floats that are whole numbers have zeros there.

    Parameters
    ----------
    rows, bits
        (k,) each.
    factor
        Of this column; odd.
    scratch
        (at least k,).
    """
    mixed = scratch[: len(bits)]
    np.right_shift(bits, np.uint64(32), out=mixed)
    np.bitwise_xor(mixed, bits, out=mixed)
    np.multiply(mixed, np.uint64(factor), out=mixed)
    np.add(rows, mixed, out=rows)
