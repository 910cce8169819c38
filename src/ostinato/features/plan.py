"""The features of a loop put in order: what requests carry, what is kept of events, what comes out.

Aggregates over the same source, key and filter share a `Tally`; in it, windows of the same hop
share tiles (`Level`), and aggregates of the same column share its sums.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ostinato.core.canonical import digest
from ostinato.core.errors import ConfigError
from ostinato.features.declared import (
    Aggregate,
    AggregateKind,
    Declared,
    Expr,
    Function,
    Lookup,
    text_of,
)
from ostinato.features.sources import LABEL, Labels, Requests, Source

NO_COLUMN = -1
"""Place of the column of an aggregate over the events themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One windowed feature of a tally.

    Parameters
    ----------
    name, kind, window_ns, default, quantile, per_ns, exact_to
        As in `Aggregate`.
    level
        Place of its hop in the tally's levels.
    column
        Place among the tally's `values` (kind ``"distinct"``: among its `distincts`);
        `NO_COLUMN`: the events themselves.
    feature
        Place among the plan's windowed features.
    """

    name: str
    kind: AggregateKind
    level: int
    column: int
    window_ns: int
    default: float | None
    quantile: float
    per_ns: int
    exact_to: int
    feature: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Tiles of one hop: at most `tiles` of them can be reached by any window.

    `decayed`: tiles hold sums weighted by age within the tile, for decayed means and nothing else.
    """

    hop_ns: int
    window_ns: int
    decayed: bool

    @property
    def tiles(self) -> int:
        """Tiles that the longest window can reach, the one under way included."""
        return -(-self.window_ns // self.hop_ns) + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """What is kept of the events of a source by one key.

    Parameters
    ----------
    source
        Of the events.
    by
        (request's column, source's column) of the key.
    where
        Only events for which it is true.
    values
        Columns or expressions that are read as numbers.
    distincts
        Columns or expressions whose different values are counted.
    levels
        The hops.
    outputs
        What is made of it.
    """

    source: Source
    by: tuple[tuple[str, str], ...]
    where: pl.Expr | None
    values: tuple[str | pl.Expr, ...]
    distincts: tuple[str | pl.Expr, ...]
    levels: tuple[Level, ...]
    outputs: tuple[Output, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the source that it reads."""
        found = [theirs for _, theirs in self.by]
        for part in (*self.values, *self.distincts, *([] if self.where is None else [self.where])):
            found += part.meta.root_names() if isinstance(part, pl.Expr) else [part]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeaturePlan:
    """The features of a loop in order.

    Parameters
    ----------
    names
        Of all features, as the model sees them.
    plain
        Those that are columns of the request.
    rows
        Features made of the request's own columns, and look-ups.
    windowed
        Aggregates, in the order in which they are computed and given.
    tallies
        What is kept of events.
    inputs
        Columns that a request has to carry: plain features first, then what others need.
    versions
        Digest of the definition by feature; plain ones have none.
    """

    names: tuple[str, ...]
    plain: tuple[str, ...]
    rows: tuple[Expr | Function | Lookup, ...]
    windowed: tuple[Aggregate, ...]
    tallies: tuple[Tally, ...]
    inputs: tuple[str, ...]
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def computed(self) -> tuple[str, ...]:
        """Names of the features that are no columns of the request."""
        return tuple(name for name in self.names if name in self.versions)

    @property
    def sources(self) -> dict[str, Source]:
        """Sources by name."""
        return {tally.source.name: tally.source for tally in self.tallies}

    @property
    def digest(self) -> str:
        """Digest of all definitions and their order."""
        return digest([[name, self.versions.get(name)] for name in self.names])

    def columns_of(self, source: str) -> tuple[str, ...]:
        """Return the columns of a source that its features read, without its times."""
        found = [c for t in self.tallies if t.source.name == source for c in t.columns]
        return tuple(dict.fromkeys(found))

    def reading(self, source: str) -> tuple[str, ...]:
        """Return the features that are made of a source."""
        return tuple(each.name for each in self.windowed if each.source.name == source)


def make_plan(features: Sequence[str | Declared]) -> FeaturePlan:
    """Put features in order.

    Parameters
    ----------
    features
        Names of columns of the request, and declarations, as the model is to see them.

    Raises
    ------
    ConfigError
        If two have one name, or two sources have one name and are different.
    """
    declared = [each for each in features if not isinstance(each, str)]
    for each in declared:
        if not isinstance(each, Expr | Function | Lookup | Aggregate):
            raise ConfigError(
                "A feature is neither a column nor a declaration",
                found=repr(each),
                expected="a column's name, or one of ostinato.features",
            )
    names = tuple(each if isinstance(each, str) else each.name for each in features)
    _check_names(features, names)
    windowed = tuple(each for each in declared if isinstance(each, Aggregate))
    _check_sources(windowed)
    plain = tuple(each for each in features if isinstance(each, str))
    needed = [column for each in declared for column in (*each.inputs, *_own_columns(each))]
    return FeaturePlan(
        names=names,
        plain=plain,
        rows=tuple(each for each in declared if not isinstance(each, Aggregate)),
        windowed=windowed,
        tallies=_tallies(windowed),
        inputs=tuple(dict.fromkeys((*plain, *needed))),
        versions={each.name: each.version for each in declared},
    )


def _own_columns(feature: Declared) -> Sequence[str]:
    """Return the request's columns that events of the loop itself have to carry."""
    if not isinstance(feature, Aggregate):
        return ()
    if isinstance(feature.source, Labels):
        return [column for column in feature.columns if column != LABEL]
    return feature.columns if isinstance(feature.source, Requests) else ()


def _check_names(features: Sequence[str | Declared], names: Sequence[str]) -> None:
    doubled = list(dict.fromkeys(name for name in names if names.count(name) > 1))
    if doubled:
        same = [each for each in features if doubled[0] in (each, getattr(each, "name", None))]
        kinds = ", ".join("a column" if isinstance(e, str) else type(e).__name__ for e in same)
        raise ConfigError(
            f"Two features have the name {doubled[0]!r}",
            found=kinds,
            expected="a name for each",
            hint="Give one of them another with name=...",
        )


def _check_sources(windowed: Sequence[Aggregate]) -> None:
    known: dict[str, Source] = {}
    for each in windowed:
        name = each.source.name
        if known.setdefault(name, each.source) != each.source:
            raise ConfigError(
                f"Two sources have the name {name!r}",
                found=f"{known[name]!r} and {each.source!r}",
                expected="one definition of each source",
                hint="Declare it once and use the object for all features.",
            )


def _tallies(windowed: Sequence[Aggregate]) -> tuple[Tally, ...]:
    groups: dict[Any, list[int]] = {}
    for place, each in enumerate(windowed):
        groups.setdefault((each.source.name, each.by, text_of(each.where)), []).append(place)
    return tuple(_tally(windowed, places) for places in groups.values())


def _tally(windowed: Sequence[Aggregate], places: Sequence[int]) -> Tally:
    mine = [windowed[place] for place in places]
    values = _parts([e for e in mine if e.kind != "distinct"])
    distincts = _parts([e for e in mine if e.kind == "distinct"])
    reach: dict[tuple[int, bool], int] = {}
    for each in mine:
        level = _level(each)
        reach[level] = max(reach.get(level, 0), each.window_ns)
    order = sorted(reach)
    first = mine[0]
    return Tally(
        source=first.source,
        by=first.by,
        where=first.where,
        values=tuple(values.values()),
        distincts=tuple(distincts.values()),
        levels=tuple(
            Level(hop_ns=hop, decayed=decayed, window_ns=reach[hop, decayed])
            for hop, decayed in order
        ),
        outputs=tuple(
            _output(
                windowed[place],
                place,
                order.index(_level(windowed[place])),
                list(distincts if windowed[place].kind == "distinct" else values),
            )
            for place in places
        ),
    )


def _level(feature: Aggregate) -> tuple[int, bool]:
    return feature.hop_ns, feature.kind == "decayed_mean"


def _parts(features: Sequence[Aggregate]) -> dict[str, str | pl.Expr]:
    """Return the columns that aggregates read, by their text, each once."""
    found: dict[str, str | pl.Expr] = {}
    for each in features:
        if each.column is not None:
            found.setdefault(str(text_of(each.column)), each.column)
    return found


def _output(feature: Aggregate, place: int, level: int, columns: list[str]) -> Output:
    text = text_of(feature.column)
    return Output(
        name=feature.name,
        kind=feature.kind,
        level=level,
        column=NO_COLUMN if text is None else columns.index(text),
        window_ns=feature.window_ns,
        default=feature.default,
        quantile=feature.quantile,
        per_ns=feature.per_ns,
        exact_to=feature.exact_to,
        feature=place,
    )
