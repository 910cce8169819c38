"""Features as a history says they were served, where it says so."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import DataError
from ostinato.features.declared import Aggregate
from ostinato.features.plan import FeaturePlan

Known = dict[str, NDArray[np.bool_]]
"""By logged feature: (n,) whether the history says what was served."""


def logged_columns(plan: FeaturePlan) -> tuple[str, ...]:
    """Return the columns that hold features as they were served."""
    return tuple(each.logged for each in plan.windowed if each.logged is not None)


def as_served(
    plan: FeaturePlan, table: pl.DataFrame, computed: pl.DataFrame
) -> tuple[pl.DataFrame, Known]:
    """Put values as served in the place of computed ones.

    The log of a feature begins with its first value: before, what was served is not known, and the
    computed values stand. From then on a row without a value was served without one.

    Parameters
    ----------
    plan
        The features.
    table
        (n rows) in order of time, with the columns that features are logged in.
    computed
        (n rows) all features as their definitions give them.

    Returns
    -------
    (DataFrame, dict)
        All features as served, and where that is known.

    Raises
    ------
    DataError
        If a logged column holds no numbers.
    """
    known: Known = {}
    columns = []
    for each in plan.windowed:
        if each.logged is None:
            continue
        served = _numbers(each, table[each.logged])
        there = served.is_not_null().to_numpy()
        known[each.name] = np.logical_or.accumulate(there)
        mask = pl.Series(known[each.name])
        columns.append(served.zip_with(mask, computed[each.name]).alias(each.name))
    return (computed.with_columns(columns) if columns else computed), known


def _numbers(feature: Aggregate, column: pl.Series) -> pl.Series:
    if not column.dtype.is_numeric() and column.dtype not in (pl.Boolean, pl.Null):
        raise DataError(
            f"The column {column.name!r} cannot hold {feature.name!r} as it was served",
            found=f"{column.dtype}, for example {column.drop_nulls().head(1).to_list()!r}",
            expected="numbers",
            hint="Cast it, or name another column with logged=...",
        )
    return column.cast(pl.Float64).fill_nan(None)
