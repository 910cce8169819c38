"""The `Shares` streams of a book, side by side in arrays: counts, references and evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.stats.window_memory import Pairs, carried, joint_correlation
from ostinato.stats.window_prior import Common, usual_spread
from ostinato.stats.window_runs import gathered, mixed
from ostinato.stats.window_shares import (
    STEPS,
    ShareReference,
    fit_shares,
    share_interval,
    share_log_e_values,
    share_persistence,
    share_spread,
    window_deviation,
)
from ostinato.stats.windows import Moments
from ostinato.watch.measured import Bools, Measured, no_bools, no_floats, no_ints, strongest
from ostinato.watch.reading import Shares
from ostinato.watch.share_sets import REST, watched_sets

_NOTABLE = 2.0  # deviations beyond the border below which a short window is not weighed


def _nothing() -> ShareReference:
    return ShareReference(*(np.zeros(0) for _ in range(6)))


@dataclass(slots=True)
class ShareLines:
    """Shares of many streams; a stream is a run of cells, a set one of its runs that is watched.

    Parameters
    ----------
    names, sizes, ordered, rising, floor
        Per stream: its name, cells, and what `Shares` says of it.
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
    against, fast_alike
        What sets are compared with, and the likeness of rows within short windows.
    live
        Per stream, among how many alternatives its evidence is shared.
    log_sr, before
        (sets, sides, alternatives), evidence gathered; (sets,), share in the long window before.
    since_ns, absent
        Per stream, the first window that spoke for a move; long windows since it was last seen.
    """

    names: list[str] = field(default_factory=list)
    sizes: Ints = field(default_factory=no_ints)
    ordered: Bools = field(default_factory=no_bools)
    rising: Bools = field(default_factory=no_bools)
    floor: Floats = field(default_factory=no_floats)
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
    against: ShareReference = field(default_factory=_nothing)
    fast_alike: Floats = field(default_factory=no_floats)
    live: Floats = field(default_factory=no_floats)
    log_sr: Floats = field(default_factory=lambda: np.zeros((0, 2, len(STEPS))))
    before: Floats = field(default_factory=no_floats)
    since_ns: Ints = field(default_factory=no_ints)
    absent: Ints = field(default_factory=no_ints)

    # ------------------------------------------------------------ cells

    @property
    def _starts(self) -> Ints:
        starts: Ints = np.cumsum(self.sizes) - self.sizes
        return starts

    @property
    def _cells_owner(self) -> Ints:
        return np.repeat(np.arange(len(self.names)), self.sizes)

    def placed(self, readings: Sequence[Shares], names: Sequence[str]) -> Floats:
        """Return the counts of readings in the cells of the book; streams it lacks are added.

        A stream whose cells are others than before begins anew.
        """
        if not readings:
            return np.zeros(int(self.sizes.sum()))
        sizes = [len(each.counts) for each in readings]
        if list(names) == self.names and sizes == self.sizes.tolist():
            return np.concatenate([each.counts for each in readings]).astype(np.float64)
        self._admit(readings, names)
        counts, starts = np.zeros(int(self.sizes.sum())), self._starts
        places = {name: place for place, name in enumerate(self.names)}
        for reading, name in zip(readings, names, strict=True):
            start = starts[places[name]]
            counts[start : start + len(reading.counts)] += reading.counts
        return counts

    def _admit(self, readings: Sequence[Shares], names: Sequence[str]) -> None:
        sizes = dict(zip(self.names, self.sizes.tolist(), strict=True))
        given = dict(zip(names, readings, strict=True))
        changed = {n for n, r in given.items() if n in sizes and sizes[n] != len(r.counts)}
        if changed:
            self.keep(np.array([name not in changed for name in self.names]))
        new = [name for name in given if name not in sizes or name in changed]
        if new:
            self._grow(new, [given[name] for name in new])

    def _grow(self, names: list[str], readings: Sequence[Shares]) -> None:
        sizes = np.array([len(each.counts) for each in readings], dtype=np.int64)
        streams, cells = len(names), int(sizes.sum())
        no, none = np.zeros(streams, dtype=np.bool_), np.zeros(streams)
        self.names = [*self.names, *names]
        self.sizes = np.concatenate([self.sizes, sizes])
        runs = np.array([each.ordered and len(each.counts) > 2 for each in readings])
        self.ordered = np.concatenate([self.ordered, runs])
        self.rising = np.concatenate([self.rising, [each.rising for each in readings]])
        self.floor = np.concatenate([self.floor, [max(each.floor, 1e-6) for each in readings]])
        self.open = np.concatenate([self.open, np.zeros(cells)])
        self.slow, self.fast = self.slow.grown(streams, cells), self.fast.grown(streams, cells)
        self.pairs = self.pairs.grown(streams, cells)
        self.common = self.common.grown(streams)
        self.common_fast = self.common_fast.grown(streams)
        self.seasons = np.concatenate([self.seasons, none])
        self.ready = np.concatenate([self.ready, no])
        self.ready_fast = np.concatenate([self.ready_fast, no])
        self.live = np.concatenate([self.live, none])
        self.since_ns = np.concatenate([self.since_ns, none.astype(np.int64)])
        self.absent = np.concatenate([self.absent, none.astype(np.int64)])

    def keep(self, streams: Bools) -> None:
        """Forget all streams but these."""
        cells = streams[self._cells_owner]
        self.names = [n for n, kept in zip(self.names, streams.tolist(), strict=True) if kept]
        self.open = self.open[cells]
        self.slow, self.fast = self.slow.kept(streams, cells), self.fast.kept(streams, cells)
        self.pairs = self.pairs.kept(streams, cells)
        sets = streams[self.owner]
        moved = np.cumsum(cells) - 1
        chosen = self.chosen[sets]
        self.chosen = np.where(chosen == REST, REST, moved[chosen])
        self.owner = (np.cumsum(streams) - 1)[self.owner[sets]]
        self.log_sr, self.before = self.log_sr[sets], self.before[sets]
        for each in ("sizes", "ordered", "rising", "floor", "seasons", "ready", "ready_fast"):
            setattr(self, each, getattr(self, each)[streams])
        self.common, self.common_fast = self.common.kept(streams), self.common_fast.kept(streams)
        for each in ("live", "since_ns", "absent"):
            setattr(self, each, getattr(self, each)[streams])
        self._fit()

    def _rows(self, counts: Floats) -> Floats:
        return np.add.reduceat(counts, self._starts) if len(counts) else np.zeros(0)

    def _lines(self, counts: Floats) -> Floats:
        """Return the rows up to each cell where cells are ordered, else of it."""
        if not self.ordered.any():
            return counts
        below = np.cumsum(counts)
        begun = (below - counts)[self._starts]
        return np.where(
            np.repeat(self.ordered, self.sizes), below - np.repeat(begun, self.sizes), counts
        )

    def _hits(self, lines: Floats, rows: Floats) -> Floats:
        """Return what each set counts; `REST` counts what the others leave of the rows."""
        found: Floats = lines[self.chosen]
        rest = self.chosen == REST
        if rest.any():
            found = np.where(rest, 0.0, found)
            there = np.bincount(self.owner, found, minlength=len(rows))
            found[rest] = (rows - there)[self.owner[rest]]
        return found

    # ------------------------------------------------------------ references

    def begin_anew(self) -> None:
        """Forget what streams are compared with, and the evidence; not how short windows vary."""
        everything = np.ones(len(self.names), dtype=np.bool_)
        for sums in (self.slow, self.pairs):
            sums.forget(everything, everything[self._cells_owner])
        self.ready[:] = False
        self._fit()

    def restart(self, names: frozenset[str]) -> None:
        """Forget the evidence of some streams."""
        chosen = np.array([name in names for name in self.names], dtype=np.bool_)
        self.log_sr[chosen[self.owner]] = -np.inf

    def learn_long(self, counts: Floats) -> None:
        """Add a long window to the references of streams that have none yet."""
        rows, lines = self._rows(counts), self._lines(counts)
        for sums in (self.slow, self.pairs):
            sums.add(self._cells_owner, rows, lines, ~self.ready)
        self.seasons += (rows > 0.0) & ~self.ready_fast

    def learn_short(self, counts: Floats) -> None:
        """Add a short window to what is known of the spread of short windows."""
        if not self.ready_fast.all():
            rows = self._rows(counts)
            self.fast.add(self._cells_owner, rows, self._lines(counts), ~self.ready_fast)

    def complete(self, least: int, least_fast: int) -> list[str]:
        """Close the references that have enough windows; return whose."""
        now = ~self.ready & (self.slow.windows >= least)
        fast = ~self.ready_fast & (self.seasons >= least_fast) & (self.fast.windows > self.seasons)
        if now.any() or fast.any():
            both = self.ready & self.ready_fast
            self.ready |= now
            self.ready_fast |= fast
            self._fit()
            self._share(now, self.ready & self.ready_fast & ~both)
            self._compare()
        return [self.names[place] for place in np.flatnonzero(now).tolist()]

    def _fit(self) -> None:
        """Choose sets of new references, drop those of forgotten ones, and compute the borders."""
        stays = self.ready[self.owner]
        had = np.zeros(len(self.names), dtype=np.bool_)
        had[self.owner[stays]] = True
        new = [self._sets(place) for place in np.flatnonzero(self.ready & ~had).tolist()]
        chosen = np.concatenate([self.chosen[stays], *(each for _, each in new)])
        owner = [self.owner[stays], *(np.full(len(each), place) for place, each in new)]
        owners = np.concatenate(owner).astype(np.int64)
        fresh = np.full((len(chosen) - int(stays.sum()), 2, len(STEPS)), -np.inf)
        log_sr = np.concatenate([self.log_sr[stays], fresh])
        order = np.argsort(owners, kind="stable")
        self.chosen, self.owner = chosen[order].astype(np.int64), owners[order]
        self.log_sr = log_sr[order]
        self.before = np.concatenate([self.before[stays], np.full(len(fresh), np.nan)])[order]
        self._compare()

    def _sets(self, place: int) -> tuple[int, Ints]:
        start = int(self._starts[place])
        lines = self.slow.sums[start : start + int(self.sizes[place])]
        counts = np.diff(lines, prepend=0.0) if self.ordered[place] else lines
        cells = watched_sets(counts, ordered=bool(self.ordered[place]))
        found = np.array([REST if cell == REST else start + cell for cell in cells], dtype=np.int64)
        return place, found

    def _share(self, slow: Bools, fast: Bools) -> None:
        """Tell new streams what all streams show together, how windows resemble and differ."""
        sets = np.bincount(self.owner, minlength=len(self.names)).astype(np.float64)
        if slow.any() and len(self.owner):
            moments, ready = self._of_sets(self.slow), self.ready & (sets > 0.0)
            found = share_persistence(self._pairs_of_sets(), moments, self.owner)
            joint = joint_correlation(found[ready], moments.windows[ready])
            lasting = np.full(len(self.names), joint)
            ratio, _, many, usual = share_spread(moments, self.owner, moments.windows, lasting)
            spread = usual_spread(ratio[ready], many[ready], usual[ready], sets[ready])
            self.common.tell(slow, joint, *spread)
        if fast.any() and len(self.owner):
            moments, ready = self._of_sets(self.fast), self.ready_fast & (sets > 0.0)
            alone = np.zeros(len(self.names))
            ratio, _, many, usual = share_spread(moments, self.owner, self.seasons, alone)
            spread = usual_spread(ratio[ready], many[ready], usual[ready], sets[ready])
            self.common_fast.tell(fast, 0.0, *spread)

    def _pairs_of_sets(self) -> Pairs:
        """Return the sums over neighbours by set; of `REST` they are of no meaning, nor used."""
        pairs = self.pairs
        of_sets = (getattr(pairs, name)[self.chosen] for name in ("products", "sums", "last"))
        return Pairs(pairs.weights, pairs.rows, *of_sets)

    def _compare(self) -> None:
        if not len(self.owner):
            self.against, self.fast_alike = _nothing(), np.zeros(0)
            self.live = np.zeros(len(self.names))
            return
        endless = np.full(len(self.names), np.inf)
        self.against = fit_shares(
            self._of_sets(self.slow), self.owner, self.floor, endless, self.common
        )
        learned = fit_shares(
            self._of_sets(self.fast), self.owner, self.floor, self.seasons, self.common_fast
        )
        fast = self.ready_fast[self.owner]
        self.fast_alike = np.where(fast, learned.alike_high, np.nan)
        lively = (self.against.borders < 1.0) & self._sides
        per_set = lively.sum(axis=1) * len(STEPS)
        live = np.bincount(self.owner, per_set, minlength=len(self.names))
        self.live = np.maximum(live, 1.0)

    def _of_sets(self, moments: Moments) -> Moments:
        rest = self.chosen == REST
        sums = self._hits(moments.sums, moments.rows)
        squares = np.where(rest, np.nan, moments.squares[self.chosen])
        return Moments(moments.windows, moments.rows, moments.squared, sums, squares)

    @property
    def _sides(self) -> Bools:
        """Which sides of each set are watched, (sets, 2)."""
        sides = np.ones((len(self.owner), 2), dtype=np.bool_)
        sides[:, 1] = ~self.rising[self.owner]
        return sides

    # ------------------------------------------------------------ evidence

    @property
    def watched(self) -> int:
        """How many streams share the budget: those with a reference that were seen lately."""
        return int((self.ready & (self.absent <= 1)).sum())

    def facts(self, names: frozenset[str]) -> dict[str, Any]:
        """Return what was fixed of some streams before they were weighed."""
        found: dict[str, Any] = {}
        for place, name in enumerate(self.names):
            if name in names and self.ready[place]:
                sets = self.owner == place
                found[name] = {
                    "floor": float(self.floor[place]),
                    "windows": float(self.slow.windows[place]),
                    "rows": float(self.slow.rows[place]),
                    "reference": self.against.mean[sets].round(6).tolist(),
                    "error": self.against.error[sets].round(6).tolist(),
                    "persistence": round(float(self.common.persistence[place]), 6),
                    "alike": self.against.alike_high[sets].round(8).tolist(),
                }
        return found

    def weigh_short(self, counts: Floats, least: float) -> Measured:
        """Weigh a short window by itself; return the streams whose log evidence is large enough."""
        if not (self.ready_fast & self.ready).any():
            return Measured.nothing()
        rows = self._rows(counts)
        hits, n = self._hits(self._lines(counts), rows), rows[self.owner]
        usable = (n > 0.0) & ~np.isnan(self.fast_alike)
        alike, borders = np.where(usable, self.fast_alike, 0.1), self.against.borders
        share = np.stack([hits, n - hits], axis=1) / np.maximum(n, 1.0)[:, None]
        deviation = window_deviation(borders, n[:, None], alike[:, None])
        wanted = (share - borders > _NOTABLE * deviation) & usable[:, None] & self._sides
        if not wanted.any():
            return Measured.nothing()
        log_e = mixed(share_log_e_values(hits, n, borders, alike, wanted), self.owner, self.live)
        return self._measured(hits, n, log_e, np.flatnonzero(log_e >= least))

    def weigh_long(self, counts: Floats, from_ns: int) -> Measured:
        """Weigh a long window of streams that have their reference, with what came before."""
        rows = self._rows(counts)
        self.absent = np.where(rows > 0.0, 0, self.absent + 1)
        if not len(self.owner):
            return Measured.nothing()
        hits, n = self._hits(self._lines(counts), rows), rows[self.owner]
        borders, before = self._borders(), mixed(self.log_sr, self.owner, self.live)
        share = np.stack([hits, n - hits], axis=1) / np.maximum(n, 1.0)[:, None]
        self.before = np.where(n > 0.0, share[:, 0], self.before)
        # Where the share is within the border and little was gathered, a zero costs little power.
        wanted = ((share > borders) | (self.log_sr.max(axis=2) > 0.0)) & self._sides
        found = share_log_e_values(hits, n, borders, self.against.alike_high, wanted)
        there = (n > 0.0)[:, None, None]
        self.log_sr = np.where(there, gathered(self.log_sr, found), self.log_sr)
        log_e = mixed(self.log_sr, self.owner, self.live)
        self.since_ns = np.where(before <= 0.0, from_ns, self.since_ns)
        seen = (rows > 0.0) & (np.bincount(self.owner, minlength=len(rows)) > 0)
        return self._measured(hits, n, log_e, np.flatnonzero(seen))

    def _borders(self) -> Floats:
        """Return the borders of the next long window, given the one before."""
        borders = self.against.borders
        before = np.stack([self.before, 1.0 - self.before], axis=1)
        more = carried(before, borders, self.common.persistence[self.owner])
        found: Floats = np.minimum(borders + more, 1.0)
        return found

    def _measured(self, hits: Floats, n: Floats, log_e: Floats, streams: Ints) -> Measured:
        if not len(streams):
            return Measured.nothing()
        against = self.against
        share = hits / np.maximum(n, 1.0)
        sets = strongest(np.abs(share - against.mean), self.owner, streams)
        low, high = share_interval(share[sets], n[sets], against.taken(sets))
        return Measured(
            names=[self.names[place] for place in streams.tolist()],
            value=share[sets],
            reference=against.mean[sets],
            low=low,
            high=high,
            floor=self.floor[streams],
            log_e=log_e[streams],
            cell=np.where(
                self.chosen[sets] == REST, REST, self.chosen[sets] - self._starts[streams]
            ),
            since_ns=self.since_ns[streams],
        )
