"""Was continuous learning worth it here, by which policy, and how sure is that?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.core.rng import stream
from ostinato.core.units import DAY_NS
from ostinato.loop.loop import Prices
from ostinato.replay.drift import Drift
from ostinato.replay.result import Replay
from ostinato.stats.intervals import block_bootstrap_mean
from ostinato.stats.metrics import metric_for

DRAWS: Final = 2000
MONTH_DAYS: Final = 30.4375
LEVEL: Final = 0.05  # of the interval, shared among the policies that were tried

LEAST_GAIN: Final = 0.01
"""Relative fall of the loss below which no policy is worth its complexity, whatever the prices."""

_FEWEST_BLOCKS: Final = 8
"""With fewer blocks of time an interval says nothing; blocks are made shorter instead."""


class Estimate(float):
    """A number with its interval: `float`, with `low` and `high`."""

    low: float
    high: float

    def __new__(cls, value: float, low: float, high: float) -> Self:
        """Make an estimate from its value and the ends of its interval."""
        made = super().__new__(cls, value)
        made.low, made.high = low, high
        return made


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
    value_per_month
        Net value of the best policy over never learning, per month, with `low` and `high`.
    gain
        Relative fall of the loss, best policy against static.
    text
        The answer in words.
    """

    worth_it: bool
    policy: str
    best: str
    value_per_month: Estimate
    gain: float
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
            "text": self.text,
            "currency": prices.currency,
            "prices": asdict(prices),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blocks:
    """Sums and counts of labelled rows per block of time, in order."""

    index: Ints
    count: int
    length: int

    def sums(self, values: Floats) -> Floats:
        counted = np.bincount(self.index, weights=values, minlength=self.count)
        return counted.astype(np.float64)


