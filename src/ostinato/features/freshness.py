"""How old the newest event of each source is, and how many requests find none in their windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ostinato.core.records import Ints
from ostinato.features.asof import as_of
from ostinato.features.declared import Aggregate
from ostinato.features.plan import FeaturePlan, make_plan
from ostinato.features.prepare import EventBatch, available
from ostinato.features.sources import Events


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh a source is.

    Parameters
    ----------
    source
        Its name.
    newest_ns
        When its newest event happened; None: there is none.
    age_ns
        How long ago that is; None where there is none.
    stale_after_ns
        From which age on it is stale, as declared; None: never.
    features
        Those that are made of it.
    """

    source: str
    newest_ns: int | None
    age_ns: int | None
    stale_after_ns: int | None
    features: tuple[str, ...]

    @property
    def stale(self) -> bool:
        """Whether it is older than declared, or should have events and has none."""
        if self.stale_after_ns is None:
            return False
        return self.age_ns is None or self.age_ns > self.stale_after_ns


def freshness(
    plan: FeaturePlan, newest_ns: Mapping[str, int | None], now_ns: int
) -> tuple[Freshness, ...]:
    """Say how fresh the sources of a plan are.

    Parameters
    ----------
    plan
        The features.
    newest_ns
        By source when its newest event happened (`newest_of`, `OnlineStore.freshness`).
    now_ns
        The time to reckon from; an event is not younger than 0.
    """
    return tuple(_freshness(plan, name, newest_ns.get(name), now_ns) for name in plan.sources)


def newest_of(
    plan: FeaturePlan, events: Mapping[str, EventBatch], now_ns: int
) -> dict[str, int | None]:
    """Return by source when the newest event that requests can see at a moment happened."""
    found: dict[str, int | None] = {}
    for name, source in plan.sources.items():
        batch = events.get(name)
        found[name] = None
        if batch is not None:
            seen = batch.times_ns[available(source, batch.times_ns, batch.known_ns) <= now_ns]
            found[name] = int(seen.max()) if len(seen) else None
    return found


def empty_windows(
    plan: FeaturePlan,
    requests: pl.DataFrame,
    times_ns: Ints,
    events: Mapping[str, EventBatch],
) -> dict[str, float]:
    """Return by windowed feature the share of requests that find no event in its window.

    Parameters
    ----------
    plan, requests, times_ns, events
        As of `as_of`. A request without a key finds none.
    """
    counts: dict[tuple[object, ...], Aggregate] = {}
    for feature in plan.windowed:
        counts.setdefault(_window(feature), _count(feature, f"events_{len(counts)}"))
    counted = as_of(make_plan(list(counts.values())), requests, times_ns, events)
    shares = {
        window: float(np.mean(counted[each.name].fill_null(0.0).to_numpy() == 0))
        for window, each in counts.items()
    }
    return {feature.name: shares[_window(feature)] for feature in plan.windowed}


def _freshness(plan: FeaturePlan, name: str, newest_ns: int | None, now_ns: int) -> Freshness:
    source = plan.sources[name]
    return Freshness(
        source=name,
        newest_ns=newest_ns,
        age_ns=None if newest_ns is None else max(now_ns - newest_ns, 0),
        stale_after_ns=source.stale_after_ns if isinstance(source, Events) else None,
        features=plan.reading(name),
    )


def _window(feature: Aggregate) -> tuple[object, ...]:
    where = None if feature.where is None else str(feature.where)
    return feature.source.name, feature.by, where, feature.window_ns, feature.hop_ns


def _count(feature: Aggregate, name: str) -> Aggregate:
    return replace(feature, name=name, kind="count", column=None, default=None)
