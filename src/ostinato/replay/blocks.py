"""Time cut into blocks, and histories drawn anew from them: how far chance alone would go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS
from ostinato.replay.result import Replay
from ostinato.stats.intervals import block_bootstrap_mean
from ostinato.stats.metrics import metric_for

DRAWS: Final = 2000
LEVEL: Final = 0.05  # of all intervals

_FEW_DRAWS: Final = 200
_FEWEST_BLOCKS: Final = 8
"""With fewer blocks of time an interval says nothing; blocks are made shorter instead."""

_MEANS: Final[dict[str, Any]] = {
    "log_loss": float,
    "brier": float,
    "error_rate": float,
    "mse": float,
    "mae": float,
    "accuracy": lambda loss: 1.0 - loss,
    "rmse": lambda loss: loss**0.5,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Which block of time each row lies in, and how many blocks stay together in a draw."""

    index: Ints
    count: int
    length: int

    def sums(self, values: Floats) -> Floats:
        """Add up values per block; they may stop before the last rows."""
        index = self.index[: len(values)]
        return np.bincount(index, weights=values, minlength=self.count).astype(np.float64)

    def draw(self, rng: np.random.Generator, draws: int = DRAWS) -> Floats:
        """Return how often each block is in each drawn history, (draws, count).

        Source: circular block bootstrap, Politis and Romano 1992.
        """
        runs = -(-self.count // self.length)
        starts = rng.integers(0, self.count, size=(draws, runs))
        drawn = (starts[:, :, None] + np.arange(self.length)).reshape(draws, -1) % self.count
        flat = drawn[:, : self.count] + self.count * np.arange(draws)[:, None]
        counts = np.bincount(flat.ravel(), minlength=draws * self.count)
        return counts.reshape(draws, self.count).astype(np.float64)

    @property
    def widening(self) -> float:
        """By what to stretch draws: blocks drawn from few blocks spread too little.

        Source: the variance of a block bootstrap is short by the share length / count of one
        block in the whole (Kunsch 1989, section 3).
        """
        return float((self.count / max(self.count - self.length, 1)) ** 0.5)


def cut(times_ns: Ints) -> Blocks:
    """Cut time into days; into fewer hours' worth when there are few days.

    The bootstrap then draws runs of about n^(1/3) blocks, so that what one week has in common
    stays together (Kunsch 1989; rate after Hall, Horowitz, Jing 1995).
    """
    span = int(times_ns[-1] - times_ns[0]) + 1
    width = min(DAY_NS, max(span // (3 * _FEWEST_BLOCKS), 1))
    index = (times_ns - times_ns[0]) // width
    count = int(index[-1]) + 1
    length = max(round(count ** (1 / 3)), min(7, count // _FEWEST_BLOCKS), 1)
    return Blocks(index=index, count=count, length=length)


def metric_interval(each: Replay, rng: np.random.Generator) -> tuple[float, float]:
    """95 % interval of a replay's metric by block bootstrap over time.

    For metrics that are no mean of row losses the blocks are drawn and the metric recomputed on
    the rows drawn, fewer times.
    """
    books = each.books
    known = ~np.isnan(books.losses)
    if not known.any():
        return float("nan"), float("nan")
    blocks = cut(books.times_ns)
    if each.metric in _MEANS:
        counts = blocks.sums(known.astype(np.float64))
        sums = blocks.sums(np.where(known, books.losses, 0.0))
        means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
        draws = block_bootstrap_mean(means, counts, block_len=blocks.length, draws=DRAWS, rng=rng)
        ends = [_MEANS[each.metric](end) for end in _ends(draws)]
        return min(ends), max(ends)
    return _ends(_recomputed(each, blocks, known, rng))


def _ends(draws: Floats) -> tuple[float, float]:
    low, high = np.nanquantile(draws, [LEVEL / 2, 1 - LEVEL / 2])
    return float(low), float(high)


def _recomputed(each: Replay, blocks: Blocks, known: Any, rng: np.random.Generator) -> Floats:
    metric = metric_for(each.task, each.metric)
    scores = np.array(each.predictions["score"].to_list(), dtype=np.float64)
    order = np.argsort(blocks.index, kind="stable")
    edges = np.searchsorted(blocks.index[order], np.arange(blocks.count + 1))
    values = []
    for counts in blocks.draw(rng, _FEW_DRAWS).astype(np.int64):
        drawn = np.repeat(np.arange(blocks.count), counts).tolist()
        rows = np.concatenate([order[edges[b] : edges[b + 1]] for b in drawn])
        rows = rows[known[rows]]
        if len(rows):
            values.append(metric.value(each.books.labels[rows], scores[rows]))
    return np.array(values, dtype=np.float64)
