"""Many e-detectors at once: one alarm per slice, model or metric, in arrays.

In: losses with the stream each belongs to and the baseline each was allowed. Out: per stream what
``EDetector`` says, to float rounding. State: twelve components per stream. Correct the alarms of
many streams with ``many.e_d_bh``.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ostinato.stats.arrays import BoolArray, FloatArray, IntArray
from ostinato.stats.blocks import accumulate, lowest_places, mixture, sums_before
from ostinato.stats.edetector import BLOCK, WARN_SHARE, EDetector, lows

_ENTRIES = 1 << 17  # of a work array that stays in the cache


@dataclass(slots=True)
class DetectorBank:
    """One ``EDetector`` per stream; the promise holds for each stream alone.

    Costs some .3 microseconds per event where a tick brings events of a hundred streams or more.

    Parameters
    ----------
    arl
        alarm threshold, and lower bound of the average run length of each stream in its events.
    m_max
        (streams,), largest baseline that may be passed to ``update``.
    bets
        (streams, k), bet of each component.
    log_sr, log_cu, low_at
        (streams, k), as for ``EDetector``.
    n, log_e, log_e_max, n_at_max, crossed_at, low_at_crossing
        (streams,), as for ``EDetector``; counts are events of the stream.

    Source: Shin, Ramdas, Rinaldo 2023, "E-detectors", NEJSDS; see ``EDetector``.

    Examples
    --------
    >>> bank = DetectorBank.begin(np.array([0.1, 0.1]), arl=1000.0)
    >>> bank.update(np.tile([0, 1], 12), np.tile([1.0, 0.0], 12), np.full(24, 0.1))
    >>> bank.crossed_at
    array([ 7, -1])
    """

    arl: float
    m_max: FloatArray
    bets: FloatArray
    log_sr: FloatArray
    log_cu: FloatArray
    low_at: IntArray
    n: IntArray
    log_e: FloatArray
    log_e_max: FloatArray
    n_at_max: IntArray
    crossed_at: IntArray
    low_at_crossing: IntArray

    @classmethod
    def begin(
        cls,
        m0: FloatArray,
        *,
        arl: float = 1e6,
        m_max: FloatArray | None = None,
        components: int = 12,
    ) -> "DetectorBank":
        """Choose the bets of each stream as ``EDetector.begin`` does.

        Parameters
        ----------
        m0
            (streams,), reference mean loss of each, in (0, 1).
        arl, components
            as for ``EDetector``.
        m_max
            (streams,), largest baseline that will occur, in [m0, 1); m0 when left out.

        Raises
        ------
        ValueError
            when a value is out of its range or there is no stream.
        """
        highest = m0 if m_max is None else m_max
        if m0.ndim != 1 or not m0.size or highest.shape != m0.shape:
            raise ValueError(f"m0 and m_max of (streams,) expected: {m0.shape}, {highest.shape}")
        each = [
            EDetector.begin(float(mean), arl=arl, m_max=float(top), components=components)
            for mean, top in zip(m0, highest, strict=True)
        ]
        nothing, zeros = np.zeros((m0.size, components)), np.zeros(m0.size)
        counts = zeros.astype(np.int64)
        return cls(
            float(arl),
            highest.astype(np.float64),
            np.stack([detector.bets for detector in each]),
            nothing,
            nothing.copy(),
            nothing.astype(np.int64),
            counts,
            zeros,
            zeros.copy(),
            counts.copy(),
            counts - 1,
            counts - 1,
        )

    @property
    def crossed(self) -> BoolArray:
        """Whether each stream reached ``arl`` since its last reset, (streams,)."""
        return self.crossed_at >= 0

    @property
    def warned(self) -> BoolArray:
        """Whether each stream reached a hundredth of ``arl`` since its last reset, (streams,)."""
        return self.log_e_max >= math.log(self.arl * WARN_SHARE)

    @property
    def change_point(self) -> IntArray:
        """Event count of each stream after which its change began, (streams,)."""
        winners = self.log_cu.argmax(axis=1)
        now = self.low_at[np.arange(winners.size), winners]
        return np.where(self.crossed, self.low_at_crossing, now)

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first event, for the journal."""
        return {
            "method": "bank of mixture Shiryaev-Roberts e-detectors",
            "arl": self.arl,
            "warn": self.arl * WARN_SHARE,
            "m_max": self.m_max.tolist(),
            "bets": self.bets.tolist(),
        }

    def reset(self, streams: IntArray | BoolArray) -> None:
        """Forget the evidence of some streams (indices or a mask); their counts go on."""
        self.log_sr[streams] = self.log_cu[streams] = 0.0
        self.low_at[streams] = self.n[streams, None]
        self.log_e[streams] = self.log_e_max[streams] = 0.0
        self.n_at_max[streams] = self.n[streams]
        self.crossed_at[streams] = self.low_at_crossing[streams] = -1

    def update(self, streams: IntArray, losses: FloatArray, baselines: FloatArray) -> None:
        """Take in events; those of one stream in their order.

        Parameters
        ----------
        streams
            (n,), stream of each event, in [0, number of streams).
        losses, baselines
            (n,), as for ``EDetector.update``.

        Raises
        ------
        ValueError
            when shapes differ or a value is out of range (NaN included).
        """
        if not (losses.shape == baselines.shape == streams.shape and losses.ndim == 1):
            shapes = f"{streams.shape}, {losses.shape} and {baselines.shape}"
            raise ValueError(f"shapes must agree: {shapes}")
        if not losses.size:
            return
        if not (streams.min() >= 0 and streams.max() < self.n.size):
            raise ValueError(f"streams must be in [0, {self.n.size})")
        if not (losses.min() >= 0.0 and losses.max() <= 1.0):
            raise ValueError(f"losses must be in [0, 1]: {losses.min()} to {losses.max()}")
        if not (baselines.min() >= 0.0 and (baselines <= self.m_max[streams]).all()):
            raise ValueError("baselines must be in [0, m_max of the stream]")
        for rows, lengths, excess in _tables(streams, losses - baselines, self.n.size):
            group = max(1, _ENTRIES // (len(excess) * self.bets.shape[1]))
            for start in range(0, rows.size, group):
                part = slice(start, start + group)
                self._take(rows[part], lengths[part], excess[:, part])

    def update_table(self, losses: FloatArray, baselines: FloatArray) -> None:
        """Take in a table of events, row by row.

        Parameters
        ----------
        losses
            (n, streams), in [0, 1]; NaN where a stream has no event.
        baselines
            of a shape that broadcasts to that of ``losses``.

        Raises
        ------
        ValueError
            when the shape differs or a value is out of range.
        """
        if losses.ndim != 2 or losses.shape[1] != self.n.size:
            raise ValueError(f"losses of (n, {self.n.size}) expected, shape was {losses.shape}")
        rows, streams = np.nonzero(~np.isnan(losses))
        allowed = np.broadcast_to(baselines, losses.shape)
        self.update(streams, losses[rows, streams], allowed[rows, streams])

    def _take(self, streams: IntArray, lengths: IntArray, excess: FloatArray) -> None:
        # excess: (width, a); the first lengths[j] rows of column j are events of streams[j].
        product = np.ascontiguousarray(excess)[:, :, None] * self.bets[streams]
        product += 1.0
        accumulate(np.multiply, product)
        earlier = sums_before(product, lengths)
        start, ends = self.log_sr[streams], product[-1]
        kept, new = np.log(ends) + start, np.log1p(ends * earlier[-1])
        log_e = mixture(product, earlier, start)
        self._record(streams, log_e, product)
        self._follow(streams, lengths, product)
        self.log_sr[streams] = np.logaddexp(kept, new)
        self.log_e[streams] = log_e[-1]
        self.n[streams] += lengths

    def _record(self, streams: IntArray, log_e: FloatArray, product: FloatArray) -> None:
        # Before the counts move on. Rows without an event repeat the last: never a first maximum.
        best = log_e.max(axis=0)
        threshold = math.log(self.arl)
        for place in np.flatnonzero((best >= threshold) & ~self.crossed[streams]):
            stream = streams[place]
            first = int((log_e[:, place] >= threshold).argmax())
            log_cu, low_at = lows(
                product[: first + 1, place : place + 1],
                self.log_cu[stream],
                self.low_at[stream],
                int(self.n[stream]),
            )
            self.crossed_at[stream] = self.n[stream] + first + 1
            self.low_at_crossing[stream] = low_at[int(np.argmax(log_cu))]
        higher = best > self.log_e_max[streams]
        found = streams[higher]
        self.log_e_max[found] = best[higher]
        self.n_at_max[found] = self.n[found] + log_e[:, higher].argmax(axis=0) + 1

    def _follow(self, streams: IntArray, lengths: IntArray, product: FloatArray) -> None:
        # As ``edetector.lows``, one block per stream.
        lowest, places = lowest_places(product)
        before = self.log_cu[streams]
        low = before + np.log(lowest)
        at = self.n[streams, None] + np.minimum(places, lengths[:, None])
        self.log_cu[streams] = before + np.log(product[-1]) - np.minimum(low, 0.0)
        self.low_at[streams] = np.where(low <= 0.0, at, self.low_at[streams])


def _tables(
    streams: IntArray, excess: FloatArray, count: int
) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
    # Cut the events into tables with a column per stream that has events left. A table is as high
    # as the shortest column, or as all tables before it together (128 at most): at most half of it
    # is empty, however uneven the streams are.
    sizes = np.bincount(streams, minlength=count)
    order = np.argsort(streams, kind="stable")
    rank = np.empty(streams.size, dtype=np.int64)
    rank[order] = np.arange(streams.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    longest_first = np.argsort(-sizes, kind="stable")
    column = np.empty(count, dtype=np.int64)
    column[longest_first] = np.arange(count)
    begun = 0
    while begun < sizes.max():
        active = longest_first[: int((sizes > begun).sum())]
        even = sizes[active[-1]] - begun
        width = int(min(max(begun, even), BLOCK, sizes.max() - begun))
        mine = (rank >= begun) & (rank < begun + width)
        table = np.zeros((width, active.size))
        table[rank[mine] - begun, column[streams[mine]]] = excess[mine]
        yield active, np.minimum(sizes[active] - begun, width), table
        begun += width
