"""What is watched while one champion serves: its baseline, its chart, where a change began."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.decide.charts import Chart, begin_chart, evidence_level, update_chart
from ostinato.stats.dependence import block_means, block_size, design_effect
from ostinato.stats.seasonal import SeasonalBaseline

SEASONS: Final = {"none": 1, "hour_of_day": 24, "day_of_week": 7, "hour_of_week": 168}

_CLIP_QUANTILE: Final = 0.999
"""Losses are divided by this quantile of the reference and clipped at 1: the e-detector needs
losses in [0, 1]. Lower would hide large losses, higher would let one loss set the scale."""

_HEADROOM: Final = 2.0
"""The scale is at least this many times the mean loss. At 1 losses that hardly vary would all lie
at the clip and could not rise; larger makes every loss look small and slows the chart."""

_FEWEST: Final = 2.0  # events between false alarms: what the e-detector takes at least


@dataclass(slots=True)
class Watching:
    """What a degradation trigger holds while one champion serves.

    `scale` turns losses into [0, 1]; the chart's events are means over `block` rows, of which
    `open_losses` and `open_limits` wait for the next; `begun_at` is how many events the chart had
    seen when it last began; `pending` and `pending_times` collect losses while there is no
    baseline; `marks` are (events seen, time) pairs from the estimated change point on;
    `quiet_until_ns` ends the freeze-out after an alarm was answered; `first_change_ns` is where the
    first alarm of this champion saw the change begin: later alarms are about the same change until
    it is replaced. `last_expected` and `last_limit` are in units of the loss.
    """

    baseline: SeasonalBaseline | None = None
    begun_at: int = 0
    scale: float = 1.0
    chart: Chart | None = None
    block: int = 1
    open_losses: list[float] = field(default_factory=list)
    open_limits: list[float] = field(default_factory=list)
    pending: list[float] = field(default_factory=list)
    pending_times: list[int] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)
    quiet_until_ns: int | None = None
    first_change_ns: int | None = None
    last_expected: float = float("nan")
    last_limit: float = float("nan")

    @property
    def alarmed(self) -> bool:
        """Whether an alarm waits for an answer."""
        return self.chart is not None and self.chart.crossed_at >= 0

    def adopt(
        self, times: Ints, losses: Floats, *, season: str, tolerance: float, chart: str, arl: float
    ) -> None:
        """Make a baseline of (n,) finite reference losses and begin a chart against it."""
        self.scale = _scale(losses)
        scaled = np.minimum(losses / self.scale, 1.0)
        bins, count = season_bins(times, season), SEASONS[season]
        usual = SeasonalBaseline.fit(scaled, bins, count, tolerance=tolerance)
        residuals = scaled - usual.expected_at(bins)
        self.block = block_size(residuals) if chart == "e" else 1
        effect = design_effect(residuals, self.block)
        self.baseline = SeasonalBaseline.fit(
            scaled, bins, count, tolerance=tolerance, design_effect=effect
        )
        self.chart = begin_chart(chart, self.baseline, scaled, arl=max(arl / self.block, _FEWEST))

    def collect(self, times: Ints, losses: Floats, wanted: int) -> int:
        """Keep live losses until there are `wanted`; return how many rows were taken."""
        taken = min(wanted - len(self.pending), len(losses))
        self.pending.extend(losses[:taken].tolist())
        self.pending_times.extend(times[:taken].tolist())
        return taken

    def take(self, times: Ints, losses: Floats, *, season: str) -> None:
        """Put (n,) losses of the champion on the chart, n >= 1."""
        assert self.baseline is not None, "losses are compared with a baseline"
        assert self.chart is not None, "a chart comes with its baseline"
        bins = season_bins(times, season)
        limits = self.baseline.at(bins)
        if self.chart.crossed_at < 0:  # afterwards the change point stands
            self.marks.append((self.chart.n, int(times[0])))
        update_chart(self.chart, *self._blocks(np.minimum(losses / self.scale, 1.0), limits))
        self._prune(self.chart.change_point)
        self.last_expected = float(self.baseline.expected_at(bins).mean()) * self.scale
        self.last_limit = float(limits.mean()) * self.scale

    def _blocks(self, losses: Floats, limits: Floats) -> tuple[Floats, Floats]:
        """Return the means of the blocks that are full now; keep the rest."""
        if self.block == 1:
            return losses, limits
        losses = np.concatenate([self.open_losses, losses])
        limits = np.concatenate([self.open_limits, limits])
        whole = len(losses) // self.block * self.block
        self.open_losses, self.open_limits = losses[whole:].tolist(), limits[whole:].tolist()
        return block_means(losses, self.block), block_means(limits, self.block)

    def answered(self, until_ns: int) -> None:
        """Begin the chart anew after its alarm was answered; it rests until a moment."""
        assert self.chart is not None, "only a chart can alarm"
        self.first_change_ns = self.change_ns()
        self.chart.reset()
        self.open_losses, self.open_limits = [], []
        self.begun_at, self.quiet_until_ns = self.chart.n, until_ns

    def registered(self) -> dict[str, Any] | None:
        """Return what the chart was begun with; None before there is one."""
        if self.chart is None or self.baseline is None:
            return None
        return {
            **self.chart.registered(),
            "begun_at_event": self.begun_at,
            "rows_per_event": self.block,
            "scale": self.scale,
            "reference_rows": self.baseline.n,
            "expected": self.baseline.expected.tolist(),
            "limits": self.baseline.upper.tolist(),
        }

    def levels(self) -> dict[str, float]:
        """Return the expected and the largest normal loss of the last rows; nothing before any."""
        if np.isnan(self.last_expected):
            return {}
        return {"expected_loss": self.last_expected, "limit_loss": self.last_limit}

    def change_ns(self) -> int:
        """Return where the change began that the chart alarms about."""
        if self.first_change_ns is not None:
            return self.first_change_ns
        assert self.chart is not None, "only a chart can tell a change"
        assert self.marks, "a chart that crossed has seen rows"
        before = [moment for events, moment in self.marks if events <= self.chart.change_point]
        return before[-1] if before else self.marks[0][1]

    def _prune(self, change_point: int) -> None:
        """Forget marks before the change point: memory follows the unrest, not history."""
        keep = 0
        while keep + 1 < len(self.marks) and self.marks[keep + 1][0] <= change_point:
            keep += 1
        del self.marks[:keep]


def _scale(losses: Floats) -> float:
    usual = max(float(np.quantile(losses, _CLIP_QUANTILE)), _HEADROOM * float(losses.mean()))
    return usual or float(losses.max()) or 1.0


def season_bins(times_ns: Ints, season: str) -> Ints:
    """Return the season bin (UTC) of each time, (n,), from 0."""
    hours = times_ns // HOUR_NS
    # 1970-01-01 was a Thursday; day 0 of the week is Monday.
    if season == "hour_of_day":
        return hours % 24
    if season == "none":
        return np.zeros(len(times_ns), dtype=np.int64)
    weekday = (times_ns // DAY_NS + 3) % 7
    return weekday if season == "day_of_week" else weekday * 24 + hours % 24


def chart_line(state: Watching) -> tuple[float, float, float, float]:
    """Return (expected loss, upper limit, evidence, its threshold) for the report."""
    if state.chart is None:
        return (float("nan"),) * 4
    return (state.last_expected, state.last_limit, *evidence_level(state.chart))
