"""The share of rows in which features are missing: counted, added up, compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from ostinato.stats.share import share_log_e

TOLERANCE: Final = 0.02
"""How far a share may move before it counts. Smaller: ordinary days are told as well; larger: a
source that fails for few is not."""

ALPHA: Final = 1e-6
"""How often a share that stays within the tolerance is told all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingCounts:
    """In how many of some rows features are missing; counts of parts add up.

    Parameters
    ----------
    rows
        How many there are.
    missing
        How many of them lack a value, by feature.

    Examples
    --------
    >>> one = MissingCounts(rows=4, missing={"delay": 1})
    >>> (one + MissingCounts(rows=4, missing={"delay": 3})).shares()
    {'delay': 0.5}
    """

    rows: int = 0
    missing: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: MissingCounts) -> MissingCounts:
        names = dict.fromkeys((*self.missing, *other.missing))
        return MissingCounts(
            rows=self.rows + other.rows,
            missing={n: self.missing.get(n, 0) + other.missing.get(n, 0) for n in names},
        )

    def shares(self) -> dict[str, float]:
        """Return the share of rows without a value by feature, in [0, 1]; 0 of no rows."""
        return {name: n / max(self.rows, 1) for name, n in self.missing.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingShift:
    """The share of rows without a feature, in training and as served.

    `e_value`: evidence that the share served is more than the tolerance away from that trained on
    (`share_log_e`); `moved`: whether that is beyond doubt.
    """

    feature: str
    trained: float
    served: float
    e_value: float
    moved: bool


def count_missing(frame: pl.DataFrame) -> MissingCounts:
    """Count null and NaN in the columns of a table."""
    missing = {
        column.name: column.null_count()
        + (int(column.is_nan().sum()) if column.dtype.is_float() else 0)
        for column in frame
    }
    return MissingCounts(rows=frame.height, missing=missing)


def compare_missing(
    trained: Mapping[str, float],
    served: MissingCounts,
    *,
    tolerance: float = TOLERANCE,
    alpha: float = ALPHA,
) -> list[MissingShift]:
    """Compare the shares that a model was trained on with what it is served.

    Parameters
    ----------
    trained
        Share by feature.
    served
        Counts of rows since then; looking at them often needs no correction.
    tolerance
        How far a share may be from that of training.
    alpha
        The error of saying that one moved.

    Returns
    -------
    list
        Per feature of `trained`; what moved stands first, by size.
    """
    found = [
        _shift(name, share, served, tolerance=tolerance, alpha=alpha)
        for name, share in trained.items()
    ]
    return sorted(found, key=lambda s: (not s.moved, -abs(s.served - s.trained), s.feature))


def _shift(
    name: str, share: float, served: MissingCounts, *, tolerance: float, alpha: float
) -> MissingShift:
    hits = served.missing.get(name, 0)
    low, high = max(share - tolerance, 0.0), min(share + tolerance, 1.0)
    log_e = share_log_e(hits, served.rows, low, high)
    return MissingShift(
        feature=name,
        trained=share,
        served=hits / max(served.rows, 1),
        e_value=math.exp(min(log_e, 700.0)),  # larger is no float
        moved=log_e >= -math.log(alpha),
    )
