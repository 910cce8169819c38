"""The `Level` streams of a book, side by side in arrays: means, references and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.stats.window_levels import (
    LevelReference,
    fit_levels,
    level_persistence,
    level_spread,
)
from ostinato.stats.window_memory import Pairs, joint_correlation
from ostinato.stats.window_prior import Common, usual_spread
from ostinato.stats.window_shares import STEPS
from ostinato.stats.windows import Moments
from ostinato.watch.measured import Bools, no_bools, no_floats, no_ints
from ostinato.watch.reading import Level


@dataclass(slots=True)
class LevelWindow:
    """Rows, mean and standard deviation of a row of each stream in a window, (streams,) each."""

    rows: Floats
    mean: Floats
    deviation: Floats

    @classmethod
    def zeros(cls, streams: int) -> LevelWindow:
        """Return a window without rows."""
        return cls(*(np.zeros(streams) for _ in range(3)))

    def add(self, other: LevelWindow) -> None:
        """Add the rows of another window, in place. Source: Chan, Golub, LeVeque 1979."""
        if not len(self.rows):
            return
        rows = self.rows + other.rows
        share = np.divide(other.rows, rows, out=np.zeros_like(rows), where=rows > 0.0)
        apart = other.mean - self.mean
        inside = (1.0 - share) * np.square(self.deviation) + share * np.square(other.deviation)
        squares = inside + np.square(apart) * share * (1.0 - share)
        self.rows, self.mean = rows, self.mean + apart * share
        self.deviation = np.sqrt(np.maximum(squares, 0.0))

    def kept(self, streams: Bools) -> LevelWindow:
        """Return the window of some streams alone."""
        return LevelWindow(self.rows[streams], self.mean[streams], self.deviation[streams])

    def grown(self, more: int) -> LevelWindow:
        """Return the window with streams without rows added."""
        none = np.zeros(more)
        parts = (self.rows, self.mean, self.deviation)
        return LevelWindow(*(np.concatenate([each, none]) for each in parts))


@dataclass(slots=True)
class LevelLines:
    """Levels of many streams.

    Parameters
    ----------
    names, floor, relative, rising, falling
        Per stream: its name, and what `Level` says of it.
    open
        The long window that is open.
    slow, pairs, fast, within, within_fast
        Sums over long windows of the reference, over neighbours among them, over short windows, and
        over their rows' own variances.
    center
        Per stream, its first mean, taken off for digits.
    seasons, ready, ready_fast, common, common_fast, live, log_sr, before, since_ns, absent
        As in `ShareLines`, a stream for a set.
    against, borders
        What streams are compared with, and their borders (streams, 2); of those not ready, of no
        meaning.
    fast_between
        Upper limit of the variance between short windows; NaN where it is not known yet.
    """

    names: list[str] = field(default_factory=list)
    floor: Floats = field(default_factory=no_floats)
    relative: Bools = field(default_factory=no_bools)
    rising: Bools = field(default_factory=no_bools)
    falling: Bools = field(default_factory=no_bools)
    open: LevelWindow = field(default_factory=lambda: LevelWindow.zeros(0))
    slow: Moments = field(default_factory=lambda: Moments.zeros(0, 0))
    pairs: Pairs = field(default_factory=lambda: Pairs.zeros(0, 0))
    fast: Moments = field(default_factory=lambda: Moments.zeros(0, 0))
    within: Floats = field(default_factory=no_floats)
    within_fast: Floats = field(default_factory=no_floats)
    center: Floats = field(default_factory=no_floats)
    seasons: Floats = field(default_factory=no_floats)
    ready: Bools = field(default_factory=no_bools)
    ready_fast: Bools = field(default_factory=no_bools)
    common: Common = field(default_factory=lambda: Common.nothing(0))
    common_fast: Common = field(default_factory=lambda: Common.nothing(0))
    before: Floats = field(default_factory=no_floats)
    live: Floats = field(default_factory=no_floats)
    since_ns: Ints = field(default_factory=no_ints)
    absent: Ints = field(default_factory=no_ints)
    against: LevelReference = field(default_factory=LevelReference.nothing)
    borders: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    fast_between: Floats = field(default_factory=no_floats)
    log_sr: Floats = field(default_factory=lambda: np.zeros((0, 2, len(STEPS))))

    def placed(self, readings: Sequence[Level], names: Sequence[str]) -> LevelWindow:
        """Return the readings in the order of the book; streams it lacks are added."""
        if not readings:
            return LevelWindow.zeros(len(self.names))
        if list(names) != self.names:
            known = frozenset(self.names)
            given = dict(zip(names, readings, strict=True))
            new = [name for name in given if name not in known]
            self._grow(new, [given[name] for name in new])
        read = np.array([(r.rows, r.mean, r.deviation) for r in readings]).reshape(-1, 3).T
        if list(names) == self.names:
            return LevelWindow(*(np.ascontiguousarray(each) for each in read))
        window, places = LevelWindow.zeros(len(self.names)), self._places(names)
        window.rows[places], window.mean[places], window.deviation[places] = read
        return window

    def _places(self, names: Sequence[str]) -> Ints:
        places = {name: place for place, name in enumerate(self.names)}
        return np.array([places[name] for name in names], dtype=np.int64)

    def _grow(self, names: list[str], readings: Sequence[Level]) -> None:
        if not names:
            return
        more = len(names)
        self.names = [*self.names, *names]
        for each in ("floor", "relative", "rising", "falling"):
            told = np.array([getattr(reading, each) for reading in readings])
            setattr(self, each, np.concatenate([getattr(self, each), told]))
        self.center = np.concatenate([self.center, [reading.mean for reading in readings]])
        for each in _PER_STREAM:
            had = getattr(self, each)
            setattr(self, each, np.concatenate([had, np.zeros(more, dtype=had.dtype)]))
        self.open = self.open.grown(more)
        self.slow, self.fast = self.slow.grown(more, more), self.fast.grown(more, more)
        self.pairs = self.pairs.grown(more, more)
        self.common, self.common_fast = self.common.grown(more), self.common_fast.grown(more)
        self.before[-more:] = np.nan
        self.log_sr = np.concatenate([self.log_sr, np.full((more, 2, len(STEPS)), -np.inf)])
        self._compare()

    def keep(self, streams: Bools) -> None:
        """Forget all streams but these."""
        self.names = [n for n, kept in zip(self.names, streams.tolist(), strict=True) if kept]
        for each in (*_PER_STREAM, "floor", "relative", "rising", "falling", "center", "log_sr"):
            setattr(self, each, getattr(self, each)[streams])
        self.open = self.open.kept(streams)
        self.slow, self.fast = self.slow.kept(streams, streams), self.fast.kept(streams, streams)
        self.pairs = self.pairs.kept(streams, streams)
        self.common, self.common_fast = self.common.kept(streams), self.common_fast.kept(streams)
        self._compare()

    # ------------------------------------------------------------ references

    def begin_anew(self) -> None:
        """Forget what streams are compared with, and the evidence; not how short windows vary."""
        everything = np.ones(len(self.names), dtype=np.bool_)
        self.slow.forget(everything, everything)
        self.pairs.forget(everything, everything)
        self.within[:], self.ready[:] = 0.0, False
        self.log_sr[:], self.before[:] = -np.inf, np.nan
        self._compare()

    def restart(self, names: frozenset[str]) -> None:
        """Forget the evidence of some streams."""
        self.log_sr[np.array([name in names for name in self.names], dtype=np.bool_)] = -np.inf

    def learn_long(self, window: LevelWindow) -> None:
        """Add a long window to the references of streams that have none yet."""
        if self.ready.all() and self.ready_fast.all():
            return
        self._learn(self.slow, self.within, window, ~self.ready)
        owner, totals = np.arange(len(self.names)), window.rows * (window.mean - self.center)
        self.pairs.add(owner, window.rows, totals, ~self.ready)
        self.seasons += (window.rows > 0.0) & ~self.ready_fast

    def learn_short(self, window: LevelWindow) -> None:
        """Add a short window to what is known of the spread of short windows."""
        if not self.names:
            return
        learning = ~self.ready_fast
        if (window.rows[learning] > 0.0).any():
            self._learn(self.fast, self.within_fast, window, learning)

    def _learn(self, moments: Moments, within: Floats, window: LevelWindow, who: Bools) -> None:
        owner = np.arange(len(self.names))
        moments.add(owner, window.rows, window.rows * (window.mean - self.center), who)
        within += np.where(who, window.rows * np.square(window.deviation), 0.0)

    def complete(self, least: int, least_fast: int, of: frozenset[str] | None = None) -> list[str]:
        """Close the references that have enough windows, of some streams or all; return whose."""
        now = ~self.ready & (self.slow.windows >= least)
        if of is not None:
            now &= np.array([name in of for name in self.names], dtype=np.bool_)
        fast = ~self.ready_fast & (self.seasons >= least_fast) & (self.fast.windows > self.seasons)
        if now.any() or fast.any():
            self.ready |= now
            self.ready_fast |= fast
            self._share(now, fast)
            self._compare()
        return [self.names[place] for place in np.flatnonzero(now).tolist()]

    def _share(self, slow: Bools, fast: Bools) -> None:
        """Tell new streams what all streams show together, how windows resemble and differ."""
        if slow.any():
            found, ready = level_persistence(self.pairs, self.slow), self.ready
            joint = joint_correlation(found[ready], self.slow.windows[ready])
            spread = self._usual(self.slow, self.within, self.slow.windows, ready, joint)
            self.common.tell(slow, joint, *spread)
        if fast.any():
            spread = self._usual(self.fast, self.within_fast, self.seasons, self.ready_fast, 0.0)
            self.common_fast.tell(fast, 0.0, *spread)

    def _usual(
        self, moments: Moments, within: Floats, seasons: Floats, ready: Bools, lasting: float
    ) -> tuple[float, float]:
        chosen = ready & (within > 0.0)
        streams = len(self.names)
        ratio, many, usual = level_spread(moments, within, seasons, np.full(streams, lasting))
        one = np.ones(int(chosen.sum()))
        return usual_spread(ratio[chosen], many[chosen], usual[chosen], one)

    def _compare(self) -> None:
        told = self.center, self.floor, self.relative
        endless = np.full(len(self.names), np.inf)
        self.against = fit_levels(self.slow, self.within, *told, endless, self.common)
        learned = fit_levels(self.fast, self.within_fast, *told, self.seasons, self.common_fast)
        self.fast_between = np.where(self.ready_fast, learned.between_high, np.nan)
        self.borders = self.against.borders
        # A move that does not matter has no border to cross.
        self.borders[~self.rising, 0], self.borders[~self.falling, 1] = np.inf, np.inf
        sides = self.rising.astype(np.float64) + self.falling
        self.live = np.maximum(sides * len(STEPS), 1.0)

    @property
    def watched(self) -> int:
        """How many streams share the budget: those with a reference that were seen lately."""
        return int((self.ready & (self.absent <= 1)).sum())

    def facts(self, names: frozenset[str]) -> dict[str, Any]:
        """Return what was fixed of some streams before they were weighed."""
        against, found = self.against, {}
        for place, name in enumerate(self.names):
            if name in names and self.ready[place]:
                found[name] = {
                    "floor": float(against.floor[place]),
                    "windows": float(self.slow.windows[place]),
                    "rows": float(self.slow.rows[place]),
                    "reference": float(against.mean[place]),
                    "error": float(against.error[place]),
                    "persistence": round(float(self.common.persistence[place]), 6),
                    "row_variance": float(against.row[place]),
                    "window_variance": float(against.between_high[place]),
                }
        return found


_PER_STREAM = (
    "within",
    "within_fast",
    "seasons",
    "before",
    "ready",
    "ready_fast",
    "live",
    "since_ns",
    "absent",
)
