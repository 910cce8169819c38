"""What rows lose as a rule, by what the champion says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ostinato.core.records import Floats
from ostinato.watch.examine.sample import Sample

BINS: Final = 20
"""Bins of scores. Fewer blur what a score means; more hang on single losses."""

_ROWS: Final = 25  # of a bin, at least


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """Mean losses of the reference by score, straight between the means of bins.

    Of many classes the score is that of the likeliest. Calibrated by construction: whatever the
    champion claims, this is what rows with such a claim lost.
    """

    points: Floats
    losses: Floats

    @classmethod
    def of(cls, reference: Sample) -> Self:
        """Learn from rows with a loss."""
        scores = _one(reference.scores)
        order = np.argsort(scores, kind="stable")
        parts = np.array_split(order, min(BINS, max(len(order) // _ROWS, 1)))
        points = np.array([scores[part].mean() for part in parts])
        return cls(points, np.array([reference.losses[part].mean() for part in parts]))

    def __call__(self, scores: Floats) -> Floats:
        """Return what rows with such scores, (n,) or (n, k), lose as a rule: (n,)."""
        found: Floats = np.interp(_one(scores), self.points, self.losses)
        return found


def _one(scores: Floats) -> Floats:
    return scores if scores.ndim == 1 else scores.max(axis=1)
