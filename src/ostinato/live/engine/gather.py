"""Gather micro-batches as gateways answered them into the columns the kernel folds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from ostinato.core.records import (
    FALLBACK_VERSION,
    Floats,
    Ints,
    LatencyObserved,
    RequestsAnswered,
)
from ostinato.live.events import Answered, Id, Scores, Shadowed
from ostinato.live.schema import InputSchema


@dataclass(slots=True)
class Served:
    """A micro-batch, and the shadows that scored it since.

    `offset` is its place in the log; `since_ns`: the tick that first found it waiting for shadows,
    None: none did yet.
    """

    offset: int
    event: Answered
    shadows: dict[int, Shadowed] = field(default_factory=dict)
    since_ns: int | None = None

    @property
    def complete(self) -> bool:
        """Whether every awaited version has scored, said why not, or will not any more."""
        if any(not each.scores and not each.faults for each in self.shadows.values()):
            return True  # the gateway had too much to do, and gave it up
        came = {v for s in self.shadows.values() for v in (*s.scores, *s.faults)}
        return came.issuperset(self.event.awaits)

    def scores(self) -> dict[str, Scores]:
        """Return the scores of all versions that have scored."""
        parts = [self.event.scores, *(shadow.scores for shadow in self.shadows.values())]
        return {version: scores for part in parts for version, scores in part.items()}

    def faults(self) -> dict[str, str]:
        """Return why versions failed."""
        parts = [self.event.faults, *(shadow.faults for shadow in self.shadows.values())]
        return {version: cause for part in parts for version, cause in part.items()}

    @property
    def late(self) -> frozenset[str]:
        """Awaited versions whose scores never came: the gateway that owed them died."""
        came = {v for s in self.shadows.values() for v in (*s.scores, *s.faults)}
        return frozenset(self.event.awaits) - came

    def punctual(self) -> list[Served]:
        """Return the rows without the versions that are late, except those that these answered.

        That scores did not come is no fault of the version, and must not count against it.
        """
        late = self.late
        if not late:
            return [self]
        by: dict[str, list[int]] = {}
        for row, at in enumerate(self.event.answered):
            version = self.event.versions[at]
            by.setdefault(version if version in late else "", []).append(row)
        whole = structs.replace(
            self.event, scores=self.scores(), faults=self.faults(), took_ms=self.took_ms()
        )
        return [
            Served(self.offset, _part(whole, rows, late - {version}))
            for version, rows in by.items()
        ]

    def took_ms(self) -> dict[str, float]:
        """Return milliseconds of scoring by version, for the whole batch."""
        parts = [self.event.took_ms, *(shadow.took_ms for shadow in self.shadows.values())]
        return {version: took for part in parts for version, took in part.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The requests of one tick, one epoch and one set of versions, in order of time.

    `rows` are the inputs as served, one per request of `answered`, and `asked_ns` the times as of
    which they were computed: those of `answered` may have been moved to a tick.
    """

    answered: RequestsAnswered
    rows: list[tuple[Any, ...]]
    asked_ns: Ints
    latencies: list[LatencyObserved]


def gather(
    served: Sequence[Served], schema: InputSchema, *, first_row: int, since_ns: int, now_ns: int
) -> list[Gathered]:
    """Turn micro-batches into one record per epoch of the routes and set of versions.

    Parameters
    ----------
    served
        In the order of the log.
    schema
        What the inputs are.
    first_row
        The place of the first row.
    since_ns, now_ns
        The last tick and this one: rows stamped outside are moved to the nearer of them, and rows
        of a later epoch are not before those of an earlier one. Time never goes back in the kernel.
    """
    runs: dict[tuple[int, frozenset[str]], list[Served]] = {}
    for each in (part for whole in served for part in whole.punctual()):
        if each.event.ids:
            named = frozenset(each.event.versions) - {FALLBACK_VERSION}
            runs.setdefault((each.event.epoch, named), []).append(each)
    out: list[Gathered] = []
    for run in sorted(runs, key=lambda key: key[0]):
        found = _gather_run(runs[run], schema, first_row, since_ns, now_ns)
        first_row += len(found.answered)
        since_ns = int(found.answered.times_ns[-1])
        out.append(found)
    return out


def _part(event: Answered, rows: Sequence[int], without: frozenset[str]) -> Answered:
    """Return some rows of a micro-batch, without some versions that answered none of them."""
    versions = [version for version in event.versions if version not in without]
    place = {version: at for at, version in enumerate(versions)}
    return structs.replace(
        event,
        versions=versions,
        ids=[event.ids[row] for row in rows],
        times_ns=[event.times_ns[row] for row in rows],
        rows=[event.rows[row] for row in rows],
        answered=[place[event.versions[event.answered[row]]] for row in rows],
        roles=[event.roles[row] for row in rows],
        scores={v: [event.scores[v][row] for row in rows] for v in versions if v in event.scores},
        awaits=[],
        propensities=[event.propensities[row] for row in rows] if event.propensities else [],
        faults={v: cause for v, cause in event.faults.items() if v in place},
        took_ms={v: took * len(rows) / len(event.ids) for v, took in event.took_ms.items()},
    )


