"""`Profile`: what a table holds, as counts that add up and compare.

In: tables. Out: counts in the cells of a reference, and figures of how far two tables are apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import narwhals as nw
import polars as pl

from ostinato.core.errors import ConfigError, DataError
from ostinato.core.records import Floats
from ostinato.stores.tables import read_table
from ostinato.watch.cells import Cells, Grid, NumberCells
from ostinato.watch.comparing import chance, distances, drifted, shares, told_share
from ostinato.watch.grid import CELLS, fit_grid
from ostinato.watch.marks import duplicates
from ostinato.watch.tally import Tally, merged_tally, tally
from ostinato.watch.values import text_of

MARKS: Final = 4096
"""Different rows in which duplicates are counted. Fewer blur small shares; 16 bytes each."""

TABLE: Final = "(rows)"
"""Name of the row of `Profile.compare` that is about whole rows."""

_DISTANCES: Final = ("psi", "js", "ks", "wasserstein", "cramers_v")
_SHARES: Final = ("missing", "unreadable", "new", "out_of_range", "repeats", "duplicates")
_ENDS: Final = ("", "_low", "_high", "_reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a table holds, as counts: of any size, in a few hundred kilobytes.

    Profiles of the same reference add up exactly, in any order: count each hour, each file or each
    worker by itself, and add. Made by `fit` and `count`.

    Parameters
    ----------
    grid
        The cells of each column, fixed by the reference.
    counted
        Rows per cell, and what else adds up.
    dtypes
        Types that each column had, by name; none: it was absent.

    Examples
    --------
    >>> monday = pl.DataFrame({"temp": [20.0, 21.0, 22.0, 23.0] * 50})
    >>> reference = Profile.fit(monday)
    >>> tuesday = monday.with_columns(pl.col("temp") + 2)
    >>> table = reference.compare(reference.count(tuesday[:99]) + reference.count(tuesday[99:]))
    >>> table.select("column", pl.col("ks").round(2), "drifted").to_dicts()[0]
    {'column': 'temp', 'ks': 0.5, 'drifted': True}
    """

    grid: Grid
    counted: Tally = field(repr=False)
    dtypes: dict[str, tuple[str, ...]] = field(repr=False)

    @classmethod
    def fit(
        cls, reference: Any, *, columns: Sequence[str] | None = None, cells: int = CELLS
    ) -> Self:
        """Choose cells for a reference, and count it.

        Parameters
        ----------
        reference
            A path (parquet, CSV, Delta), or any table that Narwhals reads.
        columns
            Which columns count; default: all.
        cells
            Cells of a column within the range of the reference, in [2, 96]. Fewer blur distances,
            more need more rows to say anything.

        Raises
        ------
        InputError
            If the reference cannot be read or has no rows, or `cells` is out of range.
        """
        if not 2 <= cells <= 96:
            raise ConfigError("cells is out of range", found=cells, expected="2 to 96")
        frame = _frame(reference)
        if not frame.height:
            raise DataError(
                "The reference is empty", found="0 rows", expected="rows to compare with"
            )
        grid = fit_grid(frame, frame.columns if columns is None else columns, cells=cells)
        return cls._of(grid, frame)

    def count(self, rows: Any) -> Self:
        """Count other rows in the same cells.

        Parameters
        ----------
        rows
            A table as for `fit`; may be empty, lack columns or have them of other types.
        """
        return self._of(self.grid, _frame(rows))

    @classmethod
    def _of(cls, grid: Grid, frame: pl.DataFrame) -> Self:
        there = {each.source for each in grid.columns} & set(frame.columns)
        return cls(
            grid=grid,
            counted=tally(grid, frame, most=MARKS),
            dtypes={name: (str(frame[name].dtype),) for name in sorted(there)},
        )

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return self.counted.rows

    def __add__(self, other: Self) -> Self:
        self._check(other)
        names = sorted({*self.dtypes, *other.dtypes})
        dtypes = {
            name: tuple(sorted({*self.dtypes.get(name, ()), *other.dtypes.get(name, ())}))
            for name in names
        }
        counted = merged_tally(self.counted, other.counted, most=MARKS)
        return type(self)(grid=self.grid, counted=counted, dtypes=dtypes)

    def compare(self, current: Self) -> pl.DataFrame:
        """Compare this profile, the reference, with that of current rows.

        Returns
        -------
        DataFrame
            A row per column (of a vector column: per derived number), and a last one, ``(rows)``.
            `psi`, `js`, `ks`, `wasserstein` (in standard deviations), `cramers_v` are distances of
            the known values, with lower bounds at 95 % in `_low`; `p` is that of the chi-squared
            test. `drifted`: a lower bound lies above its floor (`watch.comparing.FLOORS`), whatever
            the number of rows. `missing`, `unreadable`, `new` (values the reference lacks),
            `out_of_range` and `repeats` (equal to the row before) are shares of current rows with
            intervals at 95 % (`_low`, `_high`) beside that of the reference (`_reference`);
            `duplicates` of whole rows. `constant`: all known values are equal. `note`: what could
            not be measured, and why. What does not apply is null.

        Raises
        ------
        InputError
            If the profiles are of different references.
        """
        self._check(current)
        by_chance = chance()
        rows = [
            self._compared(current, place, by_chance) for place in range(len(self.grid.columns))
        ]
        rows += [{"column": name, "note": reason} for name, reason in self.grid.unmeasured]
        rows.append(self._whole_rows(current))
        return pl.DataFrame(rows, schema=_SCHEMA)

    def _check(self, other: object) -> None:
        if not isinstance(other, Profile):
            raise ConfigError(
                "This is no profile",
                found=type(other).__name__,
                expected="a Profile",
                hint="Count rows first: reference.count(rows).",
            )
        if self.grid is not other.grid and self.grid != other.grid:
            raise ConfigError(
                "The profiles have different cells",
                found=f"grids {self.grid.digest[:12]} and {other.grid.digest[:12]}",
                expected="profiles of one reference",
                hint="Count all rows with reference.count(rows).",
            )

    def _compared(self, current: Self, place: int, by_chance: Floats) -> dict[str, Any]:
        cells = self.grid.columns[place]
        before, now = (each.grid.split(each.counted.counts)[place] for each in (self, current))
        known = int(now[: cells.missing].sum())
        row: dict[str, Any] = {
            "column": cells.name,
            "kind": "number" if isinstance(cells, NumberCells) else "category",
            "reference_rows": int(before.sum()),
            "rows": int(now.sum()),
            "constant": bool(current.counted.low[place] == current.counted.high[place]),
            "drifted": False,
        }
        notes = [*_notes(cells, current)]
        found = distances(cells, before, now, by_chance)
        if isinstance(found, str):
            notes.append(f"no distances: {found}")
        else:
            for name, distance in found.items():
                row |= {name: distance.effect, f"{name}_low": distance.low}
            row |= {"p": found["cramers_v"].p, "drifted": drifted(found)}
        row |= _told(shares(cells, before), shares(cells, now))
        row |= _told(*({"repeats": self._repeats(each, place)} for each in (self, current)))
        row["constant"] = row["constant"] and known > 0
        return {**row, "note": "; ".join(notes) or None}

    @staticmethod
    def _repeats(profile: Profile, place: int) -> tuple[float, float]:
        return float(profile.counted.repeats[place]), float(profile.counted.pairs[place])

    def _whole_rows(self, current: Self) -> dict[str, Any]:
        told = [duplicates(each.counted.marks, each.counted.marked) for each in (self, current)]
        first, second = ({"duplicates": (float(hits), float(rows))} for hits, rows in told)
        sizes = {"reference_rows": self.rows, "rows": current.rows}
        return {"column": TABLE, "kind": "table", **sizes, **_told(first, second)}


