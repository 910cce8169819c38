"""A thread that scores for one version: what waits is scored together, and a hang is noticed."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from ostinato.core.clock import elapsed_ns
from ostinato.core.errors import LearnerError
from ostinato.core.records import Floats

MOST_ROWS: Final = 1024
"""Rows scored in one call. Larger: one call takes so long that it looks like a hang."""

Row = tuple[Any, ...]
Score = Callable[[Sequence[Row]], Floats]
Answer = tuple[Floats | Exception, float]
"""The scores of a job, or what was raised, and its share of the call in milliseconds."""


class _Job:
    __slots__ = ("answer", "rows")

    def __init__(self, rows: Sequence[Row], answer: asyncio.Future[Answer]) -> None:
        self.rows, self.answer = rows, answer


class Worker:
    """Scores rows in a thread of its own; used from the event loop that `loop` names.

    Parameters
    ----------
    name
        Of the version.
    score
        Scores rows; any exception of it is the answer of the rows.
    loop
        Whose futures are resolved.
    """

    def __init__(self, name: str, score: Score, loop: asyncio.AbstractEventLoop) -> None:
        self.score, self.loop = score, loop
        self._jobs: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._since_ns = 0  # when the call under way began; 0: none is
        self._left = False
        # A hung thread must not keep the process from leaving.
        threading.Thread(target=self._run, name=f"score-{name}", daemon=True).start()

    async def ask(self, rows: Sequence[Row], timeout_ms: int) -> Answer:
        """Score rows, together with what else waits.

        Raises
        ------
        TimeoutError
            If the call under way takes longer than `timeout_ms`. The worker is of no use then.
        """
        job = _Job(rows, self.loop.create_future())
        with self._wake:
            self._jobs.append(job)
            self._wake.notify()
        while True:
            done, _ = await asyncio.wait({job.answer}, timeout=timeout_ms / 1000)
            if done:
                return job.answer.result()
            since_ns = self._since_ns
            if self._left or (since_ns and elapsed_ns() - since_ns >= timeout_ms * 1_000_000):
                job.answer.cancel()
                raise TimeoutError

    def leave(self) -> None:
        """Let the thread end; one that hangs is left behind."""
        with self._wake:
            self._left = True
            self._wake.notify()

    def _run(self) -> None:
        while jobs := self._taken():
            self._since_ns = elapsed_ns()
            answers = self._answers(jobs)
            self._since_ns = 0
            if self._left:
                return  # nobody waits any more
            self.loop.call_soon_threadsafe(_tell, jobs, answers)

    def _taken(self) -> list[_Job]:
        with self._wake:
            while not self._jobs and not self._left:
                self._wake.wait()
            jobs: list[_Job] = []
            rows = 0
            while self._jobs and not self._left and (not jobs or rows < MOST_ROWS):
                jobs.append(self._jobs.popleft())
                rows += len(jobs[-1].rows)
            return jobs

    def _answers(self, jobs: list[_Job]) -> list[Answer]:
        began_ns = elapsed_ns()
        rows = [row for job in jobs for row in job.rows]
        whole = attempt(self.score, rows)
        if isinstance(whole, Exception) and len(jobs) > 1:
            # One request's rows must not fail another's.
            return [self._alone(job) for job in jobs]
        per_row = (elapsed_ns() - began_ns) / 1e6 / max(len(rows), 1)
        answers: list[Answer] = []
        start = 0
        for job in jobs:
            stop = start + len(job.rows)
            part = whole if isinstance(whole, Exception) else whole[start:stop]
            answers.append((part, per_row * len(job.rows)))
            start = stop
        return answers

    def _alone(self, job: _Job) -> Answer:
        began_ns = elapsed_ns()
        found = attempt(self.score, job.rows)
        return found, (elapsed_ns() - began_ns) / 1e6


def attempt(score: Score, rows: Sequence[Row]) -> Floats | Exception:
    """Score rows; return what was raised instead of raising it."""
    try:
        scores = score(rows)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's learner can raise anything
        return error if isinstance(error, Exception) else LearnerError(f"It called exit: {error}")
    if len(scores) != len(rows):
        return LearnerError(
            "The version gave the wrong number of answers",
            found=f"{len(scores)} answers to {len(rows)} requests",
            expected="one answer per row",
        )
    return scores


def _tell(jobs: list[_Job], answers: list[Answer]) -> None:
    for job, found in zip(jobs, answers, strict=True):
        if not job.answer.done():
            job.answer.set_result(found)
