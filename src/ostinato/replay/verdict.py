"""The answer of a choice that was made on the past and judged on what followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ostinato.core.units import format_time
from ostinato.loop.loop import Prices
from ostinato.replay.advice import (
    SURE,
    Advice,
    answer,
    doubts_about,
    money,
    nothing_released,
    nothing_to_compare,
    still_text,
    training_price,
)
from ostinato.replay.choose import Pick
from ostinato.replay.drift import Drift
from ostinato.replay.evidence import PROOF
from ostinato.replay.followed import Followed
from ostinato.replay.race import Race
from ostinato.replay.standing import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What the chosen policy was worth per month against static, costs taken off.

    Where static was chosen, the figures are those of the best policy that learns.

    Parameters
    ----------
    policy
        Whose figures these are.
    in_sample
        As measured on the past it was chosen on: too good, since it was picked for its luck too.
    shrunken
        The same after shrinkage: what to expect.
    reported
        As measured on what followed.
    evidence
        For "it beats static" on what followed, at its highest; 20 is proof, on whatever day one
        looks.
    regret
        What the best finalist brought more on what followed; `high` is its 95 % upper bound.
    """

    policy: str
    in_sample: Estimate
    shrunken: Estimate
    reported: Estimate
    evidence: float
    regret: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON types."""
        found: dict[str, Any] = {"policy": self.policy, "evidence": self.evidence}
        for name in ("in_sample", "shrunken", "reported", "regret"):
            value: Estimate = getattr(self, name)
            found |= {
                name: float(value),
                f"{name}_low": value.low,
                f"{name}_high": value.high,
            }
        return found


def nested_advice(
    race: Race,
    picked: Pick,
    followed: Followed,
    *,
    prices: Prices,
    tried: int,
    find: Callable[[], Drift],
) -> tuple[Advice, Gain]:
    """Answer the question on the rows the choice did not see.

    One policy is judged there: the chosen one, or, where static was chosen, the best that learns.
    As it was named before, its interval needs no allowance for the others. Where the past did not
    show that it is better, what followed must prove it (`evidence`), too.
    """
    static = race.static.name
    if picked.best == static:
        return nothing_to_compare(static), _gain(race, static, static, followed)
    judged = picked.name if picked.name != static else picked.best
    gain = _gain(race, judged, picked.name, followed)
    doubts = doubts_about(gain.reported, followed.gain(judged))
    if picked.name == static and not doubts and gain.evidence < PROOF:
        doubts.append("What followed does not prove what the past did not show.")
    if doubts:
        doubts[:0] = nothing_released(
            {name: each for name, each in followed.replays.items() if name != static}
        )
    instead = "stay static"
    if not doubts:
        drift = find()
        if not drift.found:
            instead = "train once on more data, then stay static"
            doubts.append(still_text(drift, judged, followed.replays[judged]))
    facts = _facts(picked, gain, followed, static, prices, tried)
    advice = Advice(
        worth_it=not doubts,
        policy=static if doubts else judged,
        best=judged,
        value_per_month=gain.reported,
        gain=followed.gain(judged),
        in_sample=gain.in_sample,
        sure=picked.sure,
        text=answer(judged, facts, doubts, instead),
    )
    return advice, gain


def _gain(race: Race, judged: str, chosen: str, followed: Followed) -> Gain:
    nothing = Estimate(0.0, 0.0, 0.0)
    standing = race.standing
    known = standing is not None and judged in standing.names
    return Gain(
        policy=judged,
        in_sample=standing.measured(judged) if standing is not None and known else nothing,
        shrunken=standing.believed(judged) if standing is not None and known else nothing,
        reported=followed.value(judged),
        evidence=followed.evidence(judged, race),
        regret=followed.regret(chosen),
    )


def _facts(
    picked: Pick, gain: Gain, followed: Followed, static: str, prices: Prices, tried: int
) -> str:
    """Write the figures: the choice on the past, then what followed."""
    until = format_time(followed.after_ns)[:10]
    metric = followed.replays[static].metric
    rows = {row["policy"]: row for row in followed.table().iter_rows(named=True)}
    after = (
        f"On what followed {until}, which the choice did not see: net value "
        f"{money(gain.reported, prices)}, {metric} {rows[static][metric]:.4f} static, "
        f"{rows[gain.policy][metric]:.4f} under {gain.policy} "
        f"({followed.gain(gain.policy):.1%} less loss); evidence that it beats static "
        f"{min(gain.evidence, 1e6):,.1f} ({PROOF:.0f} is proof)."
        f"{training_price(followed.replays[static], prices)}"
    )
    return f"{after} {_on_the_past(picked, gain, static, tried)}{_regret(gain)}"


def _regret(gain: Gain) -> str:
    """Say what another finalist would have brought more; nothing where none could have."""
    if not gain.regret.high > 0.0:
        return ""
    return (
        f" The best finalist brought {float(gain.regret):,.2f} more per month than the choice, "
        f"{gain.regret.high:,.2f} at most (95 %)."
    )


def _on_the_past(picked: Pick, gain: Gain, static: str, tried: int) -> str:
    """Say what was chosen before, from how many, and how sure that was."""
    sure = f"the best in {picked.sure:.0%} of histories drawn anew"
    if picked.sure < SURE:
        sure += ", so not surely the best"
    if picked.name == static:
        none = f"none of {tried} policies" if tried > 1 else "no policy"
        text = (
            f"On the past, {none} was better than {static!r} by more than one standard error, so "
            f"{static!r} was chosen ({sure}); {picked.best!r} came first with "
        )
    else:
        first = (
            ""
            if picked.name == picked.best
            else f", the simplest within one standard error of {picked.best!r}"
        )
        others = f"from {tried} policies" if tried > 1 else f"over {static!r}"
        text = f"On the past, {picked.name!r} was chosen {others}{first} ({sure}), with "
    return (
        f"{text}{float(gain.in_sample):,.2f} per month as measured, {float(gain.shrunken):,.2f} "
        "after shrinkage."
    )
