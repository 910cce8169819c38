"""Smallest values of a moving window, compiled.

A wedge holds, tile by tile, the values that may yet be the smallest: each is smaller than all that
come after it (Lemire 2006, "Streaming maximum-minimum filter"). A late event finds its place among
the tiles.
"""

# ruff: noqa: ANN001, ANN201, ANN202 - compiled
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
from numba import njit

_ROOM = 64  # tiles at first; grows


@njit(cache=True, nogil=True)
def take_least(first, last, events, requests, values, column, sign, least):
    """Give each request the smallest value it sees, or the largest with `sign` -1."""
    times, avail, hop = events.times, events.avail, requests.hop
    tiles, best = np.empty(_ROOM, np.int64), np.empty(_ROOM, np.float64)
    for key in range(first, last):
        added, end = events.starts[key], events.starts[key + 1]
        head = tail = 0
        for request in range(requests.starts[key], requests.starts[key + 1]):
            edge, now = requests.edges[request], requests.times[request]
            while head < tail and tiles[head] < edge:
                head += 1
            while added < end and avail[added] <= now:
                value = values[added, column]
                if times[added] >= edge and not np.isnan(value):
                    if tail == len(tiles):
                        tiles, best, head, tail = _make_room(tiles, best, head, tail)
                    tile = times[added] // hop * hop
                    tail = _insert(tiles, best, head, tail, tile, sign * value)
                added += 1
            least[request] = sign * best[head] if head < tail else np.nan


@njit(cache=True, nogil=True)
def _insert(tiles, best, head, tail, tile, value):
    """Put a value into the wedge; return the wedge's new end."""
    place = tail
    while place > head and tiles[place - 1] > tile:
        place -= 1
    if place < tail and best[place] <= value:
        return tail
    if place > head and tiles[place - 1] == tile and best[place - 1] <= value:
        return tail
    kept = place
    while kept > head and best[kept - 1] >= value:
        kept -= 1
    if kept == place:
        for after in range(tail, place, -1):
            tiles[after], best[after] = tiles[after - 1], best[after - 1]
    else:
        for after in range(place, tail):
            moved = kept + 1 + after - place
            tiles[moved], best[moved] = tiles[after], best[after]
    tiles[kept], best[kept] = tile, value
    return tail + 1 + kept - place


@njit(cache=True, nogil=True)
def _make_room(tiles, best, head, tail):
    """Move the wedge to the front, into arrays twice as long where it fills half of them."""
    held = tail - head
    room = len(tiles) if 2 * held <= len(tiles) else 2 * len(tiles)
    wider, values = np.empty(room, np.int64), np.empty(room, np.float64)
    wider[:held], values[:held] = tiles[head:tail], best[head:tail]
    return wider, values, 0, held
