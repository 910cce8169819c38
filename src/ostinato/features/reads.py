"""Can features be computed of what the columns of their sources hold?"""

from __future__ import annotations

import polars as pl

from ostinato.core.errors import DataError
from ostinato.features.declared import Aggregate
from ostinato.features.plan import FeaturePlan


def check_reads(plan: FeaturePlan, source: str, frame: pl.DataFrame) -> None:
    """Refuse features that cannot be computed of a source's columns.

    Parameters
    ----------
    plan
        The features.
    source
        Name of the source.
    frame
        Its columns, as `read_events` gives them; rows are not looked at.

    Raises
    ------
    DataError
        If an aggregate is over a column without numbers, or an expression does not fit.
    """
    empty = frame.clear()
    for feature in plan.windowed:
        if feature.source.name == source:
            _check_column(feature, empty)
            _check_where(feature, empty)


def _check_column(feature: Aggregate, frame: pl.DataFrame) -> None:
    if feature.column is None:
        return
    dtype = _dtype(feature, feature.column, frame)
    if feature.kind == "distinct" or dtype.is_numeric() or dtype in (pl.Boolean, pl.Null):
        return
    raise DataError(
        f"The feature {feature.name!r} needs numbers in {feature.column!s} of the source "
        f"{feature.source.name!r}",
        found=str(dtype),
        expected="numbers or truth values",
        hint="Use distinct(...), or turn the column into a number with a Polars expression.",
    )


def _check_where(feature: Aggregate, frame: pl.DataFrame) -> None:
    if feature.where is None:
        return
    dtype = _dtype(feature, feature.where, frame)
    if dtype not in (pl.Boolean, pl.Null):
        raise DataError(
            f"The feature {feature.name!r} has a where that is not true or false",
            found=f"{feature.where!s} is {dtype}",
            expected='a comparison, such as pl.col("delay") > 0',
        )


def _dtype(feature: Aggregate, part: str | pl.Expr, frame: pl.DataFrame) -> pl.DataType:
    expression = pl.col(part) if isinstance(part, str) else part
    try:
        return frame.select(expression.alias("part")).dtypes[0]
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"The feature {feature.name!r} cannot be computed of the source "
            f"{feature.source.name!r}",
            found=f"{part!s}: {str(error).splitlines()[0]}",
            expected="an expression that fits "
            + ", ".join(f"{name} ({kind})" for name, kind in frame.schema.items()),
        ) from error
