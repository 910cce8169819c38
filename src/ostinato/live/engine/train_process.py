"""The process of a training or examination.

It is ``python -m ostinato.live.engine.train_process FOLDER DESK JOB``. It reads the folder, works
on what was known at the tick of the order, writes the outcome and ends. It runs with low priority,
and `ostinato.live.launch` ends it with the engine, which begins it anew.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from ostinato.core.errors import OstinatoError
from ostinato.core.records import CandidateTrained, Record
from ostinato.features.schema_book import load_book
from ostinato.learn.model import Model
from ostinato.live.engine.bootstrap import Folder, open_folder
from ostinato.live.engine.feed import Feed, Readable
from ostinato.live.engine.known import Told, history_at
from ostinato.live.engine.trainings import (
    AnyJob,
    Desk,
    ExaminationJob,
    Job,
    Outcome,
    outcome_of,
    read_job,
)
from ostinato.live.lake.lake import Lake
from ostinato.live.layout import Layout
from ostinato.replay.examining import Examiner
from ostinato.replay.history import History
from ostinato.replay.scores import ModelScores
from ostinato.replay.training import Trainer
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.registry_folder import FolderRegistry

NICENESS: Final = 10
"""Trainings give way to gateways, which answer with the same processors."""


def main(arguments: list[str]) -> None:
    """Carry out the job in a file."""
    layout, path = Layout(Path(arguments[0])), Path(arguments[2])
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    job = read_job(path)
    desk = Desk.of(layout, arguments[1])
    if desk.outcome(job.request) is None:
        desk.answer(job.request, carry_out(open_folder(layout, read_suite=False), job))


def carry_out(folder: Folder, job: AnyJob) -> Outcome:
    """Carry out a job on what was known at its tick."""
    return examine(folder, job) if isinstance(job, ExaminationJob) else train(folder, job)


def examine(folder: Folder, job: ExaminationJob) -> Outcome:
    """Examine what is ordered."""
    history, _ = known_at(folder, job.open.tick)
    order, artifact = job.open.order, job.open.artifact
    scores = ModelScores(history.frame)
    scores.add(
        artifact, Model.from_bytes(FolderRegistry(folder.layout.registry).load(order.champion))
    )
    policy = folder.loop_of(order.policy_digest).policy
    examiner = Examiner(loop=folder.loop, policy=policy, history=history, scores=scores)
    made = examiner.carry_out(order, job.open.trained, artifact, now_ns=job.open.now_ns)
    return outcome_of([made], None, b"", None)


def train(folder: Folder, job: Job) -> Outcome:
    """Train what a job orders."""
    history, lies = known_at(folder, job.open.tick)
    scores = ModelScores(history.frame)
    order = job.open.order
    registry = FolderRegistry(folder.layout.registry)
    for version in (order.champion, order.anchor, order.warm_start_from):
        if version is not None:
            scores.add(job.artifacts[version], Model.from_bytes(registry.load(version)))
    loop = folder.loop_of(order.policy_digest)
    schemas = load_book(folder.layout.schemas).labels()
    result = Trainer(loop=loop, history=history, scores=scores, schemas=schemas).carry_out(
        order,
        job.open.hard,
        dict(job.artifacts),
        timeout=loop.policy.train_timeout,
        now_ns=job.open.now_ns,
        judged_to_ns=job.open.judged_to_ns,
        explore=loop.policy.explore,
    )
    artifact = b"" if result.trained is None else result.trained.data
    lineage = None if result.lineage is None else replace(result.lineage, lake=lies)
    return outcome_of(_with_place(result.records, lies), result.version, artifact, lineage)


def _with_place(records: list[Record], lies: str) -> list[Record]:
    """Say beside the decision where the rows lay: it depends on when it was trained."""
    return [
        replace(each, measured={**each.measured, "lake": lies})
        if isinstance(each, CandidateTrained)
        else each
        for each in records
    ]


def known_at(folder: Folder, tick: int) -> tuple[History, str]:
    """Return the history as it was known when a tick was folded, and where its rows lie.

    What is in the lake comes from there; the rest from the log, which is not trimmed before it is
    in the lake.
    """
    told, place, versions = Lake(folder.layout, folder.schema).told(tick)
    lies = [f"{name}@{version}" for name, version in versions.items()]
    if place.tick <= tick:
        with SqliteEventLog(folder.layout.events, readonly=True) as events:
            end = _read_on(Feed(folder.schema, place), events, tick, told, folder)
        lies.append(f"log@{place.offset}-{end}")
    history = history_at(folder.history, told)
    return history, ",".join(lies)


def _read_on(feed: Feed, events: Readable, tick: int, told: Told, folder: Folder) -> int:
    """Add what the log tells up to a tick; return the offset after it."""
    feed.resume(events)
    for turn in feed.turns(events):
        for each in turn.requests:
            told.frames.append(folder.schema.frame(each.rows))
            told.requests.append(each.answered)
        if turn.labels is not None:
            told.labels.append(turn.labels)
        if turn.tick == tick:
            break
    return feed.place.offset


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OstinatoError as error:
        sys.exit(" ".join(str(error).splitlines()))  # the engine tells the last line
