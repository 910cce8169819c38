"""What is watched on slices while one champion serves: bounds, e-detectors, what they found."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Codes, Floats, Ints
from ostinato.stats.bank import DetectorBank
from ostinato.stats.edetector import WARN_SHARE
from ostinato.stats.many import e_d_bh
from ostinato.stats.seasonal import SeasonalBaseline
from ostinato.stats.slice_baseline import SliceBaseline

LEAST_ROWS: Final = 100
"""Reference rows from which a slice is watched. With fewer its bound is so wide that little can
cross it; more leaves small slices to the overall chart."""

MOST_SLICES: Final = 200
"""Slices watched, largest first. Their number does not enter the level of an alarm, only cost."""

SHARE: Final = 0.05
"""Share of false reports tolerated over the patience, and of the false alarms that slices may
make. Larger finds slices sooner (half the labels' logarithm) and slows the overall chart."""

_EVERY: Final = 50
"""Labelled events between two comparisons of the slices with each other. Fewer cost time, more
delay an alarm by as many events."""

_SMALLEST: Final = 1e-6  # a slice without any loss still gets a baseline above zero
_LARGEST_LOG: Final = 700.0  # its exp is finite


def _none() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass(slots=True)
class SliceWatch:
    """What a degradation trigger holds of the slices while one champion serves.

    `codes` (slices,) is the group of each stream of the `bank`, rising; `columns` how many slices a
    row is in at most; `low_ns` (slices, k) when each component last had no evidence, -1 before its
    first event, and `first_ns` (slices,) where the first alarm about a slice saw the change begin.
    `events` counts labelled rows of the loop, `begun_at` those when the bank last began;
    `reported` the streams of an alarm that waits for an answer. `pending` holds losses, times and
    groups while there is no baseline.
    """

    patience: float
    bank: DetectorBank | None = None
    baseline: SliceBaseline | None = None
    codes: Ints = field(default_factory=_none)
    columns: int = 0
    low_ns: Ints = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    first_ns: Ints = field(default_factory=_none)
    events: int = 0
    begun_at: int = 0
    reported: Ints = field(default_factory=_none)
    quiet_until_ns: int | None = None
    pending: list[tuple[Floats, Ints, Codes]] = field(default_factory=list)

    @property
    def alarmed(self) -> bool:
        """Whether an alarm waits for an answer."""
        return bool(self.reported.size)

    @property
    def warned(self) -> bool:
        """Whether slices are past a hundredth of the alarm level now."""
        return self.bank is not None and bool(self._standing(self.bank.log_e, WARN_SHARE).size)

    @property
    def log10_act(self) -> float:
        """Evidence that one slice alone needs; each of r slices needs an r-th of it."""
        return math.log10(self.columns * self.patience / SHARE)

    def adopt(
        self, losses: Floats, bins: Ints, groups: Codes, overall: SeasonalBaseline, tolerance: float
    ) -> None:
        """Choose the slices and begin: (n,) losses in [0, 1] with their bins, (n, columns) groups.

        `overall` is the profile of the same rows.
        """
        self.codes, self.columns = _largest(groups), groups.shape[1]
        if not self.codes.size:
            return
        streams = self._streams(groups)
        self.baseline = SliceBaseline.fit(losses, streams, bins, overall, tolerance=tolerance)
        highest = np.maximum(self.baseline.highest, _SMALLEST)
        expected = np.clip(self.baseline.expected, _SMALLEST, highest)
        self.bank = DetectorBank.begin(expected, arl=10.0**self.log10_act, m_max=highest)
        self.low_ns = np.full(self.bank.low_at.shape, -1)
        self.first_ns = np.full(self.codes.size, -1)

    def take(self, losses: Floats, times: Ints, bins: Ints, groups: Codes) -> None:
        """Take (n,) losses in [0, 1]; after an alarm nothing more is taken until its answer.

        The slices are compared with each other after every 50th event, wherever a batch ends.
        Most batches are taken at once: where not even the highest evidence of each slice makes an
        alarm, no moment did.
        """
        if self.bank is None or self.alarmed:
            return
        streams = self._streams(groups)
        before = deepcopy((self.bank, self.low_ns))
        self._feed(losses, times, bins, streams)
        if not self._standing(self.bank.log_e_max).size:
            self.events += len(losses)
            return
        self.bank, self.low_ns = before
        self._compare(losses, times, bins, streams)

    def answered(self, until_ns: int) -> None:
        """Begin anew after an alarm was answered; rest until a moment."""
        self.quiet_until_ns = until_ns
        if self.bank is None:
            return
        fresh = self.reported[self.first_ns[self.reported] < 0]
        self.first_ns[fresh] = self._change_ns()[fresh]
        self.bank.reset(np.ones(self.codes.size, dtype=np.bool_))
        self.low_ns = np.full_like(self.low_ns, -1)
        self.reported, self.begun_at = _none(), self.events

    def registered(self) -> dict[str, Any] | None:
        """Return what the detectors were begun with; None before there are any."""
        if self.bank is None or self.baseline is None:
            return None
        return {
            "combined": "e-d-BH",
            "share": SHARE,
            "patience_events": self.patience,
            "columns": self.columns,
            "compared_every_events": _EVERY,
            "begun_at_event": self.begun_at,
            "groups": self.codes.tolist(),
            "baseline": self.baseline.registered(),
            "bank": self.bank.registered(),
        }

    def changes(self) -> dict[int, int]:
        """Return where the change began, for the group of each slice that was reported."""
        found = self._change_ns()
        return {int(self.codes[each]): int(found[each]) for each in self.reported.tolist()}

    def evidence(self, streams: Ints) -> dict[int, dict[str, float]]:
        """Return what is known of some slices by their group, most evidence first."""
        if self.bank is None:
            return {}
        log10, order = self.bank.log_e / math.log(10), np.argsort(-self.bank.log_e[streams])
        return {
            int(self.codes[each]): {"log10_e": float(log10[each]), "events": int(self.bank.n[each])}
            for each in streams[order].tolist()
        }

    def _standing(self, log_e: Floats, share: float = 1.0) -> Ints:
        # Every row adds at most 1 to the sum of the evidence of the slices of a column: patience in
        # events of an average slice.
        each = self.patience * share * self.columns / self.codes.size
        values = np.exp(np.minimum(log_e, _LARGEST_LOG))
        return np.flatnonzero(e_d_bh(values, q=SHARE, patience=each))

    def _streams(self, groups: Codes) -> Ints:
        places = np.minimum(np.searchsorted(self.codes, groups), self.codes.size - 1)
        return np.where(self.codes[places] == groups, places, -1)

    def _compare(self, losses: Floats, times: Ints, bins: Ints, streams: Ints) -> None:
        """Feed up to each event at which slices are compared; stop at an alarm."""
        borders = range(_EVERY - self.events % _EVERY, len(losses), _EVERY)
        start = 0
        for stop in (*borders, len(losses)):
            part = slice(start, stop)
            self._feed(losses[part], times[part], bins[part], streams[part])
            self.events, start = self.events + stop - start, stop
            if self.events % _EVERY == 0:
                assert self.bank is not None, "only slices that are watched are compared"
                self.reported = self._standing(self.bank.log_e)
                if self.alarmed:
                    return

    def _feed(self, losses: Floats, times: Ints, bins: Ints, streams: Ints) -> None:
        assert self.bank is not None, "only slices that are watched are fed"
        assert self.baseline is not None, "detectors come with their baseline"
        rows, columns = np.nonzero(streams >= 0)
        if not rows.size:
            return
        of = streams[rows, columns]
        count, low = self.bank.n.copy(), self.bank.low_at.copy()
        limits = np.clip(self.baseline.at(of, bins[rows]), _SMALLEST, self.bank.m_max[of])
        self.bank.update(of, losses[rows], limits)
        moments = times[rows][np.argsort(of, kind="stable")]
        sizes = np.bincount(of, minlength=count.size)
        starts = (np.cumsum(sizes) - sizes)[:, None]
        new = (self.low_ns < 0) & (sizes > 0)[:, None]
        self.low_ns[new] = moments[np.broadcast_to(starts, new.shape)[new]]
        moved = self.bank.low_at != low
        self.low_ns[moved] = moments[(starts + self.bank.low_at - count[:, None] - 1)[moved]]

    def _change_ns(self) -> Ints:
        assert self.bank is not None, "only slices that are watched change"
        winners = self.bank.log_cu.argmax(axis=1)
        now = self.low_ns[np.arange(winners.size), winners]
        return np.where(self.first_ns >= 0, self.first_ns, now)


def _largest(groups: Codes) -> Ints:
    """Return the groups with enough rows, the largest ones where there are too many; rising."""
    known: NDArray[np.int32] = groups[groups >= 0]
    rows = np.bincount(known)
    order = np.argsort(-rows, kind="stable")[:MOST_SLICES]
    return np.sort(order[rows[order] >= LEAST_ROWS])
