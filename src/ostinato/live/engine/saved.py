"""What the engine keeps beside the kernel's state, and how both lie in the folder of snapshots.

A snapshot is a line with the SHA-256 of the rest, a line with what the engine keeps, and the
kernel's state. One that is torn does not match its hash, and the one before it is taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ostinato.core import snapshot
from ostinato.core.errors import StoreError
from ostinato.core.records import HardCasesListed, TrainingRequested
from ostinato.core.watched import ExaminationRequested
from ostinato.live.engine.feed import Place
from ostinato.live.engine.watch_status import Watched
from ostinato.stores.durable import write_whole

KEPT: Final = 2
"""Snapshots kept. With one, a torn write would mean to fold the whole log again."""

_SUFFIX: Final = ".snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A training order without a result, and what was known when it was given.

    `tick` and `now_ns` are of the tick that gave it; candidates before it were judged on recent
    rows up to `judged_to_ns`; None: there were none.
    """

    order: TrainingRequested
    hard: HardCasesListed
    tick: int
    now_ns: int
    judged_to_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenExamination:
    """An order to examine that has no result, and what was known when it was given.

    `tick` and `now_ns` are of the tick that gave it; `trained` is the order by which the champion
    was trained, `artifact` its hash.
    """

    order: ExaminationRequested
    trained: TrainingRequested
    artifact: str
    tick: int
    now_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """How many served rows of a feature were compared, how many differed, and up to which time."""

    rows: int = 0
    mismatches: int = 0
    to_ns: int = 0


@dataclass(slots=True)
class Saved:
    """How far the log is folded, and what follows from it that no stage keeps.

    `artifacts`: hash by version, in order of training; `open`: orders under way, oldest first;
    `verdict`: what came of the last candidate, ``pass``, ``fail`` or ``inconclusive``; `policy`:
    digest of the plan that the state was made under; `compared`: by feature, what parity was told;
    `watched`: what monitors said last; `examinations`: orders to examine under way, oldest first;
    `orders`: by which a version was trained, of the newest versions.
    """

    place: Place
    artifacts: dict[str, str] = field(default_factory=dict)
    open: list[Open] = field(default_factory=list)
    judged_to_ns: int | None = None
    verdict: str = "inconclusive"
    policy: str = ""
    compared: dict[str, Compared] = field(default_factory=dict)
    watched: Watched = field(default_factory=Watched)
    examinations: list[OpenExamination] = field(default_factory=list)
    orders: dict[str, TrainingRequested] = field(default_factory=dict)


def write_snapshot(folder: Path, saved: Saved, state: bytes) -> Path:
    """Put a snapshot in place and drop the ones that are older than the last two."""
    body = snapshot.encode(saved) + b"\n" + state
    path = folder / f"{saved.place.tick:012d}{_SUFFIX}"
    write_whole(path, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    torn = [each for each in sorted(folder.iterdir()) if each.suffix == ".tmp"]
    for old in (*_newest_first(folder)[KEPT:], *torn):  # of lives that were killed as they wrote
        old.unlink()
    return path


def read_snapshots(folder: Path) -> Iterator[tuple[Saved, bytes]]:
    """Yield whole snapshots, newest first.

    One that is dropped meanwhile is left out, and one of a release that wrote others.
    """
    for path in _newest_first(folder):
        try:
            found, _, body = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            continue
        if hashlib.sha256(body).hexdigest().encode() != found:
            continue
        line, _, state = body.partition(b"\n")
        try:
            saved: Saved = snapshot.decode(line)
        except StoreError:
            continue
        yield saved, state


def _newest_first(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.iterdir()) if path.suffix == _SUFFIX]
    return sorted((path for path in found if not path.name.startswith(".")), reverse=True)
