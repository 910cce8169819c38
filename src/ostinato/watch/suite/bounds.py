"""What a suite expects, in plain values; what it says of a column, of labels and of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from scipy.special import betainc

BY_CHANCE: Final = 1e-6
"""How rarely a share that truly is at its bound may count as beyond it. Larger: small batches are
refused by bad luck; smaller: they need more bad rows before they are."""

KINDS: Final = ("number", "truth", "text", "time", "vector", "other")
"""What a column can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The largest share of rows, in [0, 1], that is still good; None: no share is too large.

    Parameters
    ----------
    warn
        Beyond it people are told.
    fail
        Beyond it nothing is learned from the batch.
    """

    warn: float | None = None
    fail: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Between which values numbers lie, both ends included; `beyond` bounds the share outside."""

    low: float
    high: float
    beyond: Bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Share of the labels that a class has: `low` to `high`; under `fail` nothing is learned."""

    low: float
    high: float
    fail: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What is expected of one column.

    Parameters
    ----------
    kind
        One of `KINDS`; None: anything.
    missing
        Share of rows without a value.
    range, far
        Where numbers lie, and how far out no change of the world leads.
    values, new
        Which values there are, and the share of others.
    same
        Share of the most frequent value.
    repeated
        Share of values that came before: of ids.
    """

    kind: str | None = None
    missing: Bound | None = None
    range: Range | None = None
    far: Range | None = None
    values: tuple[str, ...] | None = None
    new: Bound | None = None
    same: Bound | None = None
    repeated: Bound | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelExpected:
    """What is expected of labels.

    Parameters
    ----------
    column
        Where they stand.
    time, known
        Columns with the moment of the request and that at which its label became known; empty:
        delays are not looked at.
    classes, new
        Share of each class, by its text, and the share of labels of none of them.
    range, same
        Of numbers: where they lie, and the share of the most frequent one.
    delay
        Seconds from `time` to `known`.
    """

    column: str
    time: str = ""
    known: str = ""
    classes: Mapping[str, Part] = field(default_factory=dict)
    new: Bound | None = None
    range: Range | None = None
    same: Bound | None = None
    delay: Range | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is expected of rows together: least rows, and the share that is there twice."""

    least_warn: int | None = None
    least_fail: int | None = None
    duplicates: Bound | None = None


def above(hits: int, rows: int, share: float) -> bool:
    """Whether more rows are hit than a true share of `share` explains by chance.

    Parameters
    ----------
    hits, rows
        Counts, `rows` >= `hits` >= 0.
    share
        The bound, in [0, 1]; of 0 a single row is too much.

    Source: upper tail of the binomial distribution as an incomplete beta function, Abramowitz and
    Stegun 26.5.24.

    Examples
    --------
    >>> above(30, 1000, 0.02), above(60, 1000, 0.02), above(1, 10, 0.0)
    (False, True, True)
    """
    if hits <= rows * share:
        return False
    return share <= 0.0 or bool(betainc(hits, rows - hits + 1, share) < BY_CHANCE)


def below(hits: int, rows: int, share: float) -> bool:
    """Whether fewer rows are hit than a true share of `share` explains by chance.

    >>> below(0, 10, 0.5), below(0, 1000, 0.5)
    (False, True)
    """
    return above(rows - hits, rows, 1.0 - share)
