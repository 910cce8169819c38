"""What a monitor reads off a window of time: shares of rows, or the level of a number.

Readings of parts of a window add up to the reading of the whole (`merged`): any number of workers
count, one adds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TypeAlias, overload

import numpy as np

from ostinato.core.records import Floats, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What is watched: one line in time.

    Parameters
    ----------
    family
        One of `core.watched.FAMILIES`.
    subject
        A column, a metric, a resource, an outcome.
    measure
        What of it: ``"missing"``, ``"new values"``; empty: its distribution, or its mean.
    group
        The slice, as ``"origin=JFK"``; empty: all rows.
    version
        Whose answers, where it is not the champion's or everybody's.
    """

    family: str
    subject: str
    measure: str = ""
    group: str = ""
    version: str = ""

    @property
    def name(self) -> str:
        """The name that stands in the journal, in alerts and in patterns.

        >>> Stream(family="quality", subject="temp", measure="missing", group="origin=JFK").name
        'quality/temp:missing @origin=JFK'
        """
        return _named(self.family, self.subject, self.measure, self.group, self.version)


@lru_cache(maxsize=1 << 14)
def _named(family: str, subject: str, measure: str, group: str, version: str) -> str:
    measure = f":{measure}" if measure else ""
    group = f" @{group}" if group else ""
    version = f" [{version}]" if version else ""
    return f"{family}/{subject}{measure}{group}{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Rows of a window by cell: has the share of any cell, or run of cells, moved?

    Parameters
    ----------
    stream
        What is watched.
    counts
        (c,), rows per cell, >= 0; of two cells the second one is what is watched.
    ordered
        Whether cells have an order, so that the shares below each border are watched (values of a
        number); else that of each cell (values of a category).
    floor
        Difference of a share, in [0, 1), that does not matter.
    rising
        Whether only a rise of the share matters; with two cells.
    """

    stream: Stream
    counts: Floats
    ordered: bool = True
    floor: float = 0.05
    rising: bool = False

    @property
    def rows(self) -> float:
        """How many rows there are."""
        return float(self.counts.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """The mean of a number over the rows of a window: has it moved?

    Parameters
    ----------
    stream
        What is watched.
    rows
        How many there are, > 0; for a number that is read once per window: 1.
    mean
        Their mean, finite.
    deviation
        Standard deviation of one row, >= 0; 0 where it is read once per window.
    floor
        Difference that does not matter, >= 0: in units of the number, or as a share of the
        reference where `relative`.
    relative
        How the floor counts.
    rising, falling
        Which way of moving matters.
    """

    stream: Stream
    rows: float
    mean: float
    deviation: float
    floor: float = 0.05
    relative: bool = True
    rising: bool = True
    falling: bool = True


Reading: TypeAlias = Shares | Level


@dataclass(frozen=True, eq=False)
class Layout:
    """Shares that are read together, window by window: what is the same in all of them.

    Parameters
    ----------
    shares
        The streams, with counts of the right length.
    """

    shares: tuple[Shares, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the streams."""
        return tuple(each.stream.name for each in self.shares)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """How many cells each has."""
        return tuple(len(each.counts) for each in self.shares)

    @cached_property
    def ends(self) -> tuple[int, ...]:
        """Where the cells of each end."""
        return tuple(np.cumsum(self.sizes).tolist())


@dataclass(frozen=True, eq=False)
class Sheet(Sequence[Reading]):
    """Readings of which most are shares of one layout: a sequence of them that costs little.

    Parameters
    ----------
    layout
        Of the shares that come first.
    counts
        (cells,), theirs, one stream after the other.
    others
        What comes after them.
    """

    layout: Layout
    counts: Floats
    others: tuple[Reading, ...] = ()

    def __len__(self) -> int:
        return len(self.layout.shares) + len(self.others)

    @overload
    def __getitem__(self, at: int) -> Reading: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Reading, ...]: ...
    def __getitem__(self, at: int | slice) -> Reading | tuple[Reading, ...]:
        shares = self.layout.shares
        if isinstance(at, slice):
            return tuple(self[place] for place in range(*at.indices(len(self))))
        place = range(len(self))[at]
        if place >= len(shares):
            return self.others[place - len(shares)]
        end = self.layout.ends[place]
        return replace(shares[place], counts=self.counts[end - self.layout.sizes[place] : end])


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """All that a monitor read off one window.

    `unmeasured` says, by stream name or subject, what could not be read and why. `references`:
    windows that are a reference for streams which come up here for the first time since the last
    champion (those of challengers); without them their first windows are. `records`: what else
    became known with the window, for whoever keeps it.
    """

    from_ns: int
    to_ns: int
    found: Sequence[Reading] = ()
    unmeasured: tuple[tuple[str, str], ...] = ()
    references: tuple[Readings, ...] = ()
    records: tuple[Record, ...] = ()


def merged(one: Reading, other: Reading) -> Reading:
    """Return the reading of two windows together; both of the same stream.

    Source of the joint deviation: Chan, Golub, LeVeque 1979.
    """
    if isinstance(one, Shares) and isinstance(other, Shares):
        return replace(one, counts=one.counts + other.counts)
    assert isinstance(one, Level), "readings of one stream are of one sort"
    assert isinstance(other, Level), "readings of one stream are of one sort"
    rows = one.rows + other.rows
    apart = other.mean - one.mean
    squares = one.rows * one.deviation**2 + other.rows * other.deviation**2
    squares += apart * apart * one.rows * other.rows / rows
    return replace(
        one,
        rows=rows,
        mean=one.mean + apart * other.rows / rows,
        deviation=math.sqrt(max(squares / rows, 0.0)),
    )


def two_cells(rows: float, hits: float) -> Floats:
    """Return the counts of rows without and with something."""
    return np.array([rows - hits, hits], dtype=np.float64)
