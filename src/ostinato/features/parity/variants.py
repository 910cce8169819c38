"""Other ways in which a feature could have been computed: what the search for a cause asks for.

The caller carries a variant out (`Recompute`), usually by `as_of` over changed events, requests or
definitions, and answers None where it cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from ostinato.stats.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Late:
    """Every event of the source becomes available ``by_ns`` later; its time stays.

    Negative: that much earlier, though not before its own time. A served value that fits saw
    events which the recomputation had to leave out as not yet known.
    """

    by_ns: int


@dataclass(frozen=True, slots=True)
class Stale:
    """The value as of ``by_ns`` before the request; > 0."""

    by_ns: int


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The value as of the last multiple of ``every_ns`` at or before the request; > 0."""

    every_ns: int


@dataclass(frozen=True, slots=True)
class Shifted:
    """The clock of the events goes ``by_ns`` ahead of the clock of the requests (negative: behind).

    Add ``by_ns`` to the time of every event of the source (a feature of the request's own time:
    take it from the request instead); the moment at which an event becomes known stays where it is.
    """

    by_ns: int


@dataclass(frozen=True, slots=True)
class Version:
    """The definition called ``name``, for instance the one before the last change."""

    name: str


@dataclass(frozen=True, slots=True)
class Keyed:
    """Events are looked up by another key: ``name`` says which, for instance ``"dest"``."""

    name: str


@dataclass(frozen=True, slots=True)
class Subset:
    """A part of the source is missing: ``name`` says which, for instance ``"partition 3"``."""

    name: str


Variant = Late | Stale | Refreshed | Shifted | Version | Keyed | Subset

Recompute = Callable[[Variant], "pl.Series | FloatArray | None"]
"""Values of one feature under a variant for the rows in question, (n,); None: cannot be done.

Contract: MUST answer the same for the same variant; MUST keep the order of the rows; MUST NOT use
the served values.
"""
