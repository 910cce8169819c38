"""The candidate's probabilities must stay honest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.gate.verdict import Case, Verdict
from ostinato.stats.metrics import metric_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Expected calibration error on the recent set: within a limit, or not above the champion's.

    Parameters
    ----------
    tolerance
        How much larger than the champion's the error may be, in probability (0..1).
    limit
        An error up to this is fine whatever the champion's is.
    min_rows
        With fewer rows the gate is passed by: the error of a small sample is mostly noise.

    Source
    ------
    Naeini, Cooper, Hauskrecht 2015, "Obtaining Well Calibrated Probabilities Using Bayesian
    Binning" (expected calibration error).
    """

    tolerance: float = 0.02
    limit: float = 0.02
    min_rows: int = 500

    def __post_init__(self) -> None:
        if self.tolerance < 0 or self.limit < 0:
            raise ConfigError(
                "Calibration(...) holds a value out of range",
                found=f"tolerance={self.tolerance}, limit={self.limit}",
                expected="both >= 0",
            )

    @property
    def name(self) -> str:
        return "calibration"

    def judge(self, case: Case) -> Verdict:
        recent = case.sets.get("recent")
        if case.task == "regression" or recent is None or recent.champion is None:
            return Verdict(verdict="pass", reason="There are no probabilities to compare.")
        rows = ~np.isnan(recent.champion if recent.champion.ndim == 1 else recent.champion[:, 0])
        if rows.sum() < self.min_rows:
            return Verdict(
                verdict="pass", reason="Too few rows to tell.", evidence={"rows": int(rows.sum())}
            )
        error = metric_for(case.task, "calibration_error").value
        labels = recent.labels[rows]
        candidate, champion = error(labels, recent.candidate[rows]), error(labels, recent.champion[rows])
        bar = max(self.limit, champion + self.tolerance)
        evidence = {"rows": len(labels), "candidate": candidate, "champion": champion, "bar": bar}
        if candidate <= bar:
            return Verdict(verdict="pass", reason="Calibration holds.", evidence=evidence)
        return Verdict(verdict="fail", reason="Calibration is worse than allowed.", evidence=evidence)
