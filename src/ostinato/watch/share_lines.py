"""The `Shares` streams of a book, side by side in arrays: references and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.stats.window_memory import Pairs, joint_correlation
from ostinato.stats.window_prior import Common, usual_spread
from ostinato.stats.window_shares import (
    STEPS,
    ShareReference,
    fit_shares,
    share_persistence,
    share_spread,
)
from ostinato.stats.windows import Moments
from ostinato.watch.measured import Bools, no_bools, no_floats, no_ints
from ostinato.watch.reading import Shares
from ostinato.watch.share_cells import ShareCells
from ostinato.watch.share_sets import REST, watched_sets


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Finds the sets of a short window that lie beyond their borders, in few steps.

    Parameters
    ----------
    sets
        (s,) places of the sets that short windows are weighed of.
    start, stop, first, last
        (s,) where the cells of its stream begin and end, and those of the set; none for `REST`.
    rest, owner
        Which of them are all other cells; the stream of each.
    low, high
        (s,) shares between which nothing is weighed.
    """

    sets: Ints
    start: Ints
    stop: Ints
    first: Ints
    last: Ints
    rest: Ints
    owner: Ints
    low: Floats
    high: Floats

    def beyond(self, counts: Floats) -> tuple[Ints, Floats, Floats]:
        """Return sets beyond a border, the rows in each, and the rows of its stream.

        Parameters
        ----------
        counts
            (cells,), rows per cell, whole numbers: sums of them are exact.
        """
        below = np.zeros(len(counts) + 1)
        np.cumsum(counts, out=below[1:])
        n = below[self.stop] - below[self.start]
        hits = below[self.last] - below[self.first]
        if len(self.rest):
            there = np.bincount(self.owner, hits)
            hits[self.rest] = n[self.rest] - there[self.owner[self.rest]]
        share = hits / np.maximum(n, 1.0)
        out = np.flatnonzero(((share > self.high) | (share < self.low)) & (n > 0.0))
        return self.sets[out], hits[out], n[out]


