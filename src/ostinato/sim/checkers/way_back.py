"""There is always a way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ostinato.core.records import (
    PredictionsMade,
    Promoted,
    Record,
    RolledBack,
    RolloutEnded,
    RoutesChanged,
)
from ostinato.sim.observe import Evidence, TickSeen
from ostinato.sim.verdict import Finding

NAME = "a way back"


@dataclass(slots=True)
class _Seat:
    """Who is champion, who was before, and until when that one must stay warm.

    Until `last_ns` the labels of what both scored meanwhile can still bring that one back.
    `named` are the versions that the routes name beside the champion.
    """

    champion: str | None = None
    previous: str | None = None
    until_ns: int | None = None
    last_ns: int | None = None
    checked_to_ns: int = 0
    named: tuple[str | None, ...] = ()


def check(evidence: Evidence) -> Iterator[Finding]:
    """While a promotion is watched the previous champion scores; a rollback restores it."""
    seat = _Seat()
    for step in evidence.steps:
        if seat.until_ns is not None and seat.checked_to_ns < seat.until_ns:
            for made in (r for r in step.made if isinstance(r, PredictionsMade)):
                if seat.previous is not None and seat.previous not in made.scores:
                    yield _finding(step, f"{seat.previous} is no longer warm while watched")
        for place, record in enumerate(step.made):
            yield from _turned(evidence, seat, step, place, record)
        seat.checked_to_ns = step.now_ns


def _turned(
    evidence: Evidence, seat: _Seat, step: TickSeen, place: int, record: Record
) -> Iterator[Finding]:
    match record:
        case Promoted():
            _promoted(evidence, seat, record, step.now_ns)
            yield from _routed(step, place, record.subject)
        case RolledBack():
            yield from _rolled_back(seat, record, step)
            yield from _routed(step, place, record.previous)
        case RolloutEnded() if record.subject in seat.named:  # else it ended before it began
            yield from _routed(step, place, seat.champion)
        case RoutesChanged():
            seat.named = (record.routes.canary, *record.routes.shadows)
        case _:
            pass


def _promoted(evidence: Evidence, seat: _Seat, record: Promoted, now_ns: int) -> None:
    promises = evidence.promises
    seat.champion, seat.previous = record.subject, record.previous
    seat.until_ns = seat.last_ns = None
    if record.previous is not None and promises.watch_ns is not None:
        seat.until_ns = now_ns + promises.watch_ns
        seat.last_ns = seat.until_ns + promises.horizon_ns


def _rolled_back(seat: _Seat, record: RolledBack, step: TickSeen) -> Iterator[Finding]:
    if (record.subject, record.previous) != (seat.champion, seat.previous):
        text = f"rolled back from {record.subject} to {record.previous}"
        yield _finding(step, f"{text}; {seat.champion} had taken the place of {seat.previous}")
    late = seat.last_ns is None or seat.checked_to_ns >= seat.last_ns
    if late and "by" not in record.evidence:  # a person may go back at any time
        yield _finding(step, f"{record.subject} rolled back when nobody watched any more")
    seat.champion, seat.previous = record.previous, None
    seat.until_ns = seat.last_ns = None


def _routed(step: TickSeen, place: int, champion: str | None) -> Iterator[Finding]:
    """The routes right after a change of champion, or after a rollout's end, give him all."""
    after = next((r for r in step.made[place + 1 :] if isinstance(r, RoutesChanged)), None)
    if after is None:
        yield _finding(step, f"no new routes after {step.made[place].kind}")
    elif after.routes.champion != champion or after.routes.canary is not None:
        text = f"{after.routes.champion} with canary {after.routes.canary}, not {champion} alone"
        yield _finding(step, f"after {step.made[place].kind} the routes name {text}")


def _finding(step: TickSeen, text: str) -> Finding:
    return Finding(checker=NAME, tick=step.tick, text=text)
