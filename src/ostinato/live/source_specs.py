"""What a service takes of its sources: read off their declarations, their history and their use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import polars as pl

from ostinato.core.errors import ConfigError
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import EventBatch
from ostinato.features.sources import Events
from ostinato.live.fields import Field, Kind, SourceSpec

_KINDS: Final[dict[pl.DataType, Kind]] = {
    pl.Float64(): "number",
    pl.Int64(): "integer",
    pl.Boolean(): "boolean",
    pl.String(): "text",
}


def source_specs(
    plan: FeaturePlan, history: Mapping[str, EventBatch], inputs: Mapping[str, Kind]
) -> tuple[SourceSpec, ...]:
    """Return what is posted to a service.

    Parameters
    ----------
    plan
        The features of the loop.
    history
        Of each source, as `ostinato.features.reading.read_sources` gives it.
    inputs
        What the columns of a request hold.

    Raises
    ------
    ConfigError
        If nothing says what a column holds.
    """
    return tuple(
        SourceSpec(
            name=name,
            time=source.time,
            columns=tuple(
                Field(column, _kind(plan, source, column, history[name].frame, inputs))
                for column in dict.fromkeys((*plan.columns_of(name), *source.columns))
            ),
            renamed=dict(source.renamed),
        )
        for name, source in plan.sources.items()
        if isinstance(source, Events)
    )


def _kind(
    plan: FeaturePlan,
    source: Events,
    column: str,
    history: pl.DataFrame,
    inputs: Mapping[str, Kind],
) -> Kind:
    declared = source.columns.get(column)
    if declared is not None:
        return cast("Kind", declared)
    dtype = history.schema.get(column)
    if dtype in _KINDS:
        return _KINDS[dtype]
    found = _of_use(plan, source.name, column, inputs)
    if found is None:
        raise ConfigError(
            f"Nothing says what the column {column!r} of the source {source.name!r} holds",
            found="no value of it in the history",
            expected="a kind: number, integer, boolean or text",
            hint=f"Say it: Events({source.name!r}, columns={{{column!r}: ...}}).",
        )
    return found


def _of_use(plan: FeaturePlan, source: str, column: str, inputs: Mapping[str, Kind]) -> Kind | None:
    """Return what a column has to hold for what features do with it."""
    mine = [tally for tally in plan.tallies if tally.source.name == source]
    if any(part == column for tally in mine for part in tally.values if isinstance(part, str)):
        return "number"
    keys = [ours for tally in mine for ours, theirs in tally.by if theirs == column]
    return inputs[keys[0]] if keys else None
