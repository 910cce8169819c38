"""Turn a declared loop and policy into a plan the kernel can run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ostinato.core.canonical import digest, plain
from ostinato.core.ports import Scorer
from ostinato.core.units import DAY_NS, HOUR_NS, duration_ns
from ostinato.decide.bind import bound, counts_costs, looks_early
from ostinato.decide.config import DecideConfig
from ostinato.decide.excess_loss import Money
from ostinato.decide.parity import ParityRule
from ostinato.decide.surroundings import Surroundings
from ostinato.decide.trigger import Trigger
from ostinato.gate.config import GateConfig
from ostinato.gate.no_worse_than_anchor import NoWorseThanAnchor
from ostinato.join.config import JoinConfig
from ostinato.learn.config import LearnConfig
from ostinato.learn.estimators import check_learner, describe
from ostinato.learn.line import AnchorRule
from ostinato.learn.schedules import resolved
from ostinato.learn.warmstart import continues
from ostinato.loop.check import check_fit, check_guardrails, check_warm_start
from ostinato.loop.fallback import check_width
from ostinato.loop.kernel import Plan
from ostinato.loop.loop import Loop
from ostinato.loop.outcome import Outcome
from ostinato.loop.policy import Policy
from ostinato.loop.prices import Prices
from ostinato.loop.suited import told
from ostinato.loop.watching import Sights, alarm_rule, monitors_of
from ostinato.release.config import ReleaseConfig
from ostinato.serve.config import ServeConfig
from ostinato.watch.config import WatchConfig


def declaration(loop: Loop, policy: Policy) -> dict[str, Any]:
    """Write down everything that was declared, in plain values."""
    name, parameters = describe(loop.learner)
    # Absent where none is declared: such loops keep the digests they had before there was one.
    fallback = {} if loop.fallback is None else {"fallback": plain(loop.fallback)}
    return {
        "loop": loop.name,
        "task": loop.task,
        "metric": loop.metric,
        "time": loop.time,
        "unit": loop.unit,
        "features": _features(loop),
        "slices": list(loop.slices),
        "label": plain(loop.label),
        "classes": plain(loop.classes),
        "learner": {"name": name, "parameters": parameters},
        "never_trained": loop.holdout,
        "golden": loop.golden,
        "prices": plain(loop.prices),
        **fallback,
        **_served(loop),
        **({"outcomes": plain(loop.outcomes)} if loop.outcomes else {}),
        "monitors": plain(loop.monitors),
        **told(loop),
        "policy": plain(policy),
    }


def _features(loop: Loop) -> list[Any]:
    """Write columns by name, as ever, and what is computed by name and version."""
    plan = loop.feature_plan
    return [[name, plan.versions[name]] if name in plan.versions else name for name in plan.names]


def _served(loop: Loop) -> dict[str, Any]:
    """Write what is said of features as served; nothing where none is windowed."""
    windowed = loop.feature_plan.windowed
    if not windowed:
        return {}
    return {
        "parity": None if loop.parity is None else loop.parity.told(),
        "train_on": loop.train_on,
        "logged": {each.name: each.logged for each in windowed if each.logged is not None},
    }


def parity_rule(loop: Loop) -> ParityRule | None:
    """Return by what windowed features as served are judged; None where they are not."""
    parity, windowed = loop.parity, loop.feature_plan.windowed
    if parity is None or not windowed:
        return None
    return ParityRule(
        features=tuple(each.name for each in windowed),
        tolerated=parity.tolerance,
        arl=1.0 / parity.false_alarm,
        hold=parity.hold_training,
    )


def check(loop: Loop, policy: Policy) -> None:
    """Find what can be found wrong before any data is read.

    Raises
    ------
    ConfigError
        If loop and policy contradict each other, or the learner does not fit them.
    """
    check_fit(loop.label, policy)
    bound_triggers(loop, policy)
    check_guardrails(loop.task, policy)
    check_learner(loop.learner, loop.task)
    check_warm_start(loop.learner, policy, continues=continues(loop.learner))
    describe(loop.learner)
    resolved(loop.learner, policy.schedules)


def bound_triggers(
    loop: Loop, policy: Policy, group_names: tuple[str, ...] = ()
) -> tuple[Trigger, ...]:
    """Return the triggers as they run for this loop; `group_names` where they are known.

    Raises
    ------
    ConfigError
        If a trigger and the loop contradict each other.
    """
    label = loop.label
    surroundings = Surroundings(
        horizon_ns=label.horizon_ns,
        timed=label.time is not None,
        negative=label.never == "negative",
        money=_money(loop.prices),
        slice_columns=len(loop.slices),
        group_names=group_names,
        columns=loop.feature_names,
        targets=(*loop.inputs, label.column),
        grouped=loop.slice_columns,
        families=() if loop.monitors is None else tuple(loop.monitors.families),
    )
    return tuple(bound(trigger, surroundings) for trigger in policy.triggers)


def _money(prices: Prices) -> Money:
    by_matrix = prices.false_positive is not None
    return Money(
        value=1.0 if by_matrix else prices.metric_unit,
        by_matrix=by_matrix,
        train_hour=prices.train_hour,
        alarm=prices.alarm,
        currency=prices.currency,
    )


def _costs(loop: Loop) -> tuple[float, float] | None:
    prices = loop.prices
    if prices.false_positive is None or prices.false_negative is None:
        return None
    return prices.false_positive, prices.false_negative


def make_plan(
    loop: Loop,
    policy: Policy,
    *,
    scorer: Scorer,
    classes: int,
    group_names: tuple[str, ...],
    data_from_ns: int,
    matured_to_ns: int,
    bucket_ns: int,
    seed: int,
    remark: str = "",
    sights: Sights | None = None,
    slice_groups: int | None = None,
) -> Plan:
    """Compose the stages' configurations.

    Parameters
    ----------
    loop, policy
        What was declared.
    scorer
        Where versions are scored.
    classes
        Number of classes, 0 for regression.
    group_names
        Names of the slice groups; their place is the code that stands in `groups`.
    data_from_ns, matured_to_ns
        First row of the history, and up to where its labels have matured at the start.
    bucket_ns
        Width of the performance buckets.
    seed
        Seed of the run.
    remark
        A sentence for the first entry of the journal, on what the run cannot show.
    sights
        What monitors need to know of the data; None: only performance is watched.
    slice_groups
        How many of the groups, from the first on, are of `Loop(slices=...)`; the others are there
        for monitors, and no gate asks for them. None: all.

    Raises
    ------
    ConfigError
        If loop and policy contradict each other, or the learner does not fit them.
    """
    check(loop, policy)
    declared = declaration(loop, policy)
    label = loop.label
    triggers = bound_triggers(loop, policy, group_names)
    costs, rule = _costs(loop), parity_rule(loop)
    monitors = monitors_of(loop, sights, group_names)
    return Plan(
        name=loop.name,
        policy_digest=digest(declared),
        policy=declared,
        seed=seed,
        remark=remark,
        stages={
            "serve": ServeConfig(loop=loop.name, scorer=scorer, fallback=_fallback(loop, classes)),
            "join": JoinConfig(
                horizon_ns=label.horizon_ns,
                revise_ns=label.revise_ns,
                never=label.never,
                classes=classes,
                early=looks_early(triggers),
                outcomes={each.name: each.horizon_ns for each in _watched_outcomes(loop)},
            ),
            "watch": WatchConfig(
                task=loop.task,
                metric=loop.metric,
                classes=classes,
                groups=len(group_names),
                bucket_ns=bucket_ns,
                settle_ns=label.horizon_ns + label.revise_ns,
                guards=policy.rollout.guard_metrics,
                costs=costs if counts_costs(triggers) else None,
                monitors=monitors,
                fast_ns=HOUR_NS if sights is None else sights.fast_ns,
                slow_ns=DAY_NS if sights is None else sights.slow_ns,
            ),
            "decide": DecideConfig(
                triggers=triggers,
                cooldown_ns=duration_ns(policy.cooldown),
                max_requests=policy.max_retrains,
                per_ns=duration_ns(policy.per),
                task=loop.task,
                metric=loop.metric,
                paired=not label.affected_by_prediction,
                explored=label.selective,
                costs=costs,
                parity=rule,
                alarms=alarm_rule(loop, sights, monitors),
            ),
            "learn": LearnConfig(
                window=policy.window,
                holdout_ns=duration_ns(policy.holdout),
                embargo_ns=label.horizon_ns,
                warm_start=policy.warm_start,
                seed=seed,
                data_from_ns=data_from_ns,
                matured_to_ns=matured_to_ns,
                loop=loop.name,
                never_trained=loop.holdout,
                schedules=resolved(loop.learner, policy.schedules),
                anchor=_anchor_rule(policy),
                explored=label.selective,
            ),
            "gate": GateConfig(
                gates=tuple(policy.gates),
                task=loop.task,
                metric=loop.metric,
                group_names=group_names[:slice_groups],
                explored=label.selective,
                parity=rule is not None and rule.hold,
            ),
            "release": ReleaseConfig(
                rollout=policy.rollout,
                paired=not label.affected_by_prediction,
                task=loop.task,
                metric=loop.metric,
                horizon_ns=label.horizon_ns,
                explore=policy.explore,
                explored=label.selective,
            ),
        },
    )


def _watched_outcomes(loop: Loop) -> Sequence[Outcome]:
    return loop.outcomes if loop.monitors is not None else ()


def _fallback(loop: Loop, classes: int) -> tuple[float, ...] | None:
    answer = loop.fallback
    if answer is None:
        return None
    if isinstance(answer, Sequence):
        check_width(len(answer), classes)
        return tuple(answer)
    return (answer,)


def _anchor_rule(policy: Policy) -> AnchorRule | None:
    """Keep an older version only where a gate compares with it."""
    for gate in policy.gates:
        if isinstance(gate, NoWorseThanAnchor):
            return AnchorRule(every_ns=gate.every_ns, promotions=gate.every_promotions)
    return None
