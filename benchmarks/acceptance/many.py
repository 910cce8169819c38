"""Two hundred monitors at once (B5): which alarms to believe.

190 streams are healthy, 10 turn bad. Peers alarm for each stream by itself: three-sigma charts, or
an e-detector each. e-d-BH asks more evidence of the first alarm than of the tenth.
"""

from __future__ import annotations

import math

import numpy as np

from acceptance.check import Check, Effort, at_least, at_most, told
from acceptance.monitors import p_chart_alarms
from acceptance.worlds import errors
from ostinato.stats import EDetector
from ostinato.stats.many import e_d_bh

STREAMS, BROKEN, PATIENCE, SHARE = 200, 10, 20_000, 0.05
BEFORE, LOOK, RATE = 5_000, 250, 0.1


def b5(effort: Effort) -> list[Check]:
    runs, streams = effort((12, STREAMS), (1, 60))
    checks = []
    for bad in (0.15, 0.12):
        if effort.quick and bad != 0.15:
            continue
        false, alone_false, chart_false, joint, alone = [], [], [], [], []
        for run in range(runs):
            found = _run(np.random.default_rng([5, run]), streams, bad)
            false.append(found["false"])
            alone_false.append(found["alone false"])
            chart_false.append(found["chart false"])
            joint += found["joint"]
            alone += found["alone"]
        slower = float(np.median(joint) / np.median(alone))
        what = f"healthy streams reported per run, {RATE} -> {bad}"
        checks.append(at_most(what, float(np.mean(false)), 0.2))
        checks.append(told("  each e-detector by itself", float(np.mean(alone_false))))
        charts = "  each 3-sigma chart per 500 by itself"
        checks.append(at_least(charts, float(np.mean(chart_false)), effort(10, 2), teeth=True))
        checks.append(told(f"  median delay, {RATE} -> {bad}", np.median(joint)))
        checks.append(at_most("  delay / each by itself", slower, effort(2.2, 2.6)))
    return checks


def _run(rng: np.random.Generator, streams: int, bad: float) -> dict:
    broken = BROKEN * streams // STREAMS or 1
    levels = np.zeros((streams, PATIENCE // LOOK))
    crossed = np.full(streams, np.inf)
    charts = 0
    for stream in range(streams):
        rates = np.full(PATIENCE, RATE)
        if stream < broken:
            rates[BEFORE:] = bad
        losses = errors(rng, rates)
        # By itself each stream may alarm once in PATIENCE / SHARE events.
        detector = EDetector.begin(RATE, arl=PATIENCE / SHARE)
        for look in range(PATIENCE // LOOK):
            part = losses[look * LOOK : (look + 1) * LOOK]
            detector.update(part, np.full(LOOK, RATE))
            levels[stream, look] = math.exp(min(detector.log_e, 600.0))
        if detector.crossed:
            crossed[stream] = detector.crossed_at
        if stream >= broken:
            charts += len(p_chart_alarms(RATE, losses, 500)) > 0
    reported = np.array(
        [e_d_bh(levels[:, look], q=SHARE, patience=PATIENCE) for look in range(levels.shape[1])]
    )
    first = np.where(reported.any(axis=0), (reported.argmax(axis=0) + 1.0) * LOOK, np.inf)
    return {
        "false": int(np.isfinite(first[broken:]).sum()),
        "alone false": int(np.isfinite(crossed[broken:]).sum()),
        "chart false": charts,
        "joint": (first[:broken] - BEFORE).tolist(),
        "alone": (crossed[:broken] - BEFORE).tolist(),
    }
