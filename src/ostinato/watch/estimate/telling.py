"""Tell what was estimated of a window, how good estimates were, and what labels said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS
from ostinato.core.watched import EstimatesSettled
from ostinato.watch.estimate.estimator import Estimator
from ostinato.watch.estimate.state import Awaited, VersionEstimate


def told(estimator: Estimator, window: Awaited, now_ns: int) -> dict[str, float | str]:
    """Make the estimate of a long window that is over; return it with its metrics."""
    rows = float(window.expected[0])
    by_chance = float(window.expected[3]) / rows**2
    window.value = float(window.expected[1]) / rows
    window.se = math.sqrt(by_chance + estimator.error(window.guess, window.said))
    window.told_ns = now_ns
    low, high = window.interval()
    facts: dict[str, float | str] = {"estimate": window.value, "low": low, "high": high}
    facts["rows"] = rows
    for name, found in estimator.metrics(window.guess, window.said).items():
        if not math.isnan(found.value):
            facts[name] = found.value
        if not math.isnan(found.low):
            facts[f"{name}_low"], facts[f"{name}_high"] = found.low, found.high
    window.said = np.zeros(0)
    return facts


def so_far(known: VersionEstimate) -> dict[str, float | str]:
    """Return how good estimates of a version were, and whether what they assume holds."""
    track, concept = known.track, known.concept
    facts: dict[str, float | str] = {"settled": float(track.settled)}
    if track.judged:
        facts["coverage"] = track.covered / track.judged
        facts["median_error"] = float(np.median(track.errors))
        facts["days_ahead"] = float(np.median(track.ahead_ns)) / DAY_NS
    if concept is not None:
        broken = concept.since_ns is not None
        facts["concept_log10_e"] = concept.log10_e
        facts["breaks"] = float(concept.breaks)
        facts["assumption"] = (
            "broken: labels do not depend on scores as they did" if broken else "holds so far"
        )
    return facts


def settled_record(
    settled: Sequence[tuple[int, str, Awaited]], loss: str, slow_ns: int, now_ns: int
) -> EstimatesSettled:
    """Tell what labels said of windows: start, version and sums of each."""
    starts = _ints(start for start, _, _ in settled)
    windows = [window for _, _, window in settled]
    fused = [window.fused() for window in windows]
    return EstimatesSettled(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        loss=loss,
        versions=tuple(version for _, version, _ in settled),
        from_ns=starts,
        to_ns=starts + slow_ns,
        told_ns=_ints(window.told_ns for window in windows),
        settled_ns=_ints(window.settled_ns for window in windows),
        rows=_ints(round(window.expected[0]) for window in windows),
        labelled=_ints(round(window.labelled[0]) for window in windows),
        estimate=_floats(window.value for window in windows),
        low=_floats(window.interval()[0] for window in windows),
        high=_floats(window.interval()[1] for window in windows),
        realised=_floats(window.realised for window in windows),
        fused=_floats(math.nan if each is None else each.mean for each in fused),
        fused_low=_floats(math.nan if each is None else each.low for each in fused),
        fused_high=_floats(math.nan if each is None else each.high for each in fused),
        covered=_floats(window.covered() for window in windows),
    )


def _ints(values: Iterable[int]) -> Ints:
    return np.array([*values], dtype=np.int64)


def _floats(values: Iterable[float]) -> Floats:
    return np.array([*values], dtype=np.float64)
