"""People are obeyed or told why not, are asked where they want to be, and are heard once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from ostinato.sim.checkers.journal_view import decisions
from ostinato.sim.observe import Evidence
from ostinato.sim.verdict import Finding

NAME = "people are obeyed"

_EFFECTS: Final[dict[str, tuple[str, ...]]] = {
    "retrain": ("learning_requested",),
    "promote": ("promoted",),
    "abort": ("rollout_ended",),
    "undo": ("rolled_back",),
    "approve": ("learning_requested", "rollout_advanced", "promoted", "rollout_ended"),
}
"""What an act that is not refused leads to, in the same tick."""


@dataclass(slots=True)
class _Desk:
    """What people said so far, and what of this tick is not answered yet.

    `open_` are proposals by id, `acts` the acts of the tick, `kinds` what was decided in it.
    `overtaken`: questions about learning that one about a release overtook, and in which tick.
    """

    tick: int = -1
    level: str = "auto"
    paused: bool = False
    champion: str | None = None
    open_: dict[str, str] = field(default_factory=dict)
    overtaken: dict[str, int] = field(default_factory=dict)
    acts: list[dict[str, Any]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    rolling: set[str] = field(default_factory=set)


def check(evidence: Evidence) -> Iterator[Finding]:
    """Nothing is learned or released without a yes where one is wanted, nor in a pause."""
    desk = _Desk()
    for tick, _, body in decisions(evidence):
        if tick != desk.tick:
            yield from _closed(desk)
            desk.tick, desk.acts, desk.kinds, desk.refused = tick, [], Counter(), set()
        desk.kinds[body["kind"]] += 1
        yield from _asked(desk, body)
        _learn(desk, body)
    yield from _closed(desk)


def _asked(desk: _Desk, body: dict[str, Any]) -> Iterator[Finding]:
    kind, version = body["kind"], body["subject"]
    if kind in {"operator_acted", "autonomy_set"} and body["act_id"] in desk.seen:
        yield _finding(desk, f"{body['act_id']} was heard twice")
    if kind == "action_proposed" and desk.open_:
        if body["action"] == "learn" or desk.overtaken:
            yield _finding(desk, f"{body['proposal']} is asked while {list(desk.open_)} is open")
        desk.overtaken.update(dict.fromkeys(desk.open_, desk.tick))
    wanted = {act["act"] for act in desk.acts}
    if kind == "learning_requested" and version != "first champion":
        if desk.level == "suggest" and not wanted & {"approve", "retrain"}:
            yield _finding(desk, "learned without being asked")
        if desk.level == "observe" and "retrain" not in wanted:
            yield _finding(desk, "learned, and should only observe")
        if desk.paused and "pause" not in wanted:
            yield _finding(desk, "learned in a pause")
    begins = kind == "rollout_advanced" and version not in desk.rolling
    begins |= kind == "promoted" and desk.champion is not None and version not in desk.rolling
    if begins and desk.level != "auto" and not wanted & {"approve", "promote"}:
        yield _finding(desk, f"{version} was released without being asked")
    goes_on = kind in {"rollout_advanced", "promoted"} and desk.champion is not None
    if goes_on and desk.paused and "pause" not in wanted:
        yield _finding(desk, f"{version} went on in a pause")


def _learn(desk: _Desk, body: dict[str, Any]) -> None:
    match body["kind"]:
        case "operator_acted" | "autonomy_set":
            _heard(desk, body)
        case "act_refused":
            desk.refused.add(body["subject"])
        case "action_proposed":
            desk.open_[body["proposal"]] = body["subject"]
        case "proposal_lapsed":
            desk.open_.pop(body["proposal"], None)
            desk.overtaken.pop(body["proposal"], None)
        case "rolled_back":
            desk.champion = body["previous"]
        case _:
            _released(desk, body)


def _heard(desk: _Desk, body: dict[str, Any]) -> None:
    desk.seen.add(body["act_id"])
    if body["kind"] == "autonomy_set":
        desk.level = body["level"]
        return
    desk.acts.append(body)
    if body["act"] in ("pause", "resume"):
        desk.paused = body["act"] == "pause"


def _released(desk: _Desk, body: dict[str, Any]) -> None:
    match body["kind"]:
        case "rollout_advanced":
            desk.rolling.add(body["subject"])
        case "promoted":
            desk.champion = body["subject"]
            desk.rolling.discard(body["subject"])
        case "rollout_ended":
            desk.rolling.discard(body["subject"])
        case "learning_requested":
            pass
        case _:
            return
    _answered(desk, body)


def _answered(desk: _Desk, body: dict[str, Any]) -> None:
    """Close the question that this decision answers."""
    desk.open_.pop(body["evidence"].get("proposal", ""), None)
    if body["kind"] == "promoted":
        desk.open_ = {p: subject for p, subject in desk.open_.items() if subject != body["subject"]}


def _closed(desk: _Desk) -> Iterator[Finding]:
    """Each act of a tick was refused, or something came of it; what was overtaken is taken back."""
    for proposal, tick in desk.overtaken.items():
        if proposal in desk.open_ and tick < desk.tick:
            yield _finding(desk, f"{proposal} is still open, and was overtaken at tick {tick}")
    for body in desk.acts:
        effects = _EFFECTS.get(body["act"], ())
        if not effects or body["act_id"] in desk.refused:
            continue
        if not any(desk.kinds[kind] for kind in effects):
            yield _finding(desk, f"{body['act']} ({body['act_id']}) was ignored")


def _finding(desk: _Desk, text: str) -> Finding:
    return Finding(checker=NAME, tick=desk.tick, text=text)
