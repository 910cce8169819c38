"""Counts, sums and last values of a moving window, compiled.

A pass goes through the requests of a key in order of time. Both edges of the window only move
forward: events are added in the order in which they become available, and taken off again in order
of their time. An event that becomes available when the window has left it behind is never added.
Sums are exact integers (`ostinato.stats.fixed`), so taking off leaves nothing behind.

All passes take a range of keys, the `Folded` events and the `Asked` requests (`groups`).
"""

# ruff: noqa: ANN001, ANN201 - compiled
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import njit

from ostinato.stats.fixed import add, subtract, to_fixed, to_float


@njit(cache=True, nogil=True)
def count_events(first, last, events, requests, counts):
    """Count the events that each request sees."""
    times, avail, by_time = events.times, events.avail, events.by_time
    for key in range(first, last):
        added = dropped = events.starts[key]
        end = events.starts[key + 1]
        count = 0
        for request in range(requests.starts[key], requests.starts[key + 1]):
            edge, now = requests.edges[request], requests.times[request]
            while dropped < end and times[by_time[dropped]] < edge:
                count -= by_time[dropped] < added
                dropped += 1
            while added < end and avail[added] <= now:
                count += times[added] >= edge
                added += 1
            counts[request] = count


@njit(cache=True, nogil=True)
def total(first, last, events, requests, values, column, counts, sums):
    """Count and sum up the values of a column that each request sees."""
    times, avail, by_time = events.times, events.avail, events.by_time
    for key in range(first, last):
        added = dropped = events.starts[key]
        end = events.starts[key + 1]
        count = 0
        high, low = np.int64(0), np.uint64(0)
        for request in range(requests.starts[key], requests.starts[key + 1]):
            edge, now = requests.edges[request], requests.times[request]
            while dropped < end and times[by_time[dropped]] < edge:
                event = by_time[dropped]
                dropped += 1
                value = values[event, column]
                if event < added and not np.isnan(value):
                    other_high, other_low = to_fixed(value)
                    high, low = subtract(high, low, other_high, other_low)
                    count -= 1
            while added < end and avail[added] <= now:
                value = values[added, column]
                if times[added] >= edge and not np.isnan(value):
                    other_high, other_low = to_fixed(value)
                    high, low = add(high, low, other_high, other_low)
                    count += 1
                added += 1
            counts[request] = count
            sums[request] = to_float(high, low)


@njit(cache=True, nogil=True)
def take_last(first, last, events, requests, values, column, lasts):
    """Give each request the value of the newest event it sees that has one.

    Nothing has to be taken off: if the newest event is outside the window, all are.
    """
    times, avail = events.times, events.avail
    for key in range(first, last):
        added, end = events.starts[key], events.starts[key + 1]
        newest = -1
        for request in range(requests.starts[key], requests.starts[key + 1]):
            now = requests.times[request]
            while added < end and avail[added] <= now:
                if newest < 0 or times[added] >= times[newest]:
                    newest = newest if np.isnan(values[added, column]) else added
                added += 1
            seen = newest >= 0 and times[newest] >= requests.edges[request]
            lasts[request] = values[newest, column] if seen else np.nan
