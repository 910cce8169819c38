"""What a data file says about the loop it could feed: time, label, task, features, slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from ostinato.cli.infer_features import Features, choose_features
from ostinato.cli.infer_time import label_time_of, moments_of, time_of
from ostinato.core.errors import DataError, InputError
from ostinato.core.units import DAY_NS, HOUR_NS, format_duration

LABEL_NAMES: Final = ("label", "target", "y", "class", "outcome", "truth", "ground_truth")
CLASSES_MAX: Final = 50
"""More distinct whole numbers than this are an amount to predict, not classes."""

_HORIZONS_NS: Final = tuple(
    [hours * HOUR_NS for hours in (1, 2, 3, 6, 12)]
    + [days * DAY_NS for days in (1, 2, 3, 7, 14, 30, 60, 90, 180, 365, 730)]
)

_SLICES_WHY: Final = {
    True: "features with few named values",
    False: "no feature has few named values",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferred:
    """A declaration read off the data, with the reason for each part.

    `why` holds (what, value, reason), in the order of the loop's arguments; `left_out` the
    columns that have no part in the loop, or only as its id, with the reason.
    """

    task: str
    time: str
    label: str
    label_time: str | None
    horizon: str | None
    features: tuple[str, ...]
    slices: tuple[str, ...]
    id: str | None
    why: tuple[tuple[str, str, str], ...]
    left_out: tuple[tuple[str, str], ...]


def infer(frame: pl.DataFrame, *, label: str | None = None, time: str | None = None) -> Inferred:
    """Read a loop's declaration off its data.

    Parameters
    ----------
    frame
        The data.
    label, time
        Columns, where the user names them.

    Returns
    -------
    Inferred

    Raises
    ------
    InputError
        If a column cannot be inferred; the message names candidates and the flag to use.
    """
    time_column, time_why = time_of(frame, time)
    label_column, label_why = _label_of(frame, label, time_column)
    label_time, label_time_why = label_time_of(frame, time_column, label_column)
    task, task_why = task_of(frame[label_column])
    horizon = None if label_time is None else _horizon(frame, time_column, label_time)
    features = choose_features(frame, time=time_column, label=label_column, label_time=label_time)
    if not features.names:
        raise InputError(
            "No column is left that could be a feature",
            found="; ".join(f"{name}: {why}" for name, why in features.left_out)
            or "nothing but the time and the label",
            expected="at least one column that is known when the prediction is asked for",
        )
    return Inferred(
        task=task,
        time=time_column,
        label=label_column,
        label_time=label_time,
        horizon=horizon,
        features=features.names,
        slices=features.slices,
        id=features.id,
        why=(
            ("task", task, task_why),
            ("time", time_column, time_why),
            ("label", label_column, label_why),
            ("label time", label_time or "none", label_time_why),
            ("horizon", horizon or "none", _horizon_why(horizon)),
            *_features_why(features),
        ),
        left_out=features.left_out,
    )


def task_of(label: pl.Series) -> tuple[str, str]:
    """Return the task that a label column asks for, and why.

    Raises
    ------
    DataError
        If the label has fewer than two values, or is of a type that is no label.

    Examples
    --------
    >>> task_of(pl.Series([0, 1, 1]))
    ('binary', 'it has two values')
    """
    known = label.drop_nulls()
    distinct = known.n_unique()
    if distinct < 2:
        raise DataError(
            f"Column {label.name!r} cannot be a label",
            found=f"{distinct} distinct value(s) in {len(label)} rows",
            expected="at least two",
            hint="Name another column with --label.",
        )
    if distinct == 2:
        return "binary", "it has two values"
    if label.dtype in (pl.String, pl.Categorical, pl.Enum):
        if distinct <= CLASSES_MAX:
            return "multiclass", f"it has {distinct} names"
        raise DataError(
            f"Column {label.name!r} cannot be a label",
            found=f"text with {distinct} distinct values",
            expected=f"at most {CLASSES_MAX} classes, or numbers",
            hint="Name another column with --label.",
        )
    if not label.dtype.is_numeric():
        raise DataError(
            f"Column {label.name!r} cannot be a label",
            found=str(label.dtype),
            expected="numbers, text or booleans",
            hint="Name another column with --label.",
        )
    if label.dtype.is_integer() and distinct <= CLASSES_MAX and label.name.lower() != "target":
        return "multiclass", f"it has {distinct} whole numbers"
    return "regression", f"it is a number with {distinct} distinct values"


def _label_of(frame: pl.DataFrame, given: str | None, time: str) -> tuple[str, str]:
    if given is not None:
        _must_exist(frame, given, "--label")
        return given, "you named it"
    by_name = [
        c for wanted in LABEL_NAMES for c in frame.columns if c.lower() == wanted and c != time
    ]
    if by_name:
        return by_name[0], "its name says so"
    ending = [c for c in frame.columns if c.lower().endswith(("_label", "_target")) and c != time]
    if len(ending) == 1:
        return ending[0], "its name ends like one"
    few = [c for c in frame.columns if c != time and _could_be_class(frame[c])]
    raise InputError(
        "The label column cannot be inferred",
        found=f"columns {', '.join(frame.columns[:40])}",
        expected=f"a column called {', '.join(LABEL_NAMES[:5])}, or --label COLUMN",
        hint=f"Candidates: {', '.join(few[:12]) or 'none with few values'}. "
        f"Use --label {few[0] if few else 'COLUMN'}.",
    )


def _could_be_class(column: pl.Series) -> bool:
    if column.dtype.is_temporal() or column.dtype.is_nested():
        return False
    return 2 <= column.drop_nulls().n_unique() <= (10 if column.dtype.is_numeric() else 5)


def _must_exist(frame: pl.DataFrame, column: str, flag: str) -> None:
    if column not in frame.columns:
        raise InputError(
            f"{flag} names a column that is not there",
            found=column,
            expected=f"one of {', '.join(frame.columns[:40])}",
        )


def _horizon(frame: pl.DataFrame, time: str, label_time: str) -> str:
    """More than 99 of 100 labels take, rounded up to a span people have a word for."""
    delay_us = (moments_of(frame[label_time]) - moments_of(frame[time])).drop_nulls().cast(pl.Int64)
    late_ns = 1000 * (delay_us.quantile(0.99) or 0.0)
    fits = (span for span in _HORIZONS_NS if span > late_ns)
    return format_duration(next(fits, _HORIZONS_NS[-1]))


def _horizon_why(horizon: str | None) -> str:
    if horizon is None:
        return "labels are taken as known at once"
    return "longer than 99 of 100 labels take; later ones count as missing"


def _features_why(features: Features) -> tuple[tuple[str, str, str], ...]:
    return (
        ("features", str(len(features.names)), "all columns but those left out"),
        ("slices", ", ".join(features.slices) or "none", _SLICES_WHY[bool(features.slices)]),
        (
            "id",
            features.id or "none",
            "unique per row and named like an id" if features.id else "no id column",
        ),
    )
