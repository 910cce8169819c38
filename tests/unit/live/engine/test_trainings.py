"""Trainings: the same result from whoever carries them out, and limits that hold."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import polars as pl
import pytest

from ostinato.core import snapshot
from ostinato.core.records import CandidateTrained, LabelsArrived, RequestsAnswered, TrainingFailed
from ostinato.core.watched import DiagnosisMade, ExaminationRequested
from ostinato.live.engine import train_elsewhere
from ostinato.live.engine.known import Told, history_at, write_labels
from ostinato.live.engine.saved import OpenExamination
from ostinato.live.engine.train_elsewhere import TrainingsElsewhere, resident_bytes
from ostinato.live.engine.train_here import TrainingsHere
from ostinato.live.engine.trainings import EXAMINATIONS, ExaminationJob, Job, Outcome
from ostinato.replay.history import NEVER


@pytest.fixture
def ordered(make_play: Callable[..., Any]) -> tuple[Any, Job]:
    """A service that has ordered its first training, and the job."""
    play = make_play()
    jobs: list[Job] = []

    class Ordered:
        def begin(self, job: Job) -> None:
            jobs.append(job)

        def outcome(self, request: str) -> None:
            return None

    with ExitStack() as stores:
        play.engine(stores, trainings=Ordered()).begin()
    return play, jobs[-1]


def wait_for(trainings: TrainingsElsewhere, request: str) -> Outcome:
    for _ in range(600):
        outcome = trainings.outcome(request)
        if outcome is not None:
            return outcome
        threading.Event().wait(0.1)
    raise AssertionError("the training did not end")


def artifact(outcome: Outcome) -> str:
    done = [r for r in snapshot.decode(outcome.records) if isinstance(r, CandidateTrained)]
    return done[0].artifact


def test_a_killed_trainer_is_begun_again_and_gives_what_one_here_gives(
    ordered: tuple[Any, Job],
) -> None:
    play, job = ordered
    request = job.open.order.request
    trainings = TrainingsElsewhere(play.layout, play.folder.config)
    trainings.begin(job)
    assert trainings._running is not None
    os.kill(trainings._running.process.pid, signal.SIGKILL)
    found = wait_for(trainings, request)
    trainings.drop(request)
    assert trainings.outcome(request) is None
    here = TrainingsHere(play.folder)
    here.begin(job)
    other = here.outcome(request)
    assert other is not None
    assert artifact(found) == artifact(other)
    assert found.version == other.version == f"v001-{artifact(found)[:6]}"
    assert found.artifact == other.artifact
    assert found.provenance.data_digest == other.provenance.data_digest


def test_a_training_that_breaks_a_limit_is_ended_and_has_failed(ordered: tuple[Any, Job]) -> None:
    play, job = ordered
    for limit in ({"train_memory_mb": 1}, {"train_timeout_s": -1}):
        config = type(play.folder.config)(target="", loop="small", **limit)
        trainings = TrainingsElsewhere(play.layout, config)
        trainings.begin(job)
        outcome = wait_for(trainings, job.open.order.request)
        (failed,) = snapshot.decode(outcome.records)
        assert isinstance(failed, TrainingFailed)
        assert next(iter(limit)) in failed.reason
        trainings.drop(job.open.order.request)


def test_a_process_that_always_dies_has_failed_in_the_end(ordered: tuple[Any, Job]) -> None:
    play, job = ordered
    play.layout.history.write_bytes(b"no table")
    trainings = TrainingsElsewhere(play.layout, play.folder.config, attempts=1)
    trainings.begin(job)
    (failed,) = snapshot.decode(wait_for(trainings, job.open.order.request).records)
    assert "ended with 1; attempts: 1" in failed.reason
    assert "The history of the service cannot be read" in failed.reason
    assert "history of the service cannot be read" in (play.layout.logs / "trainer.log").read_text()


def test_a_damaged_outcome_is_made_again(ordered: tuple[Any, Job]) -> None:
    play, job = ordered
    here, request = TrainingsHere(play.folder), job.open.order.request
    here.begin(job)
    path = here.desk.folder / f"{request}.done"
    path.write_bytes(path.read_bytes()[:-1])
    assert here.outcome(request) is None
    here.begin(job)
    assert here.outcome(request) is not None


def examination(job: Job) -> ExaminationJob:
    order = ExaminationRequested(
        ts_event_ns=5,
        ts_record_ns=5,
        subject="schedule",
        reason="It is time.",
        request="examination-1",
        champion="v001",
        from_ns=0,
        to_ns=5,
    )
    kept = OpenExamination(order=order, trained=job.open.order, artifact="0" * 64, tick=7, now_ns=9)
    return ExaminationJob(open=kept)


def test_an_examination_has_a_limit_of_time_where_trainings_have_none(
    ordered: tuple[Any, Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    play, job = ordered
    monkeypatch.setattr(train_elsewhere, "EXAMINED_S", -1)
    assert play.folder.config.train_timeout_s == 0
    examinations = TrainingsElsewhere(play.layout, play.folder.config, name=EXAMINATIONS)
    examinations.begin(examination(job))
    (made,) = snapshot.decode(wait_for(examinations, "examination-1").records)
    assert isinstance(made, DiagnosisMade)
    assert "took longer" in made.reason


def test_an_examination_that_was_ended_has_found_nothing_and_says_why(
    ordered: tuple[Any, Job],
) -> None:
    _, job = ordered
    job = snapshot.decode(snapshot.encode(examination(job)))
    (made,) = snapshot.decode(job.failed("took longer than 3 s.").records)
    assert isinstance(made, DiagnosisMade)
    assert (made.request, made.subject, made.cause) == ("examination-1", "v001", "none found")
    assert made.ts_event_ns == 9
    assert made.reason == "The examination took longer than 3 s."


def test_memory_of_a_group_of_processes_is_found() -> None:
    assert resident_bytes(os.getpgrp()) > 10 * 1024**2
    assert resident_bytes(2**30) == 0


def labels(ids: list[Any], times: list[int], values: list[float]) -> LabelsArrived:
    return LabelsArrived(
        ts_event_ns=0,
        ts_record_ns=0,
        ids=np.array(ids, dtype=object),
        times_ns=np.array(times),
        values=np.array(values),
    )


def test_of_two_labels_the_one_with_the_later_time_counts() -> None:
    ids = np.array(["a", "b", "c", "d", "a"], dtype=object)
    found, known = np.full(5, np.nan), np.full(5, NEVER)
    told = [
        labels(["a", "b", "c", "x"], [5, 5, 5, 5], [1.0, 1.0, 1.0, 1.0]),
        labels(["a", "b", "c"], [5, 4, 6], [0.0, 0.0, np.nan]),
    ]
    write_labels(ids, found, known, told)
    np.testing.assert_array_equal(found, [0.0, 1.0, np.nan, np.nan, np.nan])
    assert known.tolist() == [5, 5, NEVER, NEVER, NEVER]


def requests(count: int, at_ns: int) -> RequestsAnswered:
    return RequestsAnswered(
        ts_event_ns=at_ns,
        ts_record_ns=at_ns,
        offset=0,
        ids=np.arange(10_000, 10_000 + count),
        times_ns=np.full(count, at_ns),
        unit_hashes=np.zeros(count, dtype=np.uint64),
        groups=np.zeros((count, 1), dtype=np.int32),
        versions=("v",),
        answered=np.zeros(count, dtype=np.int16),
        roles=np.zeros(count, dtype=np.int8),
        scores={},
        epoch=1,
    )


def test_served_rows_get_the_types_of_the_history_where_their_values_fit(played: Any) -> None:
    history = played.folder.history
    small = history.frame.with_columns(pl.col("x0").cast(pl.Float32), x1=pl.lit(1, pl.Int8))
    history = type(history)(
        **{**{n: getattr(history, n) for n in history.__slots__}, "frame": small}
    )
    served = pl.DataFrame({"x0": [0.5], "x1": [100], "kind": ["a"]})
    found = history_at(history, Told([served], [requests(1, 10**18)], []))
    assert found.frame.schema == small.schema
    large = served.with_columns(x1=pl.lit(1_000, pl.Int64))
    found = history_at(history, Told([large], [requests(1, 10**18)], []))
    assert found.frame.schema["x1"] == pl.Int64
    assert found.frame["x1"][-1] == 1_000
