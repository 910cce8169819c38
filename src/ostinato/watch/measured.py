"""What weighing a window gives: a row per stream, ready to be told."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints

Bools = NDArray[np.bool_]

NO_CELL = -2
"""Stands for the cell of a stream that has none."""


@dataclass(slots=True)
class Measured:
    """Streams of one window; arrays have a row per stream, as in `core.watched.WindowMeasured`.

    `cell`: of shares, the cell at which the difference is largest (`share_sets.REST`: the others
    together), else `NO_CELL`. `since_ns`: start of the first window that spoke for a move.
    """

    names: list[str]
    value: Floats
    reference: Floats
    low: Floats
    high: Floats
    floor: Floats
    log_e: Floats
    cell: Ints
    since_ns: Ints

    @classmethod
    def nothing(cls) -> Measured:
        """Return no stream."""
        none, no = np.zeros(0), np.zeros(0, dtype=np.int64)
        return cls([], none, none, none, none, none, none, no, no)

    def joined(self, other: Measured) -> Measured:
        """Return the streams of both."""
        if not (self.names and other.names):
            return self if self.names else other
        return Measured(
            **{
                each.name: _joined(getattr(self, each.name), getattr(other, each.name))
                for each in fields(self)
            }
        )


def _joined(one: Any, other: Any) -> Any:
    return [*one, *other] if isinstance(one, list) else np.concatenate([one, other])


def strongest(strength: Floats, owner: Ints, streams: Ints) -> Ints:
    """Return the place of the largest strength of each of some streams.

    Parameters
    ----------
    strength, owner
        (lines,), and the stream of each, ascending.
    streams
        Streams asked for, ascending, each with a line.
    """
    starts = np.searchsorted(owner, streams)
    lines = np.searchsorted(owner, streams, side="right") - starts
    within = np.arange(int(lines.sum())) - np.repeat(np.cumsum(lines) - lines, lines)
    places = np.repeat(starts, lines) + within
    begun = np.cumsum(lines) - lines
    top = np.repeat(np.maximum.reduceat(strength[places], begun), lines)
    first = np.where(strength[places] == top, within, len(owner))
    found: Ints = starts + np.minimum.reduceat(first, begun)
    return found


def no_floats() -> Floats:
    """Return no numbers, where a stream may come yet."""
    return np.zeros(0)


def no_ints() -> Ints:
    """Return no whole numbers."""
    return np.zeros(0, dtype=np.int64)


def no_bools() -> Bools:
    """Return no truth values."""
    return np.zeros(0, dtype=np.bool_)
