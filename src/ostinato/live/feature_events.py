"""From the events of the log to the events that windowed features are made of.

The engine and every gateway go through the log with one of these, so that all of them see the same
events: posted ones as they are; requests and outcomes of the loop; labels joined to the request
that they are of, which is known from its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Any, Final

import msgspec

from ostinato.core.errors import StoreError
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import EventBatch
from ostinato.features.sources import Labels, Outcomes, Requests
from ostinato.live.events import (
    Answered,
    AnyEvent,
    EventsGiven,
    Id,
    LabelsGiven,
    OutcomesGiven,
)
from ostinato.live.feature_columns import (
    Gathered,
    Posted,
    Values,
    fields_of,
    fits,
    name_of,
    places_of,
)
from ostinato.live.schema import InputSchema

HELD: Final = 200_000
"""Labels and outcomes kept for predictions that are not in the log yet. Fewer: some are lost that
are told before the answers they are of; more: labels of ids that were never asked fill the
memory."""

HORIZONS: Final = 2
"""How many label horizons a prediction waits for its first label. Fewer: late labels are no events
of `labels()`; more: memory, some 300 bytes for each prediction that waits."""


Moments = tuple[int, int]
"""When something happened, and when it became known."""


class _Open(msgspec.Struct, array_like=True, gc=False):
    """A prediction that labels or outcomes can be of: its time, columns, unit, whether labelled."""

    time_ns: int
    values: Values
    unit: Any = None
    labelled: bool = False


class _Kept(msgspec.Struct, array_like=True):
    """What a feed writes down; lists of pairs, for ids are numbers or texts."""

    open: list[tuple[Id, _Open]]
    labels: list[tuple[Id, tuple[Moments, float]]]
    outcomes: list[tuple[Id, list[tuple[str, Moments, float]]]]
    known_ns: dict[str, int]
    newest_ns: dict[str, int]
    taken: dict[str, int]


class FeatureFeed:
    """Takes events of the log in order; gives batches for an `OnlineStore`.

    Parameters
    ----------
    schema
        What requests and events of sources look like.
    plan
        Whose sources are looked for; the others are passed over.
    horizon_ns
        The label horizon of the loop, nanoseconds.

    Attributes
    ----------
    known_ns
        By source, the newest time at which a posted event became known.
    newest_ns
        By source, when its newest event happened.
    taken
        By source, how many events were taken.
    joins_units
        Whether outcomes of predictions have to find their unit.
    remembers
        Whether predictions are remembered for their labels or outcomes.
    needs_answers
        Whether it looks at answers at all.
    heard
        Called with posted events as they are taken; None: nobody listens.
    """

    def __init__(self, schema: InputSchema, plan: FeaturePlan, *, horizon_ns: int) -> None:
        self.schema, self.plan = schema, plan
        self.heard: Callable[[EventsGiven], None] | None = None
        self.keep_ns = HORIZONS * horizon_ns
        self.known_ns: dict[str, int] = {}
        self.newest_ns: dict[str, int] = {}
        self.taken: dict[str, int] = {}
        sources = plan.sources.values()
        self._gathered = {
            each.name: Gathered(fields_of(schema, plan, each.name)) for each in sources
        }
        self._posted = {
            spec.name: Posted(spec.renamed, [field.name for field in spec.columns])
            for spec in schema.sources
        }
        self._labels = name_of(sources, Labels)
        self._requests = name_of(sources, Requests)
        self._outcomes = {each.outcome: each.name for each in sources if isinstance(each, Outcomes)}
        places = {name: place for place, name in enumerate(schema.names)}
        self._label_places = places_of(places, plan, self._labels)
        self._request_places = places_of(places, plan, self._requests)
        self._unit = None if schema.unit is None else places[schema.unit]
        self.joins_units = bool(self._outcomes) and self._unit is not None
        self.remembers = self._labels is not None or self.joins_units
        self.needs_answers = self.remembers or self._requests is not None
        self._open: dict[Id, _Open] = {}
        self._early_labels: dict[Id, tuple[Moments, float]] = {}
        self._early_outcomes: dict[Id, list[tuple[str, Moments, float]]] = {}

    def take(self, event: AnyEvent) -> None:
        """Take the next event of the log."""
        match event:
            case EventsGiven():
                self._events(event)
            case Answered() if self.needs_answers:
                self._answered(event)
            case LabelsGiven() if self._labels is not None:
                values = self.schema.label_codes(event.values).tolist()
                for key, time_ns, value in zip(event.ids, event.times_ns, values, strict=True):
                    if isfinite(value):  # else it takes a label back, or is none
                        self._label(key, _moments(time_ns, event.given_ns), value)
            case OutcomesGiven() if self._outcomes:
                self._outcomes_given(event)
            case _:
                pass

    def batches(self) -> list[EventBatch]:
        """Return what was taken since the last call: a batch per source, events in order."""
        return [
            gathered.batch(source) for source, gathered in self._gathered.items() if gathered.rows
        ]

    def snapshot(self) -> bytes:
        """Write down what waits; what was taken must have been handed over."""
        assert not any(gathered.rows for gathered in self._gathered.values()), "batches() first"
        return msgspec.msgpack.encode(
            _Kept(
                open=list(self._open.items()),
                labels=list(self._early_labels.items()),
                outcomes=list(self._early_outcomes.items()),
                known_ns=self.known_ns,
                newest_ns=self.newest_ns,
                taken=self.taken,
            )
        )

    def restore(self, data: bytes) -> None:
        """Go on where a snapshot was taken.

        Raises
        ------
        StoreError
            If the bytes are no snapshot.
        """
        try:
            kept = msgspec.msgpack.decode(data, type=_Kept)
        except msgspec.MsgspecError as error:
            raise StoreError(
                "The open predictions of the features cannot be read",
                found=str(error),
                expected="a snapshot as this release writes it",
                hint="Delete the state of features: it is made again.",
            ) from error
        self._open = dict(kept.open)
        self._early_labels, self._early_outcomes = dict(kept.labels), dict(kept.outcomes)
        self.known_ns, self.newest_ns, self.taken = kept.known_ns, kept.newest_ns, kept.taken

    def remember(self, key: Id, time_ns: int, row: Values, *, labelled: bool = False) -> None:
        """Remember a prediction, asked at a time with a served row, for its labels and outcomes.

        `labelled`: its first label has been an event already.
        """
        values = tuple([row[place] for place in self._label_places])
        unit = row[self._unit] if self.joins_units and self._unit is not None else None
        self._open[key] = _Open(time_ns, values, unit, labelled)
        early = self._early_labels.pop(key, None)
        if early is not None:
            self._label(key, *early)
        for name, at, value in self._early_outcomes.pop(key, ()):
            self._outcome(name, at, unit, value)

    def _events(self, event: EventsGiven) -> None:
        posted, gathered = self._posted.get(event.source), self._gathered.get(event.source)
        if posted is None or gathered is None:
            return  # of a source that a former loop file declared
        if self.heard is not None:
            self.heard(event)
        newest_ns = max(event.known_ns)
        self.known_ns[event.source] = max(self.known_ns.get(event.source, newest_ns), newest_ns)
        self._count(event.source, len(event.times_ns), max(event.times_ns))
        gathered.times_ns.extend(event.times_ns)
        gathered.known_ns.extend(event.known_ns)
        columns = [posted.column(event, field.name) for field in gathered.fields]
        gathered.rows.extend(zip(*columns, strict=True) if columns else [()] * len(event.times_ns))

    def _answered(self, event: Answered) -> None:
        if self._requests is not None:
            places = self._request_places
            rows = [tuple([row[place] for place in places]) for row in event.rows]
            self._happened(self._requests, event.times_ns, event.times_ns, rows)
        if self.remembers and event.ids:
            for key, time_ns, row in zip(event.ids, event.times_ns, event.rows, strict=True):
                self.remember(key, time_ns, row)
            self._forget(max(event.times_ns))

    def _forget(self, now_ns: int) -> None:
        # In order of the log, so nearly in order of time: the oldest are at the front.
        while self._open:
            key = next(iter(self._open))
            if self._open[key].time_ns > now_ns - self.keep_ns:
                return
            del self._open[key]

    def _label(self, key: Id, at: Moments, value: float) -> None:
        assert self._labels is not None, "there is nobody to tell"
        asked = self._open.get(key)
        if asked is None:
            _hold(self._early_labels)
            self._early_labels.setdefault(key, (at, value))
        elif not asked.labelled:
            time_ns, known_ns = (max(each, asked.time_ns) for each in at)
            self._happened(self._labels, [time_ns], [known_ns], [(*asked.values, value)])
            asked.labelled = True
            if not self.joins_units:
                del self._open[key]

    def _outcomes_given(self, event: OutcomesGiven) -> None:
        given = zip(event.ids, event.units, event.names, event.times_ns, event.values, strict=True)
        for key, unit, name, time_ns, value in given:
            source = self._outcomes.get(name)
            if source is None:
                continue
            at = _moments(time_ns, event.given_ns)
            if key is None:
                self._outcome(source, at, unit, value)
            elif self._unit is None:  # each prediction is a unit of its own
                self._outcome(source, at, key, value)
            elif key in self._open:
                self._outcome(source, at, self._open[key].unit, value)
            else:
                _hold(self._early_outcomes)
                self._early_outcomes.setdefault(key, []).append((source, at, value))

    def _outcome(self, source: str, at: Moments, unit: Any, value: float) -> None:
        kind = self._gathered[source].fields[0].kind
        # A unit of another type is nobody's key: as if it were missing.
        row = (unit if fits(kind, unit) else None, value)
        self._happened(source, [at[0]], [at[1]], [row])

    def _happened(
        self,
        source: str,
        times_ns: Sequence[int],
        known_ns: Sequence[int],
        rows: Iterable[Values],
    ) -> None:
        """Gather events of the loop itself."""
        gathered = self._gathered[source]
        gathered.times_ns.extend(times_ns)
        gathered.known_ns.extend(known_ns)
        gathered.rows.extend(rows)
        if times_ns:
            self._count(source, len(times_ns), max(times_ns))

    def _count(self, source: str, count: int, newest_ns: int) -> None:
        self.taken[source] = self.taken.get(source, 0) + count
        self.newest_ns[source] = max(self.newest_ns.get(source, newest_ns), newest_ns)


def _moments(time_ns: int, given_ns: int) -> Moments:
    """Return when something happened and was known: not before the service was told."""
    return time_ns, max(time_ns, given_ns)


def _hold(held: dict[Id, Any]) -> None:
    """Make room for what waits for a prediction: the oldest goes."""
    if len(held) >= HELD:
        del held[next(iter(held))]
