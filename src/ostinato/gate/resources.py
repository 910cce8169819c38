"""The candidate must fit: fast enough and small enough."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.core.errors import ConfigError
from ostinato.gate.verdict import Case, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Scoring one row of a small batch takes at most so many milliseconds.

    What the stopwatch said lies beside the verdict, outside its hash: near the limit two runs may
    differ, and this gate is the one place where a replay's decisions can depend on the machine.

    Parameters
    ----------
    max_ms
        Milliseconds per row, > 0.
    """

    max_ms: float

    def __post_init__(self) -> None:
        if self.max_ms <= 0:
            raise ConfigError("Latency(max_ms) is not positive", found=self.max_ms, expected="> 0")

    @property
    def name(self) -> str:
        return "latency"

    def judge(self, case: Case) -> Verdict:
        measured = {"ms_per_row": case.evaluated.latency_ms_per_row}
        evidence = {"max_ms": self.max_ms}
        if case.evaluated.latency_ms_per_row <= self.max_ms:
            return Verdict(
                verdict="pass", reason=_told("Fast enough"), evidence=evidence, measured=measured
            )
        return Verdict(
            verdict="fail", reason=_told("Too slow"), evidence=evidence, measured=measured
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactSize:
    """The stored model has at most so many bytes.

    Parameters
    ----------
    max_bytes
        Bytes, > 0.
    """

    max_bytes: int

    def __post_init__(self) -> None:
        if self.max_bytes <= 0:
            raise ConfigError(
                "ArtifactSize(max_bytes) is not positive", found=self.max_bytes, expected="> 0"
            )

    @property
    def name(self) -> str:
        return "artifact size"

    def judge(self, case: Case) -> Verdict:
        size = case.evaluated.artifact_bytes
        evidence = {"bytes": size, "max_bytes": self.max_bytes}
        if size <= self.max_bytes:
            return Verdict(verdict="pass", reason=_told("Small enough"), evidence=evidence)
        return Verdict(verdict="fail", reason=_told("Too large"), evidence=evidence)


def _told(sentence: str) -> str:
    return f"{sentence}; it is measured, so any excess would have shown."