@dataclass(slots=True)
class ShareLines:
    """Shares of many streams; a stream is a run of cells, a set a part of it that is watched.

    Parameters
    ----------
    cells
        The streams, and where their cells lie.
    open
        (cells,), rows of the long window that is open.
    slow, pairs, fast
        Sums over long windows of the reference, over neighbours among them, and over short windows;
        a line per cell: rows up to it where ordered, else of it.
    seasons
        Per stream, long windows that `fast` went through.
    ready, ready_fast
        Per stream, whether it has its reference: only then is it weighed.
    common, common_fast
        Per stream, what it takes from all, of long and of short windows.
    chosen, owner
        Per set, the cell it is or ends with (`REST`: all others), and its stream, ascending.
    against, borders, fast_alike
        What sets are compared with, their borders (sets, 2), and the likeness of rows within short
        windows, NaN where it is not known.
    screen_
        What of short windows is not worth weighing; None: not computed yet.
    live
        Per stream, among how many alternatives its evidence is shared.
    log_sr, before
        (sets, sides, alternatives), evidence gathered; (sets,), share in the long window before.
    since_ns, absent
        Per stream, the first window that spoke for a move; long windows since it was last seen.
    """

    cells: ShareCells = field(default_factory=ShareCells)
    open: Floats = field(default_factory=no_floats)
    slow: Moments = field(default_factory=lambda: Moments.zeros(0, 0))
    pairs: Pairs = field(default_factory=lambda: Pairs.zeros(0, 0))
    fast: Moments = field(default_factory=lambda: Moments.zeros(0, 0))
    seasons: Floats = field(default_factory=no_floats)
    ready: Bools = field(default_factory=no_bools)
    ready_fast: Bools = field(default_factory=no_bools)
    common: Common = field(default_factory=lambda: Common.nothing(0))
    common_fast: Common = field(default_factory=lambda: Common.nothing(0))
    chosen: Ints = field(default_factory=no_ints)
    owner: Ints = field(default_factory=no_ints)
    against: ShareReference = field(default_factory=ShareReference.nothing)
    borders: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    fast_alike: Floats = field(default_factory=no_floats)
    screen_: Screen | None = None
    live: Floats = field(default_factory=no_floats)
    log_sr: Floats = field(default_factory=lambda: np.zeros((0, 2, len(STEPS))))
    before: Floats = field(default_factory=no_floats)
    since_ns: Ints = field(default_factory=no_ints)
    absent: Ints = field(default_factory=no_ints)

    @property
    def names(self) -> list[str]:
        """The streams."""
        return self.cells.names

    @property
    def watched(self) -> int:
        """How many streams share the budget: those with a reference that were seen lately."""
        return int((self.ready & (self.absent <= 1)).sum())

    def placed(self, readings: Sequence[Shares], names: Sequence[str]) -> Floats:
        """Return the counts of readings in the cells of the book; streams it lacks are added.

        A stream whose cells are others than before begins anew.
        """
        if not readings:
            return np.zeros(len(self.cells.owner_))
        if self.cells.fits(names, [len(each.counts) for each in readings]):
            return np.concatenate([each.counts for each in readings]).astype(np.float64)
        key: tuple[str | int, ...] = (*names, *(len(each.counts) for each in readings))
        places = self.cells.places_.get(key)
        if places is None:
            self._make_room(readings, names)
            places = self.cells.remembered(key, names)
        counts = np.zeros(len(self.cells.owner_))
        counts[places] = np.concatenate([each.counts for each in readings])
        return counts

    def _make_room(self, readings: Sequence[Shares], names: Sequence[str]) -> None:
        known = dict(zip(self.names, self.cells.sizes.tolist(), strict=True))
        given = dict(zip(names, readings, strict=True))
        same = {name: len(given[name].counts) == known[name] for name in given if name in known}
        if not all(same.values()):
            self.keep(np.array([same.get(name, True) for name in self.names], dtype=np.bool_))
        new = [name for name in given if not same.get(name, False)]
        if new:
            self._grow(new, [given[name] for name in new])

    def _grow(self, names: list[str], readings: Sequence[Shares]) -> None:
        before = len(self.cells.owner_)
        self.cells = self.cells.grown(names, readings)
        streams, cells = len(names), len(self.cells.owner_) - before
        self.open = np.concatenate([self.open, np.zeros(cells)])
        for each in ("slow", "pairs", "fast"):
            setattr(self, each, getattr(self, each).grown(streams, cells))
        self.common = self.common.grown(streams)
        self.common_fast = self.common_fast.grown(streams)
        for each in _PER_STREAM:
            had = getattr(self, each)
            setattr(self, each, np.concatenate([had, np.zeros(streams, dtype=had.dtype)]))

    def keep(self, streams: Bools) -> None:
        """Forget all streams but these."""
        cells, sets = streams[self.cells.owner_], streams[self.owner]
        moved, chosen = np.cumsum(cells) - 1, self.chosen[sets]
        self.cells = self.cells.kept(streams)
        self.open = self.open[cells]
        for each in ("slow", "pairs", "fast"):
            setattr(self, each, getattr(self, each).kept(streams, cells))
        self.common, self.common_fast = self.common.kept(streams), self.common_fast.kept(streams)
        for each in _PER_STREAM:
            setattr(self, each, getattr(self, each)[streams])
        self.chosen = np.where(chosen == REST, REST, moved[chosen])
        self.owner = (np.cumsum(streams) - 1)[self.owner[sets]]
        self.log_sr, self.before = self.log_sr[sets], self.before[sets]
        self._compare()

    def hits(self, counts: Floats, rows: Floats) -> Floats:
        """Return the rows in each set."""
        return self._of_sets(self.cells.lines(counts), rows)

    def _of_sets(self, lines: Floats, rows: Floats) -> Floats:
        found: Floats = lines[self.chosen]
        rest = self.chosen == REST
        if rest.any():
            found[rest] = 0.0
            there = np.bincount(self.owner, found, minlength=len(rows))
            found[rest] = (rows - there)[self.owner[rest]]
        return found

    # ------------------------------------------------------------ references

    def begin_anew(self) -> None:
        """Forget what streams are compared with, and the evidence; not how short windows vary."""
        everything = np.ones(len(self.names), dtype=np.bool_)
        for sums in (self.slow, self.pairs):
            sums.forget(everything, everything[self.cells.owner_])
        self.ready[:] = False
        self._choose()
        self._compare()

    def restart(self, names: frozenset[str]) -> None:
        """Forget the evidence of some streams."""
        chosen = np.array([name in names for name in self.names], dtype=np.bool_)
        self.log_sr[chosen[self.owner]] = -np.inf

    def learn_long(self, counts: Floats) -> None:
        """Add a long window to the references of streams that have none yet."""
        if self.ready.all() and self.ready_fast.all():
            return
        rows, lines = self.cells.rows(counts), self.cells.lines(counts)
        for sums in (self.slow, self.pairs):
            sums.add(self.cells.owner_, rows, lines, ~self.ready)
        self.seasons += (rows > 0.0) & ~self.ready_fast

    def learn_short(self, counts: Floats) -> None:
        """Add a short window to what is known of the spread of short windows."""
        if not self.ready_fast.all():
            rows, learning = self.cells.rows(counts), ~self.ready_fast
            if (rows[learning] > 0.0).any():  # slices come in long windows alone
                self.fast.add(self.cells.owner_, rows, self.cells.lines(counts), learning)

    def complete(self, least: int, least_fast: int, of: frozenset[str] | None = None) -> list[str]:
        """Close the references that have enough windows, of some streams or all; return whose."""
        now = ~self.ready & (self.slow.windows >= least)
        if of is not None:
            now &= np.array([name in of for name in self.names], dtype=np.bool_)
        fast = ~self.ready_fast & (self.seasons >= least_fast) & (self.fast.windows > self.seasons)
        if now.any() or fast.any():
            both = self.ready & self.ready_fast
            self.ready |= now
            self.ready_fast |= fast
            self._choose()
            self._share(now, self.ready & self.ready_fast & ~both)
            self._compare()
        return [self.names[place] for place in np.flatnonzero(now).tolist()]

    def _choose(self) -> None:
        """Choose sets of new references, drop those of forgotten ones."""
        stays = self.ready[self.owner]
        had = np.zeros(len(self.names), dtype=np.bool_)
        had[self.owner[stays]] = True
        new = [(p, self._sets(p)) for p in np.flatnonzero(self.ready & ~had).tolist()]
        chosen = np.concatenate([self.chosen[stays], *(sets for _, sets in new)])
        owners = [self.owner[stays], *(np.full(len(sets), place) for place, sets in new)]
        owner = np.concatenate(owners).astype(np.int64)
        order, fresh = np.argsort(owner, kind="stable"), len(chosen) - int(stays.sum())
        none = np.full((fresh, 2, len(STEPS)), -np.inf)
        self.log_sr = np.concatenate([self.log_sr[stays], none])[order]
        self.before = np.concatenate([self.before[stays], np.full(fresh, np.nan)])[order]
        self.chosen, self.owner = chosen[order].astype(np.int64), owner[order]

    def _sets(self, place: int) -> Ints:
        start, ordered = int(self.cells.starts_[place]), bool(self.cells.ordered[place])
        lines = self.slow.sums[start : start + int(self.cells.sizes[place])]
        cells = watched_sets(np.diff(lines, prepend=0.0) if ordered else lines, ordered=ordered)
        return np.array([REST if cell == REST else start + cell for cell in cells], dtype=np.int64)

    def _share(self, slow: Bools, fast: Bools) -> None:
        """Tell new streams what all streams show together, how windows resemble and differ."""
        if not len(self.owner):
            return
        ready = self.ready & (np.bincount(self.owner, minlength=len(self.names)) > 0)
        if slow.any():
            moments = self._moments(self.slow)
            found = share_persistence(self._pairs(), moments, self.owner)
            joint = joint_correlation(found[ready], moments.windows[ready])
            self.common.tell(slow, joint, *self._usual(moments, moments.windows, ready, joint))
        if fast.any():
            moments, ready = self._moments(self.fast), ready & self.ready_fast
            self.common_fast.tell(fast, 0.0, *self._usual(moments, self.seasons, ready, 0.0))

    def _usual(
        self, moments: Moments, seasons: Floats, ready: Bools, lasting: float
    ) -> tuple[float, float]:
        persistence = np.full(len(self.names), lasting)
        ratio, _, many, usual = share_spread(moments, self.owner, seasons, persistence)
        sets = np.bincount(self.owner, minlength=len(self.names)).astype(np.float64)
        return usual_spread(ratio[ready], many[ready], usual[ready], sets[ready])

    def _moments(self, moments: Moments) -> Moments:
        """Return the sums by set; what `REST` varies by is not known."""
        squares = np.where(self.chosen == REST, np.nan, moments.squares[self.chosen])
        sums = self._of_sets(moments.sums, moments.rows)
        return Moments(moments.windows, moments.rows, moments.squared, sums, squares)

    def _pairs(self) -> Pairs:
        """Return the sums over neighbours by set; those of `REST` mean nothing and are not used."""
        pairs = self.pairs
        of_sets = (getattr(pairs, name)[self.chosen] for name in ("products", "sums", "last"))
        return Pairs(pairs.weights, pairs.rows, *of_sets)

    def _compare(self) -> None:
        """Compute what sets are compared with, from the sums over their references."""
        streams, owner, floor = len(self.names), self.owner, self.cells.floor
        endless = np.full(streams, np.inf)
        self.against = fit_shares(self._moments(self.slow), owner, floor, endless, self.common)
        learned = fit_shares(self._moments(self.fast), owner, floor, self.seasons, self.common_fast)
        self.fast_alike = np.where(self.ready_fast[owner], learned.alike_high, np.nan)
        self.borders = self.against.borders
        # A fall that does not matter has no border to cross.
        self.borders[self.cells.rising[owner], 1] = 1.0
        sides = (self.borders < 1.0).sum(axis=1) * len(STEPS)
        self.live = np.maximum(np.bincount(owner, sides, minlength=streams), 1.0)
        self.screen_ = None

    @property
    def screen(self) -> Screen:
        """What finds the sets of a short window that lie beyond their borders."""
        if self.screen_ is None:
            self.screen_ = self._screen()
        return self.screen_

    def _screen(self) -> Screen:
        sets = np.flatnonzero(self.fast_alike > 0.0)
        chosen, owner = self.chosen[sets], self.owner[sets]
        start = self.cells.starts_[owner]
        stop = start + self.cells.sizes[owner]
        rest = chosen == REST
        ordered = self.cells.ordered[owner] & ~rest
        return Screen(
            sets=sets,
            start=start,
            stop=stop,
            first=np.where(ordered | rest, start, chosen),
            last=np.where(rest, start, chosen + 1),
            rest=np.flatnonzero(rest),
            owner=owner,
            low=1.0 - self.borders[sets, 1],
            high=self.borders[sets, 0],
        )

    def facts(self, names: frozenset[str]) -> dict[str, Any]:
        """Return what was fixed of some streams before they were weighed."""
        found: dict[str, Any] = {}
        for place, name in enumerate(self.names):
            if name in names and self.ready[place]:
                sets = self.owner == place
                found[name] = {
                    "floor": float(self.cells.floor[place]),
                    "windows": float(self.slow.windows[place]),
                    "rows": float(self.slow.rows[place]),
                    "reference": self.against.mean[sets].round(6).tolist(),
                    "error": self.against.error[sets].round(6).tolist(),
                    "persistence": round(float(self.common.persistence[place]), 6),
                    "alike": self.against.alike_high[sets].round(8).tolist(),
                }
        return found


_PER_STREAM = ("seasons", "ready", "ready_fast", "live", "since_ns", "absent")
