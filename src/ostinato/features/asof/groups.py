"""Events and requests of a tally, brought together by key and put in order of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Ints
from ostinato.features.asof.parallel import Parts, cut, run
from ostinato.features.machine import compiled
from ostinato.features.prepare import Prepared

_REQUEST_WEIGHT: Final = 4
"""What a request costs, in events: it asks, and may scan. Only the balance of threads depends on
it."""


class Folded(NamedTuple):
    """Events by key, of one key in the order in which they are folded: what passes go through.

    Parameters
    ----------
    starts
        (keys + 1,) where the events of each key begin, and where the last ends.
    times, avail
        (m,) nanoseconds.
    by_time
        (m,) places of the events, each key's in order of time.
    """

    starts: Ints
    times: Ints
    avail: Ints
    by_time: Ints


class Asked(NamedTuple):
    """Requests by key, of one key in order of time.

    Parameters
    ----------
    starts
        (keys + 1,) where the requests of each key begin, and where the last ends.
    times
        (n,) nanoseconds.
    edges
        (n,) the first moment that counts, nanoseconds.
    hop
        Nanoseconds of a tile.
    """

    starts: Ints
    times: Ints
    edges: Ints
    hop: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Groups:
    """Rows by key. Keys are those that requests ask for.

    Parameters
    ----------
    events, requests
        Rows of the prepared events, and of the requests, in the order below.
    folded
        The events.
    starts, times_ns
        Where the requests of each key begin, and their times.
    """

    events: Ints
    requests: Ints
    folded: Folded
    starts: Ints
    times_ns: Ints

    def parts(self, workers: int) -> Parts:
        """Cut the keys into parts of about the same work."""
        return cut(self.folded.starts + _REQUEST_WEIGHT * self.starts, workers)

    def asked(self, edges: Ints, hop_ns: int) -> Asked:
        """Return the requests with the far edges of their windows."""
        return Asked(self.starts, self.times_ns, edges, hop_ns)


def group(
    prepared: Prepared,
    hashes: NDArray[np.uint64],
    there: NDArray[np.bool_],
    times_ns: Ints,
    by_time: Ints,
    workers: int,
) -> Groups:
    """Bring events and requests together by key.

    Parameters
    ----------
    prepared
        The events.
    hashes, there, times_ns
        (n,) hash of each request's key, whether it has one, and its time.
    by_time
        (n,) rows of the requests in order of time.
    workers
        Threads.
    """
    ordering = compiled("ostinato.features.asof.ordering")
    table, mine, keys = number(hashes[by_time], there[by_time])
    theirs = np.empty(len(prepared), dtype=np.int64)
    rows = cut(np.arange(len(prepared) + 1), workers)
    run(
        [(ordering.find_keys, (*part, prepared.keys, table, theirs)) for part in rows],
        workers,
    )
    starts, asked_starts = ordering.count_keys(theirs, keys), ordering.count_keys(mine, keys)
    events = ordering.place_rows(theirs, starts)
    requests = by_time[ordering.place_rows(mine, asked_starts)]
    times = np.take(prepared.times_ns, events)
    places = np.empty(len(events), dtype=np.int64)
    run(
        [(ordering.order_by_time, (*part, starts, times, places)) for part in cut(starts, workers)],
        workers,
    )
    return Groups(
        events=events,
        requests=requests,
        folded=Folded(starts, times, np.take(prepared.avail_ns, events), places),
        starts=asked_starts,
        times_ns=times_ns[requests],
    )


def number(
    hashes: NDArray[np.uint64], there: NDArray[np.bool_]
) -> tuple[NDArray[np.uint64], Ints, int]:
    """Number different hashes; return the table, the number of each row, and how many there are."""
    found = np.empty(len(hashes), dtype=np.int64)
    table, count = compiled("ostinato.features.asof.ordering").number_keys(hashes, there, found)
    return table, found, count