_SCHEMA: Final = {
    "column": pl.String,
    "kind": pl.String,
    "reference_rows": pl.Int64,
    "rows": pl.Int64,
    "drifted": pl.Boolean,
    **{f"{name}{end}": pl.Float64 for name in _DISTANCES for end in ("", "_low")},
    "p": pl.Float64,
    **{f"{name}{end}": pl.Float64 for name in _SHARES for end in _ENDS},
    "constant": pl.Boolean,
    "note": pl.String,
}


def _told(
    before: dict[str, tuple[float, float]], now: dict[str, tuple[float, float]]
) -> dict[str, float | None]:
    told: dict[str, float | None] = {}
    for name, (hits, rows) in now.items():
        told |= told_share(name, hits, rows)
        told[f"{name}_reference"] = told_share(name, *before[name])[name]
    return told


def _notes(cells: Cells, current: Profile) -> list[str]:
    """Say what of a column is not as in the reference, or cannot be told."""
    dtypes = current.dtypes.get(cells.source, ())
    if not dtypes:
        return ["absent from the current rows"]
    notes = []
    if dtypes != (cells.dtype,):
        notes.append(f"of type {' and '.join(dtypes)}, in the reference {cells.dtype}")
    if not isinstance(cells, NumberCells) and cells.crowded:
        notes.append("new values are not told: the reference has too many different ones")
    return notes


def _frame(data: Any) -> pl.DataFrame:
    """Return a table; columns that hold values of several types become text."""
    try:
        frame = read_table(data, may_be_empty=True)
    except DataError:
        table = nw.from_native(data, eager_only=True, pass_through=True)
        if not isinstance(table, nw.DataFrame):
            raise
        frame = pl.DataFrame([_series(table[name]) for name in table.columns])
    mixed = [name for name, dtype in frame.schema.items() if dtype == pl.Object]
    return frame.with_columns([text_of(frame[name]) for name in mixed]) if mixed else frame


def _series(column: nw.Series[Any]) -> pl.Series:
    try:
        return column.to_polars()
    except (TypeError, ValueError, pl.exceptions.PolarsError):  # values of several types
        return text_of(pl.Series(column.name, column.to_list(), dtype=pl.Object))
