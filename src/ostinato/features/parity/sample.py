"""The rows on which causes are judged, and how well a candidate explains them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import polars as pl

from ostinato.features.parity.differ import Measure
from ostinato.stats.arrays import BoolArray, FloatArray

LUCK: Final = 0.05
"""Chance that a wrong explanation gives the served value of one row. Smaller: a cause that explains
a row more beats one that says precisely which rows go wrong; larger: the other way round."""

TIE: Final = 3.0
"""Nats within which the simpler of two causes is named, and the rounder of two lags. Smaller: one
row decides. Larger: what is a little off is named although something else fits."""

NAMED_FROM: Final = 0.8
"""Share of the rows that differ which a cause must explain: mismatch under it is at most a fifth of
mismatch without it. Smaller names half-truths, larger fails where faults come together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows of one feature: those that differ, and others for comparison.

    Parameters
    ----------
    measure
        the rule by which values are the same.
    served, recomputed
        (n,), as served and as recomputed from the declaration; null where missing.
    wrong
        (n,), where they differ.
    """

    measure: Measure
    served: pl.Series
    recomputed: pl.Series
    wrong: BoolArray

    @classmethod
    def of(cls, measure: Measure, served: pl.Series, recomputed: pl.Series) -> Sample:
        """Find the rows that differ."""
        first, second = (plain(measure, values) for values in (served, recomputed))
        wrong = ~measure.same(first, second)
        return cls(measure=measure, served=first, recomputed=second, wrong=wrong)

    @property
    def count(self) -> int:
        """Rows that differ."""
        return int(self.wrong.sum())

    @property
    def swapped(self) -> Sample:
        """The sample with the two sides exchanged: what was recomputed is to be explained."""
        return replace(self, served=self.recomputed, recomputed=self.served)

    def fit(self, values: pl.Series | FloatArray, *, measure: Measure | None = None) -> Fit:
        """Say how well values (n,) explain what was served, under another measure if given."""
        held = values if isinstance(values, pl.Series) else pl.Series(values)
        rule = measure or self.measure
        explained = rule.same(self.served, held) & self.wrong
        moved = ~rule.same(self.recomputed, held) & ~self.wrong
        return Fit(
            explained=int(explained.sum()),
            wrong=self.count,
            moved=int(moved.sum()),
            right=len(self.wrong) - self.count,
        )

    def of_wrong(self, values: pl.Series) -> pl.Series:
        """Return the values of the rows that differ."""
        return values.filter(pl.Series(self.wrong))


def plain(measure: Measure, values: pl.Series) -> pl.Series:
    return values.cast(pl.Float64).fill_nan(None) if measure.numeric else values.cast(pl.String)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How well a candidate explains a sample.

    Parameters
    ----------
    explained, wrong
        rows whose served value it gives, of the rows that differ.
    moved, right
        rows that it would have changed, of the rows that do not differ.
    """

    explained: int
    wrong: int
    moved: int
    right: int

    @property
    def share(self) -> float:
        """Share of the rows that differ which it explains, in [0, 1]."""
        return self.explained / self.wrong if self.wrong else 0.0

    @property
    def everywhere(self) -> bool:
        """Whether it may be at work on every row: hardly a good row contradicts that."""
        return self.moved <= 0.1 * self.explained

    @property
    def weight(self) -> float:
        """Evidence for it in nats: rows explained, each for the more the fewer it could change.

        If the fault hit rows by chance among those that it can change at all, a candidate that can
        change few rows and explains these very rows has said where to look.
        """
        rows = self.wrong + self.right
        reach = max(self.explained + self.moved, 1) / max(rows, 1)
        return self.explained * (-math.log(LUCK) - math.log(reach))

    def enough(self, background: float) -> bool:
        """Whether it may be named if ``background`` rows differ for reasons that are tolerated."""
        allowed = (1.0 - NAMED_FROM) * self.wrong + min(background, 0.3 * self.wrong)
        return self.explained > 0 and self.wrong - self.explained <= allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A possible cause and how well it explains the sample.

    Parameters
    ----------
    kind, form
        which cause, and which form of it (`texts.TEXTS` has them all).
    parameter
        what makes it precise: nanoseconds, a factor, a name; None where nothing does.
    fit
        how well it explains the rows.
    rank
        place in the fixed order that breaks ties; smaller is simpler.
    detail
        the parameter in words.
    """

    kind: str
    form: str
    parameter: Any
    fit: Fit
    rank: int
    detail: str
