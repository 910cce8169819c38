"""What was confirmed is never lost, and nothing is there twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from ostinato.core.records import Decision, PredictionsMade, RequestsArrived
from ostinato.core.snapshot import decode
from ostinato.sim.observe import Evidence
from ostinato.sim.verdict import Finding

NAME = "nothing lost"


def check(evidence: Evidence) -> Iterator[Finding]:
    """Messages, requests, decisions and the results of effects: each confirmed one, once."""
    last = len(evidence.steps) - 1
    yield from _messages(evidence, last)
    yield from _requests(evidence)
    yield from _decisions(evidence, last)
    yield from _effects(evidence, last)


def _messages(evidence: Evidence, last: int) -> Iterator[Finding]:
    kept = {key: payload for _, key, payload in evidence.events}
    if [offset for offset, _, _ in evidence.events] != list(range(len(evidence.events))):
        yield _finding(last, "the event log has gaps")
    if len(kept) < len(evidence.events):
        yield _finding(last, "a key stands twice in the event log")
    for key, payload in evidence.seen.acknowledged.items():
        if kept.get(key) != payload:
            yield _finding(last, f"{key} was confirmed and is not in the event log")


def _requests(evidence: Evidence) -> Iterator[Finding]:
    """Each request in a step's batch is answered in that step, in its place."""
    for step in evidence.steps:
        asked = [r for r in step.batch if isinstance(r, RequestsArrived) and len(r)]
        made = [r for r in step.made if isinstance(r, PredictionsMade)]
        wanted = [key for record in asked for key in record.ids.tolist()]
        answered = [key for record in made for key in record.ids.tolist()]
        if wanted != answered:
            yield _finding(step.tick, f"{len(wanted)} requests, {len(answered)} answers")
    told = Counter[str]()
    for _, key, payload in evidence.events:
        if key.startswith("requests/"):
            told.update(str(i) for record in decode(payload) for i in record.ids.tolist())
    served = Counter[str]()
    for step in evidence.steps:
        for record in step.made:
            if isinstance(record, PredictionsMade):
                served.update(str(i) for i in record.ids.tolist())
    if told != served:
        yield _finding(len(evidence.steps) - 1, f"{told - served} unanswered, {served - told} more")


def _decisions(evidence: Evidence, last: int) -> Iterator[Finding]:
    kept = {entry.seq: entry.body for entry in evidence.journal}
    if [entry.seq for entry in evidence.journal] != list(range(len(evidence.journal))):
        yield _finding(last, "the journal has gaps")
    for seq, text in evidence.seen.promised.items():
        if kept.get(seq) != text:
            yield _finding(last, f"decision {seq} was confirmed and is not in the journal")
    made = [r.canonical() for s in evidence.steps for r in s.made if isinstance(r, Decision)]
    if made != [entry.body for entry in evidence.journal]:
        yield _finding(last, f"{len(made)} decisions made, {len(evidence.journal)} kept")


def _effects(evidence: Evidence, last: int) -> Iterator[Finding]:
    """Each order has at most one result, and each trained version is registered once."""
    bodies = [json.loads(entry.body) for entry in evidence.journal]
    ended = ("candidate_trained", "training_failed")
    results = Counter(body["request"] for body in bodies if body["kind"] in ended)
    orders = {body["request"] for body in bodies if body["kind"] == "training_requested"}
    for request, count in results.items():
        if count > 1 or request not in orders:
            yield _finding(last, f"order {request} has {count} results")
    trained = {b["subject"]: b["artifact"] for b in bodies if b["kind"] == "candidate_trained"}
    for version, artifact in trained.items():
        if evidence.artifacts.get(version) != artifact:
            yield _finding(last, f"{version} is not registered as it was trained")
    moves = [
        body["subject"] if body["kind"] == "promoted" else body["previous"]
        for body in bodies
        if body["kind"] in {"promoted", "rolled_back"}
    ]
    if moves != [version for _, version in evidence.champions]:
        yield _finding(last, f"champions {moves}, the registry has {evidence.champions}")


def _finding(tick: int, text: str) -> Finding:
    return Finding(checker=NAME, tick=tick, text=text)
