"""What the champion gets right, the candidate must not get wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import ConfigError
from ostinato.core.records import Floats
from ostinato.gate.compare import compare
from ostinato.gate.evidence import told
from ostinato.gate.ledger import GOLDEN
from ostinato.gate.verdict import Case, Verdict, Word
from ostinato.gate.words import would_show
from ostinato.stats.metrics import metric_for


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRegression:
    """Few rows may flip from right to wrong, and no golden one.

    The negative flip rate is the share of rows that the champion gets right and the candidate
    wrong. A candidate can be better in the mean and still break what people rely on. On the recent
    set the gate fails when the rate is shown to be above the cap; among the golden rows
    (`Loop(golden=...)`) it counts, and the count is told.

    Right means: the most probable class is the label (binary: threshold 0.5). For regression it
    means a loss of at most `within` times the champion's mean loss on the recent set.

    Parameters
    ----------
    max_flip_rate
        Cap of the rate, in (0, 1]; default: half the champion's own error rate on the set.
    golden
        Golden rows that may flip, >= 0.
    within
        For regression: how many times the champion's mean loss still counts as right, > 0.
    alpha
        One-sided error of the bound, in (0, 0.5).
    min_rows
        With fewer rows the recent set is passed by; golden rows are counted all the same.

    Source
    ------
    Yan et al. 2021, "Positive-congruent training", section 3 (negative flip rate); bound: see
    `ostinato.gate.compare`.
    """

    max_flip_rate: float | None = None
    golden: int = 0
    within: float = 2.0
    alpha: float = 0.05
    min_rows: int = 50

    def __post_init__(self) -> None:
        rate = self.max_flip_rate
        fits = (rate is None or 0 < rate <= 1) and self.golden >= 0 and self.within > 0
        if not (fits and 0 < self.alpha < 0.5 and self.min_rows >= 2):
            raise ConfigError(
                "NoRegression(...) holds a value out of range",
                found=f"max_flip_rate={rate}, golden={self.golden}, within={self.within}, "
                f"alpha={self.alpha}, min_rows={self.min_rows}",
                expected="0 < max_flip_rate <= 1, golden >= 0, within > 0, 0 < alpha < 0.5, "
                "min_rows >= 2",
            )

    @property
    def name(self) -> str:
        return "no regression"

    def judge(self, case: Case) -> Verdict:
        flips = self._flips(case)
        broken, rows = self._golden(case)
        golden = {"rows": rows, "flipped": broken, "allowed": self.golden}
        evidence = {"recent": told(case, "recent", flips.facts), "golden": golden}
        if broken > self.golden:
            text = f"{broken} of {rows} golden rows flip from right to wrong"
            reason = f"{text}; a single one shows."
            return Verdict(verdict="fail", reason=reason, evidence=evidence)
        text = f"{flips.text}, {rows} golden rows hold" if rows else flips.text
        reason = would_show(text, flips.visible, 0.0)
        return Verdict(verdict=flips.verdict, reason=reason, evidence=evidence)

    def _flips(self, case: Case) -> _Flips:
        recent = case.sets.get("recent")
        if recent is None or len(recent) < self.min_rows:
            rows = 0 if recent is None else len(recent)
            return _Flips("pass", f"Only {rows} rows to count flips on", {"rows": rows}, math.inf)
        ours, theirs = self._right(case, "recent")
        flipped, wrong = (theirs & ~ours).astype(np.float64), (~theirs).astype(np.float64)
        allowed = 0.5 * wrong if self.max_flip_rate is None else self.max_flip_rate
        # The cap is a mean over the same rows: what is bounded is rate minus cap, row by row.
        room = compare(recent.times_ns, allowed - flipped, self.alpha)
        rate, error = float(flipped.mean()), float(wrong.mean())
        cap = 0.5 * error if self.max_flip_rate is None else self.max_flip_rate
        word: Word = "fail" if room.high < 0 else "pass"
        text = "More rows flip from right to wrong than allowed"
        if word == "pass":
            text = "Flips from right to wrong are not shown to be above the cap"
        facts = {
            "rows": room.rows,
            "clusters": room.clusters,
            "flip_rate": rate,
            "low": cap - room.high,
            "high": cap - room.low,
            "champion_error": error,
            "bar": cap,
            "smallest_visible": cap + room.smallest_visible,
            "verdict": word,
        }
        return _Flips(word, text, facts, cap + room.smallest_visible)

    def _golden(self, case: Case) -> tuple[int, int]:
        """Return how many golden rows flip, and how many there are."""
        golden = case.sets.get(GOLDEN)
        if golden is None:
            return 0, 0
        ours, theirs = self._right(case, GOLDEN)
        return int((theirs & ~ours).sum()), len(golden)

    def _right(self, case: Case, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say on which rows of a set the candidate and the champion are right."""
        champion = case.champion_losses[name]
        if case.task == "regression":
            usual = case.champion_losses.get("recent", champion)
            limit = self.within * float(usual.mean())
            return champion - case.gains[name] <= limit, champion <= limit
        rows = case.sets[name]
        assert rows.champion is not None, "rows that both answered have a champion"
        return _correct(case.task, rows.labels, rows.candidate), _correct(
            case.task, rows.labels, rows.champion
        )


@dataclass(frozen=True, slots=True)
class _Flips:
    verdict: Word
    text: str
    facts: dict[str, Any]
    visible: float


def _correct(task: str, labels: Floats, scores: Floats) -> NDArray[np.bool_]:
    correct: NDArray[np.bool_] = metric_for(task, "error_rate").row_loss(labels, scores) == 0.0
    return correct
