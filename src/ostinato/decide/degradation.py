"""Learn when the champion has become worse than it was when it was proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.core.records import Floats, Ints, LossesObserved
from ostinato.core.units import DAY_NS, HOUR_NS, duration_ns, format_time
from ostinato.decide.charts import (
    CHARTS,
    Chart,
    begin_chart,
    chart_evidence,
    evidence_level,
    update_chart,
    warned,
)
from ostinato.decide.trigger import Finding, Reference, Seen
from ostinato.stats.seasonal import SeasonalBaseline

SEASONS: Final = {"none": 1, "hour_of_day": 24, "day_of_week": 7, "hour_of_week": 168}

_CLIP_QUANTILE: Final = 0.999
"""Losses are divided by this quantile of the reference and clipped at 1: the e-detector needs
losses in [0, 1]. Lower would hide large losses, higher would let one loss set the scale."""


@dataclass(slots=True)
class Watching:
    """What the trigger holds while one champion serves.

    `scale` turns losses into [0, 1]; `pending` collects losses while there is no baseline yet;
    `marks` are (events seen, time) pairs from the estimated change point on; `quiet_until_ns` ends
    the freeze-out after an alarm was handled; `first_change_ns` is where the first alarm of this
    champion saw the change begin: later alarms are about the same change until it is replaced.
    """

    baseline: SeasonalBaseline | None = None
    scale: float = 1.0
    chart: Chart | None = None
    pending: list[float] | None = None
    pending_times: list[int] | None = None
    marks: list[tuple[int, int]] | None = None
    quiet_until_ns: int = -1
    first_change_ns: int = -1
    last_expected: float = float("nan")
    last_limit: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Degradation:
    """Ask for a new model when the champion's mean loss rises above its baseline.

    The baseline is what the champion lost on rows it was not trained on when it was proved, by
    season, with a tolerance. The default chart is the mixture e-detector: while the loss stays
    under the baseline, false alarms come `arl` events apart on average, whatever the dependence
    between events. `ewma`, `cusum` and `shewhart` are the classical charts, whose run length holds
    for independent, roughly normal losses only.

    Parameters
    ----------
    tolerance
        Relative rise of the loss that is not worth an alarm, >= 0. Larger is quieter and slower.
    arl
        Average number of labelled events between false alarms, > 1.
    season
        ``"none"``, ``"hour_of_day"``, ``"day_of_week"`` or ``"hour_of_week"`` (UTC).
    chart
        ``"e"``, ``"ewma"``, ``"cusum"`` or ``"shewhart"``.
    freeze
        How long the chart rests after it asked for a model.
    reference_rows
        With fewer validation rows than this, the baseline waits for as many live ones.

    Source
    ------
    Shin, Ramdas, Rinaldo 2023, "E-detectors"; charts: Montgomery, Introduction to Statistical
    Quality Control.

    Raises
    ------
    ConfigError
        If a value is out of its range.

    Examples
    --------
    >>> Degradation(tolerance=0.1).name
    'degradation (e, tolerance 10%)'
    """

    tolerance: float = 0.05
    arl: float = 1e6
    season: str = "hour_of_day"
    chart: str = "e"
    freeze: str = "1d"
    reference_rows: int = 500

    def __post_init__(self) -> None:
        for name, value, allowed in (("season", self.season, SEASONS), ("chart", self.chart, CHARTS)):
            if value not in allowed:
                raise ConfigError(
                    f"Degradation({name}=...) is unknown", found=repr(value), expected=", ".join(allowed)
                )
        if self.tolerance < 0 or not self.arl > 1 or self.reference_rows < 50:
            raise ConfigError(
                "Degradation(...) holds a value out of range",
                found=f"tolerance={self.tolerance}, arl={self.arl}, reference_rows={self.reference_rows}",
                expected="tolerance >= 0, arl > 1, reference_rows >= 50",
            )
        duration_ns(self.freeze, name="Degradation(freeze=...)")

    @property
    def name(self) -> str:
        return f"degradation ({self.chart}, tolerance {self.tolerance:.0%})"

    def begin(self) -> Watching:
        return Watching(pending=[], pending_times=[], marks=[])

    def renew(self, state: Watching, reference: Reference | None) -> None:
        fresh = self.begin()
        for name in ("baseline", "scale", "chart", "pending", "pending_times", "marks"):
            setattr(state, name, getattr(fresh, name))
        state.first_change_ns = -1
        if reference is not None and len(reference.losses) >= self.reference_rows:
            self._adopt(state, reference.times_ns, reference.losses)

    def observe(self, state: Watching, losses: LossesObserved, champion: str) -> None:
        found = losses.losses.get(champion)
        if found is None:
            return
        known = ~np.isnan(found)
        values, times = (found, losses.times_ns) if known.all() else (found[known], losses.times_ns[known])
        if state.baseline is None:
            values, times = self._collect(state, values, times)
        rested = times > state.quiet_until_ns
        if not rested.all():
            values, times = values[rested], times[rested]
        if not len(values):
            return
        assert state.baseline is not None, "collected rows give a baseline"
        assert state.chart is not None, "a chart comes with its baseline"
        assert state.marks is not None, "marks come with begin"
        limits = state.baseline.at(self._bins(times))
        state.marks.append((state.chart.n, int(times[0])))
        update_chart(state.chart, np.minimum(values / state.scale, 1.0), limits)
        _prune(state.marks, state.chart.change_point)
        state.last_expected = state.baseline.mean * state.scale
        state.last_limit = float(limits.mean()) * state.scale

    def requested(self, state: Watching, now_ns: int) -> None:
        if state.chart is not None:
            if state.chart.crossed_at >= 0 and state.first_change_ns < 0:
                state.first_change_ns = self._change_ns(state)
            state.chart.reset()
        state.quiet_until_ns = now_ns + duration_ns(self.freeze)

    def look(self, state: Watching, seen: Seen) -> Finding:
        if state.chart is None:
            have = len(state.pending or [])
            return Finding(
                stance="quiet",
                reason="The baseline is not known yet.",
                evidence={"rows": have, "wanted": self.reference_rows},
            )
        evidence = {
            **chart_evidence(state.chart),
            "expected_loss": state.last_expected,
            "limit_loss": state.last_limit,
            "tolerance": self.tolerance,
            "arl": self.arl,
        }
        if state.chart.crossed_at >= 0:
            change_ns = self._change_ns(state)
            evidence["change"] = format_time(change_ns)
            return Finding(
                stance="act",
                reason=f"The loss is above its baseline since about {format_time(change_ns)}.",
                evidence=evidence,
                change_ns=change_ns,
            )
        if warned(state.chart):
            return Finding(stance="warn", reason="The loss may be rising.", evidence=evidence)
        return Finding(stance="quiet", reason="The loss is within its baseline.", evidence=evidence)

    def _collect(self, state: Watching, values: Floats, times: Ints) -> tuple[Floats, Ints]:
        """Keep live losses until there are enough for a baseline; return the rows left over."""
        assert state.pending is not None, "pending comes with begin"
        assert state.pending_times is not None, "pending comes with begin"
        wanted = self.reference_rows - len(state.pending)
        state.pending.extend(values[:wanted].tolist())
        state.pending_times.extend(times[:wanted].tolist())
        if len(state.pending) < self.reference_rows:
            return values[:0], times[:0]
        self._adopt(state, np.array(state.pending_times, dtype=np.int64), np.array(state.pending))
        state.pending, state.pending_times = [], []
        return values[wanted:], times[wanted:]

    def _adopt(self, state: Watching, times: Ints, losses: Floats) -> None:
        state.scale = float(np.quantile(losses, _CLIP_QUANTILE)) or 1.0
        scaled = np.minimum(losses / state.scale, 1.0)
        state.baseline = SeasonalBaseline.fit(
            scaled, self._bins(times), SEASONS[self.season], tolerance=self.tolerance
        )
        state.chart = begin_chart(self.chart, state.baseline, scaled, arl=self.arl)

    def _bins(self, times_ns: Ints) -> Ints:
        hours = times_ns // HOUR_NS
        # 1970-01-01 was a Thursday; day 0 of the week is Monday.
        weekday = (times_ns // DAY_NS + 3) % 7
        if self.season == "hour_of_day":
            return hours % 24
        if self.season == "day_of_week":
            return weekday
        if self.season == "hour_of_week":
            return weekday * 24 + hours % 24
        return np.zeros(len(times_ns), dtype=np.int64)

    def _change_ns(self, state: Watching) -> int:
        if state.first_change_ns >= 0:
            return state.first_change_ns
        assert state.chart is not None, "only a chart can tell a change"
        assert state.marks, "a chart that crossed has seen rows"
        before = [moment for events, moment in state.marks if events <= state.chart.change_point]
        return before[-1] if before else state.marks[0][1]


def _prune(marks: list[tuple[int, int]], change_point: int) -> None:
    """Forget marks before the one at the change point: memory follows the unrest, not history."""
    keep = 0
    while keep + 1 < len(marks) and marks[keep + 1][0] <= change_point:
        keep += 1
    del marks[:keep]


def chart_line(state: Watching) -> tuple[float, float, float, float]:
    """Return (expected loss, upper limit, evidence, its threshold) for the report."""
    if state.chart is None:
        return (float("nan"),) * 4
    return (state.last_expected, state.last_limit, *evidence_level(state.chart))
