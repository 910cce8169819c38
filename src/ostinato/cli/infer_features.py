"""Which columns may be features. What could give the label away is left out, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

SLICES_MAX: Final = 2
SLICE_VALUES_MAX: Final = 30
"""More values leave too few labels in each to say anything."""

_TEXT_SHARE: Final = 0.5
"""Text that differs in more than this share of rows is an id or free text, no category."""

_COPY_VALUES_MAX: Final = 0.02
"""A column with fewer distinct values than this share of rows that fixes the label in every row
is a recoding of it; with more, it may fix the label by being nearly unique."""

_AFTERWARDS: Final = ("post_", "champ_")
"""Prefixes of columns that are known only after the prediction, or are another model's scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Columns to learn from, columns to watch one by one, the id, and what was left out and why.

    Time and label have another part to play; they are not among what was left out.
    """

    names: tuple[str, ...]
    slices: tuple[str, ...]
    id: str | None
    left_out: tuple[tuple[str, str], ...]


def choose_features(
    frame: pl.DataFrame, *, time: str, label: str, label_time: str | None
) -> Features:
    """Sort the columns of a table into features and others.

    Parameters
    ----------
    frame
        The data.
    time, label, label_time
        Columns with another part to play.
    """
    names, left_out, ids = [], [], []
    for column in frame.columns:
        if column in {time, label, label_time}:
            continue
        why = why_not(frame, column, label)
        if why is None:
            names.append(column)
            continue
        left_out.append((column, why))
        if why.startswith("unique") and frame[column].null_count() == 0 and "id" in column.lower():
            ids.append(column)
    slices = [c for c in names if _is_category(frame[c])]
    return Features(
        names=tuple(names),
        slices=tuple(slices[:SLICES_MAX]),
        id=ids[0] if ids else None,
        left_out=tuple(left_out),
    )


def why_not(frame: pl.DataFrame, column: str, label: str) -> str | None:
    """Say why a column must not be a feature; None when it may be one."""
    values = frame[column]
    if column.lower().startswith(_AFTERWARDS):
        return f"its name starts with {column.split('_', maxsplit=1)[0]}_: known only afterwards"
    if column.lower().startswith(f"{label.lower()}_"):
        return "its name starts with the label's"
    if (
        values.dtype.is_nested()
        or values.dtype.is_temporal()
        or values.dtype in (pl.Binary, pl.Object)
    ):
        return f"learners cannot read its type ({values.dtype.base_type().__name__})"
    return _why_not_values(values, frame[label])


def _why_not_values(values: pl.Series, label: pl.Series) -> str | None:
    known = values.drop_nulls()
    distinct = known.n_unique()
    if distinct < 2 and not (distinct == 1 and values.null_count()):
        return "it never changes"
    if distinct == len(values) and not values.dtype.is_float():
        return "unique in every row: an id"
    if values.dtype == pl.String and distinct > _TEXT_SHARE * len(known):
        return "text that is nearly always different"
    if _missing_together(values, label):
        return "missing exactly where the label is: known only afterwards"
    if _gives_away(values, label, distinct):
        return "it fixes the label in every row: a copy of it"
    return None


def _missing_together(values: pl.Series, label: pl.Series) -> bool:
    return label.null_count() > 0 and bool((values.is_null() == label.is_null()).all())


def _gives_away(values: pl.Series, label: pl.Series, distinct: int) -> bool:
    if not 2 <= distinct <= max(_COPY_VALUES_MAX * len(values), 2):
        return False
    pairs = pl.DataFrame({"value": values, "label": label}).drop_nulls()
    return pairs.n_unique() == pairs["value"].n_unique() and pairs["label"].n_unique() > 1


def _is_category(values: pl.Series) -> bool:
    named = values.dtype in (pl.String, pl.Categorical, pl.Enum, pl.Boolean)
    return named and 2 <= values.drop_nulls().n_unique() <= SLICE_VALUES_MAX
