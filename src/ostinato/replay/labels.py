"""Read labels and the moments they became known."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import DataError
from ostinato.core.records import Floats, Ints
from ostinato.core.units import format_time
from ostinato.loop.loop import Loop
from ostinato.stores.times import as_ns

NEVER_KNOWN: Final = int(np.iinfo(np.int64).max)
"""Time of what never becomes known."""


def label_values(
    loop: Loop, frame: pl.DataFrame, warm: NDArray[np.bool_]
) -> tuple[Floats, tuple[Any, ...]]:
    """Return labels as numbers and the classes they stand for.

    Parameters
    ----------
    loop, frame
        The declaration and the rows in order of time.
    warm
        (n,) rows whose labels are known at the start: they say which classes there are, unless the
        loop does.

    Returns
    -------
    (ndarray, tuple)
        (n,) class indices or targets, NaN where there is no label, `len(classes)` for a label of
        no known class; and the classes in order, empty for regression.

    Raises
    ------
    DataError
        If labels have the wrong type, or the history knows too few classes.
    """
    column = _labels(loop, frame)
    if loop.task == "regression":
        return _targets(loop, column), ()
    known_at_start = column.filter(pl.Series(warm))
    known = tuple(loop.classes) if loop.classes is not None else _classes(loop, known_at_start)
    _check_classes(loop, known, known_at_start)
    codes = {value: float(code) for code, value in enumerate(known)}
    unique = column.unique().drop_nulls().to_list()
    mapping = {value: codes.get(value, float(len(known))) for value in unique}
    values = column.replace_strict(mapping, default=None, return_dtype=pl.Float64)
    return values.fill_null(float("nan")).to_numpy().copy(), known


def _targets(loop: Loop, column: pl.Series) -> Floats:
    if not column.dtype.is_numeric() and column.dtype != pl.Boolean:
        raise DataError(
            f"The label column {loop.label.column!r} holds no numbers",
            found=str(column.dtype),
            expected="numbers, since the task is regression",
        )
    values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
    if np.isinf(values).any():
        raise DataError(
            f"The label column {loop.label.column!r} holds infinities",
            found=f"{int(np.isinf(values).sum())} rows",
            expected="finite numbers, or null where the label never arrives",
        )
    return values


def _classes(loop: Loop, column: pl.Series) -> tuple[Any, ...]:
    found = tuple(sorted(column.unique().drop_nulls().to_list()))
    if loop.task == "binary" and set(found) <= {0, 1}:
        return (False, True) if column.dtype == pl.Boolean else (0, 1)
    return found


def _check_classes(loop: Loop, classes: tuple[Any, ...], warm: pl.Series) -> None:
    name = loop.label.column
    if loop.task == "binary" and len(classes) != 2:
        raise DataError(
            f"The label column {name!r} does not hold two classes before the start",
            found=f"{len(classes)} classes: {', '.join(map(repr, classes[:5]))}",
            expected="two classes, since the task is binary",
            hint='Use task="multiclass" for more; give a later start when one class comes late.',
        )
    if len(classes) < 2:
        raise DataError(
            f"The label column {name!r} holds one class before the start",
            found=repr(classes),
            expected="at least two",
            hint="Give a later start, or name the classes: Loop(classes=[...]).",
        )
    filled = warm.fill_null(classes[0]) if loop.label.never == "negative" else warm.drop_nulls()
    seen = filled.n_unique()
    if seen < 2:
        noun = "class" if seen else "classes"
        raise DataError(
            f"The label column {name!r} has {seen} {noun} in the history before the start",
            found=f"{warm.len()} rows",
            expected="at least two classes to train a first champion on",
            hint="Give a later start.",
        )


def _labels(loop: Loop, frame: pl.DataFrame) -> pl.Series:
    column = frame[loop.label.column]
    return column.fill_nan(None) if column.dtype.is_float() else column


def label_times(loop: Loop, frame: pl.DataFrame, times: Ints) -> Ints:
    """Return when each label becomes known; the largest integer where none ever does.

    Raises
    ------
    DataError
        If a label is known before its prediction was asked for.
    """
    never = NEVER_KNOWN
    if loop.label.time is None:
        known = times + loop.label.delay_ns
    else:
        column = frame[loop.label.time]
        known = as_ns(column, name=f"label time column {loop.label.time!r}", nulls=never)
    known = np.where(_labels(loop, frame).is_null().to_numpy(), never, known)
    early = np.flatnonzero(known < times)
    if len(early):
        row = int(early[0])
        raise DataError(
            f"{len(early)} labels are known before their prediction is asked for",
            found=f"a label at {format_time(int(known[row]))} for {format_time(int(times[row]))}",
            expected=f"{loop.label.time!r} not before {loop.time!r}",
            hint="Check time zones and swapped columns.",
        )
    return known
