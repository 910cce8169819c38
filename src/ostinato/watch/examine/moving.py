"""Move a column of the reference to where it is now, with as little change as that takes.

Numbers keep their ranks, values of categories change in as few rows as possible; all other columns
stay as they were. So what hangs on the column keeps hanging on it.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ostinato.core.records import Floats
from ostinato.watch.examine.codes import Column
from ostinato.watch.examine.expand import Plain, numbers_of, texts_of
from ostinato.watch.examine.repair import spaced


def moved(
    table: pl.DataFrame, now: pl.DataFrame, column: Column, plain: Plain
) -> pl.DataFrame | None:
    """Return a table with one column where it is now; None: it is not one that can be moved.

    Parameters
    ----------
    table
        Rows of the reference.
    now
        Current rows.
    column, plain
        The column that is moved.
    """
    name = column.source
    if column.name != name:
        return None  # texts and vectors: what was measured of them does not make them again
    old = table[name]
    if plain.numbers is not None:
        if not (old.dtype.is_numeric() or old.dtype == pl.Boolean):
            return None
        numbers = _moved_numbers(numbers_of(old), numbers_of(now[name]))
        values = pl.Series(name, numbers).fill_nan(None)
        if old.dtype.is_integer():
            values = values.round(0)
        elif old.dtype == pl.Boolean:
            values = values >= 0.5
    else:
        values = _moved_texts(texts_of(old), texts_of(now[name])).alias(name)
    try:
        return table.with_columns(values.cast(old.dtype))
    except pl.exceptions.PolarsError:
        return None


def _moved_numbers(before: Floats, now: Floats) -> Floats:
    known, there = ~np.isnan(before), now[~np.isnan(now)]
    found = before.copy()
    if there.size and known.any():
        ranks = (np.argsort(np.argsort(before[known], kind="stable"), kind="stable") + 0.5) / max(
            int(known.sum()), 1
        )
        found[known] = np.quantile(there, ranks)
    missing = 1.0 - there.size / max(len(now), 1)
    more = round(missing * len(before)) - int((~known).sum())
    if more > 0:
        found[spaced(np.flatnonzero(known), more)] = np.nan
    elif more < 0 and there.size:
        filled = spaced(np.flatnonzero(~known), -more)
        found[filled] = np.quantile(there, (np.arange(len(filled)) + 0.5) / len(filled))
    return found


def _moved_texts(before: pl.Series, now: pl.Series) -> pl.Series:
    """Give values that come more often the rows of values that come less often."""
    values: list[str | None] = list(before.to_list())
    first, then = _shares(values), _shares(now.to_list())
    names = sorted({**first, **then}, key=lambda name: (name is None, name or ""))
    wanted = {name: round(then.get(name, 0.0) * len(values)) for name in names}
    spare: list[int] = []
    at: dict[str | None, list[int]] = {}
    for place, value in enumerate(values):
        at.setdefault(value, []).append(place)
    for name in names:
        rows = at.get(name, [])
        excess = len(rows) - wanted[name]
        if excess > 0:
            spare += spaced(np.array(rows), excess).tolist()
    spare.sort()
    taken = _dealt([(name, wanted[name] - len(at.get(name, []))) for name in names], len(spare))
    for place, name in zip(spare, taken, strict=False):
        values[place] = name
    return pl.Series(values, dtype=pl.String)


def _dealt(lacking: list[tuple[str | None, int]], count: int) -> list[str | None]:
    """Deal the values that are lacking over so many places, each spread evenly."""
    dealt = sorted(
        ((k + 0.5) / lack, name is None, name or "") for name, lack in lacking for k in range(lack)
    )
    return [None if missing else name for _, missing, name in dealt[:count]]


def _shares(values: list[str | None]) -> dict[str | None, float]:
    counts: dict[str | None, float] = {}
    for value in values:
        counts[value] = counts.get(value, 0.0) + 1.0 / len(values)
    return counts
