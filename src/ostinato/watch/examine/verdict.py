"""From the parts of a change to a cause, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ostinato.core.watched import NONE_FOUND
from ostinato.stats.influence import Estimate
from ostinato.watch.examine.change import CONCEPT, COVARIATE, LABELS, QUALITY, UNSEEN, Change

LEVEL: Final = 0.99
"""Of the intervals of parts: five parts are looked at, and where nothing changed at most about one
examination in twenty may name a cause."""

TOLERANCE: Final = 0.025
"""Part of the reference's loss that a part must exceed to be a cause. Smaller: with many rows
trifles are named; larger: a fall made of several small parts has no cause."""

_MEANING: Final = {
    QUALITY: "values that arrive broken",
    LABELS: "classes that come in other shares",
    COVARIATE: "known inputs that come in other shares",
    CONCEPT: "the same inputs having other outcomes",
    UNSEEN: "inputs that the reference hardly has",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The main cause, one of `core.watched.CAUSES`, and sentences that say why."""

    cause: str
    reason: str


def verdict(change: Change | str, *, tolerance: float = TOLERANCE) -> Verdict:
    """Name the part that raises the loss most, if it surely does so by more than matters.

    Parameters
    ----------
    change
        What was found, or why nothing could be.
    tolerance
        See `TOLERANCE`.
    """
    if isinstance(change, str):
        return Verdict(cause=NONE_FOUND, reason=f"The change in loss cannot be told: {change}.")
    floor = tolerance * abs(change.before)
    sure = {name: part for name, part in change.parts.items() if _raises(part, floor)}
    if change.inputs is not None and not {COVARIATE, UNSEEN} & set(sure):
        # Each half of a cause may be too small to be one.
        larger = max((COVARIATE, UNSEEN), key=lambda name: change.parts[name].value)
        sure |= {larger: change.inputs} if _raises(change.inputs, floor) else {}
    whole = _whole(change)
    compared = {COVARIATE, CONCEPT, UNSEEN} & set(change.parts)
    if not compared and not sure and _raises(change.total, floor):
        text = "Hardly any input of the reference comes any more, so that nothing can be compared"
        return Verdict(cause=UNSEEN, reason=f"{whole} {text}.")
    if not sure:
        return Verdict(cause=NONE_FOUND, reason=f"{whole} {_nothing(change)}")
    cause = max(sure, key=lambda name: sure[name].value)
    others = [_told(name, part) for name, part in sure.items() if name != cause]
    also = f" Also: {'; '.join(others)}." if others else ""
    return Verdict(
        cause=cause, reason=f"{whole} What raises it most: {_told(cause, sure[cause])}.{also}"
    )


def _raises(part: Estimate, floor: float) -> bool:
    return part.interval(LEVEL)[0] > 0.0 and part.value > floor


def _whole(change: Change) -> str:
    low, high = change.total.interval(LEVEL)
    if change.foreseen:
        return (
            "There are too few labels; by its inputs alone the loss is foreseen to change from "
            f"{change.before:.4g} to {change.now:.4g} ({change.total.value:+.3g}, {low:+.3g} to "
            f"{high:+.3g})."
        )
    if low <= 0.0 <= high:
        word = "did not surely change"
    else:
        word = "rose" if change.total.value > 0.0 else "fell"
    return (
        f"The loss {word}: {change.before:.4g} in the reference, {change.now:.4g} now "
        f"({change.total.value:+.3g}, {low:+.3g} to {high:+.3g})."
    )


def _nothing(change: Change) -> str:
    if not change.parts:
        return "Its parts could not be told."
    return "No part of it surely raises the loss by more than matters."


def _told(name: str, part: Estimate) -> str:
    low, high = part.interval(LEVEL)
    return f"{name}, {_MEANING[name]} ({part.value:+.3g}, {low:+.3g} to {high:+.3g})"