def _blocks(times_ns: Ints) -> _Blocks:
    """Cut time into days; into fewer hours' worth when there are few days.

    The bootstrap then draws runs of about n^(1/3) blocks, so that what one week has in common
    stays together (Kunsch 1989; rate after Hall, Horowitz, Jing 1995).
    """
    span = int(times_ns[-1] - times_ns[0]) + 1
    width = min(DAY_NS, max(span // (3 * _FEWEST_BLOCKS), 1))
    index = (times_ns - times_ns[0]) // width
    count = int(index[-1]) + 1
    length = max(round(count ** (1 / 3)), min(7, count // _FEWEST_BLOCKS), 1)
    return _Blocks(index=index, count=count, length=length)


def metric_interval(each: Replay, rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of a replay's metric by block bootstrap over time.

    For metrics that are no mean of row losses the blocks are drawn and the metric recomputed on
    the rows drawn, fewer times.
    """
    books = each.books
    known = ~np.isnan(books.losses)
    if not known.any():
        return float("nan"), float("nan")
    blocks = _blocks(books.times_ns)
    metric = metric_for(each.task, each.metric)
    if each.metric in _MEANS:
        counts = blocks.sums(known.astype(np.float64))
        sums = blocks.sums(np.where(known, books.losses, 0.0))
        draws = _draw_means(sums, counts, blocks.length, rng)
        low, high = (float(q) for q in np.quantile(draws, [LEVEL / 2, 1 - LEVEL / 2]))
        low, high = _MEANS[each.metric](low), _MEANS[each.metric](high)
        return min(low, high), max(low, high)
    scores = np.array(each.predictions["score"].to_list(), dtype=np.float64)
    order = np.argsort(blocks.index, kind="stable")
    edges = np.searchsorted(blocks.index[order], np.arange(blocks.count + 1))
    values = []
    for _ in range(_FEW_DRAWS):
        starts = rng.integers(0, blocks.count, -(-blocks.count // blocks.length))
        drawn = (starts[:, None] + np.arange(blocks.length)).ravel() % blocks.count
        rows = np.concatenate(
            [order[edges[b] : edges[b + 1]] for b in drawn[: blocks.count].tolist()]
        )
        rows = rows[known[rows]]
        if len(rows):
            values.append(metric.value(books.labels[rows], scores[rows]))
    low, high = (float(q) for q in np.nanquantile(values, [LEVEL / 2, 1 - LEVEL / 2]))
    return low, high


_FEW_DRAWS: Final = 200
_MEANS: Final[dict[str, Any]] = {
    "log_loss": float,
    "brier": float,
    "error_rate": float,
    "mse": float,
    "mae": float,
    "accuracy": lambda loss: 1.0 - loss,
    "rmse": lambda loss: loss**0.5,
}


def _draw_means(sums: Floats, counts: Floats, length: int, rng: np.random.Generator) -> Floats:
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    return block_bootstrap_mean(means, counts, block_len=length, draws=DRAWS, rng=rng)


def give_advice(
    replays: Mapping[str, Replay],
    *,
    baseline: str,
    prices: Prices,
    seed: int,
    find: Callable[[], Drift],
) -> Advice:
    """Compare every policy with the static one and answer the question.

    The interval of the net value is a block bootstrap over time; its level is shared among the
    policies tried (Bonferroni), since the best of many looks better than it is. `find` looks for
    drift; it trains models, so it is asked only when everything else says yes.
    """
    static = replays[baseline]
    others = {name: each for name, each in replays.items() if name != baseline}
    if not others:
        nothing = Estimate(0.0, 0.0, 0.0)
        text = "Only the static policy was replayed: there is nothing to compare it with."
        return Advice(
            worth_it=False,
            policy=baseline,
            best=baseline,
            value_per_month=nothing,
            gain=0.0,
            text=text,
        )
    values = {
        name: _net_value(static, each, len(others), stream(seed, f"advice/{name}"))
        for name, each in others.items()
    }
    best = max(values, key=lambda name: float(values[name]))
    value = values[best]
    gain = _relative_gain(static.books.losses, replays[best].books.losses)
    doubts = _doubts(value, gain)
    if doubts and not any(each.cost["promotions"] for each in others.values()):
        doubts.insert(0, _nothing_released(others))
    instead = "stay static"
    if not doubts and not find().found:
        instead = "train once on more data, then stay static"
        doubts.append(_STILL.format(best=best, share=_after_the_middle(replays[best])))
    worth = not doubts
    metric, before = static.metric, static.metrics[static.metric]
    facts = (
        f"{metric} {before:.4f} static, {replays[best].metrics[metric]:.4f} under {best} "
        f"({gain:.1%} less loss); net value {float(value):,.2f} {prices.currency} per month "
        f"[{value.low:,.2f}, {value.high:,.2f}]."
    )
    if worth:
        text = f"Worth it: use {best!r}. {facts}"
    else:
        text = f"Not worth it: {instead}. {' '.join(doubts)} Best was {best!r}: {facts}"
    return Advice(
        worth_it=worth,
        policy=best if worth else baseline,
        best=best,
        value_per_month=value,
        gain=gain,
        text=text,
    )


def _net_value(static: Replay, each: Replay, tried: int, rng: np.random.Generator) -> Estimate:
    books = each.books
    saved = static.books.harm - books.harm
    saved[np.isnan(static.books.losses) | np.isnan(books.losses)] = 0.0
    blocks = _blocks(books.times_ns)
    sums, counts = blocks.sums(saved), blocks.sums(np.ones(len(saved)))
    draws = _draw_means(sums, counts, blocks.length, rng) * len(saved)
    months = max((books.times_ns[-1] - books.times_ns[0]) / (DAY_NS * MONTH_DAYS), 1e-9)
    extra = each.cost["cost"] - static.cost["cost"]
    share = LEVEL / tried
    low, high = np.quantile(draws, [share / 2, 1 - share / 2])
    return Estimate(
        float((saved.sum() - extra) / months),
        float((low - extra) / months),
        float((high - extra) / months),
    )


def _relative_gain(static: Floats, other: Floats) -> float:
    both = ~np.isnan(static) & ~np.isnan(other)
    base = float(static[both].mean()) if both.any() else 0.0
    return float((base - other[both].mean()) / base) if base else 0.0


def _doubts(value: Estimate, gain: float) -> list[str]:
    """Say why continuous learning would not be worth it; nothing when it is."""
    doubts = []
    if value.low <= 0:
        doubts.append("The net value cannot be told from zero.")
    if gain < LEAST_GAIN:
        doubts.append(f"The loss falls by {gain:.1%}, less than {LEAST_GAIN:.0%}.")
    return doubts


def _nothing_released(others: Mapping[str, Replay]) -> str:
    """Say that no policy got a candidate out, and what stopped the last one."""
    tried = int(sum(each.cost["retrains"] for each in others.values()))
    if not tried:
        return "No policy asked for a new model."
    reasons = [
        reason
        for each in others.values()
        for kind, reason in each.decisions.select("kind", "reason").iter_rows()
        if kind in ("candidate_rejected", "training_failed", "rollout_ended")
    ]
    last = f" The last reason: {reasons[-1]}" if reasons else ""
    return f"None of {tried} retrainings was released, so nothing was proved either way.{last}"


_STILL = (
    "The world stood still: models trained on early rows are as good as models trained on as many "
    "rows of the whole past, so what helped was more data (a change in the last fifth of the "
    "history cannot be seen). From the middle of the history on, {best!r} lost {share:.1%} less "
    "than the model it served at that moment would have, had it been kept."
)


def _after_the_middle(best: Replay) -> float:
    """Relative fall of the loss in the second half, against the champion of the middle."""
    books = best.books
    middle = len(books.losses) // 2
    losses, _ = books.frozen(books.champion_at(middle), from_row=middle)
    return _relative_gain(losses, books.losses[middle:])
