"""Means of bounded values by betting: tests and confidence sequences for many streams at once.

In: values in [0, 1]. Out: the evidence against "the mean is at most m" per stream, or bounds of the
mean that hold at every look. State: a few logs, or a histogram, per stream. Nothing is assumed of
the values but their range, and that the mean given the past is what it is said to be.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ostinato.stats.arrays import BoolArray, FloatArray, IntArray, log_mean_exp

STAKES = np.geomspace(0.0005, 0.9, 16)
"""Shares of the capital that a component can lose in one event. Smaller ones find small deviations
(below .0005 of the mean none is looked for); at 1 one event could ruin a component; more components
cost log(16) of evidence at most, fewer leave gaps."""

_PIECE = 1 << 16  # entries of a work array that stays in the cache
_HALVINGS = 45  # of the unit interval: bounds are exact to 3e-14


@dataclass(slots=True)
class BettingTest:
    """Evidence of "the mean is above ``mean``" (or below), for each stream, at any event.

    While E[value | past] is at most ``mean`` (at least, for the other side), the evidence of a
    stream ever reaches 1 / alpha with probability at most alpha. A crossing stays. Answers for
    other batch borders agree to float rounding.

    Parameters
    ----------
    mean
        the mean that is tested, in (0, 1).
    side
        "above" or "below": which deviation is looked for.
    alpha
        error rate of each stream over the whole run, in (0, 1).
    logs
        (streams, k), log capital of each component.
    log_e
        (streams,), log of the evidence now.
    n
        (streams,), values seen.
    crossed_at
        (streams,), value count at which the evidence first reached 1 / alpha, or -1.

    Source: Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting",
    JRSSB 86, sections 2 and 4: K = mean_k prod (1 + lam_k (x - m)), lam_k = STAKES / m.

    Examples
    --------
    >>> test = BettingTest.begin(mean=0.1, streams=2)
    >>> test.update(np.array([[1.0, 0.0]] * 5))
    >>> test.crossed_at
    array([ 3, -1])
    """

    mean: float
    side: str
    alpha: float
    logs: FloatArray
    log_e: FloatArray
    n: IntArray
    crossed_at: IntArray

    @classmethod
    def begin(
        cls,
        *,
        mean: float,
        streams: int = 1,
        side: Literal["above", "below"] = "above",
        alpha: float = 0.05,
    ) -> "BettingTest":
        """Start with no value seen.

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        if not (0.0 < mean < 1.0 and 0.0 < alpha < 1.0 and streams >= 1):
            raise ValueError(
                f"mean and alpha in (0, 1), streams >= 1 expected: {mean}, {alpha}, {streams}"
            )
        if side not in {"above", "below"}:
            raise ValueError(f"side must be 'above' or 'below', it was {side!r}")
        return cls(
            float(mean),
            side,
            float(alpha),
            np.zeros((streams, STAKES.size)),
            np.zeros(streams),
            np.zeros(streams, dtype=np.int64),
            np.full(streams, -1, dtype=np.int64),
        )

    @property
    def crossed(self) -> BoolArray:
        """Whether the evidence of each stream ever reached 1 / alpha, (streams,)."""
        return self.crossed_at >= 0

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "betting e-process of a mean",
            "mean": self.mean,
            "side": self.side,
            "alpha": self.alpha,
            "streams": len(self.n),
            "stakes": STAKES.tolist(),
        }

    def update(self, values: FloatArray) -> None:
        """Take in values in their order.

        Parameters
        ----------
        values
            (n, streams), or (n,) for one stream; in [0, 1], NaN where a stream has no value.

        Raises
        ------
        ValueError
            when the shape differs or a value lies outside [0, 1].
        """
        rows = values[:, None] if values.ndim == 1 else values
        if rows.ndim != 2 or rows.shape[1] != len(self.n):
            raise ValueError(f"values of {len(self.n)} streams expected, shape was {values.shape}")
        if (rows < 0.0).any() or (rows > 1.0).any():
            raise ValueError("values must be in [0, 1]")
        piece = max(1, _PIECE // self.logs.size)
        for start in range(0, len(rows), piece):
            self._take(rows[start : start + piece])

    def _take(self, rows: FloatArray) -> None:
        known = ~np.isnan(rows)
        # Returns of a stake: x / m - 1, or the same of the complements. No value, no return.
        if self.side == "above":
            returns = rows / self.mean - 1.0
        else:
            returns = (1.0 - rows) / (1.0 - self.mean) - 1.0
        returns = np.where(known, returns, 0.0)
        paths = self.logs + np.cumsum(np.log1p(returns[:, :, None] * STAKES), axis=0)
        log_e = log_mean_exp(paths)
        counts = self.n + np.cumsum(known, axis=0)
        over = log_e >= -math.log(self.alpha)
        first = np.take_along_axis(counts, over.argmax(axis=0)[None], axis=0)[0]
        self.crossed_at = np.where(over.any(axis=0) & ~self.crossed, first, self.crossed_at)
        self.logs, self.log_e, self.n = paths[-1].copy(), log_e[-1].copy(), counts[-1].copy()


@dataclass(slots=True)
class BettingMean:
    """Bounds of the mean of each stream that hold at every look, from betting.

    Each mean is ruled out that would have let a gambler grow rich. As the stakes never change, the
    capital depends on the values, not on their order, so that a histogram is all there is to keep,
    and two of them merge. A value between two cells counts in both, in proportion: the log of a
    factor is concave in the value, so that this can only lower the capital and widen the bounds
    (not at all for values 0 and 1, whatever the cells).

    Parameters
    ----------
    counts
        (streams, cells + 1), share of the values at 0, 1 / cells, ..., 1.

    Source: Waudby-Smith and Ramdas 2024, JRSSB 86, sections 4 and 5 (capital against every m, both
    sides at alpha / 2).

    Examples
    --------
    >>> mean = BettingMean.begin(cells=1)
    >>> mean.update(np.tile([1.0, 0.0, 0.0, 0.0], 250))
    >>> low, high = mean.interval(0.05)
    >>> low.round(3), high.round(3)
    (array([0.205]), array([0.299]))
    """

    counts: FloatArray

    @classmethod
    def begin(cls, *, streams: int = 1, cells: int = 128) -> "BettingMean":
        """Start with no value seen; ``cells`` 1 is enough for values that are 0 or 1.

        Raises
        ------
        ValueError
            when a value is out of its range.
        """
        if streams < 1 or cells < 1:
            raise ValueError(f"streams and cells from 1 expected: {streams}, {cells}")
        return cls(np.zeros((streams, cells + 1)))

    @property
    def n(self) -> FloatArray:
        """Values of each stream, (streams,), to float rounding."""
        total: FloatArray = self.counts.sum(axis=1)
        return total

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "betting confidence sequence of a mean",
            "streams": self.counts.shape[0],
            "cells": self.counts.shape[1] - 1,
            "stakes": STAKES.tolist(),
        }

    def update(self, values: FloatArray, streams: IntArray | None = None) -> None:
        """Take in values.

        Parameters
        ----------
        values
            (n,), in [0, 1].
        streams
            (n,), stream of each value; 0 when left out.

        Raises
        ------
        ValueError
            when shapes differ, a value lies outside [0, 1] or a stream does not exist.
        """
        codes = np.zeros(values.size, dtype=np.int64) if streams is None else streams
        lines, width = self.counts.shape
        if values.ndim != 1 or codes.shape != values.shape:
            raise ValueError(f"shapes must agree: {values.shape} and {codes.shape}")
        if not values.size:
            return
        if not (values.min() >= 0.0 and values.max() <= 1.0):
            raise ValueError(f"values must be in [0, 1]: {values.min()} to {values.max()}")
        if not (codes.min() >= 0 and codes.max() < lines):
            raise ValueError(f"streams must be in [0, {lines})")
        places = values * (width - 1)
        below = np.minimum(places.astype(np.int64), max(width - 2, 0))
        part = places - below
        cells, flat = codes * width + below, self.counts.reshape(-1)
        flat += np.bincount(cells, 1.0 - part, flat.size)
        flat += np.bincount(cells + 1, part, flat.size)

    def interval(self, alpha: float = 0.05) -> tuple[FloatArray, FloatArray]:
        """Return low and high of each mean, (streams,) each, within [0, 1].

        Parameters
        ----------
        alpha
            error rate of a stream over both sides and all looks, in (0, 1).
        """
        level = math.log(2.0 / alpha)
        return self._lowest(self.counts, level), 1.0 - self._lowest(self.counts[:, ::-1], level)

    @staticmethod
    def _lowest(counts: FloatArray, level: float) -> FloatArray:
        # The smallest mean not ruled out: the capital x / m - 1 earns falls as m grows.
        points = np.linspace(0.0, 1.0, counts.shape[1])
        low, high = np.zeros(len(counts)), np.ones(len(counts))
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            returns = points / middle[:, None] - 1.0
            logs = np.log1p(returns[:, :, None] * STAKES)
            rich = log_mean_exp(np.einsum("sc,sck->sk", counts, logs)) >= level
            low, high = np.where(rich, middle, low), np.where(rich, high, middle)
        return low
