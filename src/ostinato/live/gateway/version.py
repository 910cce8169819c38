"""A loaded version: how it is asked, and when it is not asked because it hung."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import isfinite
from typing import Any, Final, Protocol
from weakref import finalize

import numpy as np

from ostinato.core.clock import elapsed_ns
from ostinato.core.records import Floats
from ostinato.live.gateway.worker import Answer, Worker, attempt

Row = tuple[Any, ...]
Score = float | list[float]

ASIDE_S: Final = 60
"""Seconds without a version that hung. Shorter: a thread is lost to it more often; longer: a
version that only stumbled is away for nothing."""

FEW: Final = 128
"""Numbers that are looked at faster one by one than by NumPy."""

NOT_FINITE: Final = "The version answered NaN or an infinite number."


class Compiled(Protocol):
    """What scores rows of features; see `ostinato.learn.compiled.Compiled`."""

    @property
    def form(self) -> str: ...

    @property
    def exact(self) -> bool: ...

    @property
    def reason(self) -> str: ...

    @property
    def inline(self) -> bool: ...

    def score(self, rows: Sequence[Row], /) -> Floats: ...


class Scored:
    """What a version said to rows: a score per row (None: none), why not, and milliseconds."""

    __slots__ = ("fault", "scores", "took_ms")

    def __init__(self, scores: Sequence[Score | None], fault: str, took_ms: float) -> None:
        self.scores, self.fault, self.took_ms = scores, fault, took_ms


class Version:
    """A version in memory.

    Parameters
    ----------
    name, artifact
        The version, and the SHA-256 of its artifact.
    compiled
        Scores rows.
    features
        How many values of a row it takes: the first ones.
    since_ns
        Since when this process serves it.
    suspect
        Why it must not be asked for a while; empty: it may.
    """

    def __init__(
        self,
        name: str,
        artifact: str,
        compiled: Compiled,
        *,
        features: int,
        since_ns: int,
        suspect: str = "",
    ) -> None:
        self.name, self.artifact, self.compiled = name, artifact, compiled
        self.features, self.since_ns = features, since_ns
        self.inline = compiled.inline
        self._worker: Worker | None = None
        self._aside, self._until_ns = "", 0
        if suspect:
            self.put_aside(suspect)

    @property
    def aside(self) -> str:
        """Why the version is not asked at the moment; empty: it is."""
        if self._aside and elapsed_ns() >= self._until_ns:
            self._aside = ""
        return self._aside

    def put_aside(self, reason: str) -> None:
        """Ask the version no more for a while."""
        self._aside, self._until_ns = reason, elapsed_ns() + ASIDE_S * 1_000_000_000

    def score_now(self, rows: Sequence[Row]) -> Scored:
        """Score in this thread. A row that makes the version raise fails alone."""
        began_ns = elapsed_ns()
        found = attempt(self.compiled.score, rows)
        if isinstance(found, Exception) and len(rows) > 1:
            scores, fault = _one_by_one(self, rows)
        else:
            scores, fault = read(found, len(rows))
        return Scored(scores, fault, (elapsed_ns() - began_ns) / 1e6)

    async def score(self, rows: Sequence[Row], timeout_ms: int) -> Scored:
        """Score where the version may: in this thread, or in its own with a time-out."""
        if self.aside:
            return Scored([None] * len(rows), self._aside, 0.0)
        if self.inline:
            return self.score_now(rows)
        try:
            found, took_ms = await self._asked(rows, timeout_ms)
        except TimeoutError:
            return Scored([None] * len(rows), self._hung(timeout_ms), float(timeout_ms))
        scores, fault = read(found, len(rows))
        return Scored(scores, fault, took_ms)

    async def _asked(self, rows: Sequence[Row], timeout_ms: int) -> Answer:
        if self._worker is None:
            loop = asyncio.get_running_loop()
            self._worker = Worker(self.name, self.compiled.score, loop)
            finalize(self, self._worker.leave)  # the thread ends with the last table that has it
        return await self._worker.ask(rows, timeout_ms)

    def _hung(self, timeout_ms: int) -> str:
        reason = (
            f"The version did not score within {timeout_ms} ms; it is not asked for {ASIDE_S} s."
        )
        self.put_aside(reason)
        if self._worker is not None:
            self._worker.leave()
        self._worker = None
        return reason


def read(found: Floats | Exception, count: int) -> tuple[Sequence[Score | None], str]:
    """Turn what a version said into a score per row: None where a number is not finite."""
    if isinstance(found, Exception):
        return [None] * count, str(found) or type(found).__name__
    scores: list[Score | None] = found.tolist()
    if count <= FEW and found.ndim == 1 and all(map(isfinite, scores)):  # type: ignore[arg-type]
        return scores, ""
    finite = np.isfinite(found)
    if finite.all():
        return scores, ""
    sound = np.asarray(finite.all(axis=1) if found.ndim == 2 else finite)
    return [s if ok else None for s, ok in zip(scores, sound.tolist(), strict=True)], NOT_FINITE


def _one_by_one(version: Version, rows: Sequence[Row]) -> tuple[Sequence[Score | None], str]:
    scores: list[Score | None] = []
    cause = ""
    for row in rows:
        some, fault = read(attempt(version.compiled.score, [row]), 1)
        scores.extend(some)
        cause = cause or fault
    return scores, cause
