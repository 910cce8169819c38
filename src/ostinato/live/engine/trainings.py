"""Trainings and examinations: what is ordered, who carries it out, and what it leaves.

Both are pure functions of the folder as it was at the tick of their order, so that whoever is
killed in one, its process or the engine, loses time only. The result is a file, written whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import msgspec

from ostinato.core import snapshot
from ostinato.core.canonical import canonical_json
from ostinato.core.ports import Lineage
from ostinato.core.records import Record, TrainingFailed
from ostinato.core.watched import DiagnosisMade
from ostinato.live.engine.saved import Open, OpenExamination
from ostinato.live.layout import Layout
from ostinato.stores.durable import write_whole
from ostinato.stores.version_text import read_lineage

TRAININGS: Final = "trainings"
EXAMINATIONS: Final = "examinations"
"""Names of the desks: a diagnosis need not wait for a long training."""

_JOB: Final = ".job"
_DONE: Final = ".done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A training to carry out: the order as it is kept, and the versions there were then."""

    open: Open
    artifacts: Mapping[str, str]

    @property
    def request(self) -> str:
        """Its name."""
        return self.open.order.request

    def failed(self, reason: str) -> Outcome:
        """Return the outcome of a training that was ended."""
        order = self.open.order
        record = TrainingFailed(
            ts_event_ns=order.ts_event_ns,
            ts_record_ns=order.ts_record_ns,
            subject=order.subject,
            request=order.request,
            reason=f"The training {reason}",
        )
        return outcome_of([record], None, b"", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminationJob:
    """An examination to carry out, as it is kept."""

    open: OpenExamination

    @property
    def request(self) -> str:
        """Its name."""
        return self.open.order.request

    def failed(self, reason: str) -> Outcome:
        """Return the outcome of an examination that was ended: nothing was found."""
        order = self.open.order
        record = DiagnosisMade(
            ts_event_ns=self.open.now_ns,
            ts_record_ns=self.open.now_ns,
            subject=order.champion,
            request=order.request,
            reason=f"The examination {reason}",
            evidence={"unmeasured": {"all": f"the examination {reason}"}},
            cause="none found",
            action="Nothing: nothing was examined.",
        )
        return outcome_of([record], None, b"", None)


AnyJob: TypeAlias = Job | ExaminationJob


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """What a job came to: records as a snapshot, and the version where there is one."""

    records: bytes
    version: str | None = None
    artifact: bytes = b""
    lineage: str = ""

    @property
    def provenance(self) -> Lineage:
        """Where the version comes from."""
        return read_lineage(json.loads(self.lineage))


class Trainings(Protocol):
    """Carries out trainings, or examinations, one at a time.

    Contract
    --------
    MUST give the same artifact for the same job, however often it is begun. MUST keep an outcome
    until it is dropped. MUST NOT block in `begin` and `outcome`.
    """

    def begin(self, job: AnyJob) -> None:
        """Begin a job, unless it is under way or done."""
        ...

    def outcome(self, request: str) -> Outcome | None:
        """Return what a job came to; None while it runs."""
        ...

    def drop(self, request: str) -> None:
        """Forget a job whose result is in the log."""
        ...

    def close(self) -> None:
        """End what is under way; it is begun again at the next start."""
        ...


def outcome_of(
    records: list[Record], version: str | None, artifact: bytes, lineage: Lineage | None
) -> Outcome:
    """Put an outcome together."""
    return Outcome(
        records=snapshot.encode(records),
        version=version,
        artifact=artifact,
        lineage="" if lineage is None else canonical_json(lineage),
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """The files by which the engine and who works for it speak: a job in, an outcome out.

    Parameters
    ----------
    folder
        Where they lie; made if there is none.
    """

    folder: Path

    @classmethod
    def of(cls, layout: Layout, name: str) -> Desk:
        """Return a desk of a service."""
        desk = cls(layout.run / name)
        desk.folder.mkdir(parents=True, exist_ok=True)
        return desk

    def put(self, job: AnyJob) -> Path:
        """Write a job; return its file."""
        path = self.folder / f"{job.request}{_JOB}"
        write_whole(path, snapshot.encode(job))
        return path

    def answer(self, request: str, outcome: Outcome) -> None:
        """Write an outcome, with the hash of its bytes before it."""
        body = msgspec.msgpack.encode(outcome)
        write_whole(self._done(request), hashlib.sha256(body).digest() + body)

    def outcome(self, request: str) -> Outcome | None:
        """Read an outcome; None where there is none, or it is damaged: it is made again then."""
        try:
            content = self._done(request).read_bytes()
        except FileNotFoundError:
            return None
        found, body = content[:32], content[32:]
        if hashlib.sha256(body).digest() != found:
            self.clear(request)
            return None
        return msgspec.msgpack.decode(body, type=Outcome)

    def has(self, request: str) -> bool:
        """Whether there is an outcome, read or not."""
        return self._done(request).exists()

    def clear(self, request: str) -> None:
        """Take the files of a job away."""
        for suffix in (_JOB, _DONE):
            (self.folder / f"{request}{suffix}").unlink(missing_ok=True)

    def _done(self, request: str) -> Path:
        return self.folder / f"{request}{_DONE}"


def read_job(path: Path) -> AnyJob:
    """Read a job.

    Raises
    ------
    StoreError
        If the file does not hold one.
    """
    job: AnyJob = snapshot.decode(path.read_bytes())
    return job
