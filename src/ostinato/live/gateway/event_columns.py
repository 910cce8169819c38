"""The columns of posted events: taken out of JSON objects, checked, and told apart when wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, NoReturn

import msgspec

from ostinato.features.kinds import kinds_of_rows
from ostinato.features.plan import FeaturePlan
from ostinato.features.sources import Events
from ostinato.live.gateway.explain import EXPECTED
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.route import shown
from ostinato.live.schema import Field, Kind, SourceSpec

LARGEST: Final = 2**63
"""Numbers of this size or larger have no place in a table; sums want much smaller ones."""

UNSET: Final = msgspec.UNSET

_TYPES: Final[dict[Kind, frozenset[type]]] = {
    "number": frozenset({float, int, type(None)}),
    "integer": frozenset({float, int, type(None)}),
    "boolean": frozenset({bool, type(None)}),
    "text": frozenset({str, type(None)}),
}

Given = Mapping[str, Any]
"""An event as JSON gave it."""


class Further(NamedTuple):
    """Names in events that are no columns of their source: how many have each, and of which kind.

    A kind is one of those of `ostinato.features.kinds.kinds_of_rows`; empty: it had no value.
    """

    counts: dict[str, int]
    kinds: dict[str, str]


NOTHING: Final = Further({}, {})


class EventColumns:
    """Takes the columns of a source out of events, by the rules of its declaration.

    A column that features read has to be there, under its name or an earlier one, unless the
    declaration says what stands for it; one that is only declared may be left out. Where whole
    numbers were all that the history had, and nothing is declared, other numbers are taken as well.

    Parameters
    ----------
    spec
        The source.
    plan
        The features of the loop.
    """

    def __init__(self, spec: SourceSpec, plan: FeaturePlan) -> None:
        self.spec = spec
        source = plan.sources.get(spec.name)
        declared = source if isinstance(source, Events) else None
        self._stand_ins: dict[str, Any] = {} if declared is None else dict(declared.missing)
        for field in spec.columns:
            if declared is not None and field.name not in plan.columns_of(spec.name):
                self._stand_ins.setdefault(field.name, None)
        kinds = {} if declared is None else declared.columns
        self._whole = frozenset(f.name for f in spec.columns if kinds.get(f.name) == "integer")
        self._fields = {field.name: field for field in spec.columns}
        self._earlier: dict[str, list[str]] = {}
        for earlier, now in spec.renamed.items():
            self._earlier.setdefault(now, []).append(earlier)
        # What an event may hold without being told that it is not taken.
        self.known = frozenset({*self._fields, *spec.renamed, spec.time, "time", "id"})
        self.identified = "id" not in self._fields

    def take(self, events: Sequence[Given]) -> dict[str, list[Any]]:
        """Return the values of each column, one per event.

        Raises
        ------
        HttpError
            422 that names the column, what was found and what was expected.
        """
        return {name: self._column(field, events) for name, field in self._fields.items()}

    def further(self, events: Sequence[Given]) -> Further:
        """Return what events hold beside the columns of the source."""
        known = self.known
        others = [
            {name: event[name] for name in event.keys() - known}
            for event in events
            if not event.keys() <= known
        ]
        if not others:
            return NOTHING
        counts = Counter(name for each in others for name in each)
        kinds = kinds_of_rows(others)
        names = sorted(counts)
        return Further({n: counts[n] for n in names}, {n: kinds[n] or "" for n in names})

    def _column(self, field: Field, events: Sequence[Given]) -> list[Any]:
        name = field.name
        values = [event.get(name, UNSET) for event in events]
        for earlier in self._earlier.get(name, ()):
            if UNSET in values:
                pairs = zip(values, events, strict=True)
                values = [e.get(earlier, UNSET) if v is UNSET else v for v, e in pairs]
        types = set(map(type, values))
        if msgspec.UnsetType in types and name in self._stand_ins:
            values = [self._stand_ins[name] if v is UNSET else v for v in values]
            types = set(map(type, values))
        if msgspec.UnsetType in types:
            place = values.index(UNSET)
            self._missing(name, events[place], place)
        if not types <= _TYPES[field.kind]:
            place = next(i for i, v in enumerate(values) if type(v) not in _TYPES[field.kind])
            self._wrong(field, values[place], place)
        if int in types or float in types:
            return self._numbers(field, values)
        return values

    def _numbers(self, field: Field, values: list[Any]) -> list[Any]:
        whole = field.kind == "integer"
        for place, value in enumerate(values):
            if value is None:
                continue
            if not -LARGEST < value < LARGEST:
                raise HttpError(
                    422,
                    f"{shown(field.name)!r} of events[{place}] is too large",
                    found=shown(repr(value)),
                    expected="a number between -2**63 and 2**63, or null",
                )
            if whole and type(value) is float and not value.is_integer():
                if field.name in self._whole:
                    self._wrong(field, value, place)
                whole = False
        turned = int if whole else float
        return [None if value is None else turned(value) for value in values]

    def _missing(self, name: str, event: Given, place: int) -> NoReturn:
        near = get_close_matches(name, [key for key in event if key not in self.known][:100], 1)
        raise HttpError(
            422,
            f"{shown(name)!r} of events[{place}] is missing",
            found=shown(", ".join(event), limit=300),
            expected=self._expected(),
            hint=f"{shown(near[0])!r} is near: misspelled or renamed perhaps."
            if near
            else "Give null where the value is not known.",
        )

    def _wrong(self, field: Field, value: Any, place: int) -> NoReturn:
        raise HttpError(
            422,
            f"{shown(field.name)!r} of events[{place}] has another type",
            found=shown(msgspec.json.encode(value).decode()),
            expected=EXPECTED[field.kind],
            hint=f"Source {self.spec.name!r} has: {self._expected()}.",
        )

    def _expected(self) -> str:
        return ", ".join(f"{field.name} ({field.kind})" for field in self.spec.columns)
