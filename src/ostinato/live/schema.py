"""What a request looks like: fields, their types, and what is made of them.

Read off the history before the start, once, and kept in the folder: gateways check requests by it,
the engine and the trainer turn what was served into tables by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import DataError
from ostinato.core.ids import hash_keys
from ostinato.core.records import Codes, Floats
from ostinato.features.prepare import EventBatch
from ostinato.features.reading import read_sources
from ostinato.live.events import Id
from ostinato.live.fields import DTYPES, TYPES, Field, Kind, SourceSpec, Whole, kind_of, series
from ostinato.live.source_specs import source_specs
from ostinato.loop.loop import Loop
from ostinato.replay.history import History, unit_hashes
from ostinato.replay.slices import SliceColumn, SlicePair, Slices

__all__ = [
    "DTYPES",
    "TYPES",
    "Field",
    "InputSchema",
    "Kind",
    "PairSpec",
    "SliceSpec",
    "SourceSpec",
    "Whole",
    "make_schema",
    "series",
]


class SliceSpec(msgspec.Struct, frozen=True):
    """One slice column as JSON; see `ostinato.replay.slices.SliceColumn`."""

    name: str
    values: tuple[str, ...]
    cuts: tuple[float, ...] = ()


class PairSpec(msgspec.Struct, frozen=True):
    """Two slice columns together as JSON; see `ostinato.replay.slices.SlicePair`."""

    of: tuple[int, int]
    values: tuple[tuple[int, int], ...]


class InputSchema(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a served row in order, and how rows become what the kernel takes.

    A request carries the `inputs`: the fields that are not computed, in the same order. Where
    nothing is computed they are the fields, and a row is served as it came.

    Parameters
    ----------
    loop, task
        Of the loop.
    fields
        Features first, in the order of the loop; then the inputs that are none: keys of computed
        features, slice and unit columns.
    features
        How many of the fields are features.
    unit
        The unit column; None: each request is its own unit.
    slices, pairs
        The slice columns, and which of them are taken together.
    classes
        Labels in order; empty for regression.
    first_offset
        The place of the first request: how many rows of history there are.
    start_ns
        When serving began.
    sources
        Whose events are taken, for computed features.
    feature_versions
        Digest of the definition by computed feature: what versions of the model are trained on.
    """

    loop: str
    task: str
    fields: tuple[Field, ...]
    features: int
    unit: str | None
    slices: tuple[SliceSpec, ...]
    classes: tuple[bool | int | float | str, ...]
    first_offset: int
    start_ns: int
    sources: tuple[SourceSpec, ...] = ()
    feature_versions: dict[str, str] = {}
    pairs: tuple[PairSpec, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(field.name for field in self.fields)

    @property
    def inputs(self) -> tuple[Field, ...]:
        """The fields that a request carries."""
        return tuple(field for field in self.fields if not field.computed)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(field.name for field in self.inputs)

    @property
    def input_features(self) -> int:
        """How many of the inputs are features; they come first."""
        return sum(not field.computed for field in self.fields[: self.features])

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of the slice groups; their place is the code."""
        return self.slicing().names

    def slicing(self) -> Slices:
        """Return the slices."""
        return Slices(
            columns=tuple(
                SliceColumn(name=each.name, values=each.values, cuts=each.cuts)
                for each in self.slices
            ),
            pairs=tuple(SlicePair(of=each.of, values=each.values) for each in self.pairs),
        )

    def row_type(self) -> type[msgspec.Struct]:
        """Return the struct a request's inputs are decoded to: all fields required, no others."""
        # msgspec wants identifiers: fields get positions, the names in JSON are the columns'.
        places = [(f"f{place}", field) for place, field in enumerate(self.inputs)]
        return msgspec.defstruct(
            "Inputs",
            [(place, TYPES[field.kind]) for place, field in places],
            rename={place: field.name for place, field in places},
            frozen=True,
            forbid_unknown_fields=True,
            gc=False,
        )

    def frame(self, rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
        """Return rows as served as a table: all fields, typed as in the history."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self.fields)
        return pl.DataFrame(
            [series(field, values) for field, values in zip(self.fields, columns, strict=True)]
        )

    def grouping(self, rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
        """Return those columns of rows as served that slices and units are made of."""
        named = {each.name for each in self.slices} | {self.unit}
        places = [place for place, field in enumerate(self.fields) if field.name in named]
        return pl.DataFrame(
            [series(self.fields[place], [row[place] for row in rows]) for place in places or [0]]
        )

    @property
    def width(self) -> int:
        """How many numbers a score has: one per class where there are more than two, else 0."""
        return len(self.classes) if len(self.classes) > 2 else 0

    def groups(self, frame: pl.DataFrame) -> Codes:
        """Return the slice groups of rows, (n, slice columns and pairs) int32."""
        return self.slicing().codes(frame)

    def unit_hashes(self, frame: pl.DataFrame, ids: Sequence[Id]) -> NDArray[np.uint64]:
        """Return the hashed unit of each row, as the replay of the same rows would."""
        if self.unit is None:
            keys = np.empty(len(ids), dtype=object)
            keys[:] = ids
            return hash_keys(keys)
        return unit_hashes(frame[self.unit])

    def label_codes(self, values: Sequence[Any]) -> Floats:
        """Return labels as the kernel takes them: class places or targets.

        None is NaN (withdrawn); a label of no known class is `len(classes)`, which the join counts
        and leaves out; for regression what is no number is infinite, which it leaves out as well.
        """
        if self.classes:
            places = {value: float(place) for place, value in enumerate(self.classes)}
            other = float(len(self.classes))
            found = [np.nan if v is None else _class_place(places, v, other) for v in values]
        else:
            found = [np.nan if v is None else _target(v) for v in values]
        return np.array(found, dtype=np.float64)


def _class_place(places: dict[Any, float], value: Any, other: float) -> float:
    return places.get(value, other) if isinstance(value, bool | int | float | str) else other


def _target(value: Any) -> float:
    return float(value) if isinstance(value, bool | int | float) else np.inf


def make_schema(
    loop: Loop,
    table: pl.DataFrame,
    history: History,
    sources: Mapping[str, EventBatch] | None = None,
) -> InputSchema:
    """Read the schema off the history that trains the first champion.

    Parameters
    ----------
    loop
        The declaration.
    table
        The data with all columns.
    history
        The same, made ready.
    sources
        The history of the loop's sources, where it was read already.

    Raises
    ------
    ConfigError
        If nothing says what a column of a source holds.
    DataError
        If a column has a type that JSON cannot carry, or a source cannot be read.
    """
    plan = loop.feature_plan
    inputs = dict.fromkeys(
        (*plan.inputs, *loop.slice_columns, *([] if loop.unit is None else [loop.unit]))
    )
    kinds = {name: kind_of(table[name]) for name in inputs}
    features = [
        Field(name, kind_of(history.frame[name]), computed=True)
        if name in plan.versions
        else Field(name, kinds[name])
        for name in plan.names
    ]
    further = [Field(name, kind) for name, kind in kinds.items() if name not in plan.plain]
    return InputSchema(
        loop=loop.name,
        task=loop.task,
        fields=(*features, *further),
        features=len(features),
        sources=source_specs(plan, read_sources(plan) if sources is None else sources, kinds),
        feature_versions=dict(plan.versions),
        unit=loop.unit,
        slices=tuple(
            SliceSpec(each.name, each.values, each.cuts) for each in history.slices.columns
        ),
        pairs=tuple(PairSpec(each.of, each.values) for each in history.slices.pairs),
        classes=tuple(_json_class(value) for value in history.classes),
        first_offset=history.first,
        start_ns=history.start_ns,
    )


def _json_class(value: Any) -> bool | int | float | str:
    if isinstance(value, bool | int | float | str):
        return value
    raise DataError(
        "A class of the label cannot be given over HTTP",
        found=repr(value),
        expected="classes that are text, numbers or booleans",
    )
