"""The evidence of one rollout: whether the challenger does harm, or is proved."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import ROLES, Floats, LossesObserved
from ostinato.release.plans import Rollout
from ostinato.stats.arms import TwoArms
from ostinato.stats.dual import DualEProcess, fixed_sample_size

BURN_IN: Final = 100
"""Rows that set the scale and the bets before any evidence is counted, unless the gates saw as
many. Fewer makes both a guess; more delays every verdict."""

CAP_FACTOR: Final = 2  # the champion stays after twice the rows a fixed-size test would need
_SMALLEST_MARGIN: Final = 1e-12  # of a champion that never loses
_CANARY: Final = ROLES.index("canary")
_CHAMPION: Final = ROLES.index("champion")
_EXPLORE: Final = ROLES.index("explore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What the recent validation set said of a pair, known before the rollout begins.

    `base` and `variance` are the mean and the variance of the champion's losses, `largest` and
    `moment` the largest and the mean squared difference of their losses.
    """

    base: float
    variance: float
    largest: float
    moment: float

    @classmethod
    def of(cls, champion: Floats, candidate: Floats) -> Prior | None:
        """Sum up paired losses; nothing when there are too few."""
        both = np.isfinite(champion) & np.isfinite(candidate)
        if both.sum() < BURN_IN:
            return None
        differences = champion[both] - candidate[both]
        return cls(
            base=float(champion[both].mean()),
            variance=float(champion[both].var()),
            largest=float(np.abs(differences).max()),
            moment=float((differences**2).mean()),
        )


