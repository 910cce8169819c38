"""Compare features as served with the same features recomputed: what differs, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.errors import DataError
from ostinato.features.parity.differ import (
    BOTH_DIFFER,
    EQUAL,
    MISSING_OFFLINE,
    MISSING_ONLINE,
    Classes,
    Kind,
    Measure,
    floats,
    measure_for,
)
from ostinato.features.parity.totals import FeatureTotals
from ostinato.stats.arrays import FloatArray, IntArray

Score = Callable[[pl.DataFrame], Any]
"""A model as a function of the served columns: (n,) or (n, k) numbers, each row by itself."""

LEVELS: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Levels of the quantiles that are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureComparison:
    """What one feature showed in one sample.

    Parameters
    ----------
    name
        of the feature.
    measure
        the rule by which values are the same.
    totals
        counts and sums; those of several samples add up.
    delta_quantiles
        at `LEVELS`, of served - recomputed over the numbers that differ; empty where none do.
    staleness_quantiles_ns
        at `LEVELS`, of the age of the newest event in the served value; empty where unknown.
    """

    name: str
    measure: Measure
    totals: FeatureTotals
    delta_quantiles: tuple[float, ...] = ()
    staleness_quantiles_ns: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What all features showed in one sample.

    Parameters
    ----------
    features
        one each, in the order of the recomputed columns.
    classes
        (n, features), class code of each value (`differ.CLASS_NAMES`).
    effect_mean, effect_max
        change of the score if all features were as recomputed: its mean over the rows and the
        largest, in the unit of the score; NaN without a score. Outputs of a row count by the one
        that changes most.
    """

    features: tuple[FeatureComparison, ...]
    classes: Classes
    effect_mean: float = float("nan")
    effect_max: float = float("nan")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def rows(self) -> int:
        """Rows compared."""
        return len(self.classes)

    def table(self, alpha: float = 0.05) -> pl.DataFrame:
        """Return a row per feature, the one that moves the score most first."""
        rows = [_row(feature, alpha) for feature in self.features]
        rows.sort(key=lambda row: (-_or_zero(row["effect_mean"]), -_or_zero(row["share"])))
        return pl.DataFrame(rows)


def compare(
    served: pl.DataFrame,
    recomputed: pl.DataFrame,
    *,
    kinds: Mapping[str, Kind] | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
    score: Score | None = None,
    times_ns: IntArray | None = None,
    newest_ns: Mapping[str, IntArray] | None = None,
    limit_ns: int | None = None,
) -> Comparison:
    """Compare a sample of rows, feature by feature.

    Parameters
    ----------
    served
        (n rows), columns as served: all that the model sees where a score is asked for.
    recomputed
        (n rows), the columns that could be recomputed, each also in ``served``; rows in the same
        order.
    kinds
        how values of a feature are compared; by type where nothing is said (`measure_for`).
    rtol, atol
        tolerances of numbers, >= 0; by kind where left out.
    score
        model whose answers are compared. Only rows that differ are scored.
    times_ns
        (n,), time of each request; needed with ``newest_ns``.
    newest_ns
        per feature (n,), time of the newest event in the served value; below 0: none.
    limit_ns
        age of the newest event from which a value counts as stale, > 0.

    Raises
    ------
    DataError
        when the tables do not fit together.
    """
    _check(served, recomputed, times_ns, newest_ns)
    given, said = kinds or {}, newest_ns or {}
    measures = {
        name: measure_for(
            served[name], recomputed[name], kind=given.get(name), rtol=rtol, atol=atol
        )
        for name in recomputed.columns
    }
    columns = [measures[name].classes(served[name], recomputed[name]) for name in measures]
    classes = np.stack(columns, axis=1) if columns else np.zeros((served.height, 0), np.uint8)
    alone, together = _effects(served, recomputed, classes, score)
    ages = {name: _ages(times_ns, said.get(name)) for name in measures}
    features = tuple(
        _feature(
            name,
            measure,
            served[name],
            recomputed[name],
            classes[:, j],
            alone[j],
            ages[name],
            limit_ns,
        )
        for j, (name, measure) in enumerate(measures.items())
    )
    return Comparison(
        features=features,
        classes=classes,
        effect_mean=_mean(together, served.height),
        effect_max=_largest(together),
    )


def _check(
    served: pl.DataFrame,
    recomputed: pl.DataFrame,
    times_ns: IntArray | None,
    newest_ns: Mapping[str, IntArray] | None,
) -> None:
    if served.height != recomputed.height:
        raise DataError(
            "Served and recomputed features have not the same number of rows",
            found=f"{served.height} served, {recomputed.height} recomputed",
            expected="one recomputed row per served row, in the same order",
        )
    unknown = [name for name in recomputed.columns if name not in served.columns]
    if unknown:
        raise DataError(
            "A recomputed feature was never served",
            found=", ".join(unknown),
            expected=f"names among {', '.join(served.columns)}",
        )
    if newest_ns and times_ns is None:
        raise DataError(
            "The age of values needs the times of the requests",
            expected="times_ns beside newest_ns",
        )


