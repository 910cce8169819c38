"""The cells of the `Shares` streams of a book, one stream after the other in one array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.watch.measured import Bools, no_bools, no_floats, no_ints
from ostinato.watch.reading import Layout, Shares

_KEPT = 256  # sets of streams that were read together: more are forgotten
_LEAST_FLOOR = 1e-6  # of a share: none at all would make a border of every rounding error


@dataclass(slots=True)
class ShareCells:
    """Where the counts of each stream lie.

    Parameters
    ----------
    names, sizes, ordered, rising, floor
        Per stream: its name, cells, and what `Shares` says of it.
    starts_, owner_, runs_
        First cell of each stream, stream of each cell, and whether it is one of an order.
    layouts_, places_
        Cells of layouts that were asked for, by identity; None: not all of them are here. And of
        other streams that were read together, by their names and sizes.
    """

    names: list[str] = field(default_factory=list)
    sizes: Ints = field(default_factory=no_ints)
    ordered: Bools = field(default_factory=no_bools)
    rising: Bools = field(default_factory=no_bools)
    floor: Floats = field(default_factory=no_floats)
    layouts_: dict[int, tuple[Layout, Ints | None]] = field(default_factory=dict)
    places_: dict[tuple[str | int, ...], Ints] = field(default_factory=dict)
    starts_: Ints = field(default_factory=no_ints)
    owner_: Ints = field(default_factory=no_ints)
    runs_: Bools = field(default_factory=no_bools)

    def __post_init__(self) -> None:
        self.starts_ = np.cumsum(self.sizes) - self.sizes
        self.owner_ = np.repeat(np.arange(len(self.names)), self.sizes)
        self.runs_ = np.repeat(self.ordered, self.sizes)

    def fits(self, names: Sequence[str], sizes: Sequence[int]) -> bool:
        """Return whether these are the streams, all of them and in order."""
        return list(names) == self.names and list(sizes) == self.sizes.tolist()

    def grown(self, names: Sequence[str], readings: Sequence[Shares]) -> ShareCells:
        """Return the cells with those of further streams at the end."""
        sizes = np.array([len(each.counts) for each in readings], dtype=np.int64)
        # Of two cells the second is watched: they have no order.
        runs = np.array([each.ordered and len(each.counts) > 2 for each in readings])
        floor = [max(each.floor, _LEAST_FLOOR) for each in readings]
        return ShareCells(
            names=[*self.names, *names],
            sizes=np.concatenate([self.sizes, sizes]),
            ordered=np.concatenate([self.ordered, runs]),
            rising=np.concatenate([self.rising, [each.rising for each in readings]]),
            floor=np.concatenate([self.floor, floor]),
        )

    def kept(self, streams: Bools) -> ShareCells:
        """Return the cells of some streams alone."""
        return ShareCells(
            names=[n for n, kept in zip(self.names, streams.tolist(), strict=True) if kept],
            sizes=self.sizes[streams],
            ordered=self.ordered[streams],
            rising=self.rising[streams],
            floor=self.floor[streams],
        )

    def of_layout(self, layout: Layout) -> Ints | None:
        """Return where the cells of a layout lie; None unless all of its streams are here."""
        known = self.layouts_.get(id(layout))
        if known is None or known[0] is not layout:
            known = self.layouts_[id(layout)] = (layout, self._found(layout))
        return known[1]

    def _found(self, layout: Layout) -> Ints | None:
        places = {name: place for place, name in enumerate(self.names)}
        found = [np.zeros(0, dtype=np.int64)]
        for name, size in zip(layout.names, layout.sizes, strict=True):
            place = places.get(name)
            if place is None or self.sizes[place] != size:
                return None
            found.append(self.starts_[place] + np.arange(size))
        return np.concatenate(found)

    def remembered(self, key: tuple[str | int, ...], names: Sequence[str]) -> Ints:
        """Return where the cells of some streams lie, all of them here, and keep that."""
        at = {name: place for place, name in enumerate(self.names)}
        runs = [self.starts_[at[name]] + np.arange(self.sizes[at[name]]) for name in names]
        if len(self.places_) >= _KEPT:
            self.places_.clear()
        found: Ints = np.concatenate(runs)
        self.places_[key] = found
        return found

    def rows(self, counts: Floats) -> Floats:
        """Return the rows of each stream."""
        return np.add.reduceat(counts, self.starts_) if len(counts) else np.zeros(0)

    def lines(self, counts: Floats) -> Floats:
        """Return the rows up to each cell where cells are ordered, else of it."""
        if not self.runs_.any():
            return counts
        below = np.cumsum(counts)
        begun = (below - counts)[self.starts_]
        return np.where(self.runs_, below - begun[self.owner_], counts)
