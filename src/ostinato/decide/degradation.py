"""Learn when the champion has become worse than it was when it was proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.core.records import Floats, Ints, LossesObserved
from ostinato.core.units import duration_ns, format_time
from ostinato.decide.charts import CHARTS, chart_evidence, check_arl, warned
from ostinato.decide.trigger import Early, Finding, Reference, Seen, Stance
from ostinato.decide.watching import SEASONS, Watching, chart_line

__all__ = ["LATE", "SEASONS", "Degradation", "Watching", "chart_line"]

LATE: Final = ("auto", "hazard", "mature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Degradation:
    """Ask for a new model when the champion's mean loss rises above its baseline.

    The baseline is what the champion lost on rows it was not trained on when it was proved, by
    season, with a tolerance. The default chart is the mixture e-detector: while the expected loss,
    given all before it, stays under the baseline, false alarms come at least `arl` events apart on
    average. Losses that resemble their neighbours in the reference are taken together, as means
    over so many rows that they hardly do, and their baseline allows for it: a run of errors that
    ends by itself is no change. `ewma`, `cusum` and `shewhart` are the classical charts, whose run
    length holds for independent losses only (exactly for losses that are 0 or 1, else for roughly
    normal ones). An alarm stands until a model was asked for or the champion is replaced.

    Parameters
    ----------
    tolerance
        Relative rise of the loss that is not worth an alarm, >= 0. Larger is quieter and slower.
    arl
        Least average number of labelled events between false alarms, > 1 (for ``"shewhart"``
        > 1000: its points are means of 500 events).
    season
        ``"none"``, ``"hour_of_day"``, ``"day_of_week"`` or ``"hour_of_week"`` (UTC).
    chart
        ``"e"``, ``"ewma"``, ``"cusum"`` or ``"shewhart"``.
    freeze
        How long the chart rests after its alarm was answered by a request.
    reference_rows
        With fewer validation rows than this, the baseline waits for as many live ones; >= 50.
    late
        What is done while labels are late. ``"mature"``: wait until rows are mature. ``"hazard"``:
        judge outcomes by the age at which they come, beside the mature rows, which sees a change
        within days of a horizon of weeks; `season` holds for the mature rows in full, and by
        weekday for the outcomes. ``"auto"``: ``"hazard"`` with the chart ``"e"`` where the label
        has a time of its own and a horizon of two days or more, else ``"mature"``.
    by_slice
        Watch each slice of the loop too, by mature rows, and say which ones broke: those with 100
        reference rows or more, the 200 largest. Of the false alarms that `arl` allows, slices get
        5 % and the chart of all rows the rest; of the slices reported within `arl` events at most
        5 % are healthy, on average. Needs the chart ``"e"`` and a loop with `slices`.

    Source
    ------
    Shin, Ramdas, Rinaldo 2023, "E-detectors"; charts: Montgomery, Introduction to Statistical
    Quality Control; slices: Dandapanthula and Ramdas 2025, "Multiple testing in multi-stream
    sequential change detection".

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
    late: str = "auto"
    by_slice: bool = False

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("season", self.season, SEASONS),
            ("chart", self.chart, CHARTS),
            ("late", self.late, LATE),
        ):
            if value not in allowed:
                raise ConfigError(
                    f"Degradation({name}=...) is unknown",
                    found=repr(value),
                    expected=", ".join(allowed),
                )
        values = f"tolerance={self.tolerance}, arl={self.arl}, reference_rows={self.reference_rows}"
        if not (self.tolerance >= 0 and self.arl > 1 and self.reference_rows >= 50):
            raise ConfigError(
                "Degradation(...) holds a value out of range",
                found=values,
                expected="tolerance >= 0, arl > 1, reference_rows >= 50",
            )
        if self.by_slice and self.chart != "e":
            raise ConfigError(
                "Degradation(by_slice=True) contradicts Degradation(chart=...)",
                found=f"chart={self.chart!r}",
                expected="chart='e': slices and all rows share its run length",
            )
        check_arl(self.chart, self.arl)
        duration_ns(self.freeze, name="Degradation(freeze=...)")

    @property
    def name(self) -> str:
        slices = ", by slice" if self.by_slice else ""
        return f"degradation ({self.chart}, tolerance {self.tolerance:.0%}{slices})"

    def begin(self) -> Watching:
        return Watching()

    def renew(self, state: Watching, reference: Reference | None) -> None:
        fresh = Watching()
        for each in fields(Watching):
            setattr(state, each.name, getattr(fresh, each.name))
        if reference is not None and len(reference.losses) >= self.reference_rows:
            self._adopt(state, reference.times_ns, reference.losses)

    def observe(self, state: Watching, losses: LossesObserved, champion: str) -> None:
        found = losses.losses.get(champion)
        if found is None:
            return
        if state.quiet_until_ns is not None and losses.ts_record_ns < state.quiet_until_ns:
            return
        known = ~np.isnan(found)
        values, times = found, losses.times_ns
        if not known.all():
            values, times = values[known], times[known]
        if state.baseline is None:
            values, times = self._collect(state, values, times)
        if len(values):
            state.take(times, values, season=self.season)

    def requested(self, state: Watching, now_ns: int) -> None:
        if not state.alarmed:  # another trigger asked: what this chart has gathered stays true
            return
        state.answered(now_ns + duration_ns(self.freeze))

    def foresee(self, state: Watching, early: Early, champion: str) -> None:
        """Only mature rows count; see `ostinato.decide.late` for those that are not."""

    def advance(self, state: Watching, now_ns: int) -> None:
        """A chart looks at rows, not at the time."""

    def kept(self, state: Watching, candidate: Reference | None) -> None:
        """What the champion loses is the same whether a candidate shipped or not."""

    def registered(self, state: Watching) -> Mapping[str, Any] | None:
        found = state.registered()
        return None if found is None else {**found, "tolerance": self.tolerance}

    def look(self, state: Watching, seen: Seen) -> Stance:  # noqa: ARG002 - one signature for all triggers
        if state.chart is None:
            return "quiet"
        if state.chart.crossed_at >= 0:
            return "act"
        return "warn" if warned(state.chart) else "quiet"

    def explain(self, state: Watching, seen: Seen) -> Finding:
        if state.chart is None:
            return Finding(
                reason="The baseline is not known yet.",
                evidence={"rows": len(state.pending), "wanted": self.reference_rows},
            )
        evidence = {
            **chart_evidence(state.chart),
            **state.levels(),
            "tolerance": self.tolerance,
            "arl": self.arl,
        }
        if state.alarmed:
            change_ns = state.change_ns()
            return Finding(
                reason=f"The loss is above its baseline since about {format_time(change_ns)}.",
                evidence={**evidence, "change": format_time(change_ns)},
                change_ns=change_ns,
            )
        if state.quiet_until_ns is not None and seen.now_ns < state.quiet_until_ns:
            rests = f"The alarm was answered; the chart rests for {self.freeze}."
            return Finding(reason=rests, evidence=evidence)
        rising = self.look(state, seen) == "warn"
        reason = "The loss may be rising." if rising else "The loss is within its baseline."
        return Finding(reason=reason, evidence=evidence)

    def _collect(self, state: Watching, values: Floats, times: Ints) -> tuple[Floats, Ints]:
        """Keep live losses until there are enough for a baseline; return the rows left over."""
        finite = np.isfinite(values)
        if not finite.all():
            values, times = values[finite], times[finite]
        taken = state.collect(times, values, self.reference_rows)
        if len(state.pending) >= self.reference_rows:
            self._adopt(
                state, np.array(state.pending_times, dtype=np.int64), np.array(state.pending)
            )
            state.pending, state.pending_times = [], []
        return values[taken:], times[taken:]

    def _adopt(self, state: Watching, times: Ints, losses: Floats) -> None:
        state.adopt(
            times,
            losses,
            season=self.season,
            tolerance=self.tolerance,
            chart=self.chart,
            arl=self.arl,
        )
