"""From the event log to the kernel's batches: everything between two ticks is one batch.

What comes out depends on the log alone, so that an audit derives it again. The state is small: the
place in the log, and the places of the micro-batches that were read and still wait for shadows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import msgspec
import numpy as np

from ostinato.core import snapshot
from ostinato.core.errors import StoreError
from ostinato.core.records import AutonomySet, LabelsArrived, OperatorActed, Record
from ostinato.core.units import SECOND_NS
from ostinato.core.watched import ResourcesObserved
from ostinato.live.engine.gather import Gathered, Served, as_keys, gather, joined
from ostinato.live.events import (
    FIRST_POLICY,
    Acted,
    Answered,
    AnyEvent,
    ClockMoved,
    EventsGiven,
    ExaminationDone,
    LabelsGiven,
    OutcomesGiven,
    ParityDone,
    PolicyGiven,
    ResourcesGiven,
    Shadowed,
    Tick,
    TrainingDone,
    decode,
)
from ostinato.live.schema import InputSchema

SHADOWS_NS: Final = 60 * SECOND_NS
"""How long, in time of the ticks, answers wait for shadow scores. Too short: a gateway that is
restarted loses evidence; too long: labels wait with their predictions."""

AUTONOMY: Final = "autonomy"  # the act that sets how far the loop acts by itself
PAGE: Final = 1_000  # events read at once: few queries, little memory


class Readable(Protocol):
    """Where events are read from: the log, or the log and the lake before it."""

    def read(self, from_offset: int, limit: int) -> list[tuple[int, str, bytes]]:
        """Return up to `limit` (offset, key, payload) from an offset on."""
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """A micro-batch that waits: its offset, since which tick's time, its shadows' offsets."""

    offset: int
    since_ns: int
    shadows: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far the log is folded: up to `offset`, `tick` ticks, the last one at `now_ns`.

    `row` is the place the next request gets; `held` are micro-batches read but not folded.
    """

    offset: int
    tick: int
    now_ns: int
    row: int
    held: tuple[Held, ...] = ()

    @property
    def needed_from(self) -> int:
        """The first event that is still needed."""
        return min((self.offset, *(each.offset for each in self.held)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a tick folds, and the place after it.

    `policies` are digests of the policies given since the last tick, to be adopted before `batch`
    is folded. `batch` is in the kernel's order. `requests`, `labels` and `outcomes` are what of it
    goes to the lake; so do `events` of sources, with their offsets, which the kernel never sees.
    Served rows before `compared_to` are not to be compared (again).
    """

    tick: int
    now_ns: int
    policies: list[str]
    batch: list[Record]
    requests: list[Gathered]
    labels: LabelsArrived | None
    outcomes: list[OutcomesGiven]
    events: list[tuple[int, EventsGiven]]
    place: Place
    compared_to: int = 0


def beginning(schema: InputSchema) -> Place:
    """Return the place before the first event."""
    return Place(offset=0, tick=0, now_ns=schema.start_ns, row=schema.first_offset)


@dataclass(slots=True)
class Feed:
    """Reads the log in order and yields a turn per tick.

    Parameters
    ----------
    schema
        What requests look like.
    place
        Where to go on; the events that were held there have to be readable still.
    """

    schema: InputSchema
    place: Place
    next_offset: int = field(init=False)
    _served: dict[str, Served] = field(default_factory=dict)
    _labels: list[LabelsGiven] = field(default_factory=list)
    _outcomes: list[OutcomesGiven] = field(default_factory=list)
    _events: list[tuple[int, EventsGiven]] = field(default_factory=list)
    _acts: list[Acted] = field(default_factory=list)
    _results: list[TrainingDone | ExaminationDone] = field(default_factory=list)
    _compared: list[ParityDone] = field(default_factory=list)
    _resources: list[ResourcesGiven] = field(default_factory=list)
    _policies: list[str] = field(default_factory=list)
    _moved_to_ns: int | None = None

    def __post_init__(self) -> None:
        self.next_offset = self.place.offset

    def resume(self, events: Readable) -> None:
        """Read the micro-batches again that were held where this goes on."""
        for held in self.place.held:
            for offset in (held.offset, *held.shadows):
                ((found, key, payload),) = events.read(offset, 1)
                assert found == offset, "what is held is not trimmed"
                self._take(offset, key, read_event(offset, key, payload))
                if offset == held.offset:
                    self._served[key].since_ns = held.since_ns

    @property
    def acts_waiting(self) -> bool:
        """Whether a person did something since the last tick."""
        return bool(self._acts)

    @property
    def policy_waiting(self) -> str | None:
        """The policy that was given last and waits for the next tick."""
        return self._policies[-1] if self._policies else None

    @property
    def moved_to_ns(self) -> int | None:
        """Where the clock of a rehearsal was moved to since the last tick."""
        return self._moved_to_ns

    @property
    def shadows_waiting(self) -> bool:
        """Whether answers wait for shadow scores."""
        return any(not each.complete for each in self._served.values())

    def told(self, request: str) -> bool:
        """Whether the result of a training or examination was read since the last tick."""
        return any(each.request == request for each in self._results)

    def turns(self, events: Readable) -> Iterator[Turn]:
        """Take what is in the log and was not taken yet; yield a turn at each tick."""
        while page := events.read(self.next_offset, PAGE):
            for offset, key, payload in page:
                self.next_offset = offset + 1
                event = read_event(offset, key, payload)
                if isinstance(event, Tick):
                    yield self._turn(event)
                else:
                    self._take(offset, key, event)

    def _take(self, offset: int, key: str, event: AnyEvent) -> None:
        match event:
            case Answered():
                self._served[key] = Served(offset, event)
            case Shadowed() if event.of in self._served:
                self._served[event.of].shadows[offset] = event
            case LabelsGiven():
                self._labels.append(event)
            case OutcomesGiven():
                self._outcomes.append(event)
            case EventsGiven():
                self._events.append((offset, event))
            case Acted():
                self._acts.append(event)
            case TrainingDone() | ExaminationDone() | ParityDone() | ResourcesGiven():
                self._take_result(event)
            case PolicyGiven() if key != FIRST_POLICY:
                self._policies.append(event.digest)
            case ClockMoved():
                self._moved_to_ns = max(event.to_ns, self._moved_to_ns or event.to_ns)
            case _:
                pass  # the first policy; shadow scores whose answers went in without them

    def _take_result(
        self, event: TrainingDone | ExaminationDone | ParityDone | ResourcesGiven
    ) -> None:
        match event:
            case ParityDone():
                self._compared.append(event)
            case ResourcesGiven():
                self._resources.append(event)
            case _:
                self._results.append(event)

    def _turn(self, tick: Tick) -> Turn:
        before = self.place
        assert tick.number == before.tick, "ticks are numbered without gaps"
        now_ns = max(tick.now_ns, before.now_ns)
        requests = gather(
            self._ready(now_ns),
            self.schema,
            first_row=before.row,
            since_ns=before.now_ns,
            now_ns=now_ns,
        )
        labels = self._labels_arrived(requests, before.now_ns, now_ns)
        batch = [
            *self._results_told(),
            *_compared_told(self._compared, now_ns),
            *(each.answered for each in requests),
            *([] if labels is None else [labels]),
            *(latency for each in requests for latency in each.latencies),
            *(_resources(each, before.now_ns, now_ns) for each in self._resources),
            *(_act(event, self.schema.loop, before.now_ns, now_ns) for event in self._acts),
        ]
        self.place = Place(
            offset=self.next_offset,
            tick=tick.number + 1,
            now_ns=now_ns,
            row=before.row + sum(len(each.answered) for each in requests),
            held=tuple(_held(each) for each in self._served.values()),
        )
        outcomes, self._outcomes, self._moved_to_ns = self._outcomes, [], None
        events, self._events = self._events, []
        policies, self._policies, self._acts = self._policies, [], []
        compared, self._compared, self._resources = self._compared, [], []
        return Turn(
            tick=tick.number,
            now_ns=now_ns,
            policies=policies,
            batch=batch,
            requests=requests,
            labels=labels,
            outcomes=outcomes,
            events=events,
            place=self.place,
            compared_to=max((each.to_row for each in compared), default=0),
        )

    def _ready(self, now_ns: int) -> list[Served]:
        """Take out the micro-batches that have all their scores, or have waited long enough."""
        ready: list[Served] = []
        held: dict[str, Served] = {}
        for key, each in self._served.items():
            since_ns = now_ns if each.since_ns is None else each.since_ns
            if each.complete or now_ns - since_ns >= SHADOWS_NS:
                ready.append(each)
            else:
                each.since_ns = since_ns
                held[key] = each
        self._served = held
        return ready

    def _labels_arrived(
        self, requests: list[Gathered], since_ns: int, now_ns: int
    ) -> LabelsArrived | None:
        given, self._labels = self._labels, []
        ids = [each for event in given for each in event.ids]
        if not ids:
            return None
        # A label of this tick's requests is not before its prediction.
        asked = {
            key: time_ns
            for each in requests
            for key, time_ns in zip(
                each.answered.ids.tolist(), each.answered.times_ns.tolist(), strict=True
            )
        }
        times = np.clip(joined(event.times_ns for event in given), since_ns, now_ns)
        times = np.maximum(times, [asked.get(key, since_ns) for key in ids])
        values = self.schema.label_codes([each for event in given for each in event.values])
        order = np.argsort(times, kind="stable")
        return LabelsArrived(
            ts_event_ns=int(times[order[-1]]),
            ts_record_ns=now_ns,
            ids=as_keys(ids)[order],
            times_ns=times[order],
            values=values[order],
        )

    def _results_told(self) -> Iterator[Record]:
        results, self._results = self._results, []
        for result in sorted(results, key=lambda each: each.ready_ns):
            for record in snapshot.decode(result.records):
                yield restamped(record, result.ready_ns)


def _compared_told(compared: list[ParityDone], now_ns: int) -> Iterator[Record]:
    for done in compared:
        for record in snapshot.decode(done.records):
            yield replace(record, ts_record_ns=now_ns)


def _resources(given: ResourcesGiven, since_ns: int, now_ns: int) -> ResourcesObserved:
    return ResourcesObserved(
        ts_event_ns=min(max(given.to_ns, since_ns), now_ns),
        ts_record_ns=now_ns,
        source=given.source,
        from_ns=given.from_ns,
        to_ns=given.to_ns,
        requests=given.requests,
        errors=given.errors,
        values=given.values,
    )


def restamped(record: Record, ready_ns: int) -> Record:
    """Return a result as it is told at a moment."""
    return replace(record, ts_event_ns=ready_ns, ts_record_ns=ready_ns)


def read_event(offset: int, key: str, payload: bytes) -> AnyEvent:
    """Read an event of the log.

    Raises
    ------
    StoreError
        If the bytes hold none.
    """
    try:
        event: AnyEvent = decode(payload)
    except msgspec.MsgspecError as error:
        raise StoreError(
            "An event of the log cannot be read",
            found=f"offset {offset}, key {key!r} ({error})",
            expected="an event as this release writes it",
            hint="Restore the event log from a backup, or use the release that wrote it.",
        ) from error
    return event


def _held(each: Served) -> Held:
    assert each.since_ns is not None, "a tick that finds answers waiting notes its time"
    return Held(each.offset, each.since_ns, tuple(each.shadows))


def _act(event: Acted, loop: str, since_ns: int, now_ns: int) -> Record:
    at_ns = min(max(event.time_ns, since_ns), now_ns)
    if event.act == AUTONOMY:
        return AutonomySet(
            ts_event_ns=at_ns,
            ts_record_ns=now_ns,
            subject=loop,
            reason=event.reason,
            level=event.subject,
            who=event.who,
            act_id=event.act_id,
        )
    return OperatorActed(
        ts_event_ns=at_ns,
        ts_record_ns=now_ns,
        subject=event.subject,
        reason=event.reason,
        act=event.act,
        who=event.who,
        act_id=event.act_id,
        until_ns=event.until_ns,
    )
