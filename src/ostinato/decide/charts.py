"""The charts a `Degradation` trigger can use, behind one set of functions."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.core.records import Floats
from ostinato.stats.charts import CusumChart, EwmaChart, ShewhartChart
from ostinato.stats.edetector import EDetector
from ostinato.stats.seasonal import HIGHEST, SeasonalBaseline

Chart = EDetector | EwmaChart | CusumChart | ShewhartChart

CHARTS: Final[dict[str, Any]] = {
    "e": EDetector,
    "ewma": EwmaChart,
    "cusum": CusumChart,
    "shewhart": ShewhartChart,
}

_OFTEN: Final = 0.5  # from this rate on the normal limits of the charts are the better ones
_SMALLEST_MEAN: Final = 1e-6  # a reference without any loss still gets a baseline above zero
_LARGEST_MEAN: Final = HIGHEST  # and one that loses always one below one


def check_arl(name: str, arl: float) -> None:
    """Refuse a run length that a chart cannot be set for.

    Raises
    ------
    ConfigError
        If it is too short for the chart.
    """
    try:
        CHARTS[name].begin(0.5, arl=arl) if name == "e" else CHARTS[name].begin(0.5, 1.0, arl=arl)
    except ValueError as error:
        raise ConfigError(
            "Degradation(arl=...) does not fit Degradation(chart=...)",
            found=f"arl={arl:g}, chart={name!r} ({error})",
            expected="a longer run length, or the chart 'e'",
        ) from error


def begin_chart(name: str, baseline: SeasonalBaseline, losses: Floats, *, arl: float) -> Chart:
    """Start a chart against a baseline; `losses` (n,) in [0, 1] are the reference."""
    if name == "e":
        highest = min(max(baseline.highest, _SMALLEST_MEAN), _LARGEST_MEAN)
        mean = min(max(baseline.mean, _SMALLEST_MEAN), highest)
        return EDetector.begin(mean, arl=arl, m_max=highest)
    spread = float(losses.std()) or _SMALLEST_MEAN
    chart: Chart = CHARTS[name].begin(baseline.mean, spread, arl=arl, rate=_rate(losses))
    return chart


def _rate(losses: Floats) -> float | None:
    """Share of losses where they are 0 or one other value: charts have exact limits for that."""
    lost = losses > 0.0
    rate = float(lost.mean())
    two_values = 0.0 < rate <= _OFTEN and bool((losses[lost] == losses.max()).all())
    return rate if two_values else None


def update_chart(chart: Chart, losses: Floats, limits: Floats) -> None:
    """Take (n,) losses in [0, 1] and the (n,) means they must stay under."""
    if isinstance(chart, EDetector):
        chart.update(losses, np.clip(limits, _SMALLEST_MEAN, chart.m_max))
    else:
        chart.update(losses, limits)


def warned(chart: Chart) -> bool:
    """Whether the evidence is past its warning level now.

    For the e-detector a hundredth of the alarm level, for the classical charts two thirds of the
    limit, as charts are read.
    """
    if isinstance(chart, EDetector):
        return chart.log_e >= math.log(chart.warn)
    return chart.statistic >= chart.limit * 2 / 3


def evidence_level(chart: Chart) -> tuple[float, float]:
    """Return (statistic, threshold), in log10 of the evidence for the e-detector."""
    if isinstance(chart, EDetector):
        return chart.log_e / math.log(10), math.log10(chart.arl)
    return chart.statistic, chart.limit


def chart_evidence(chart: Chart) -> dict[str, float]:
    """Write the chart's state down for the journal."""
    level, threshold = evidence_level(chart)
    if isinstance(chart, EDetector):
        peak = chart.log_e_max / math.log(10)
        return {"events": chart.n, "log10_e": level, "log10_e_max": peak, "log10_e_act": threshold}
    return {"events": chart.n, "statistic": level, "limit": threshold}
