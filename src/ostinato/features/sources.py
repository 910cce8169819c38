"""Sources: named streams of events that windowed features are made of.

An event has a time at which it happened and one at which it became known; a request sees it only
when both are past. The loop's own labels, requests and outcomes are sources as well, and what is
of the very moment of a request is not seen by it: no request knows its own label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, Final

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns

KINDS: Final = ("number", "integer", "boolean", "text")
"""What a column of events can hold."""

LABEL: Final = "label"
"""Column of `Labels` with the truth: the class's place, or the target."""

UNIT, VALUE = "unit", "value"
"""Columns of `Outcomes`."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events that come from outside: posted to the service, from files, tables, or Feast.

    Parameters
    ----------
    name
        What the source is called; events are posted under it.
    time
        Column with the time at which an event happened.
    data
        Where the history of the source is: a path (parquet, CSV, Delta), a table of anything
        Narwhals reads, or a function that returns one. None: nothing is known before the service
        starts.
    known
        Column with the time at which an event became known. None: `delay` after it happened.
    delay
        How long after an event it is known, where no column says so; default: at once. Too short a
        delay here is how training comes to see what serving does not.
    columns
        What columns hold (``"number"``, ``"integer"``, ``"boolean"``, ``"text"``), for a source
        without `data`; else it is read off the data.
    renamed
        Old names of columns and the ones they have here: events under either are taken.
    missing
        What stands for columns that events do not carry (any more); None: no value. A column that
        is there and has no value in an event is another thing: see `default` of features.
    stale_after
        How long its newest event may be ago before the source is stale; default: any time.

    Raises
    ------
    ConfigError
        If a name is empty, a kind unknown, `known` and `delay` are both given, or a value in
        `missing` is not of the kind that `columns` declares.
    """

    kind: ClassVar[str] = "events"
    own: ClassVar[bool] = False
    name: str
    _: KW_ONLY
    time: str
    data: Any = field(default=None, compare=False, repr=False)
    known: str | None = None
    delay: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, float | int | bool | str | None] = field(default_factory=dict)
    stale_after: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "Events(name)")
        check_name(self.time, f"Events({self.name!r}, time=...)")
        if self.known is not None:
            check_name(self.known, f"Events({self.name!r}, known=...)")
            if self.delay_ns:
                raise ConfigError(
                    f"Events({self.name!r}) says twice when events become known",
                    found=f"known={self.known!r}, delay={self.delay!r}",
                    expected="one of them",
                )
        for column, kind in self.columns.items():
            if kind not in KINDS:
                raise ConfigError(
                    f"Events({self.name!r}, columns=...) has an unknown kind for {column!r}",
                    found=repr(kind),
                    expected=", ".join(KINDS),
                )
        for column, value in self.missing.items():
            _check_missing(self, column, value)
        _ = self.delay_ns, self.stale_after_ns  # durations that cannot be read are told here

    @property
    def delay_ns(self) -> int:
        """Nanoseconds from an event to its being known."""
        if self.delay is None:
            return 0
        return duration_ns(self.delay, name=f"delay of the source {self.name!r}")

    @property
    def stale_after_ns(self) -> int | None:
        """Nanoseconds from the newest event to its being too long ago; None: never."""
        if self.stale_after is None:
            return None
        return duration_ns(self.stale_after, name=f"stale_after of the source {self.name!r}")


@dataclass(frozen=True, slots=True)
class Labels:
    """The loop's own labels, as they become known; see `labels`."""

    kind: ClassVar[str] = "labels"
    own: ClassVar[bool] = True
    name: str = "labels"


@dataclass(frozen=True, slots=True)
class Requests:
    """The loop's own requests; see `requests`."""

    kind: ClassVar[str] = "requests"
    own: ClassVar[bool] = True
    name: str = "requests"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Business outcomes of units; see `outcomes`."""

    kind: ClassVar[str] = "outcomes"
    own: ClassVar[bool] = True
    outcome: str
    data: Any = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """What the source is called."""
        return f"outcomes_{self.outcome}"


Source = Events | Labels | Requests | Outcomes


def labels() -> Labels:
    """Return the loop's own labels as a source.

    An event is a label that became known, at the time it did, with the columns of its request and
    ``label``: the place of the class (binary: 0 or 1), or the target. The first label of a request
    counts; a later revision does not, nor does the absence of a label.
    """
    return Labels()


def requests() -> Requests:
    """Return the loop's own requests as a source: an event is a request, with its columns."""
    return Requests()


def outcomes(name: str, *, data: Any = None) -> Outcomes:
    """Return business outcomes of one name as a source.

    An event has the columns ``unit`` and ``value``. `data` is their history: a path or a table with
    ``time``, ``unit`` and ``value``.
    """
    check_name(name, "outcomes(name)")
    return Outcomes(name, data)


def _check_missing(source: Events, column: str, value: object) -> None:
    if value is None:
        return
    kind = source.columns.get(column)
    kinds = [kind] if kind is not None else list(KINDS)
    if not any(type(value) in _TYPES[each] for each in kinds):
        raise ConfigError(
            f"Events({source.name!r}, missing=...) has a value of another kind for {column!r}",
            found=repr(value),
            expected=" or ".join(kinds),
        )


_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "number": (float, int),
    "integer": (int,),
    "boolean": (bool,),
    "text": (str,),
}


def check_name(name: object, what: str) -> None:
    """Refuse what is no name."""
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{what} is not a name", found=repr(name), expected="a text")
