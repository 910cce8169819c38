"""What is in the event log of a live service, and how it is written.

MessagePack of tagged structs, fields by position. Rows are in columns, features as served: one
tuple per row in the order of the schema's fields. The key of an event names it for good.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

Id = int | str
"""A prediction's id: as the client gave it, or a text that a gateway made."""

Scores = list[float | list[float]]
"""(n,), or (n, classes); NaN where the version had no answer."""


class Event(msgspec.Struct, frozen=True, array_like=True, tag_field="kind"):
    """Something that happened."""


class Answered(Event, frozen=True, array_like=True, tag="answered"):
    """Requests as they were answered under the routes of one epoch.

    `rows` as in the schema; `answered` indexes `versions`, `roles` indexes
    `ostinato.core.records.ROLES`; `scores` by version, of those that have scored (NaN: no answer);
    `awaits`: versions whose scores follow in `Shadowed`; `propensities` empty where the champion
    answers all; `faults`: why a version failed; `took_ms`: milliseconds of scoring by version, for
    the whole batch; `replica_since_ns`: when this gateway began to serve as it does, by version:
    with the version it loaded last, for all of them.
    """

    epoch: int
    versions: list[str]
    ids: list[Id]
    times_ns: list[int]
    rows: list[tuple[Any, ...]]
    answered: list[int]
    roles: list[int]
    scores: dict[str, Scores]
    awaits: list[str] = []
    propensities: list[float] = []
    faults: dict[str, str] = {}
    took_ms: dict[str, float] = {}
    replica_since_ns: dict[str, int] = {}


class Shadowed(Event, frozen=True, array_like=True, tag="shadowed"):
    """Scores of awaited versions for the rows of an `Answered`; `of` is its key."""

    of: str
    scores: dict[str, Scores]
    faults: dict[str, str] = {}
    took_ms: dict[str, float] = {}


class LabelsGiven(Event, frozen=True, array_like=True, tag="labels"):
    """Labels: `values` as JSON gave them (a class or a number; None withdraws).

    `given_ns`: when the gateway was told; 0 on the clock of events, where labels are told when they
    become known.
    """

    ids: list[Id]
    times_ns: list[int]
    values: list[Any]
    given_ns: int = 0


class OutcomesGiven(Event, frozen=True, array_like=True, tag="outcomes"):
    """Business outcomes of predictions (`ids`) or units (`units`, None where an id is given).

    `given_ns` as in `LabelsGiven`.
    """

    ids: list[Id | None]
    units: list[Any]
    names: list[str]
    times_ns: list[int]
    values: list[float]
    given_ns: int = 0


class EventsGiven(Event, frozen=True, array_like=True, tag="events"):
    """Events of a source that computed features are made of.

    `ids` as clients gave them (None: none); `times_ns`: when each happened, `known_ns`: when it
    became known; `columns` by name, one value per event, as JSON gave them; `schema_version`: by
    which version of the source's columns they were read; `further`: columns that were given and
    are none of the source, with what they hold (`ostinato.features.kinds.kinds_of_rows`).
    """

    source: str
    ids: list[Id | None]
    times_ns: list[int]
    known_ns: list[int]
    columns: dict[str, list[Any]]
    schema_version: int = 1
    further: dict[str, str] = {}


class Acted(Event, frozen=True, array_like=True, tag="acted"):
    """An operator's act; becomes `OperatorActed`, or `AutonomySet` for the act ``autonomy``.

    `until_ns`: when a silence ends; None for other acts.
    """

    act: str
    act_id: str
    who: str
    reason: str
    subject: str
    time_ns: int
    until_ns: int | None = None


class TrainingDone(Event, frozen=True, array_like=True, tag="training"):
    """What a training order came to; `records` is a snapshot (`core.snapshot`) of its records."""

    request: str
    ready_ns: int
    records: bytes


class ParityDone(Event, frozen=True, array_like=True, tag="parity"):
    """What a sample of served rows showed beside the same features computed again.

    `records` is a snapshot (`core.snapshot`) of `FeaturesCompared`; rows before the place `to_row`
    have been compared, or never will be.
    """

    to_row: int
    records: bytes


class ResourcesGiven(Event, frozen=True, array_like=True, tag="resources"):
    """What a process of the service took between two moments; becomes `ResourcesObserved`."""

    source: str
    from_ns: int
    to_ns: int
    requests: int
    errors: int
    values: dict[str, float]


class ExaminationDone(Event, frozen=True, array_like=True, tag="examination"):
    """What an examination found; `records` is a snapshot (`core.snapshot`) of `DiagnosisMade`."""

    request: str
    ready_ns: int
    records: bytes


class ClockMoved(Event, frozen=True, array_like=True, tag="clock"):
    """Somebody moved the clock of a rehearsal."""

    to_ns: int


class PolicyGiven(Event, frozen=True, array_like=True, tag="policy"):
    """The loop goes on under another policy, from the next tick; the first one begins it.

    `digest` is that of the plan; `live.engine.policies` keeps the policy itself.
    """

    digest: str


class Tick(Event, frozen=True, array_like=True, tag="tick"):
    """The kernel folds everything before this, at this time."""

    number: int
    now_ns: int


AnyEvent = (
    Answered
    | Shadowed
    | LabelsGiven
    | OutcomesGiven
    | EventsGiven
    | Acted
    | TrainingDone
    | ParityDone
    | ResourcesGiven
    | ExaminationDone
    | ClockMoved
    | PolicyGiven
    | Tick
)

FIRST_POLICY: Final = "policy/first"
"""Key of the policy that a log begins under."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(AnyEvent)

encode = _ENCODER.encode
"""Write an event as bytes."""

decode = _DECODER.decode
"""Read an event; raises `msgspec.MsgspecError` (a ValueError) when the bytes hold none."""


def prediction_key(prediction_id: Id) -> str:
    """Return the key of a prediction that has a client's id.

    >>> prediction_key(7), prediction_key("7")
    ('p/i7', 'p/s7')
    """
    return f"p/{'i' if isinstance(prediction_id, int) else 's'}{prediction_id}"


def event_key(source: str, event_id: Id) -> str:
    """Return the key of a source's event that has a client's id.

    >>> event_key("landings", 7)
    'e/landings/i7'
    """
    return f"e/{source}/{'i' if isinstance(event_id, int) else 's'}{event_id}"