# ---------------------------------------------------------------- effect on the score

Effect = FloatArray | None  # change of the score on the rows that differ; None: not known


def _effects(
    served: pl.DataFrame, recomputed: pl.DataFrame, classes: Classes, score: Score | None
) -> tuple[list[Effect], Effect]:
    names = recomputed.columns
    if score is None:
        return [None] * len(names), None
    alone: list[Effect] = [
        _effect(served, recomputed.select(name), classes[:, j : j + 1], score)
        for j, name in enumerate(names)
    ]
    return alone, _effect(served, recomputed, classes, score)


def _effect(
    served: pl.DataFrame, replaced: pl.DataFrame, classes: Classes, score: Score
) -> FloatArray:
    rows = np.flatnonzero((classes != EQUAL).any(axis=1))
    if not rows.size:
        return np.zeros(0)
    before = served[rows]
    # The type as served, where it holds the value: a model may look at types.
    columns = [
        replaced[name][rows].cast(before[name].dtype, strict=False) for name in replaced.columns
    ]
    after = before.with_columns(columns)
    first, second = (np.asarray(score(frame), dtype=np.float64) for frame in (before, after))
    moved = np.abs(first - second)
    return moved if moved.ndim == 1 else moved.max(axis=1)


def _mean(effect: Effect, rows: int) -> float:
    return float("nan") if effect is None or not rows else float(effect.sum()) / rows


def _largest(effect: Effect) -> float:
    return float("nan") if effect is None else float(effect.max(initial=0.0))


# ---------------------------------------------------------------- one feature


def _ages(times_ns: IntArray | None, newest_ns: IntArray | None) -> FloatArray:
    if times_ns is None or newest_ns is None:
        return np.zeros(0)
    known = newest_ns >= 0
    return (times_ns[known] - newest_ns[known]).astype(np.float64)


def _feature(
    name: str,
    measure: Measure,
    served: pl.Series,
    recomputed: pl.Series,
    classes: Classes,
    effect: Effect,
    ages: FloatArray,
    limit_ns: int | None,
) -> FeatureComparison:
    counts = np.bincount(classes, minlength=4)
    gap, size, delta = _differences(measure, served, recomputed, classes)
    totals = FeatureTotals(
        rows=len(classes),
        missing_online=int(counts[MISSING_ONLINE]),
        missing_offline=int(counts[MISSING_OFFLINE]),
        both_differ=int(counts[BOTH_DIFFER]),
        gap=gap,
        size=size,
        scored=0 if effect is None else len(classes),
        effect=0.0 if effect is None else float(effect.sum()),
        effect_max=0.0 if effect is None else _largest(effect),
        dated=0 if limit_ns is None else ages.size,
        stale=0 if limit_ns is None else int((ages > limit_ns).sum()),
    )
    return FeatureComparison(
        name=name,
        measure=measure,
        totals=totals,
        delta_quantiles=_quantiles(delta),
        staleness_quantiles_ns=_quantiles(ages),
    )


def _differences(
    measure: Measure, served: pl.Series, recomputed: pl.Series, classes: Classes
) -> tuple[float, float, FloatArray]:
    if not measure.numeric:
        return 0.0, 0.0, np.zeros(0)
    rows = np.flatnonzero(classes == BOTH_DIFFER)
    a, b = floats(served[rows]), floats(recomputed[rows])
    finite = np.isfinite(a) & np.isfinite(b)
    a, b = a[finite], b[finite]
    with np.errstate(over="ignore"):
        delta, size = a - b, np.abs(a) + np.abs(b)
        return float(np.abs(delta).sum()), float(size.sum()), delta[np.isfinite(delta)]


def _quantiles(values: FloatArray) -> tuple[float, ...]:
    if not values.size:
        return ()
    return tuple(np.quantile(values, LEVELS, method="inverted_cdf").tolist())


# ---------------------------------------------------------------- for people


def _row(feature: FeatureComparison, alpha: float) -> dict[str, Any]:
    totals = feature.totals
    low, high = totals.interval(alpha)
    return {
        "feature": feature.name,
        "rows": totals.rows,
        "mismatches": totals.mismatches,
        "share": totals.share,
        "share_low": low,
        "share_high": high,
        "missing_online": totals.missing_online,
        "missing_offline": totals.missing_offline,
        "both_differ": totals.both_differ,
        "smape": totals.smape,
        "effect_mean": totals.effect_mean,
        "effect_max": totals.effect_max if totals.scored else float("nan"),
        "stale_share": totals.stale_share,
    }


def _or_zero(value: float) -> float:
    return value if value == value else 0.0  # noqa: PLR0124 - NaN is not itself
