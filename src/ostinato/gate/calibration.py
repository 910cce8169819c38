"""The candidate's probabilities must stay honest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import stdtrit

from ostinato.core.errors import ConfigError
from ostinato.core.records import Floats, ValidationSet
from ostinato.gate.evidence import told
from ostinato.gate.verdict import Case, Verdict, Word
from ostinato.gate.words import would_show
from ostinato.stats.confidence import normal_quantile
from ostinato.stats.metrics import metric_for

_BLOCKS: Final = 20
"""Runs of neighbouring rows that are left out in turn. Fewer: a rough standard error; more: blocks
too short to hold rows that resemble each other."""

_NOTHING: Final = "There are no probabilities to compare; no effect would have shown."


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Expected calibration error on the recent set: not shown to be worse than the champion's.

    The gate fails when the error is above `limit` and beyond doubt more than `tolerance` above the
    champion's: of 500 rows, two equally good models often differ by 0.02 and more.

    Parameters
    ----------
    tolerance
        How much larger than the champion's the error may be, in probability (0..1).
    limit
        An error up to this is fine whatever the champion's is.
    min_rows
        With fewer rows the gate is passed by: the error of a small sample is mostly noise.
    alpha
        Error of the one-sided bound of the difference, in (0, 0.5).

    Source
    ------
    Naeini, Cooper, Hauskrecht 2015, "Obtaining Well Calibrated Probabilities Using Bayesian
    Binning" (expected calibration error); delete-a-group jackknife, Kott 2001.
    """

    tolerance: float = 0.02
    limit: float = 0.02
    min_rows: int = 500
    alpha: float = 0.05

    def __post_init__(self) -> None:
        fits = self.tolerance >= 0 and self.limit >= 0 and 0 < self.alpha < 0.5
        if not fits or self.min_rows < _BLOCKS:
            raise ConfigError(
                "Calibration(...) holds a value out of range",
                found=f"tolerance={self.tolerance}, limit={self.limit}, "
                f"min_rows={self.min_rows}, alpha={self.alpha}",
                expected=f"tolerance and limit >= 0, min_rows >= {_BLOCKS}, 0 < alpha < 0.5",
            )

    @property
    def name(self) -> str:
        return "calibration"

    def judge(self, case: Case) -> Verdict:
        recent = case.sets.get("recent")
        if case.task == "regression" or recent is None or recent.champion is None:
            return Verdict(verdict="pass", reason=_NOTHING)
        if len(recent) < self.min_rows:
            return Verdict(
                verdict="pass",
                reason=would_show("Too few rows to tell", math.inf, 0.0),
                evidence=told(case, "recent", {"rows": len(recent)}),
            )
        facts = self._evidence(case.task, recent, recent.champion)
        worse = facts["candidate"] > self.limit and facts["low"] > self.tolerance
        word: Word = "fail" if worse else "pass"
        text = (
            "Calibration is worse than allowed" if worse else "Calibration is not shown to be worse"
        )
        return Verdict(
            verdict=word,
            # An error is a probability by itself: there is nothing to take a share of.
            reason=would_show(text, facts["smallest_visible"], 0.0),
            evidence=told(case, "recent", {**facts, "verdict": word}),
        )

    def _evidence(self, task: str, recent: ValidationSet, champion: Floats) -> dict[str, Any]:
        error = metric_for(task, "calibration_error").value
        order = np.argsort(recent.times_ns, kind="stable")
        labels, ours, theirs = recent.labels[order], recent.candidate[order], champion[order]
        candidate, other = error(labels, ours), error(labels, theirs)
        left_out = np.empty(_BLOCKS)
        for block, rows in enumerate(np.array_split(np.arange(len(labels)), _BLOCKS)):
            left = np.delete(labels, rows)
            left_out[block] = error(left, np.delete(ours, rows, axis=0)) - error(
                left, np.delete(theirs, rows, axis=0)
            )
        se = math.sqrt((_BLOCKS - 1) * float(left_out.var()))
        quantile = float(stdtrit(_BLOCKS - 1, 1.0 - self.alpha))
        return {
            "rows": len(labels),
            "candidate": candidate,
            "champion": other,
            "difference": candidate - other,
            "low": candidate - other - quantile * se,
            "high": candidate - other + quantile * se,
            "tolerance": self.tolerance,
            "limit": self.limit,
            "smallest_visible": self.tolerance + (quantile + normal_quantile(0.8)) * se,
        }
