"""Was continuous learning worth it here, by which policy, and how sure is that?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.core.rng import stream
from ostinato.core.units import HOUR_NS, format_duration
from ostinato.loop.loop import Prices
from ostinato.replay.drift import Drift
from ostinato.replay.result import Replay
from ostinato.replay.standing import Estimate, Standing, stand

__all__ = ["Advice", "Estimate", "give_advice"]

LEAST_GAIN: Final = 0.01
"""Relative fall of the loss below which no policy is worth its complexity, whatever the prices."""

SURE: Final = 0.8
"""Share of the drawn histories in which a policy must be the best to be called that. Smaller names
winners that are not; larger, with policies that are much alike, hardly ever names one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The answer to "is it worth it?".

    Parameters
    ----------
    worth_it
        Whether the best policy's net value is above zero beyond doubt, is not tiny, and the world
        changed (`ostinato.replay.drift`): more data alone is a reason to train once, not for ever.
    policy
        The policy to use: the best one, or the static one when it is not worth it.
    best
        The best policy that learns.
    value_per_month
        Net value of `best` over never learning, per month, with `low` and `high` (95 %). From
        `compare`: after shrinkage, since the best of many was picked for its luck too. From
        `autopilot`: on the part of the history that the choice did not see.
    gain
        Relative fall of the loss, best policy against static, on the same rows.
    in_sample
        The value per month as measured on the history the policy was picked on.
    sure
        In which share of the histories drawn anew the policy was the best of all.
    text
        The answer in words.
    """

    worth_it: bool
    policy: str
    best: str
    value_per_month: Estimate
    gain: float
    in_sample: Estimate
    sure: float
    text: str

    @property
    def low(self) -> float:
        """Lower end of `value_per_month`."""
        return self.value_per_month.low

    @property
    def high(self) -> float:
        """Upper end of `value_per_month`."""
        return self.value_per_month.high

    def to_dict(self, prices: Prices) -> dict[str, Any]:
        """Return the advice as JSON types."""
        return {
            "worth_it": self.worth_it,
            "policy": self.policy,
            "best": self.best,
            "value_per_month": float(self.value_per_month),
            "low": self.low,
            "high": self.high,
            "gain": self.gain,
            "in_sample": float(self.in_sample),
            "in_sample_low": self.in_sample.low,
            "in_sample_high": self.in_sample.high,
            "sure": self.sure,
            "text": self.text,
            "currency": prices.currency,
            "prices": asdict(prices),
        }


def nothing_to_compare(baseline: str) -> Advice:
    """Return the advice where the static policy is the only one."""
    nothing = Estimate(0.0, 0.0, 0.0)
    return Advice(
        worth_it=False,
        policy=baseline,
        best=baseline,
        value_per_month=nothing,
        gain=0.0,
        in_sample=nothing,
        sure=1.0,
        text="Only the static policy was replayed: there is nothing to compare it with.",
    )


def give_advice(
    replays: Mapping[str, Replay],
    *,
    baseline: str,
    prices: Prices,
    seed: int,
    find: Callable[[], Drift],
) -> Advice:
    """Compare every policy with the static one, all on the whole history, and answer.

    The policies are judged on the rows they are picked on, so their values are shrunken
    (`ostinato.stats.shrinkage`). `find` looks for drift; it trains models, so it is asked only
    when everything else says yes.
    """
    static = replays[baseline]
    others = {name: each for name, each in replays.items() if name != baseline}
    if not others:
        return nothing_to_compare(baseline)
    saved = {name: each.books.ledger.saved(static.books.ledger) for name, each in others.items()}
    released = [name for name, each in others.items() if each.cost["promotions"]]
    standing = stand(saved, static.books.times_ns, stream(seed, "advice"), different=released)
    best = standing.leader(standing.names)
    value = standing.believed(best)
    gain = relative_gain(static.books.losses, replays[best].books.losses)
    doubts = doubts_about(value, gain)
    if doubts:
        doubts[:0] = nothing_released(others)
    instead = "stay static"
    if not doubts:
        drift = find()
        if not drift.found:
            instead = "train once on more data, then stay static"
            doubts.append(still_text(drift, best, replays[best]))
    metric = static.metric
    facts = (
        f"{metric} {static.metrics[metric]:.4f} static, {replays[best].metrics[metric]:.4f} under "
        f"{best} ({gain:.1%} less loss); net value {money(value, prices)}."
        f"{training_price(static, prices)}"
        f"{_luck(standing, best)}"
    )
    worth = not doubts
    return Advice(
        worth_it=worth,
        policy=best if worth else baseline,
        best=best,
        value_per_month=value,
        gain=gain,
        in_sample=standing.measured(best),
        sure=standing.sure(best, standing.names),
        text=answer(best, facts, doubts, instead),
    )


def answer(best: str, facts: str, doubts: list[str], instead: str) -> str:
    """Write the answer: yes, or no and why, then the figures."""
    if not doubts:
        return f"Worth it: use {best!r}. {facts}"
    return f"Not worth it: {instead}. {' '.join(doubts)} Best was {best!r}: {facts}"


def money(value: Estimate, prices: Prices) -> str:
    """Write a value per month with its interval."""
    return f"{float(value):,.2f} {prices.currency} per month [{value.low:,.2f}, {value.high:,.2f}]"


def training_price(replay: Replay, prices: Prices) -> str:
    """Say what a training was priced at; nothing where training is free."""
    if not prices.train_hour:
        return ""
    takes_ns = replay.books.train_takes_ns
    if takes_ns is None:
        return " Trainings are priced as measured on this machine."
    price = takes_ns / HOUR_NS * prices.train_hour
    return f" A training counts as {format_duration(takes_ns)}: {price:,.2f} {prices.currency}."


def _luck(standing: Standing, best: str) -> str:
    """Say what was taken off for luck, and how sure the choice is."""
    if len(standing.names) == 1:
        return ""
    tried, sure = len(standing.names), standing.sure(best, standing.names)
    text = (
        f" As measured it was {float(standing.measured(best)):,.2f}: the best of {tried} was "
        f"picked for its luck too. It is the best in {sure:.0%} of histories drawn anew"
    )
    if sure >= SURE:
        return f"{text}."
    return f"{text}: which policy is the best is not sure (ostinato advise tests the choice)."


def relative_gain(static: Floats, other: Floats) -> float:
    """Return the relative fall of the mean loss, on rows where both are known."""
    both = ~np.isnan(static) & ~np.isnan(other)
    base = float(static[both].mean()) if both.any() else 0.0
    return float((base - other[both].mean()) / base) if base else 0.0


def doubts_about(value: Estimate, gain: float) -> list[str]:
    """Say why continuous learning would not be worth it; nothing when it is."""
    doubts = []
    if value.high < 0:
        doubts.append("It costs more than it brings.")
    elif value.low <= 0:
        doubts.append("The net value cannot be told from zero.")
    if gain < LEAST_GAIN:
        doubts.append(f"The loss falls by {gain:.1%}, less than {LEAST_GAIN:.0%}.")
    return doubts


def nothing_released(others: Mapping[str, Replay]) -> list[str]:
    """Say, where no policy got a candidate out, what stopped the last one."""
    if any(each.cost["promotions"] for each in others.values()):
        return []
    tried = int(sum(each.cost["retrains"] for each in others.values()))
    if not tried:
        return ["No policy asked for a new model."]
    reasons = [
        reason
        for each in others.values()
        for kind, reason in each.decisions.select("kind", "reason").iter_rows()
        if kind in ("candidate_rejected", "training_failed", "rollout_ended")
    ]
    last = f" The last reason: {reasons[-1]}" if reasons else ""
    return [f"None of {tried} retrainings was released, so nothing was proved either way.{last}"]


def still_text(drift: Drift, best: str, replay: Replay) -> str:
    """Say that nothing changed, as far as can be seen, and what learning late still brought."""
    if not drift.pairs:
        seen = "There are too few rows to tell a change of the world from more data."
    else:
        seen = (
            "The world stood still: models trained on early rows are as good as models trained on "
            "as many later rows, so what helped was more data (a change in the last "
            f"{drift.blind:.0%} of the history cannot be seen)."
        )
    share = _after_the_middle(replay)
    return (
        f"{seen} From the middle of the history on, {best!r} lost {share:.1%} less than the model "
        "it served at that moment would have, had it been kept."
    )


def _after_the_middle(best: Replay) -> float:
    """Relative fall of the loss in the second half, against the champion of the middle."""
    books = best.books
    middle = len(books.losses) // 2
    losses, _ = books.frozen(books.champion_at(middle), from_row=middle)
    return relative_gain(losses, books.losses[middle:])
