"""The seams. Behind each lies the outside world; each has at least two real adapters.

A port is a small protocol. *Contract* lines say what an adapter MUST do; the conformance suites in
`ostinato.checks` test them one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ostinato.core.records import Decision, Floats, RequestsArrived


class Clock(Protocol):
    """Says what time it is.

    Contract
    --------
    MUST return nanoseconds since 1970 UTC. MUST NOT go back between two calls by a caller that
    only reads it.
    """

    def now_ns(self) -> int:
        """Return the current time."""
        ...


class Scorer(Protocol):
    """Scores requests with a version.

    Contract
    --------
    MUST be a pure function of the version's artifact and the request's features. MUST return
    float64, (n,) for binary and regression or (n, k) for k classes. MUST raise `LearnerError`
    when the version raises, hangs, or answers with a wrong shape; NaN scores are returned as they
    are (the caller falls back row by row).
    """

    def score(self, version: str, requests: RequestsArrived) -> Floats:
        """Return one score (or one row of class probabilities) per request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A decision as the journal holds it.

    `body` is the canonical JSON the hash covers, `hash` = SHA-256(previous hash + body), `measured`
    lies beside it, outside the hash.
    """

    seq: int
    ts_event_ns: int
    ts_record_ns: int
    kind: str
    body: str
    hash: str
    measured: str = "{}"


class Journal(Protocol):
    """The decisions, in order, each chained to the one before by its hash.

    Contract
    --------
    MUST append whole batches or nothing. MUST refuse a `seq` that is not the next one. MUST be on
    disk (for adapters that have one) when `append` returns. MUST NOT change or drop entries. After
    a crash MUST open with a prefix of what was acknowledged, never with a gap. MUST raise
    `TamperedError` from `verify` when any byte of any entry was changed.
    """

    def append(self, decisions: Sequence[Decision]) -> None:
        """Add decisions at the end."""
        ...

    def entries(self, from_seq: int = 0) -> Iterator[Entry]:
        """Read entries in order of `seq`, beginning with `from_seq`."""
        ...

    def head(self) -> tuple[int, str]:
        """Return the next `seq` and the hash of the last entry ("" when empty)."""
        ...

    def verify(self) -> int:
        """Recompute the chain; return the number of entries."""
        ...


class EventLog(Protocol):
    """Everything that happened: events as bytes, in the order they were acknowledged.

    Contract
    --------
    MUST give each event the next offset, without gaps. MUST be durable when `append` returns (for
    adapters on disk), with many events in one commit. MUST keep one event per key: appending a key
    again returns the first one's offset and stores nothing. MUST read back exactly the bytes
    given. MUST drop with `trim` what lies before an offset, keys included, but never the newest
    event: offsets go on.
    """

    def append(self, events: Sequence[tuple[str, bytes]]) -> list[int]:
        """Store (key, payload) pairs; return one offset each."""
        ...

    def read(self, from_offset: int, limit: int) -> list[tuple[int, str, bytes]]:
        """Return up to `limit` (offset, key, payload) from an offset on."""
        ...

    def end(self) -> int:
        """Return the offset the next event will have."""
        ...

    def trim(self, before_offset: int) -> None:
        """Drop the events before an offset, except the newest."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a version comes from: enough to make it again and to explain it.

    `lake` names the version(s) of the lake's tables that held the training data, for example
    ``events@12``; None where the data came from elsewhere. `features` has the digest of the
    definition by computed feature; `feature_schema` is the digest of all features and their order.
    `source_schemas` names the version of the columns of each source of events (``2@f3a09c41d2be``).
    """

    loop: str
    data_from_ns: int
    data_to_ns: int
    data_rows: int
    data_digest: str
    policy_digest: str
    learner: str
    parameters: Mapping[str, Any]
    seed: int
    libraries: Mapping[str, str]
    parent: str | None = None
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    cost: Mapping[str, float] = field(default_factory=dict)
    lake: str | None = None
    features: Mapping[str, str] = field(default_factory=dict)
    feature_schema: str | None = None
    source_schemas: Mapping[str, str] = field(default_factory=dict)


class Registry(Protocol):
    """Trained versions and where they come from.

    Contract
    --------
    MUST store an artifact under the SHA-256 of its bytes and check it on load. MUST refuse to give
    an existing version another artifact or lineage. `register` of the same version with the same
    content MUST be a no-op. Aliases MUST move atomically and keep their history.
    """

    def register(self, version: str, artifact: bytes, lineage: Lineage) -> str:
        """Store a version; return the artifact's SHA-256."""
        ...

    def load(self, version: str) -> bytes:
        """Return a version's artifact."""
        ...

    def lineage(self, version: str) -> Lineage:
        """Return a version's lineage."""
        ...

    def versions(self) -> list[str]:
        """Return all versions in the order they were registered."""
        ...

    def set_alias(self, alias: str, version: str, *, ts_event_ns: int) -> None:
        """Point an alias ("champion") to a version from a moment on."""
        ...

    def aliases(self) -> dict[str, str]:
        """Return where each alias points now."""
        ...

    def alias_history(self, alias: str) -> list[tuple[int, str]]:
        """Return (since when, version) for an alias, oldest first."""
        ...
