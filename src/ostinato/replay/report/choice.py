"""The choice of a policy, prepared for the page: the rungs, then value on the past and after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ostinato.replay.report.figures import number
from ostinato.replay.report.table import Interval, placed

_GAINS: Final = (
    ("in_sample", "As measured on the past", "the policy was picked on these rows"),
    ("shrunken", "After shrinkage", "what was luck is taken off, as far as can be told"),
    ("reported", "On what followed", "the choice did not see these rows"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One policy's way through the rungs: a cell per rung, None where it no longer took part."""

    policy: str
    cells: tuple[Mapping[str, Any] | None, ...]
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GainRow:
    """One estimate of what the policy is worth per month, on the scale of all three."""

    title: str
    note: str
    value: float
    low: float
    high: float
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the page shows of a choice.

    Parameters
    ----------
    name, sure, chosen_at
        As in the document.
    policy
        Whose gains are shown: the chosen policy, or the best that learns where static was chosen.
    ends
        When the rungs ended.
    lanes
        A row per policy, in the order they were tried.
    gains
        Value per month in the sample, after shrinkage and on what followed.
    evidence, regret, regret_high
        As in the document.
    """

    name: str
    sure: float
    chosen_at: str
    policy: str
    ends: tuple[str, ...]
    lanes: tuple[Lane, ...]
    gains: tuple[GainRow, ...]
    evidence: float
    regret: float
    regret_high: float


def choice_of(document: Mapping[str, Any]) -> Choice | None:
    """Prepare the choice of a document; None where nothing was chosen on a past."""
    choice = document.get("choice")
    if not choice:
        return None
    gain = choice["gain"]
    ends = dict.fromkeys(str(row["until"]) for row in choice["rungs"])
    return Choice(
        name=str(choice["name"]),
        sure=number(choice["sure"]),
        chosen_at=str(choice["chosen_at"]),
        policy=str(gain["policy"]),
        ends=tuple(ends),
        lanes=_lanes(choice["rungs"], str(choice["name"]), len(ends)),
        gains=_gains(gain),
        evidence=number(gain["evidence"]),
        regret=number(gain["regret"]),
        regret_high=number(gain["regret_high"]),
    )


def _lanes(rungs: Sequence[Mapping[str, Any]], chosen: str, count: int) -> tuple[Lane, ...]:
    names = dict.fromkeys(str(row["policy"]) for row in rungs)
    found = {(str(row["policy"]), int(row["rung"])): row for row in rungs}
    return tuple(
        Lane(
            policy=name,
            cells=tuple(found.get((name, rung + 1)) for rung in range(count)),
            chosen=name == chosen,
        )
        for name in names
    )


def _gains(gain: Mapping[str, Any]) -> tuple[GainRow, ...]:
    ends = {
        name: [number(gain[name + end]) for end in ("_low", "", "_high")] for name, *_ in _GAINS
    }
    scale = [0.0, *(end for each in ends.values() for end in each)]
    return tuple(
        GainRow(
            title=title,
            note=note,
            low=ends[name][0],
            value=ends[name][1],
            high=ends[name][2],
            interval=placed(ends[name], scale),
        )
        for name, title, note in _GAINS
    )
