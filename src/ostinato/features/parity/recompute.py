"""Carry variants of a windowed feature out over history: what the search for a cause asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import polars as pl

from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS, format_duration
from ostinato.features.asof import as_of
from ostinato.features.declared import Aggregate
from ostinato.features.keys import key_hashes
from ostinato.features.parity.scan import Scan
from ostinato.features.parity.variants import (
    Keyed,
    Late,
    Refreshed,
    Shifted,
    Stale,
    Variant,
    Version,
)
from ostinato.features.plan import FeaturePlan, make_plan
from ostinato.features.prepare import EventBatch

_REACH_NS: Final = 31 * DAY_NS
"""By how much any variant moves a clock, at most: events further off are left out."""

_NEWEST: Final = "ostinato newest"  # column that is added to events; no source has one of the name


class Recomputation:
    """Values of one windowed feature for some requests, under any variant.

    Parameters
    ----------
    feature
        As declared now.
    requests
        (n rows) with the key columns of the feature and of `keys`.
    times_ns
        (n,) when each was asked for.
    events
        By source; those of the feature's source are used.
    keys
        Other columns of the request that may have been taken for the key.
    previous
        Earlier definitions of the feature, newest first.
    """

    def __init__(
        self,
        feature: Aggregate,
        requests: pl.DataFrame,
        times_ns: Ints,
        events: Mapping[str, EventBatch],
        *,
        keys: Sequence[str] = (),
        previous: Sequence[Aggregate] = (),
    ) -> None:
        self.feature, self.requests, self.times_ns = feature, requests, times_ns
        self.whole = events[feature.source.name]
        self.own = _reachable(feature, requests, times_ns, self.whole)
        self.keys = tuple(keys) if len(feature.by) == 1 else ()
        self.previous = {_described(each): each for each in previous}

    def __call__(self, variant: Variant) -> pl.Series | None:
        """Return the values under a variant, (n,); None where it cannot be carried out."""
        match variant:
            case Late() | Shifted():
                return self._values(events=_moved(self.own, variant))
            case Stale(by_ns):
                return self._values(times_ns=self.times_ns - by_ns)
            case Refreshed(every_ns):
                return self._values(times_ns=self.times_ns // every_ns * every_ns)
            case Version(name) if name in self.previous:
                return self._other(self.previous[name])
            case Keyed(name) if name in self.keys:
                by = ((name, self.feature.by[0][1]),)
                return self._other(replace(self.feature, by=by))
            case _:
                return None

    def scan(self, *, background: float = 0.0) -> Scan:
        """Say what can be tried of this feature; `background` as in `Scan`."""
        return Scan(
            versions=tuple(self.previous),
            keys=self.keys,
            default=self.feature.default,
            background=background,
        )

    def _other(self, feature: Aggregate) -> pl.Series | None:
        """Compute another definition; None where its source or columns are not at hand."""
        lacks = set(feature.inputs) - set(self.requests.columns)
        lacks |= set(feature.columns) - set(self.whole.frame.columns)
        if lacks or feature.source.name != self.feature.source.name:
            return None
        return self._values(feature=feature, events=self.whole)

    def _values(
        self,
        *,
        feature: Aggregate | None = None,
        events: EventBatch | None = None,
        times_ns: Ints | None = None,
    ) -> pl.Series:
        plan = make_plan([self.feature if feature is None else feature])
        batch = self.own if events is None else events
        times = self.times_ns if times_ns is None else times_ns
        found = as_of(plan, self.requests, times, {batch.source: batch}, workers=1)
        return found.to_series()


def _moved(batch: EventBatch, variant: Late | Shifted) -> EventBatch:
    """Let events be known at another time than they were available, or have happened at another.

    None is available before its own time, however early it is known.
    """
    if isinstance(variant, Shifted):
        return replace(batch, times_ns=batch.times_ns + variant.by_ns)
    available = np.maximum(batch.times_ns, batch.known_ns)
    return replace(batch, known_ns=available + variant.by_ns)


def _reachable(
    feature: Aggregate, requests: pl.DataFrame, times_ns: Ints, batch: EventBatch
) -> EventBatch:
    """Leave out events that no variant can bring into a window of these requests."""
    if not len(times_ns):
        return batch
    reach = feature.window_ns + feature.hop_ns + _REACH_NS
    rows = batch.times_ns >= int(times_ns.min()) - reach
    rows &= batch.times_ns <= int(times_ns.max()) + _REACH_NS
    wanted, _ = key_hashes(requests, [mine for mine, _ in feature.by])
    keys, there = key_hashes(batch.frame, [theirs for _, theirs in feature.by])
    chosen = np.flatnonzero(rows & there & np.isin(keys, wanted))
    return EventBatch(
        source=batch.source,
        times_ns=batch.times_ns[chosen],
        known_ns=batch.known_ns[chosen],
        frame=batch.frame[chosen],
    )


def _described(feature: Aggregate) -> str:
    window = format_duration(feature.window_ns)
    return f"{feature.kind} over {window}, version {feature.version[:8]}"


def newest_events(
    plan: FeaturePlan,
    features: Sequence[str],
    requests: pl.DataFrame,
    times_ns: Ints,
    events: Mapping[str, EventBatch],
) -> Floats:
    """Return how old the newest event in each window is, in seconds, NaN where there is none.

    Parameters
    ----------
    plan
        The features of the loop.
    features
        Names of windowed ones.
    requests, times_ns, events
        As for `as_of`.

    Returns
    -------
    ndarray
        (n, features).
    """
    chosen = [each for each in plan.windowed if each.name in features]
    sources = {each.source.name for each in chosen}
    dated = {name: _dated(batch) for name, batch in events.items() if name in sources}
    newest = [replace(each, kind="max", column=_NEWEST, default=None) for each in chosen]
    found = as_of(make_plan(newest), requests, times_ns, dated)
    order = [found[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in features]
    ages: Floats = times_ns[:, None] / 1e9 - np.stack(order, axis=1)
    return ages


def _dated(batch: EventBatch) -> EventBatch:
    seconds = pl.Series(_NEWEST, batch.times_ns / 1e9)
    return replace(batch, frame=batch.frame.with_columns(seconds))
