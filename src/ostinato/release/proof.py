"""The evidence of one pair: whether the challenger does harm, or is proved."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import ROLES, Floats, Ints, LossesObserved
from ostinato.release.daily import Daily
from ostinato.release.prior import BURN_IN, Prior
from ostinato.release.terms import Terms
from ostinato.stats.arms import TwoArms
from ostinato.stats.dual import DualEProcess, fixed_sample_size
from ostinato.stats.weak_null import WeakNullEProcess

CAP_FACTOR: Final = 2  # the champion stays after twice the rows a fixed-size test would need
_SMALLEST_MARGIN: Final = 1e-12  # of a champion that never loses
_CANARY: Final = ROLES.index("canary")
_CHAMPION: Final = ROLES.index("champion")
_EXPLORE: Final = ROLES.index("explore")

Flags = NDArray[np.bool_]
Paired = DualEProcess | WeakNullEProcess | Daily


@dataclass(slots=True)
class Proof:
    """Evidence for `challenger` against `champion`, by one metric.

    Without a `prior`, `burn_in` collects (champion's, challenger's) losses until there are
    `BURN_IN`; then `tests` take over: one per null hypothesis that the terms ask about, or `arms`
    where the two may not be compared on the same rows. A `lenient` proof forgives the challenger
    the margin: harm is then being worse by more than that. An `explored` one counts only rows that
    chance let through. `share` is how probable the challenger was as the answer of its last row.
    `metric` names a guardrail's, "" is the loop's own. `registered` says
    whether the journal knows the parameters of the tests, `restarted` whether a change of the plan
    made it begin anew.
    """

    champion: str
    challenger: str
    since_ns: int
    paired: bool
    prior: Prior | None = None
    lenient: bool = False
    explored: bool = False
    metric: str = ""
    burn_in: list[tuple[float, float]] = field(default_factory=list)
    tests: dict[str, Paired] = field(default_factory=dict)
    arms: TwoArms | None = None
    share: float = 0.0
    registered: bool = False
    restarted: bool = False

    def begin(self, terms: Terms) -> None:
        """Fix the parameters of the tests, as soon as a prior sets their scale."""
        if self.prior is None or self.tests or self.arms is not None:
            return
        if not self.paired:
            if terms.share:  # else the challenger answers nobody: its losses are never known
                self.arms = _arms_test(self.prior, terms)
            return
        for null in dict.fromkeys((terms.null, self._abort_null(terms))):
            if null:
                self.tests[null] = _paired_test(null, self.prior, terms)

    def take(self, observed: LossesObserved, terms: Terms) -> None:
        """Count the rows that were predicted since the proof began."""
        losses = observed.guards.get(self.metric, {}) if self.metric else observed.losses
        ours, theirs = losses.get(self.challenger), losses.get(self.champion)
        if ours is None or theirs is None:
            return
        fresh = observed.times_ns > self.since_ns
        if self.explored:
            fresh &= observed.roles == _EXPLORE
        if self.paired:
            both = fresh & np.isfinite(ours) & np.isfinite(theirs)
            self._take_pairs(theirs[both], ours[both], observed.times_ns[both], terms)
        else:
            arm = [observed.versions.index(v) for v in (self.champion, self.challenger)]
            champion = fresh & (observed.answered == arm[0]) & (observed.roles == _CHAMPION)
            challenger = fresh & (observed.answered == arm[1]) & (observed.roles == _CANARY)
            answered = np.where(challenger, ours, theirs)
            rows = (champion | challenger) & np.isfinite(answered)
            known = observed.propensities
            chances = np.ones(int(rows.sum())) if known is None else known[rows]
            self._take_arms(answered[rows], challenger[rows], chances, terms)

    @property
    def rows(self) -> int:
        """Rows that counted so far."""
        if self.arms is not None:
            return self.arms.n
        return next((test.n for test in self.tests.values()), 0)

    def verdict(self, terms: Terms) -> str:
        """Return promote, abort, keep or undecided; harm wins, whenever it shows.

        A proof about the average so far, and that of two arms, must hold now: what was good for
        three hours can be worse on average after a day. A proof about every row, or every day
        alike, stands from its first crossing on.
        """
        if self.rows < terms.min_samples:
            return "undecided"
        if self.harmful(terms):
            return "abort"
        if not terms.null:
            return "undecided"
        if self.arms is not None:
            proved, spent = self.arms.interval()[0] > -self.arms.margin, self.arms.spent
        else:
            test = self.tests[terms.null]
            proved = _stands(test, test.promoted_at)
            proved |= test.log_e_promote >= -math.log(terms.alpha)
            spent = test.spent
        if proved:
            return "promote"
        return "keep" if spent else "undecided"

    def harmful(self, terms: Terms) -> bool:
        """Whether the challenger is proved worse than the champion.

        Also after it was proved no worse by the margin: what was good for two days can break on the
        third. As for a promotion, harm on average so far must hold now; harm at every row, or every
        day alike, stands from its first crossing on. All tests bound the probability of ever being
        wrong here (Ville's inequality, confidence sequences).
        """
        if self.rows < terms.min_samples:
            return False
        if self.arms is not None:
            given = self.arms.margin if self.lenient else 0.0
            return self.arms.interval()[1] < -given
        test = self.tests[self._abort_null(terms)]
        return _stands(test, test.aborted_at) or test.log_e_abort >= -math.log(terms.beta)

    def interval(self) -> tuple[float, float]:
        """Return a confidence sequence of the gain per row, loss units; infinite before any."""
        if self.arms is not None:
            return self.arms.interval()
        if not self.tests:
            return -math.inf, math.inf
        low, high = next(iter(self.tests.values())).interval()
        return low - self._given, high - self._given

    def evidence(self, terms: Terms) -> dict[str, Any]:
        """Write the evidence down for the journal; None where a bound is not known yet.

        `gain` and its bounds are about rows, or about days where these decide on the promotion.
        """
        test = self.arms if self.arms is not None else next(iter(self.tests.values()), None)
        if test is None:
            return {"rows": len(self.burn_in), "burn_in": BURN_IN}
        low, high = self.interval()
        facts: dict[str, Any] = {
            "rows": test.n,
            "gain": test.mean - self._given,
            "low": low if math.isfinite(low) else None,
            "high": high if math.isfinite(high) else None,
            "margin": test.margin,
        }
        if isinstance(test, TwoArms):
            return facts | {"cap_rows_challenger": test.cap, "rows_challenger": test.candidate.n}
        cap = test.days.cap if isinstance(test, Daily) else test.cap
        facts["cap_days" if isinstance(test, Daily) else "cap_rows"] = cap
        if terms.null:
            facts["log_e_promote"] = self.tests[terms.null].log_e_promote
        harm = self.tests[self._abort_null(terms)]
        facts["log_e_abort"] = harm.log_e_abort
        if isinstance(harm, Daily):
            facts |= {"days": harm.days.n, "log_e_days": harm.days.log_e_abort}
            facts |= {"log_e_gross": harm.rows.log_e_abort, "gross": harm.tolerance}
        return facts

    def registrations(self, terms: Terms) -> list[tuple[str, dict[str, Any]]]:
        """Return (what for, parameters) of each test that the journal does not know yet."""
        if self.registered or not (self.tests or self.arms is not None):
            return []
        self.registered = True
        if self.arms is not None:
            return [("promote or abort", self.arms.registered())]
        uses: dict[str, list[str]] = {}
        for use, null in (("promote", terms.null), ("abort", self._abort_null(terms))):
            if null:
                uses.setdefault(null, []).append(use)
        return [(" or ".join(use), self.tests[null].registered()) for null, use in uses.items()]

    @property
    def _given(self) -> float:
        """What a lenient proof has added to every paired difference."""
        if not self.lenient or not self.tests:
            return 0.0
        return next(iter(self.tests.values())).margin

    def _abort_null(self, terms: Terms) -> str:
        # Days can only be told apart where the validation rows came from several.
        known = self.prior is not None and self.prior.day_variance is not None
        return "average" if terms.abort_null == "daily" and not known else terms.abort_null

    def _take_pairs(self, theirs: Floats, ours: Floats, times_ns: Ints, terms: Terms) -> None:
        if not self.tests:
            taken = self._warm(theirs, ours)
            self.begin(terms)
            theirs, ours, times_ns = theirs[taken:], ours[taken:], times_ns[taken:]
        if not len(theirs):
            return
        differences = theirs - ours + self._given
        for test in self.tests.values():
            if isinstance(test, Daily):
                test.update(differences, times_ns)
            else:
                test.update(differences)

    def _take_arms(self, losses: Floats, ours: Flags, chances: Floats, terms: Terms) -> None:
        if self.arms is None:
            # Only the champion's mean and spread are needed: the margin is relative to it.
            taken = self._warm(losses[~ours], losses[~ours])
            self.begin(terms)
            after = int(np.flatnonzero(~ours)[taken - 1]) + 1 if taken else 0
            losses, ours, chances = losses[after:], ours[after:], chances[after:]
        if self.arms is not None and len(losses):
            weights = self._weights(ours, chances)
            theirs = ~ours & (weights > 0.0)
            self.arms.update(losses[theirs], losses[ours], weights[theirs], weights[ours])

    def _weights(self, ours: Flags, chances: Floats) -> Floats:
        """Weigh rows so that both arms see the same mix of moments, whatever the shares were, (n,).

        A row of the challenger weighs 1, one of the champion the odds that it had been the
        challenger's, by the last row of those; 0 before there was one.
        """
        last = np.maximum.accumulate(np.where(ours, np.arange(len(ours)), -1))
        shares: Floats = np.where(last >= 0, chances[last], self.share)
        self.share = float(shares[-1])
        return shares / chances

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


def _stands(test: Paired, crossed_at: int) -> bool:
    """Whether an earlier crossing counts: not where the effect may have changed its sign since."""
    return crossed_at >= 0 and not isinstance(test, WeakNullEProcess)


def _paired_test(null: str, prior: Prior, terms: Terms) -> Paired:
    margin = max(terms.margin * prior.base, _SMALLEST_MARGIN)
    moment = max(prior.moment, margin**2)
    # Twice the largest difference seen, so that few later ones are cut.
    scale = max(2.0 * prior.largest, 4.0 * margin)
    if null == "daily":
        return Daily.begin(
            margin=margin,
            day_variance=moment if prior.day_variance is None else prior.day_variance,
            second_moment=moment,
            scale=scale,
            alpha=terms.alpha,
            beta=terms.beta,
        )
    cap = CAP_FACTOR * fixed_sample_size(margin, moment, alpha=terms.alpha)
    test = DualEProcess if null == "always" else WeakNullEProcess
    return test.begin(
        margin=margin,
        second_moment=moment,
        cap=max(cap, terms.min_samples + 1),
        scale=scale,
        alpha=terms.alpha,
        beta=terms.beta,
    )


def rows_per_arm(prior: Prior, terms: Terms) -> int:
    """Return the rows each arm needs in a test looked at once, where there is no effect."""
    margin = max(terms.margin * prior.base, _SMALLEST_MARGIN)
    spread = max(2.0 * prior.variance, margin**2)  # of the difference of one row of each arm
    return fixed_sample_size(margin, spread, alpha=_both_ways(terms))


def _arms_test(prior: Prior, terms: Terms) -> TwoArms:
    return TwoArms.begin(
        margin=max(terms.margin * prior.base, _SMALLEST_MARGIN),
        cap=CAP_FACTOR * rows_per_arm(prior, terms),
        alpha=_both_ways(terms),
    )


def _both_ways(terms: Terms) -> float:
    """Return the error rate of arms, whose sequences serve both verdicts."""
    return min(terms.alpha, terms.beta) if terms.null else terms.beta
