"""A plan written as arrays, which compiled functions read: what is kept in a tile, and where.

Everything a store keeps lies in one pool of 64-bit words. A *slot* is what is kept of one key of
one tally: a head, and for every level a *ring* of tiles. A *tile* begins with its place in time
(time // hop) and holds *cells*, only those that the outputs of its level need.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.features.plan import FeaturePlan, Output, Tally

# Fields of levels.
HOP, REACH, TILE_WORDS, CELLS, CELLS_END, RING = range(6)
# Fields of tallies.
LEVELS, LEVELS_END, SLOT_WORDS, KEY, VALUES, DISTINCTS = range(6)
# Fields of cells.
KIND, COLUMN, AT, LIMIT, OUTPUTS, OUTPUTS_END = range(6)
# Fields of outputs.
WHAT, WINDOW, FEATURE, EXACT_TO = range(4)
# Fields of outputs that are floats.
DEFAULT, QUANTILE, FACTOR, SPAN = range(4)
# Words of a record of an event; values, hashed values and whether they are there come after.
AVAILABLE, TALLY, KEY_HASH, TIME, RECORD_WORDS = range(5)
# Words of a slot; two words a level come after: where its ring is, and the ring's state.
SLOT_KEY, SLOT_TALLY, SLOT_HEAD = range(3)

# Kinds of cells and their words.
EVENTS, PRESENT, SUM, MIN, MAX, LAST, DISTINCT, BUCKETS, DECAYED = range(9)
WORDS: Final = {
    EVENTS: 1,  # count
    PRESENT: 1,  # count of values
    SUM: 3,  # count of values, exact sum
    MIN: 1,
    MAX: 1,
    LAST: 3,  # time, available from, value
    DISTINCT: 2,  # where the smallest hashes are, how many
    BUCKETS: 2,  # where the buckets are, how many
    DECAYED: 4,  # exact sum of weighted values, exact sum of weights
}
# Counters of a store: words of the pool in use, slots, events too late for all windows.
USED, SLOTS, DROPPED, COUNTERS = range(4)

SIZES: Final = 32
"""Sizes of blocks in the pool: 2^31 words are 16 GiB."""

COUNT_BITS: Final = 44
"""Bits of a bucket's word that hold its count; the bucket itself is above."""

BIAS: Final = 1 << 17
"""Added to buckets, so that none is negative: the outermost are at +-68,288."""

GROUP_BITS: Final = 9
"""Buckets are summed up in groups of 512 as well, so that few are looked at for a rank."""

LEAST_WIDTH: Final = 64
"""Places of the smallest set that different values are gathered in."""

# What is made of a cell, where there is more than one.
AS_COUNT, AS_RATE, AS_SUM, AS_MEAN = range(4)

_CELL_OF: Final = {
    "rate": EVENTS,
    "sum": SUM,
    "mean": SUM,
    "min": MIN,
    "max": MAX,
    "last": LAST,
    "distinct": DISTINCT,
    "quantile": BUCKETS,
    "decayed_mean": DECAYED,
}
_AS: Final = {"count": AS_COUNT, "rate": AS_RATE, "sum": AS_SUM, "mean": AS_MEAN}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """What compiled functions have to know of a plan.

    Parameters
    ----------
    tallies, levels, cells, outputs
        (count, fields) int64; the fields are named above.
    numbers
        (outputs, 4) float64.
    keys
        The different keys, as places in a row of inputs.
    record_words
        Words of a record, of all tallies.
    features
        Number of windowed features.
    """

    tallies: Ints
    levels: Ints
    cells: Ints
    outputs: Ints
    numbers: Floats
    keys: tuple[tuple[int, ...], ...]
    record_words: int
    features: int


def make_layout(plan: FeaturePlan) -> Layout:
    """Write a plan as arrays."""
    tallies: list[list[int]] = []
    levels: list[list[int]] = []
    cells: list[list[int]] = []
    outputs: list[Output] = []
    keys: dict[tuple[int, ...], int] = {}
    for tally in plan.tallies:
        key = tuple(plan.inputs.index(mine) for mine, _ in tally.by)
        begin = len(levels)
        for place, level in enumerate(tally.levels):
            made = _cells(tally, place)
            first, at = len(cells), 1
            for (kind, column), mine in made.items():
                limit = max(each.exact_to for each in mine) + 1
                span = [len(outputs), len(outputs) + len(mine)]
                cells.append([kind, column, at, limit, *span])
                outputs += mine
                at += WORDS[kind]
            ring = SLOT_HEAD + 2 * place
            levels.append([level.hop_ns, level.window_ns, at, first, len(cells), ring])
        tallies.append(
            [
                begin,
                len(levels),
                SLOT_HEAD + 2 * len(tally.levels),
                keys.setdefault(key, len(keys)),
                len(tally.values),
                len(tally.distincts),
            ]
        )
    return Layout(
        tallies=_ints(tallies, 6),
        levels=_ints(levels, 6),
        cells=_ints(cells, 6),
        outputs=_ints([_fields(each) for each in outputs], 4),
        numbers=np.array([_numbers(e) for e in outputs], dtype=np.float64).reshape(-1, 4),
        keys=tuple(keys),
        record_words=RECORD_WORDS + max(map(_parts, plan.tallies), default=0),
        features=len(plan.windowed),
    )


def _cells(tally: Tally, level: int) -> dict[tuple[int, int], list[Output]]:
    """Return the cells of a level, each with its outputs, those of short windows first."""
    mine = sorted((each for each in tally.outputs if each.level == level), key=_window)
    summed = {each.column for each in mine if each.kind in {"sum", "mean"}}
    found: dict[tuple[int, int], list[Output]] = {}
    for each in mine:
        found.setdefault((_kind(each, summed), each.column), []).append(each)
    return found


def _window(output: Output) -> int:
    return output.window_ns


def _kind(output: Output, summed: set[int]) -> int:
    if output.kind != "count":
        return _CELL_OF[output.kind]
    if output.column < 0:
        return EVENTS
    return SUM if output.column in summed else PRESENT


def _parts(tally: Tally) -> int:
    return len(tally.values) + 2 * len(tally.distincts)


def _fields(output: Output) -> list[int]:
    return [_AS.get(output.kind, 0), output.window_ns, output.feature, output.exact_to]


def _numbers(output: Output) -> list[float]:
    default = float("nan") if output.default is None else output.default
    return [default, output.quantile, float(output.per_ns), float(output.window_ns)]


def _ints(rows: Iterable[Any], fields: int) -> Ints:
    return np.array(list(rows), dtype=np.int64).reshape(-1, fields)
