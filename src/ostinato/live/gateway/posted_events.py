"""`POST /loops/{loop}/events`: what happened, for features that are computed of events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from ostinato.core.errors import OstinatoError
from ostinato.core.ports import Clock
from ostinato.features.plan import FeaturePlan
from ostinato.live.events import EventsGiven, Id, encode, event_key
from ostinato.live.gateway.batcher import not_stored
from ostinato.live.gateway.committer import Committer
from ostinato.live.gateway.event_columns import EventColumns, Given
from ostinato.live.gateway.explain import no_json, refuse
from ostinato.live.gateway.http import HttpError, Request, Response, answer
from ostinato.live.gateway.inputs import ID_LENGTH
from ostinato.live.gateway.moments import Moment, read_moment, read_past
from ostinato.live.gateway.ports import Follows
from ostinato.live.gateway.route import Route, only_loop, shown
from ostinato.live.schema import InputSchema

MOST_EVENTS: Final = 10_000
"""Events in one request. More would hold up everyone else while they are written; fewer would cost
sources that deliver in bulk more round trips."""

_INT64: Final = range(-(2**63), 2**63)


class EventsBody(msgspec.Struct, forbid_unknown_fields=True):
    """Events of one source; `known`: when they became known, where the clock follows the events."""

    source: str
    events: list[dict[str, Any]]
    known: Moment | list[Moment] | None = None


class Tallies(Protocol):
    """Who is told what was posted, for figures."""

    def events(self, source: str, taken: int, doubled: int, further: Mapping[str, int]) -> None:
        """Count the events of a request, and names in them that are no columns."""
        ...


class PostedEvents:
    """Takes events of sources, durably.

    Events with an id of their own are one entry of the log each, so that each is there once; the
    others of a request are one entry together.

    Parameters
    ----------
    schema, plan
        Of the loop: its sources, and what features make of them.
    committer
        The way to the log.
    clock
        Says when events became known.
    timed
        Whether time follows the events: requests say when they became known then.
    new_key
        Makes keys of this gateway.
    checked
        Raises `HttpError` for events that features cannot be made of.
    follows
        Makes features of what is in the log; None: no feature needs events.
    tallies
        Counts.
    """

    def __init__(
        self,
        schema: InputSchema,
        plan: FeaturePlan,
        committer: Committer,
        clock: Clock,
        *,
        timed: bool,
        new_key: Callable[[], str],
        checked: Callable[[EventsGiven], None],
        follows: Follows | None,
        tallies: Tallies,
    ) -> None:
        self.schema, self.committer, self.clock = schema, committer, clock
        self.timed, self.new_key = timed, new_key
        self.checked, self.follows, self.tallies = checked, follows, tallies
        self._decode = msgspec.json.Decoder(EventsBody).decode
        self._columns = {spec.name: EventColumns(spec, plan) for spec in schema.sources}
        self._known_ns: dict[str, int] = {}  # of what was taken here, stored or not

    def routes(self) -> list[Route]:
        """Return what this answers."""
        return [Route("POST", "/loops/{loop}/events", "label", self.handle)]

    async def handle(self, request: Request) -> Response:
        """Take events."""
        only_loop(self.schema.loop, request.arguments["loop"])
        body = self._body(request.body)
        columns = self._columns_of(body.source)
        _check_count(len(body.events))
        known_ns = self._known(body)
        times_ns = [
            self._time(event, columns, known_ns[place], place)
            for place, event in enumerate(body.events)
        ]
        further = columns.further(body.events)
        event = EventsGiven(
            source=body.source,
            ids=_ids(body.events, identified=columns.identified),
            times_ns=times_ns,
            known_ns=known_ns,
            columns=columns.take(body.events),
            schema_version=columns.spec.version,
            further=further.kinds,
        )
        self.checked(event)
        self._known_ns[body.source] = known_ns[-1]
        doubled = await self._store(event)
        taken = len(body.events) - doubled
        self.tallies.events(body.source, taken, doubled, further.counts)
        return answer({"accepted": taken, "doubled": doubled, "ignored": further.counts})

    def _body(self, body: bytes) -> EventsBody:
        try:
            found: EventsBody = self._decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            if "out of range" in str(error):
                raise HttpError(
                    422,
                    "A number of the events is not finite",
                    found=shown(str(error)),
                    expected="finite numbers, or null where a value is missing",
                ) from error
            refuse(error, body)
        except RecursionError as error:
            raise no_json(error) from error
        return found

    def _columns_of(self, source: str) -> EventColumns:
        columns = self._columns.get(source)
        if columns is None:
            raise HttpError(
                422,
                "This source is not known",
                found=shown(source),
                expected=", ".join(self._columns) or "none: no feature of the loop needs events",
                hint="Sources are declared in the loop file: ost.features.Events(...).",
            )
        return columns

    def _known(self, body: EventsBody) -> list[int]:
        given, count = body.known, len(body.events)
        if not self.timed:
            if given is not None:
                raise HttpError(
                    422,
                    "known cannot be given to this service",
                    found=repr(given)[:60],
                    expected="no known: events become known when they come",
                    hint="A service with --clock events takes it.",
                )
            return [self.clock.now_ns()] * count
        if given is None:
            raise HttpError(
                422,
                "known is missing",
                expected="a time, or one per event: nanoseconds since 1970, or ISO 8601",
                hint="This service's clock follows the events (--clock events).",
            )
        return self._checked_known(body, given)

    def _checked_known(self, body: EventsBody, given: Moment | list[Moment]) -> list[int]:
        count = len(body.events)
        if not isinstance(given, list):
            known_ns = [read_moment(given, name="known")] * count
        elif len(given) != count:
            raise HttpError(
                422,
                "known has the wrong length",
                found=len(given),
                expected=f"{count}, one per event",
            )
        else:
            known_ns = [read_moment(moment, name="known") for moment in given]
        before = self._known_before(body)
        for moment in known_ns:
            if moment < before:
                raise HttpError(
                    422,
                    "The clock went back: known is before what was known already",
                    found=moment,
                    expected=f"at least {before}",
                    hint="Give events in the order in which they became known. That one happened "
                    "earlier is no trouble: its time may be any.",
                )
            before = moment
        return known_ns

    def _known_before(self, body: EventsBody) -> int:
        """Return the earliest time at which these events can have become known."""
        ticked_ns = self.clock.now_ns()
        if self._columns[body.source].identified and all("id" in event for event in body.events):
            return ticked_ns  # they may come again, after an answer that was lost, and count once
        followed_ns = 0 if self.follows is None else self.follows.known_ns(body.source)
        return max(self._known_ns.get(body.source, 0), followed_ns, ticked_ns)

    def _time(self, event: Given, columns: EventColumns, known_ns: int, place: int) -> int:
        name = columns.spec.time if columns.spec.time in event else "time"
        moment = event.get(name)
        if moment is None:
            own = "" if columns.spec.time == "time" else f' or "{columns.spec.time}"'
            raise HttpError(
                422,
                f"events[{place}] has no time",
                found=shown(", ".join(event), limit=300),
                expected=f'"time"{own}: nanoseconds since 1970, or ISO 8601',
                hint="Give the time at which it happened.",
            )
        said = f"{shown(name)!r} of events[{place}]"
        if type(moment) not in {int, str}:
            raise HttpError(
                422,
                f"{said} is no time",
                found=repr(moment)[:60],
                expected="nanoseconds since 1970, or ISO 8601 such as 2013-02-01T05:00:00Z",
            )
        if self.timed:
            return read_moment(moment, name=said)
        return read_past(moment, known_ns, name=said)

    async def _store(self, event: EventsGiven) -> int:
        """Commit events, and have them counted; return how many were there already."""
        if self.committer.full:
            raise HttpError(
                503,
                "The log does not keep up",
                hint="Try again in a second.",
                headers=(("retry-after", "1"),),
            )
        entries = self._entries(event)
        try:
            stored = await self.committer.commit(entries)
        except OstinatoError as error:
            raise not_stored(error) from error
        if self.follows is not None:
            self.follows.catch_up()
        return sum(before is not None for _, before in stored)

    def _entries(self, event: EventsGiven) -> list[tuple[str, bytes]]:
        alone = [place for place, each in enumerate(event.ids) if each is not None]
        entries = [
            (event_key(event.source, _named(event.ids[place])), encode(_some(event, [place])))
            for place in alone
        ]
        if len(alone) < len(event.ids):
            others = [place for place, each in enumerate(event.ids) if each is None]
            whole = event if not alone else _some(event, others)
            entries.append((f"e/{self.new_key()}", encode(whole)))
        return entries


def _named(event_id: Id | None) -> Id:
    assert event_id is not None, "only events with an id have a key of their own"
    return event_id


def _some(event: EventsGiven, places: Sequence[int]) -> EventsGiven:
    return msgspec.structs.replace(
        event,
        ids=[event.ids[place] for place in places],
        times_ns=[event.times_ns[place] for place in places],
        known_ns=[event.known_ns[place] for place in places],
        columns={name: [column[p] for p in places] for name, column in event.columns.items()},
    )


def _check_count(count: int) -> None:
    if not count:
        raise HttpError(422, "events is empty", found="[]", expected="at least one")
    if count > MOST_EVENTS:
        raise HttpError(
            413,
            "The request has too many events",
            found=f"{count} events",
            expected=f"at most {MOST_EVENTS}",
            hint="Send them in several requests.",
        )


def _ids(events: Sequence[Given], *, identified: bool) -> list[Id | None]:
    if not identified:  # the source has a column that is called so
        return [None] * len(events)
    ids = [event.get("id") for event in events]
    for place, each in enumerate(ids):
        if each is None:
            continue
        text = isinstance(each, str) and 0 < len(each) <= ID_LENGTH
        whole = isinstance(each, int) and not isinstance(each, bool) and each in _INT64
        if not text and not whole:
            raise HttpError(
                422,
                f"'id' of events[{place}] cannot be used",
                found=shown(str(each)),
                expected=f"an integer of 64 bits, or 1 to {ID_LENGTH} characters",
            )
    return ids
