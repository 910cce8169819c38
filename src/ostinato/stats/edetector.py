"""The alarm of record: a mixture Shiryaev-Roberts e-detector for a mean loss that rose.

In: losses in [0, 1] and the baseline each was allowed. Out: the evidence, the event at which it
first reached the threshold, and where the change began. State: twelve components, O(1) memory.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.stats.arrays import FloatArray, IntArray
from ostinato.stats.blocks import lowest_places, mixture, products, sums_before

BLOCK = 128
"""Events per vectorised block. A factor lies in [.1, 5.6], so products over a block stay within
[1e-128, 1e96]. Larger blocks risk overflow, smaller ones cost time."""

CAP = 0.9
"""Largest share of the bet that may be lost in one event. At 1 a single good event could ruin a
component for good; much smaller and large shifts are seen late."""

_PIECE = 64 * BLOCK  # events whose work arrays (12 wide, two of them) stay in the cache

WARN_SHARE = 0.01
"""The warning level is this share of the alarm level."""


@dataclass(slots=True)
class EDetector:
    """Mixture Shiryaev-Roberts e-detector of "the mean loss is above its baseline".

    While E[loss | past] <= baseline holds for every event, the expected number of events to the
    alarm is at least ``arl``, whatever the shape of the losses, and without any
    calibration. Answers for other batch borders agree to float rounding.

    Parameters
    ----------
    arl
        alarm threshold, and lower bound of the average run length in events; > 1.
    m_max
        largest baseline that may be passed to ``update``, in (0, 1).
    bets
        (k,), bet of each component; bets * m_max <= .9.
    log_sr
        (k,), log(1 + M) of each Shiryaev-Roberts statistic M; 0 at the start.
    log_cu
        (k,), log of each CUSUM statistic, floored at 0.
    low_at
        (k,), event count at which each CUSUM statistic was last at most 1.
    n
        events seen, never reset.
    log_e, log_e_max, n_at_max
        log of the evidence now (0 before the first event), its maximum since the last reset
        (at least 0) and the event count of that maximum.
    crossed_at
        event count at which the evidence first reached ``arl`` since the last reset, or -1.
    low_at_crossing
        change-point estimate made at that event, or -1.

    Source: Shin, Ramdas, Rinaldo 2023, "E-detectors", NEJSDS, sections 2 and 3:
    M_t = (M_{t-1} + 1) (1 + lam (l_t - m_t)), alarm when the mean over components >= arl.

    Examples
    --------
    >>> detector = EDetector.begin(0.1, arl=1000.0, m_max=0.1)
    >>> detector.update(np.ones(12), np.full(12, 0.1))
    >>> detector.crossed_at, detector.change_point
    (7, 0)
    """

    arl: float
    m_max: float
    bets: FloatArray
    log_sr: FloatArray
    log_cu: FloatArray
    low_at: IntArray
    n: int = 0
    log_e: float = 0.0
    log_e_max: float = 0.0
    n_at_max: int = 0
    crossed_at: int = -1
    low_at_crossing: int = -1

    @classmethod
    def begin(
        cls, m0: float, *, arl: float = 1e6, m_max: float | None = None, components: int = 12
    ) -> "EDetector":
        """Choose the bets for shifts of 5 % to 300 % of the reference mean.

        Parameters
        ----------
        m0
            reference mean loss, in (0, 1).
        arl
            average run length that must be kept under no change, in events; > 1.
        m_max
            largest baseline that will occur, in [m0, 1); m0 when left out.
        components
            number of bets; more cost time and log(components) of evidence.

        Raises
        ------
        ValueError
            when a value is out of its range.

        Source: bet lam = delta / (m0 (1 - m0)) makes the factor the Bernoulli likelihood ratio
        of m0 + delta against m0; delta is a geometric grid, lam capped at .9 / m_max.
        """
        highest = m0 if m_max is None else m_max
        if not 0.0 < m0 < 1.0:
            raise ValueError(f"m0 must be in (0, 1), it was {m0}")
        if not m0 <= highest < 1.0:
            raise ValueError(f"m_max must be in [m0, 1) = [{m0}, 1), it was {m_max}")
        if not arl > 1.0 or components < 1:
            raise ValueError(f"arl must be above 1 and components at least 1: {arl}, {components}")
        largest = min(3.0 * m0, 0.95 * (1.0 - m0))
        shifts = np.geomspace(min(0.05 * m0, 0.25 * largest), largest, components)
        bets = np.minimum(shifts / (m0 * (1.0 - m0)), CAP / highest)
        nothing = np.zeros(components)
        return cls(
            float(arl), float(highest), bets, nothing, nothing.copy(), nothing.astype(np.int64)
        )

    @property
    def crossed(self) -> bool:
        """Whether the evidence has reached ``arl`` since the last reset."""
        return self.crossed_at >= 0

    @property
    def warned(self) -> bool:
        """Whether the evidence has reached ``warn`` since the last reset."""
        return self.log_e_max >= math.log(self.warn)

    @property
    def warn(self) -> float:
        """Evidence from which to warn: a hundredth of the alarm level."""
        return self.arl * WARN_SHARE

    @property
    def change_point(self) -> int:
        """Event count after which the change began: as of the crossing, else as of now."""
        if self.crossed_at >= 0:
            return self.low_at_crossing
        return int(self.low_at[int(np.argmax(self.log_cu))])

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "mixture Shiryaev-Roberts e-detector",
            "arl": self.arl,
            "warn": self.warn,
            "m_max": self.m_max,
            "bets": self.bets.tolist(),
        }

    def reset(self) -> None:
        """Forget all evidence (after an alarm was handled); the event count goes on."""
        self.log_sr = np.zeros(self.bets.size)
        self.log_cu = np.zeros(self.bets.size)
        self.low_at = np.full(self.bets.size, self.n, dtype=np.int64)
        self.log_e = self.log_e_max = 0.0
        self.n_at_max = self.n
        self.crossed_at = self.low_at_crossing = -1

    def update(self, losses: FloatArray, baselines: FloatArray) -> None:
        """Take in events in their order.

        Parameters
        ----------
        losses
            (n,), in [0, 1].
        baselines
            (n,), largest mean allowed for each event, in [0, m_max]; must have been fixed
            before the loss was known.

        Raises
        ------
        ValueError
            when shapes differ or a value is out of range (NaN included).
        """
        if losses.shape != baselines.shape or losses.ndim != 1:
            raise ValueError(f"shapes must agree: {losses.shape} and {baselines.shape}")
        if not losses.size:
            return
        if not (losses.min() >= 0.0 and losses.max() <= 1.0):
            raise ValueError(f"losses must be in [0, 1]: {losses.min()} to {losses.max()}")
        if not (baselines.min() >= 0.0 and baselines.max() <= self.m_max):
            raise ValueError(
                f"baselines must be in [0, m_max = {self.m_max}]: "
                f"{baselines.min()} to {baselines.max()}"
            )
        excess = losses - baselines
        for start in range(0, excess.size, _PIECE):
            self._take(excess[start : start + _PIECE])

    def _take(self, excess: FloatArray) -> None:
        product = products(excess, self.bets, BLOCK)
        lengths = np.full(product.shape[1], len(product))
        lengths[-1] -= product[:, :, 0].size - excess.size
        log_e = self._evidence(product, sums_before(product, lengths))[: excess.size]
        self._record(log_e, product)
        self.log_cu, self.low_at = lows(product, self.log_cu, self.low_at, self.n)
        self.n += excess.size
        np.minimum(self.low_at, self.n, out=self.low_at)
        self.log_e = float(log_e[-1])

    def _evidence(self, product: FloatArray, earlier: FloatArray) -> FloatArray:
        # M_t = P_t (1 + M_0 + sum_{1<i<=t} 1 / P_{i-1}); log(1 + M_0) is carried over blocks:
        # 1 + M_end = P_end (1 + M_0) + (1 + P_end sum).
        start = np.empty(product.shape[1:])
        ends = product[-1]
        kept, new = np.log(ends), np.log1p(ends * earlier[-1])
        for b in range(len(start)):
            start[b] = self.log_sr
            self.log_sr = np.logaddexp(kept[b] + self.log_sr, new[b])
        return mixture(product, earlier, start).T.reshape(-1)

    def _record(self, log_e: FloatArray, product: FloatArray) -> None:
        best = int(log_e.argmax())
        if log_e[best] <= self.log_e_max:
            return
        if self.crossed_at < 0 and log_e[best] >= math.log(self.arl):
            first = int(np.argmax(log_e >= math.log(self.arl)))
            self.crossed_at = self.n + first + 1
            block, place = divmod(first, len(product))
            before = lows(product[:, :block], self.log_cu, self.low_at, self.n)
            begun = self.n + block * len(product)
            log_cu, low_at = lows(product[: place + 1, block : block + 1], *before, begun)
            self.low_at_crossing = int(low_at[int(np.argmax(log_cu))])
        self.log_e_max = float(log_e[best])
        self.n_at_max = self.n + best + 1


def lows(
    product: FloatArray, log_cu: FloatArray, low_at: IntArray, begun: int
) -> tuple[FloatArray, IntArray]:
    """Move the log of the CUSUM statistics, and where they were last at most 1, over blocks.

    CU_t = max(CU_{t-1}, 1) L_t is at most 1 just where the running product makes a new low, so that
    the last low of a block and its end are all that is needed. What fills the last block may stand
    for a low at its very end; the caller cuts the count back to the last event.

    Parameters
    ----------
    product
        (width, blocks, k), from ``blocks``; the blocks follow each other.
    log_cu, low_at
        (k,), before the blocks.
    begun
        event count before the blocks.
    """
    width = len(product)
    if not product.shape[1]:
        return log_cu, low_at
    lowest, places = lowest_places(product)
    # Sums of logs from the beginning: at the ends of the blocks, and at the low of each.
    ends = np.cumsum(np.log(product[-1]), axis=0)
    bottoms = np.log(lowest)
    bottoms[1:] += ends[:-1]
    floors = np.minimum.accumulate(np.concatenate([-log_cu[None], bottoms]), axis=0)
    new_low = bottoms <= floors[:-1]
    last = len(ends) - 1 - new_low[::-1].argmax(axis=0)
    at = begun + last * width + places[last, np.arange(last.size)]
    return ends[-1] - floors[-1], np.where(new_low.any(axis=0), at, low_at)
