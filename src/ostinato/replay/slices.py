"""Say which slices each row belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from ostinato.core.records import Codes

MOST_VALUES: Final = 50
"""Values of a column that become slices of their own, first come first served; later ones share
"other". More makes every summary wider."""

_FEW_NUMBERS: Final = 12  # a numeric column with so few values is cut by value, not at quartiles


def slice_codes(
    frame: pl.DataFrame, columns: Sequence[str], first: int
) -> tuple[Codes, tuple[str, ...]]:
    """Give each value of each slice column a group.

    Parameters
    ----------
    frame
        Rows in order of time.
    columns
        Slice columns.
    first
        Rows before this one set the quartiles at which numeric columns are cut.

    Returns
    -------
    (ndarray, tuple of str)
        (n, number of columns) int32 codes, and the groups' names, ``column=value``. The group of a
        row depends on this row and earlier ones only.
    """
    coded: list[Codes] = []
    names: list[str] = []
    for column in columns:
        values = _values(frame[column], first)
        seen = values.unique(maintain_order=True).to_list()
        own = seen[:MOST_VALUES]
        codes = {value: len(names) + place for place, value in enumerate(own)}
        labels = [f"{column}={value}" for value in own]
        if len(seen) > MOST_VALUES:
            codes |= dict.fromkeys(seen[MOST_VALUES:], len(names) + MOST_VALUES)
            labels.append(f"{column}=(other)")
        names.extend(labels)
        coded.append(values.replace_strict(codes, return_dtype=pl.Int32).to_numpy())
    if not coded:
        return np.empty((frame.height, 0), dtype=np.int32), ()
    return np.ascontiguousarray(np.stack(coded, axis=1)), tuple(names)


def _values(column: pl.Series, first: int) -> pl.Series:
    missing = "(missing)"
    if not column.dtype.is_numeric() or column[:first].n_unique() <= _FEW_NUMBERS:
        return column.cast(pl.String).fill_null(missing)
    numbers = column.cast(pl.Float64).fill_nan(None)
    warm = numbers[:first].drop_nulls().to_numpy()
    warm = warm[np.isfinite(warm)]
    if not len(warm):
        return column.cast(pl.String).fill_null(missing)
    cuts = np.unique(np.quantile(warm, [0.25, 0.5, 0.75]))
    texts = [f"{cut:.4g}" for cut in cuts]
    pieces = [f"below {texts[0]}", *(f"{a} to {b}" for a, b in pairwise(texts))]
    pieces.append(f"from {texts[-1]}")
    places = np.searchsorted(cuts, numbers.fill_null(0.0).to_numpy(), side="right")
    cut = pl.Series(column.name, [pieces[place] for place in places.tolist()])
    return cut.set(numbers.is_null(), missing)
