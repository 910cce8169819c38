"""The evidence of one rollout: does the challenger do harm, or is it proved?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import ROLES, Floats, LossesObserved
from ostinato.release.plans import Rollout
from ostinato.stats.arms import TwoArms
from ostinato.stats.dual import DualEProcess, fixed_sample_size

BURN_IN: Final = 500
"""Paired rows that set the scale and the bets before any evidence is counted, unless the gates saw
as many. Fewer makes both a guess; more delays every verdict."""

CAP_FACTOR: Final = 2  # the champion stays after twice the rows a fixed-size test would need
_NO_CAP: Final = 10**12  # arms get what traffic they get; the cap of time ends their rollout
_CANARY: Final = ROLES.index("canary")
_CHAMPION: Final = ROLES.index("champion")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What the recent validation set said of a pair, known before the rollout begins.

    `base` is the champion's mean loss, `largest` and `moment` the largest and the mean squared
    difference of their losses.
    """

    base: float
    largest: float
    moment: float

    @classmethod
    def of(cls, champion: Floats, candidate: Floats) -> Prior | None:
        """Sum up paired losses; nothing when there are too few."""
        both = ~np.isnan(champion) & ~np.isnan(candidate)
        if both.sum() < BURN_IN:
            return None
        differences = champion[both] - candidate[both]
        return cls(
            base=float(champion[both].mean()),
            largest=float(np.abs(differences).max()),
            moment=float((differences**2).mean()),
        )


@dataclass(slots=True)
class Proof:
    """Evidence for `challenger` against `champion`.

    Without a `prior`, `burn_in` collects (champion's, challenger's) losses until there are
    `BURN_IN`; then `test` takes over.
    """

    champion: str
    challenger: str
    since_ns: int
    paired: bool
    prior: Prior | None = None
    burn_in: list[tuple[float, float]] = field(default_factory=list)
    test: DualEProcess | TwoArms | None = None

    def take(self, observed: LossesObserved, rollout: Rollout) -> None:
        """Count the rows that were predicted since the proof began."""
        ours, theirs = observed.losses.get(self.challenger), observed.losses.get(self.champion)
        if ours is None or theirs is None:
            return
        fresh = observed.times_ns > self.since_ns
        if self.paired:
            both = fresh & ~np.isnan(ours) & ~np.isnan(theirs)
            self._paired(theirs[both], ours[both], rollout)
        else:
            arm = [observed.versions.index(v) for v in (self.champion, self.challenger)]
            champion = fresh & (observed.answered == arm[0]) & (observed.roles == _CHAMPION)
            challenger = fresh & (observed.answered == arm[1]) & (observed.roles == _CANARY)
            self._arms(theirs[champion & ~np.isnan(theirs)], ours[challenger & ~np.isnan(ours)], rollout)

    def verdict(self, rollout: Rollout) -> str:
        """Return promote, abort, keep or undecided."""
        if self.test is None or self.test.n < rollout.min_samples:
            return "undecided"
        return self.test.verdict

    def evidence(self) -> dict[str, Any]:
        """Write the evidence down for the journal."""
        if self.test is None:
            return {"rows": len(self.burn_in), "burn_in": BURN_IN}
        low, high = self.test.interval()
        facts = {"rows": self.test.n, "gain": self.test.mean, "low": low, "high": high, "margin": self.test.margin}
        if isinstance(self.test, DualEProcess):
            facts["log_e_promote"] = self.test.log_e_promote
            facts["log_e_abort"] = self.test.log_e_abort
            facts["cap_rows"] = self.test.cap
        return facts

    def _paired(self, theirs: Floats, ours: Floats, rollout: Rollout) -> None:
        if self.test is None:
            theirs, ours = self._warm(theirs, ours)
            if self.prior is None:
                return
            self.test = self._begin(self.prior, rollout)
        assert isinstance(self.test, DualEProcess), "a paired proof holds a paired test"
        self.test.update(theirs - ours)

    def _warm(self, theirs: Floats, ours: Floats) -> tuple[Floats, Floats]:
        """Collect losses until they say as much as a prior; return the rows left over."""
        if self.prior is not None:
            return theirs, ours
        wanted = BURN_IN - len(self.burn_in)
        self.burn_in.extend(zip(theirs[:wanted].tolist(), ours[:wanted].tolist(), strict=True))
        seen = np.array(self.burn_in).reshape(-1, 2)
        self.prior = Prior.of(seen[:, 0], seen[:, 1])
        return theirs[wanted:], ours[wanted:]

    def _begin(self, prior: Prior, rollout: Rollout) -> DualEProcess:
        margin = max(rollout.margin * prior.base, 1e-12)
        # Twice the largest difference seen, so that few later ones are cut.
        scale = max(2.0 * prior.largest, 4.0 * margin)
        moment = max(prior.moment, margin**2)
        cap = CAP_FACTOR * fixed_sample_size(margin, moment, alpha=rollout.alpha)
        return DualEProcess.begin(
            margin=margin,
            second_moment=moment,
            cap=max(cap, rollout.min_samples + 1),
            scale=scale,
            alpha=rollout.alpha,
            beta=rollout.beta,
        )

    def _arms(self, theirs: Floats, ours: Floats, rollout: Rollout) -> None:
        if self.test is None:
            # Only the champion's mean is needed: the margin is relative to it.
            theirs_left, _ = self._warm(theirs, theirs)
            if self.prior is None:
                return
            margin = rollout.margin * self.prior.base
            self.test = TwoArms.begin(margin=margin, cap=_NO_CAP, alpha=rollout.alpha)
            theirs = theirs_left
        assert isinstance(self.test, TwoArms), "an unpaired proof holds one sequence per arm"
        self.test.update(theirs, ours)
