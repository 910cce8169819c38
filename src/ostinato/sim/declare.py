"""The loop that is simulated, and what it promises, in plain numbers for the checkers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.core.ports import Scorer
from ostinato.core.rng import stream
from ostinato.core.units import DAY_NS, duration_ns
from ostinato.loop.kernel import Plan
from ostinato.loop.label import Label
from ostinato.loop.loop import Loop
from ostinato.loop.plan import make_plan
from ostinato.loop.policy import Policy
from ostinato.sim.concept import Concept
from ostinato.sim.models import TinyClassifier, TinyRegressor
from ostinato.sim.policies import draw_policy
from ostinato.sim.traffic import GROUPS

NAME: Final = "simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """What the declaration says the loop will do; times in nanoseconds.

    `steps` are (share, least time) of the rollout, `watch_ns` is None where nothing is watched
    after a promotion.
    """

    policy_digest: str
    horizon_ns: int
    revise_ns: int
    never: str
    classes: int
    paired: bool
    cooldown_ns: int
    max_requests: int
    per_ns: int
    gates: tuple[str, ...]
    steps: tuple[tuple[float, int], ...]
    proves: bool
    cap_ns: int
    watch_ns: int | None
    holdback: float


def draw_loop(seed: int, concept: Concept) -> Loop:
    """Declare a loop for a concept."""
    rng = stream(seed, "loop")
    negative = concept.task == "binary" and not concept.selective and rng.random() < 0.3
    label = Label(
        "label",
        time="known",
        horizon=str(rng.choice(["4h", "8h", "12h", "1d"])),
        revise=str(rng.choice(["4h", "12h"])),
        never="negative" if negative else "censored",
        affected_by_prediction=concept.effect > 0,
        selective=concept.selective,
    )
    return Loop(
        name=NAME,
        task=concept.task,
        time="time",
        features=["a", "b", "c"],
        label=label,
        learner=TinyRegressor() if concept.task == "regression" else TinyClassifier(),
        slices=["colour"],
        holdout=0.1,
        policy=draw_policy(seed, concept.task, label),
    )


def plan_of(loop: Loop, concept: Concept, *, scorer: Scorer, seed: int, start_ns: int) -> Plan:
    """Make the plan; the history before the start has matured up to a horizon before it."""
    return make_plan(
        loop,
        loop.policy,
        scorer=scorer,
        classes=concept.classes,
        group_names=GROUPS,
        data_from_ns=start_ns - 4 * DAY_NS,
        matured_to_ns=start_ns - loop.label.horizon_ns,
        bucket_ns=DAY_NS,
        seed=int(np.int64(seed)),
    )


def promises_of(loop: Loop, plan: Plan, concept: Concept) -> Promises:
    """Write down what a loop promises, read off its declaration."""
    policy: Policy = loop.policy
    rollout = policy.rollout
    return Promises(
        policy_digest=plan.policy_digest,
        horizon_ns=loop.label.horizon_ns,
        revise_ns=loop.label.revise_ns,
        never=loop.label.never,
        classes=concept.classes,
        paired=not loop.label.affected_by_prediction,
        cooldown_ns=duration_ns(policy.cooldown),
        max_requests=policy.max_retrains,
        per_ns=duration_ns(policy.per),
        gates=tuple(gate.name for gate in policy.gates),
        steps=rollout.stages(),
        proves=rollout.proves,
        cap_ns=duration_ns(rollout.cap),
        watch_ns=None if rollout.watch is None else duration_ns(rollout.watch),
        holdback=rollout.holdback,
    )
