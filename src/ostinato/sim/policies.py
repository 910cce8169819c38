"""Draw a policy from the real library, with thresholds that a short run can reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ostinato.core.rng import stream
from ostinato.core.units import DAY_NS
from ostinato.decide.compose import all_of, any_of
from ostinato.decide.degradation import Degradation
from ostinato.decide.every import Every
from ostinato.decide.new_labels import NewLabels
from ostinato.decide.trigger import Trigger
from ostinato.gate.calibration import Calibration
from ostinato.gate.minimum_delta import MinimumDelta
from ostinato.gate.no_worse_slice import NoWorseSlice
from ostinato.gate.resources import ArtifactSize, Latency
from ostinato.gate.verdict import Gate
from ostinato.learn.windows import Decayed, Expanding, Last, SinceChange, Window
from ostinato.loop.label import Label
from ostinato.loop.policy import Policy
from ostinato.release.guardrails import Guard, Guardrail, LatencyGuard, ServingErrors
from ostinato.release.plans import BlueGreen, Canary, Immediate, Rollout, Shadow
from ostinato.release.terms import NULLS
from ostinato.sim.concept import Task

Rng = np.random.Generator

_RECKLESS: Final = 0.25
"""Share of the policies that promote without asking. Smaller: too few rollbacks are seen."""

_GUARDED: Final[dict[Task, tuple[str, ...]]] = {
    "binary": ("brier", "error_rate"),
    "multiclass": ("error_rate",),
    "regression": ("rmse",),
}
"""Metrics that a guardrail can look at beside the loop's own."""

E_ARL: Final = 100_000.0
"""Events between false alarms that the drawn e-detectors promise; the batch of seeds holds them to
it."""


def _pick(rng: Rng, *choices: Any) -> Any:
    return choices[int(rng.integers(len(choices)))]


def _every(rng: Rng, horizon_ns: int) -> Trigger:  # noqa: ARG001 - one signature for all
    return Every(_pick(rng, "8h", "12h", "1d", "30 */6 * * *"))


def _new_labels(rng: Rng, horizon_ns: int) -> Trigger:  # noqa: ARG001 - one signature for all
    return NewLabels(int(rng.integers(60, 400)))


def _late(rng: Rng, *, chart: str, horizon_ns: int) -> str:
    """Ages are counted in whole days: a shorter horizon has none to judge by."""
    by_age = chart == "e" and horizon_ns >= DAY_NS
    late: str = _pick(rng, "auto", "mature", "hazard" if by_age else "auto")
    return late


def _degradation(rng: Rng, horizon_ns: int) -> Trigger:
    chart = _pick(rng, "e", "e", "ewma", "cusum", "shewhart")
    return Degradation(
        chart=chart,
        tolerance=_pick(rng, 0.05, 0.1, 0.2),
        arl=E_ARL if chart == "e" else float(_pick(rng, 2_000.0, 20_000.0)),
        season=_pick(rng, "none", "hour_of_day"),
        freeze=_pick(rng, "6h", "12h"),
        reference_rows=int(_pick(rng, 60, 150, 300)),
        late=_late(rng, chart=chart, horizon_ns=horizon_ns),
    )


TRIGGERS: Final[tuple[Callable[[Rng, int], Trigger], ...]] = (_every, _new_labels, _degradation)
"""The triggers a policy can be drawn from; a new one is added here."""


def _combined(rng: Rng, horizon_ns: int) -> Trigger:
    two = [
        TRIGGERS[index](rng, horizon_ns) for index in rng.permutation(len(TRIGGERS))[:2].tolist()
    ]
    return any_of(*two) if rng.random() < 0.5 else all_of(*two)


def _triggers(rng: Rng, horizon_ns: int) -> list[Trigger]:
    shape = rng.random()
    if shape < 0.05:
        return []
    if shape < 0.65:
        return [_pick(rng, *TRIGGERS)(rng, horizon_ns)]
    if shape < 0.85:
        return [_combined(rng, horizon_ns)]
    return [_every(rng, horizon_ns), _degradation(rng, horizon_ns)]


def _gates(rng: Rng) -> list[Gate]:
    offered: list[Gate] = [
        MinimumDelta(
            min_rows=int(_pick(rng, 20, 40)),
            delta=float(_pick(rng, 0.0, 0.01)),
            **_pick(rng, {}, {"better_on": (), "no_worse_on": ("recent",), "margin": 0.1}),
        ),
        NoWorseSlice(min_rows=30),
        Calibration(min_rows=100),
        Latency(max_ms=1.0),
        ArtifactSize(max_bytes=100_000),
    ]
    chance = _pick(rng, 0.0, 0.0, 0.4, 0.8)
    return [gate for gate in offered if rng.random() < chance]


def _guardrails(rng: Rng, task: Task) -> list[Guard]:
    offered: list[Guard] = [
        Guardrail(_pick(rng, *_GUARDED[task]), margin=0.1),
        ServingErrors(risk=float(_pick(rng, 1.1, 3.0))),
        LatencyGuard(),
    ]
    return [guard for guard in offered if rng.random() < 0.3]


def _rollout(rng: Rng, task: Task, *, paired: bool) -> Rollout:
    common: dict[str, Any] = {
        "margin": float(_pick(rng, 0.02, 0.05, 0.2)),
        "min_samples": int(_pick(rng, 20, 40, 80)),
        "cap": _pick(rng, "1d", "2d", "3d"),
        "watch": _pick(rng, "1d", "2d", None),
        "holdback": float(_pick(rng, 0.0, 0.0, 0.1)),
        "null": _pick(rng, *NULLS),
        "abort_null": _pick(rng, "always", *NULLS),
        "guardrails": _guardrails(rng, task),
    }
    kinds: list[Rollout] = [
        Canary(**common, steps=_pick(rng, (0.1, 1.0), (0.05, 0.2, 0.5, 1.0)), over="6h"),
        Canary(**common, steps=(0.3, 1.0), over="2h"),
        BlueGreen(**common, warm="3h"),
        Immediate(**common),
        Immediate(**common),
    ]
    if paired:
        kinds += [Shadow(**common, over="4h"), Shadow(**common, over="1h")]
    chosen: Rollout = _pick(rng, *kinds)
    return chosen


def _at_once(rng: Rng) -> Rollout:
    return Immediate(
        margin=0.05,
        min_samples=int(_pick(rng, 20, 40)),
        watch=_pick(rng, "1d", "2d"),
        abort_null="always",
        holdback=float(_pick(rng, 0.0, 0.1)),
    )


def _window(rng: Rng) -> Window:
    window: Window = _pick(
        rng, Expanding(), Last("2d"), Decayed("1d"), SinceChange(minimum="12h", fallback=Last("2d"))
    )
    return window


def draw_policy(seed: int, task: Task, label: Label) -> Policy:
    """Draw a policy that fits a task and its label."""
    rng = stream(seed, "policy")
    reckless = rng.random() < _RECKLESS
    return Policy(
        triggers=[Every("1d")]
        if reckless and rng.random() < 0.5
        else _triggers(rng, label.horizon_ns),
        window=_window(rng),
        gates=[] if reckless else _gates(rng),
        rollout=_at_once(rng)
        if reckless
        else _rollout(rng, task, paired=not label.affected_by_prediction),
        cooldown=_pick(rng, "2h", "6h"),
        max_retrains=int(_pick(rng, 3, 20)),
        per=_pick(rng, "2d", "4d"),
        holdout=_pick(rng, "12h", "1d"),
        explore=float(_pick(rng, 0.2, 0.5) if label.selective else _pick(rng, 0.0, 0.0, 0.1)),
    )
