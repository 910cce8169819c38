"""What columns hold, as numbers or as short texts; texts and vectors become a few numbers.

Nothing here raises on what a column holds: what cannot be compared is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.records import Floats

MANY_VALUES: Final = 1_000
"""Different values from which a column may be text or a key rather than a category."""

_OWN_SHARE: Final = 0.2  # different values per row from which it is
_NUMBER_MAX: Final = 1e300  # beyond it, sums of squares overflow
_DIRECTIONS: Final = 3  # of a vector's cloud that are followed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plain:
    """A column of both samples: `numbers` (NaN: missing) or `texts` (null: missing)."""

    name: str
    source: str
    numbers: tuple[Floats, Floats] | None = None
    texts: tuple[pl.Series, pl.Series] | None = None


def plain_columns(
    reference: pl.DataFrame, current: pl.DataFrame
) -> tuple[list[Plain], dict[str, str]]:
    """Read the columns of two frames, in the order of the first.

    Returns
    -------
    tuple
        The columns, and why others cannot be compared, by name.
    """
    found: list[Plain] = []
    unmeasured: dict[str, str] = {}
    for name in reference.columns:
        if name not in current.columns:
            unmeasured[name] = "is missing from the current rows"
            continue
        made = _read(name, reference[name], current[name])
        if isinstance(made, str):
            unmeasured[name] = made
        else:
            found += made
    for name in current.columns:
        if name not in reference.columns:
            unmeasured[name] = "is missing from the reference"
    return found, unmeasured


def _read(name: str, p: pl.Series, q: pl.Series) -> list[Plain] | str:
    kinds = {_kind(each) for each in (p, q)} - {"empty"}
    if not kinds:
        return "holds no value"
    if kinds == {"number"}:
        return [Plain(name=name, source=name, numbers=(numbers_of(p), numbers_of(q)))]
    if kinds == {"vector"}:
        return _vectors(name, p, q)
    if "other" in kinds or "vector" in kinds:
        return f"holds {p.dtype} and {q.dtype}, which cannot be compared"
    texts = (texts_of(p), texts_of(q))
    if _is_prose(texts):
        return [
            Plain(name=f"{name} ({what})", source=name, numbers=pair)
            for what, pair in _prose(texts)
        ]
    return [Plain(name=name, source=name, texts=texts)]


def _kind(values: pl.Series) -> str:
    dtype = values.dtype
    if dtype == pl.Null or values.null_count() == len(values):
        return "empty"
    if dtype.is_numeric() or dtype == pl.Boolean or dtype.is_temporal():
        return "number"
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text"
    if isinstance(dtype, pl.List | pl.Array) and dtype.inner.is_numeric():
        return "vector"
    return "other"


def numbers_of(values: pl.Series) -> Floats:
    """Return a column as (n,) float64, NaN where it has no finite number."""
    if values.dtype == pl.Null:
        return np.full(len(values), np.nan)
    physical = values.to_physical() if values.dtype.is_temporal() else values
    numbers = physical.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    return np.where(np.abs(numbers) < _NUMBER_MAX, numbers, np.nan)


def texts_of(values: pl.Series) -> pl.Series:
    """Return a column as text, null where it has none."""
    return values.cast(pl.String)


def _is_prose(texts: tuple[pl.Series, pl.Series]) -> bool:
    unique = max(each.n_unique() for each in texts)
    rows = max(len(each) for each in texts)
    return unique > MANY_VALUES and unique > _OWN_SHARE * rows


def _prose(texts: tuple[pl.Series, pl.Series]) -> list[tuple[str, tuple[Floats, Floats]]]:
    measures: list[tuple[str, Any]] = [
        ("characters", lambda s: s.str.len_chars()),
        ("words", lambda s: s.str.count_matches(r"\S+")),
        ("digits", lambda s: s.str.count_matches(r"\d")),
        ("capitals", lambda s: s.str.count_matches(r"\p{Lu}")),
        ("beyond ASCII", lambda s: s.str.len_bytes() - s.str.len_chars()),
    ]
    return [
        (what, (numbers_of(measure(texts[0])), numbers_of(measure(texts[1]))))
        for what, measure in measures
    ]


def _vectors(name: str, p: pl.Series, q: pl.Series) -> list[Plain] | str:
    """Follow a cloud of vectors by its length and by its widest directions in the reference."""
    first, second = _matrix(p), _matrix(q)
    if first is None or second is None or first.shape[1] != second.shape[1]:
        return "holds vectors of different lengths"
    centre = np.nanmean(first, axis=0)
    apart = np.nan_to_num(first - centre)
    _, axes = np.linalg.eigh(apart.T @ apart)
    widest = axes[:, ::-1][:, :_DIRECTIONS]
    widest = widest * np.where(
        widest[np.abs(widest).argmax(axis=0), range(widest.shape[1])] < 0, -1, 1
    )
    found = [("length", tuple(np.linalg.norm(each, axis=1) for each in (first, second)))]
    found += [
        (f"direction {i + 1}", tuple((each - centre) @ widest[:, i] for each in (first, second)))
        for i in range(widest.shape[1])
    ]
    rest = tuple(
        np.linalg.norm((each - centre) - (each - centre) @ widest @ widest.T, axis=1)
        for each in (first, second)
    )
    found.append(("rest", rest))
    return [
        Plain(name=f"{name} ({what})", source=name, numbers=(pair[0], pair[1]))
        for what, pair in found
    ]


def _matrix(values: pl.Series) -> Floats | None:
    lengths = values.list.len() if isinstance(values.dtype, pl.List) else values.arr.len()
    known = lengths.drop_nulls().unique()
    if len(known) != 1 or known[0] == 0:
        return None
    width = int(known[0])
    empty = [None] * width
    rows = [row if row is not None else empty for row in values.to_list()]
    return np.array(rows, dtype=np.float64).reshape(len(values), width)