def _gather_run(
    run: list[Served], schema: InputSchema, first_row: int, since_ns: int, now_ns: int
) -> Gathered:
    events = [each.event for each in run]
    asked = joined(e.times_ns for e in events)
    times = np.clip(asked, since_ns, now_ns)
    order = np.argsort(times, kind="stable")
    ids, rows = _flat(e.ids for e in events), _flat(e.rows for e in events)
    if (np.diff(order) < 0).any():
        ids, rows = [ids[i] for i in order], [rows[i] for i in order]
    frame = schema.grouping(rows)
    versions = _versions(events)
    scored = {v for each in run for v in each.scores()}
    faults = {v: cause for each in reversed(run) for v, cause in each.faults().items()}
    answered = RequestsAnswered(
        ts_event_ns=int(times[order[-1]]),
        ts_record_ns=now_ns,
        offset=first_row,
        ids=as_keys(ids),
        times_ns=times[order],
        unit_hashes=schema.unit_hashes(frame, ids),
        groups=schema.groups(frame),
        versions=versions,
        answered=_answered(events, versions)[order],
        roles=joined(e.roles for e in events).astype(np.int8)[order],
        scores={v: _scores(run, v, schema.width)[order] for v in versions if v in scored},
        epoch=events[0].epoch,
        propensities=_propensities(events, order),
        faults={v: faults[v] for v in versions if v in faults},
    )
    return Gathered(
        answered=answered,
        rows=rows,
        asked_ns=asked[order],
        latencies=_latencies(run, times, now_ns),
    )


def _versions(events: list[Answered]) -> tuple[str, ...]:
    """Return the versions of all events; where only some needed the fallback it comes last."""
    found = tuple(dict.fromkeys(version for event in events for version in event.versions))
    if FALLBACK_VERSION not in found:
        return found
    return (*(version for version in found if version != FALLBACK_VERSION), FALLBACK_VERSION)


def _answered(events: list[Answered], versions: tuple[str, ...]) -> NDArray[np.int16]:
    """Return who answered, as places in the versions of all events."""
    if all(tuple(event.versions) == versions for event in events):
        return joined(event.answered for event in events).astype(np.int16)
    place = {version: at for at, version in enumerate(versions)}
    parts = [np.array([place[v] for v in e.versions])[e.answered] for e in events]
    return np.concatenate(parts).astype(np.int16)


def _scores(run: list[Served], version: str, width: int) -> Floats:
    """Return a version's scores of all rows, NaN where it has none."""
    empty: Any = [float("nan")] * width if width else float("nan")
    found: list[Any] = []
    for each in run:
        scores = each.scores().get(version)
        found.extend([empty] * len(each.event.ids) if scores is None else scores)
    return np.array(found, dtype=np.float64)


def _propensities(events: list[Answered], order: Ints) -> Floats | None:
    """Return the probabilities of the answers; where the champion answers all they are 1."""
    if not any(event.propensities for event in events):
        return None
    parts = [np.array(e.propensities or [1.0] * len(e.ids), dtype=np.float64) for e in events]
    found: Floats = np.concatenate(parts)[order]
    return found


def _latencies(run: list[Served], times: Ints, now_ns: int) -> list[LatencyObserved]:
    """Tell per version and replica what each call took: milliseconds a row of its micro-batch."""
    calls: dict[tuple[str, int], list[tuple[int, float]]] = {}
    start = 0
    for each in run:
        stop = start + len(each.event.ids)
        at_ns = int(times[start:stop].max())
        for version, milliseconds in each.took_ms().items():
            replica = version, each.event.replica_since_ns.get(version, 0)
            calls.setdefault(replica, []).append((at_ns, milliseconds / (stop - start)))
        start = stop
    return [_latency(replica, sorted(found), now_ns) for replica, found in calls.items()]


def _latency(
    replica: tuple[str, int], calls: list[tuple[int, float]], now_ns: int
) -> LatencyObserved:
    version, since_ns = replica
    return LatencyObserved(
        ts_event_ns=calls[-1][0],
        ts_record_ns=now_ns,
        version=version,
        times_ns=np.array([at_ns for at_ns, _ in calls], dtype=np.int64),
        latencies_ms=np.array([milliseconds for _, milliseconds in calls]),
        replica_since_ns=since_ns,
    )


def as_keys(ids: Sequence[Id]) -> NDArray[Any]:
    """Return ids as an array: of integers where all are, of objects otherwise."""
    if set(map(type, ids)) == {int} and max(map(abs, ids)) < 2**63:  # type: ignore[arg-type]
        return np.array(ids, dtype=np.int64)
    keys = np.empty(len(ids), dtype=object)
    keys[:] = ids
    return keys


def joined(parts: Iterable[Sequence[int]]) -> Ints:
    """Join lists of integers into one array."""
    return np.fromiter(chain.from_iterable(parts), dtype=np.int64)


def _flat(parts: Iterable[Sequence[Any]]) -> list[Any]:
    return list(chain.from_iterable(parts))
