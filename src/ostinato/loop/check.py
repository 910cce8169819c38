"""What a loop and a policy can contradict each other in; found before any data is read."""

from __future__ import annotations

from typing import Any

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns
from ostinato.loop.label import Label
from ostinato.loop.policy import Policy
from ostinato.stats.metrics import companions, metric_for


def check_fit(label: Label, policy: Policy) -> None:
    """Refuse a policy that the label can never give evidence for.

    Raises
    ------
    ConfigError
        If the truth depends on who answers and the rollout lets the challenger answer nobody, or
        labels are selective and the policy explores nothing, or every label comes after the end
        of the rollout.
    """
    if label.selective and policy.explore == 0:
        raise ConfigError(
            "Label(selective=True) contradicts Policy(explore=0)",
            found=f"labels of {label.column!r} that come only where the answer lets a request "
            "through, and no share that chance lets through",
            expected="a share in (0, 0.5]",
            hint="Policy(explore=0.02) lets 2% of the units through whatever the answer; without "
            "them no version can be compared with another.",
        )
    rollout = policy.rollout
    if rollout.proves and label.delay_ns >= duration_ns(rollout.cap):
        raise ConfigError(
            f"Label(delay=...) contradicts Policy(rollout={type(rollout).__name__}(cap=...))",
            found=f"labels that come {label.delay} after their prediction, and a rollout that ends "
            f"{rollout.cap} after it began",
            expected="a cap longer than the delay",
            hint="Every rollout would end without one labelled row of its own.",
        )
    answers = any(share > 0 for share, _ in rollout.stages())
    if label.affected_by_prediction and rollout.proves and not answers:
        name = type(rollout).__name__
        raise ConfigError(
            f"Label(affected_by_prediction=True) contradicts Policy(rollout={name}(...))",
            found=f"a challenger that only scores in the shadow, and labels of {label.column!r} "
            "that depend on the answer given",
            expected="a rollout in which the challenger answers, such as Canary()",
            hint="If acting on the prediction leaves the truth as it is, take "
            "affected_by_prediction=False.",
        )


def check_guardrails(task: str, policy: Policy) -> None:
    """Refuse a guardrail on a metric that the task does not have.

    Raises
    ------
    ConfigError
        If a metric is unknown or not one of the task's.
    """
    for metric in policy.rollout.guard_metrics:
        try:
            metric_for(task, metric)
        except ValueError as error:
            raise ConfigError(
                f"Guardrail({metric!r}) does not fit Loop(task={task!r})",
                found=str(error),
                expected=", ".join(companions(task)),
            ) from error


def check_warm_start(learner: Any, policy: Policy, *, continues: bool) -> None:
    """Refuse to go on from the champion with a learner that cannot.

    Raises
    ------
    ConfigError
        If the policy says warm start and the learner does not continue.
    """
    if policy.warm_start and not continues:
        raise ConfigError(
            "Policy(warm_start=True) contradicts Loop(learner=...)",
            found=f"{type(learner).__name__}, which cannot go on from an earlier model",
            expected="an estimator with partial_fit or warm_start, LightGBM or XGBoost",
            hint="Take warm_start=False, or ost.learners.lightgbm(...).",
        )
