"""Degradation when labels come late: outcomes are judged by their age, beside the mature rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats, LabelsAwaited, LossesObserved
from ostinato.core.units import DAY_NS, duration_ns, format_time
from ostinato.decide.degradation import Degradation
from ostinato.decide.hazards import WEEK, Level, allowed_hazards, tally_of
from ostinato.decide.outcomes import Outcomes
from ostinato.decide.trigger import URGENCY, Early, Finding, Reference, Seen, Stance
from ostinato.decide.watching import Watching
from ostinato.stats.seasonal import SeasonalBaseline

LONG_NS: Final = 2 * DAY_NS
"""From this horizon on outcomes are judged by their age. The evidence takes whole days; with a
shorter horizon rows are mature as soon."""

LEAST_ARL_DAYS: Final = 30.0
"""Least average number of days between false alarms, whatever the traffic. A smaller one would let
a run length that is short in days alarm for ever."""

State = list[Any]  # [Watching, Outcomes]: as compound triggers keep theirs


@dataclass(frozen=True, kw_only=True)
class LateDegradation:
    """A `Degradation` that does not wait for the horizon.

    Each prediction without a label is one trial per day: how much loss does the day reveal? The
    champion's validation rows say how much it may be at this age and on this weekday; an e-detector
    collects the evidence that it is more. The matured rows stay on their chart, with the baseline
    by season; each of the two has twice the run length, so that together they alarm about as often
    as one (outcomes never less than 30 days apart on average, where that is more).

    Outcomes that come faster look like more bad ones. A second detector follows what the losses
    leave to 1: when both rise, the labels have changed and not the model. Then the trigger warns,
    the matured rows alone decide, and hazards are learnt anew from predictions made since, at the
    loss that was normal before; when they are known the warning is taken back.

    An alarm is held back at first: a training learns from mature rows, and those from before the
    change teach nothing new. It asks for a model when `reference_rows` rows made since the change
    are mature, and for a second one when there are twice as many.

    Parameters
    ----------
    declared
        What the policy says.
    horizon_ns
        Horizon of the label.
    negative
        Whether an overdue label means no.

    Source
    ------
    Discrete hazards: Cox 1972, section 6; Shin, Ramdas, Rinaldo 2023, "E-detectors".
    """

    declared: Degradation
    horizon_ns: int
    negative: bool = False

    @property
    def name(self) -> str:
        return self.declared.name

    @cached_property
    def mature(self) -> Degradation:
        """The chart of the matured rows."""
        return replace(self.declared, arl=2 * self.declared.arl, late="mature")

    @property
    def ages(self) -> int:
        """Number of ages in days that a prediction can have when its label comes."""
        return -(-self.horizon_ns // DAY_NS) + (2 if self.negative else 1)

    def begin(self) -> State:
        return [self.mature.begin(), self._outcomes()]

    def observe(self, state: State, losses: LossesObserved, champion: str) -> None:
        watching, outcomes = state
        unknown = watching.baseline is None
        self.mature.observe(watching, losses, champion)
        found = losses.losses.get(champion)
        if found is not None:
            outcomes.mature(losses.times_ns[np.isfinite(found)])
        if unknown and watching.baseline is not None:
            self._gather(watching, outcomes)

    def foresee(self, state: State, early: Early, champion: str) -> None:
        outcomes: Outcomes = state[1]
        if np.isnan(outcomes.scale) or champion not in early.versions:
            return
        if isinstance(early, LabelsAwaited):
            outcomes.expect(early.times_ns[early.scored[champion]])
            return
        losses = early.losses[champion]
        known = np.isfinite(losses)
        outcomes.reveal(
            early.times_ns[known],
            early.label_times_ns[known],
            losses[known],
            negative_ns=self.horizon_ns if self.negative else None,
        )

    def advance(self, state: State, now_ns: int) -> None:
        watching, outcomes = state
        if outcomes.first_day is None:
            return
        while (outcomes.day + 1) * DAY_NS <= now_ns:
            stood = outcomes.alarmed
            outcomes.close_day()
            if outcomes.alarmed and not stood and outcomes.labels_changed():
                outcomes.changed_on = outcomes.day - 1
                outcomes.gather(outcomes.day)
            elif self._gathered(outcomes):
                self._learnt(watching, outcomes)

    def renew(self, state: State, reference: Reference | None) -> None:
        watching = state[0]
        self.mature.renew(watching, reference)
        outcomes = state[1] = self._outcomes()
        if watching.baseline is None:
            return
        assert reference is not None, "a baseline was made of it"
        if reference.label_times_ns is None:
            self._gather(watching, outcomes)
            return
        outcomes.scale = watching.scale
        scaled = np.minimum(reference.losses / watching.scale, 1.0)
        tally = tally_of(reference, scaled, self.ages, self.horizon_ns if self.negative else None)
        allowed = allowed_hazards(
            tally,
            tolerance=self.declared.tolerance,
            season=_weekdays(watching.baseline, self.declared.season),
            level=None,
        )
        outcomes.begin(allowed, arl_days=self._arl_days(reference.rows_per_day))

    def requested(self, state: State, now_ns: int) -> None:
        watching, outcomes = state
        self.mature.requested(watching, now_ns)
        if outcomes.learnable:
            outcomes.answered(now_ns + duration_ns(self.declared.freeze))

    def kept(self, state: State, candidate: Reference | None) -> None:
        """What the champion loses is the same whether a candidate shipped or not."""

    def registered(self, state: State) -> Mapping[str, Any] | None:
        matured, outcomes = self.mature.registered(state[0]), state[1]
        if matured is None or outcomes.parameters is None:
            return matured
        hazards = {**outcomes.parameters, "answered_on_day": outcomes.answered_on}
        return {"method": "age-hazard e-detector", "matured": matured, "outcomes": hazards}

    def look(self, state: State, seen: Seen) -> Stance:
        watching, outcomes = state
        return max((self.mature.look(watching, seen), _stance(outcomes)), key=URGENCY.__getitem__)

    def explain(self, state: State, seen: Seen) -> Finding:
        watching, outcomes = state
        matured = self.mature.explain(watching, seen)
        evidence = {**matured.evidence, "arl": self.declared.arl, "outcomes": _evidence(outcomes)}
        if self.mature.look(watching, seen) == "act":
            return replace(matured, evidence=evidence)
        if outcomes.alarmed:
            day = format_time(outcomes.change_day * DAY_NS)
            reason = f"Outcomes are worse than their age allows since about {day}."
            if not outcomes.learnable:
                reason += " Held back: too few rows since then are mature to learn from."
            return Finding(
                reason=reason,
                evidence={**evidence, "change": day, "mature": outcomes.matured_since_change},
                change_ns=outcomes.change_day * DAY_NS,
            )
        return Finding(reason=_reason(outcomes) or matured.reason, evidence=evidence)

    def _outcomes(self) -> Outcomes:
        return Outcomes(self.ages, wanted=self.declared.reference_rows)

    def _gather(self, watching: Watching, outcomes: Outcomes) -> None:
        outcomes.scale = watching.scale
        outcomes.gather(outcomes.tally_from)

    def _gathered(self, outcomes: Outcomes) -> bool:
        tally = outcomes.tally
        if tally is None:
            return False
        matured = outcomes.day - outcomes.tally_from >= self.ages
        return matured and tally.rows >= self.declared.reference_rows

    def _learnt(self, watching: Watching, outcomes: Outcomes) -> None:
        tally, baseline = outcomes.tally, watching.baseline
        assert tally is not None, "it was gathered"
        assert baseline is not None, "nothing is gathered without a scale"
        allowed = allowed_hazards(
            tally,
            tolerance=self.declared.tolerance,
            season=_weekdays(baseline, self.declared.season),
            level=Level(baseline.mean, baseline.n),
        )
        outcomes.begin(allowed, arl_days=self._arl_days(tally.rows_per_day))

    def _arl_days(self, rows_per_day: float) -> float:
        days = 2 * self.declared.arl / rows_per_day if rows_per_day > 0 else LEAST_ARL_DAYS
        return max(days, LEAST_ARL_DAYS)


def _weekdays(baseline: SeasonalBaseline, season: str) -> Floats:
    """Upper bound of the relative loss of each weekday (7,); ones where it is not told apart."""
    if season not in ("day_of_week", "hour_of_week"):
        return np.ones(WEEK)
    bound = baseline.expected + 2.0 * baseline.standard_error
    by_day: Floats = bound.reshape(WEEK, -1).mean(axis=1) / max(baseline.mean, 1e-12)
    return by_day


def _stance(outcomes: Outcomes) -> Stance:
    if outcomes.alarmed:
        return "act" if outcomes.learnable else "held"
    return "warn" if outcomes.warned or outcomes.changed_on is not None else "quiet"


def _reason(outcomes: Outcomes) -> str:
    if outcomes.changed_on is not None:
        day = format_time(outcomes.changed_on * DAY_NS)
        return (
            f"The label pipeline changed about {day}: good and bad outcomes come in faster; "
            "matured rows alone decide until it is settled."
        )
    return "Outcomes may be getting worse." if outcomes.warned else ""


def _evidence(outcomes: Outcomes) -> dict[str, Any]:
    waiting = sum(outcomes.at_risk.values())
    if outcomes.worse is None or outcomes.better is None:
        tally = outcomes.tally
        return {"waiting": waiting, "gathered": 0.0 if tally is None else tally.rows}
    log10 = np.log(10.0)
    return {
        "waiting": waiting,
        "days": outcomes.worse.n,
        "log10_e": float(outcomes.worse.log_e / log10),
        "log10_e_act": float(np.log10(outcomes.worse.arl)),
        "log10_e_better": float(outcomes.better.log_e / log10),
        "arl_days": outcomes.worse.arl,
    }
