"""When are two values of a feature the same? One rule per kind of value, for whole columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import ConfigError
from ostinato.stats.arrays import BoolArray, FloatArray

Kind = Literal["float64", "float32", "exact"]
"""How values are compared: numbers; numbers that passed through 32 bits on the way; all else."""

Classes = NDArray[np.uint8]

EQUAL: Final = 0
MISSING_ONLINE: Final = 1
MISSING_OFFLINE: Final = 2
BOTH_DIFFER: Final = 3

CLASS_NAMES: Final = ("equal", "missing_online", "missing_offline", "both_differ")
"""What the codes of a class mean: no value was served; none was recomputed; two other values."""

RTOL: Final[dict[str, float]] = {"float64": 1e-9, "float32": 1e-6, "exact": 0.0}
"""Relative difference that is rounding. Smaller: the order of a sum is called a mismatch. Larger:
a price that is off by a cent passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """The rule by which two values of one feature are the same.

    Numbers a and b differ where |a - b| > atol + rtol max(|a|, |b|); null and NaN are missing, and
    two missing values are the same. Values of kind ``exact`` are the same where they print the
    same.

    Parameters
    ----------
    kind
        how values are compared.
    rtol, atol
        relative and absolute difference that is allowed; >= 0. Not used for ``exact``.
    """

    kind: Kind = "float64"
    rtol: float = RTOL["float64"]
    atol: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ConfigError(
                "The kind of a feature is unknown",
                found=repr(self.kind),
                expected=", ".join(get_args(Kind)),
            )
        if not (self.rtol >= 0.0 and self.atol >= 0.0):
            raise ConfigError(
                "A tolerance of a comparison is negative or no number",
                found=f"rtol {self.rtol}, atol {self.atol}",
                expected="numbers from 0",
            )

    @property
    def numeric(self) -> bool:
        """Whether values are numbers."""
        return self.kind != "exact"

    def classes(self, served: pl.Series, recomputed: pl.Series) -> Classes:
        """Return the class code of each row, (n,).

        >>> served, recomputed = pl.Series([1.0, None, 2.0]), pl.Series([1.0, 5.0, 3.0])
        >>> [CLASS_NAMES[code] for code in Measure().classes(served, recomputed)]
        ['equal', 'missing_online', 'both_differ']
        """
        if self.numeric:
            return self._of_numbers(floats(served), floats(recomputed))
        return _of_texts(served.cast(pl.String), recomputed.cast(pl.String))

    def same(self, served: pl.Series, recomputed: pl.Series) -> BoolArray:
        """Return whether the values of each row are the same, (n,)."""
        same: BoolArray = self.classes(served, recomputed) == EQUAL
        return same

    def _of_numbers(self, a: FloatArray, b: FloatArray) -> Classes:
        no_a, no_b = np.isnan(a), np.isnan(b)
        with np.errstate(over="ignore", invalid="ignore"):
            apart = np.abs(a - b) > self.atol + self.rtol * np.maximum(np.abs(a), np.abs(b))
        # An infinite value is the same as itself only; the tolerance would be infinite as well.
        apart = np.where(np.isinf(a) | np.isinf(b), a != b, apart)
        return _coded(no_a, no_b, apart)


def _of_texts(a: pl.Series, b: pl.Series) -> Classes:
    no_a, no_b = a.is_null().to_numpy(), b.is_null().to_numpy()
    return _coded(no_a, no_b, ~a.eq_missing(b).to_numpy())


def _coded(no_a: BoolArray, no_b: BoolArray, apart: BoolArray) -> Classes:
    codes = np.where(apart, BOTH_DIFFER, EQUAL)
    codes = np.where(no_a, np.where(no_b, EQUAL, MISSING_ONLINE), codes)
    return np.where(no_b & ~no_a, MISSING_OFFLINE, codes).astype(np.uint8)


def floats(values: pl.Series) -> FloatArray:
    """Return numbers as float64, (n,), NaN where missing."""
    return np.asarray(values.cast(pl.Float64).to_numpy(), dtype=np.float64)


def measure_for(
    served: pl.Series,
    recomputed: pl.Series,
    *,
    kind: Kind | None = None,
    rtol: float | None = None,
    atol: float = 0.0,
) -> Measure:
    """Choose the rule for two columns: what is given, and the rest by their types.

    Two columns of integers, text, truth values or times are ``exact``; numbers are ``float32``
    where one column is, else ``float64``. A column without any value goes with the other.
    """
    chosen = kind or _kind(served.dtype, recomputed.dtype)
    return Measure(kind=chosen, rtol=RTOL[chosen] if rtol is None else rtol, atol=atol)


def _kind(first: pl.DataType, second: pl.DataType) -> Kind:
    types = [dtype for dtype in (first, second) if dtype != pl.Null]
    if not types or not all(dtype.is_numeric() for dtype in types):
        return "exact"
    if all(dtype.is_integer() for dtype in types):
        return "exact"
    return "float32" if pl.Float32 in types else "float64"
