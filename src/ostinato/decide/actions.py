"""What the loop will do about a diagnosis, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ostinato.core.watched import NONE_FOUND
from ostinato.decide.compose import AllOf, AnyOf
from ostinato.decide.config import DecideConfig
from ostinato.decide.data_quality import DataQuality, broken_data, quality_holds
from ostinato.decide.drift import Drift
from ostinato.decide.estimated_degradation import EstimatedDegradation
from ostinato.decide.every import Every
from ostinato.decide.new_labels import NewLabels
from ostinato.decide.state import DecideState
from ostinato.decide.trigger import Trigger

QUALITY: Final = "data quality"

_OF_INPUTS: Final = ("covariate shift", "unseen inputs")


def policy_facts(state: DecideState, config: DecideConfig, now_ns: int) -> dict[str, Any]:
    """Return what the policy does about a diagnosis, for `action_for`; plain values.

    ``by_inputs``, ``by_loss`` and ``by_time``: names of the triggers that look at inputs (or what
    is estimated from them), at losses, and at the time or the number of labels. ``holds``: names of
    what holds learning back, ``broken``: why it is held back now. ``autonomy`` and ``paused`` as in
    the state; ``busy``: what is under way.
    """
    alone = list(_leaves(config.triggers))
    by_inputs = [each for each in alone if isinstance(each, Drift | EstimatedDegradation)]
    by_time = [each for each in alone if isinstance(each, Every | NewLabels)]
    by_loss = [
        each
        for each in alone
        if not isinstance(each, Drift | EstimatedDegradation | Every | NewLabels | DataQuality)
    ]
    return {
        "by_inputs": [each.name for each in by_inputs],
        "by_loss": [each.name for each in by_loss],
        "by_time": [each.name for each in by_time],
        "holds": [each.name for each in quality_holds(config.triggers)],
        "broken": broken_data(config.triggers, state.alarms.standing.values(), now_ns),
        "autonomy": state.autonomy,
        "paused": state.paused,
        "busy": state.busy,
    }


def _leaves(triggers: Sequence[Trigger]) -> Iterator[Trigger]:
    for each in triggers:
        if isinstance(each, AnyOf | AllOf):
            yield from _leaves(each.triggers)
        else:
            yield each


def action_for(cause: str, policy: Mapping[str, Any]) -> str:
    """Say what the loop will do about a cause, under the policy that asked.

    Parameters
    ----------
    cause
        One of `ostinato.core.watched.CAUSES`.
    policy
        From `policy_facts`: ``evidence["policy"]`` of the `ExaminationRequested`.

    Examples
    --------
    >>> facts = {"by_inputs": [], "by_loss": ["degradation"], "by_time": [], "holds": [],
    ...          "broken": "", "autonomy": "auto", "paused": "", "busy": ""}
    >>> action_for("concept drift", facts)
    'degradation asks for a new model when its evidence suffices.'
    """
    if cause == NONE_FOUND:
        held = f" Nothing is learnt: {policy['broken']}." if policy["broken"] else ""
        return f"Nothing is done on its account.{held}"
    if cause == QUALITY:
        return _about_quality(policy)
    stopped = _stopped(policy)
    if stopped:
        return stopped
    asks = " Somebody is asked first." if policy["autonomy"] == "suggest" else ""
    return _about_model(cause, policy) + asks


def _stopped(policy: Mapping[str, Any]) -> str:
    """Say what keeps the loop from learning whatever its triggers find; "" when nothing does."""
    if policy["broken"]:
        return f"Nothing is learnt: {policy['broken']}."
    if policy["paused"]:
        return f"Nothing is learnt: paused by {policy['paused']}."
    if policy["autonomy"] == "observe":
        return "Nothing is learnt: the loop only observes."
    return f"Nothing more for now: {policy['busy']}." if policy["busy"] else ""


def _about_quality(policy: Mapping[str, Any]) -> str:
    if policy["holds"]:
        return (
            f"{_names(policy['holds'])} holds learning back while its alarms stand; repair the "
            "data."
        )
    return "Repair the data: nothing holds learning back (no trigger is DataQuality)."


def _about_model(cause: str, policy: Mapping[str, Any]) -> str:
    told = policy["by_inputs"] if cause in _OF_INPUTS else []
    told = [*told, *policy["by_loss"]]
    if told:
        verb = "asks" if len(told) == 1 else "ask"
        its = "its" if len(told) == 1 else "their"
        return f"{_names(told)} {verb} for a new model when {its} evidence suffices."
    if policy["by_time"]:
        return f"The next model comes with the schedule ({_names(policy['by_time'])})."
    return "No trigger of the policy asks for a new model; ostinato retrain does."


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)