@dataclass(slots=True)
class Proof:
    """Evidence for `challenger` against `champion`.

    Without a `prior`, `burn_in` collects (champion's, challenger's) losses until there are
    `BURN_IN`; then `test` takes over. A `lenient` proof forgives the challenger the margin: harm is
    then being worse by more than that (what changes sign from day to day is no reason to go back).
    An `explored` one counts only rows that chance let through.
    """

    champion: str
    challenger: str
    since_ns: int
    paired: bool
    prior: Prior | None = None
    lenient: bool = False
    explored: bool = False
    burn_in: list[tuple[float, float]] = field(default_factory=list)
    test: DualEProcess | TwoArms | None = None

    def take(self, observed: LossesObserved, rollout: Rollout) -> None:
        """Count the rows that were predicted since the proof began."""
        ours, theirs = observed.losses.get(self.challenger), observed.losses.get(self.champion)
        if ours is None or theirs is None:
            return
        fresh = observed.times_ns > self.since_ns
        if self.explored:
            fresh &= observed.roles == _EXPLORE
        if self.paired:
            both = fresh & np.isfinite(ours) & np.isfinite(theirs)
            self._paired(theirs[both], ours[both], rollout)
        else:
            arm = [observed.versions.index(v) for v in (self.champion, self.challenger)]
            champion = fresh & (observed.answered == arm[0]) & (observed.roles == _CHAMPION)
            challenger = fresh & (observed.answered == arm[1]) & (observed.roles == _CANARY)
            self._arms(
                theirs[champion & np.isfinite(theirs)],
                ours[challenger & np.isfinite(ours)],
                rollout,
            )

    def verdict(self, rollout: Rollout) -> str:
        """Return promote, abort, keep or undecided; harm wins, whenever it shows."""
        if self.test is None or self.test.n < rollout.min_samples:
            return "undecided"
        return "abort" if self.harmful(rollout) else self.test.verdict

    def harmful(self, rollout: Rollout) -> bool:
        """Whether the challenger is proved worse than the champion.

        Also after it was proved no worse by the margin: the first crossing of a test stands, but
        what was good for two days can break on the third. Both tests bound the probability of ever
        being wrong here, at beta (Ville's inequality) or at alpha (confidence sequences).
        """
        if self.test is None or self.test.n < rollout.min_samples:
            return False
        if isinstance(self.test, DualEProcess):
            worse = self.test.log_e_abort >= -math.log(rollout.beta)
        else:
            worse = self.test.interval()[1] < 0.0
        return worse or self.test.verdict == "abort"

    def evidence(self) -> dict[str, Any]:
        """Write the evidence down for the journal."""
        if self.test is None:
            return {"rows": len(self.burn_in), "burn_in": BURN_IN}
        low, high = self.test.interval()
        given = self.test.margin if self.lenient else 0.0
        facts: dict[str, Any] = {
            "rows": self.test.n,
            "gain": self.test.mean - given,
            "low": low - given,
            "high": high - given,
            "margin": self.test.margin,
            "cap_rows": self.test.cap,
        }
        if isinstance(self.test, DualEProcess):
            facts["log_e_promote"] = self.test.log_e_promote
            facts["log_e_abort"] = self.test.log_e_abort
        else:
            facts["rows_challenger"] = self.test.candidate.n
        return facts

    def _paired(self, theirs: Floats, ours: Floats, rollout: Rollout) -> None:
        if self.test is None:
            taken = self._warm(theirs, ours)
            if self.prior is None:
                return
            self.test = _paired_test(self.prior, rollout)
            theirs, ours = theirs[taken:], ours[taken:]
        assert isinstance(self.test, DualEProcess), "a paired proof holds a paired test"
        if len(theirs):
            given = self.test.margin if self.lenient else 0.0
            self.test.update(theirs - ours + given)

    def _arms(self, theirs: Floats, ours: Floats, rollout: Rollout) -> None:
        if rollout.stages()[-1][0] == 0.0:
            return  # the challenger answers nobody: what it would have lost is never known
        if self.test is None:
            # Only the champion's mean and spread are needed: the margin is relative to it.
            taken = self._warm(theirs, theirs)
            if self.prior is None:
                return
            self.test = _arms_test(self.prior, rollout)
            theirs = theirs[taken:]
        assert isinstance(self.test, TwoArms), "an unpaired proof holds one sequence per arm"
        self.test.update(theirs, ours)

    def _warm(self, theirs: Floats, ours: Floats) -> int:
        """Collect losses until they say as much as a prior; return how many rows that took."""
        if self.prior is not None:
            return 0
        wanted = BURN_IN - len(self.burn_in)
        self.burn_in.extend(zip(theirs[:wanted].tolist(), ours[:wanted].tolist(), strict=True))
        if len(self.burn_in) == BURN_IN:
            seen = np.array(self.burn_in)
            self.prior, self.burn_in = Prior.of(seen[:, 0], seen[:, 1]), []
        return min(wanted, len(theirs))


def _paired_test(prior: Prior, rollout: Rollout) -> DualEProcess:
    margin = max(rollout.margin * prior.base, _SMALLEST_MARGIN)
    moment = max(prior.moment, margin**2)
    cap = CAP_FACTOR * fixed_sample_size(margin, moment, alpha=rollout.alpha)
    return DualEProcess.begin(
        margin=margin,
        second_moment=moment,
        cap=max(cap, rollout.min_samples + 1),
        # Twice the largest difference seen, so that few later ones are cut.
        scale=max(2.0 * prior.largest, 4.0 * margin),
        alpha=rollout.alpha,
        beta=rollout.beta,
    )


def _arms_test(prior: Prior, rollout: Rollout) -> TwoArms:
    margin = max(rollout.margin * prior.base, _SMALLEST_MARGIN)
    spread = max(2.0 * prior.variance, margin**2)  # of the difference of one row of each arm
    per_arm = fixed_sample_size(margin, spread, alpha=rollout.alpha)
    # The challenger's arm is the slow one: its share of the rows at the last step.
    share = rollout.stages()[-1][0]
    assert share > 0, "arms are only compared where the challenger answers"
    cap = math.ceil(CAP_FACTOR * per_arm / share)
    return TwoArms.begin(margin=margin, cap=max(cap, rollout.min_samples + 1), alpha=rollout.alpha)
