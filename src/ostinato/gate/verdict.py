"""What a gate is, what it is shown and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ostinato.core.records import CandidateEvaluated, Floats, ValidationSet
from ostinato.core.units import DAY_NS
from ostinato.stats.intervals import PairedResult, paired

MIN_DAYS = 10
"""With at least this many days, differences are averaged per day before their spread is taken:
rows of one day resemble each other. With fewer, rows count as independent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`verdict`: pass, fail or inconclusive; `evidence`: the numbers it rests on."""

    verdict: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A candidate before the gates: its paired losses per validation set.

    `gains[name]` = champion's loss minus candidate's, (n,) per row, > 0 where the candidate is
    better; empty when there is no champion. `champion_loss[name]` is the champion's mean loss.
    """

    evaluated: CandidateEvaluated
    sets: Mapping[str, ValidationSet]
    gains: Mapping[str, Floats]
    champion_loss: Mapping[str, float]
    group_names: tuple[str, ...]
    task: str


class Gate(Protocol):
    """One check of a candidate.

    Contract
    --------
    `judge` MUST depend on the case alone and MUST say ``inconclusive`` rather than guess.
    """

    @property
    def name(self) -> str:
        """How the journal calls it."""
        ...

    def judge(self, case: Case) -> Verdict:
        """Judge a candidate that has a champion to be compared with."""
        ...


def compare(times_ns: np.ndarray[Any, Any], gains: Floats, alpha: float) -> PairedResult:
    """Mean gain with its one-sided confidence limits, clustered by day where days suffice.

    Source: cluster-robust mean, each day's mean weighted by its rows (Cameron and Miller 2015,
    "A Practitioner's Guide to Cluster-Robust Inference", section 2).
    """
    days, inverse = np.unique(times_ns // DAY_NS, return_inverse=True)
    if len(days) < MIN_DAYS:
        return paired(gains, alpha)
    sums = np.bincount(inverse, weights=gains)
    rows = np.bincount(inverse)
    mean = float(gains.mean())
    # Linearisation: the residual sum of each day, rescaled so that its mean square error is that
    # of the overall mean.
    clustered = paired((sums - mean * rows) * (len(days) / len(gains)), alpha)
    return PairedResult(
        n=len(gains),
        mean=mean,
        low=mean + clustered.low - clustered.mean,
        high=mean + clustered.high - clustered.mean,
        se=clustered.se,
        smallest_visible=clustered.smallest_visible,
    )
