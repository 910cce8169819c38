"""Expressions have to look at one row alone.

One that looked at other events as well would see later ones over history, and in serving only those
that came with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import polars as pl

from ostinato.core.errors import ConfigError
from ostinato.core.records import Ints
from ostinato.features.plan import FeaturePlan, Tally
from ostinato.features.prepare import EventBatch

SAMPLE: Final = 48
"""Rows that are computed alone as well as together. Fewer might miss an expression that looks at
other rows only now and then; each costs a tenth of a millisecond, once."""


def sampled_rows(frame: pl.DataFrame) -> Ints:
    """Return some rows: spread evenly, and as many as that where something is missing."""
    spread = np.linspace(0, frame.height - 1, SAMPLE // 2).astype(np.int64)
    missing = np.flatnonzero(frame.select(pl.any_horizontal(pl.all().is_null())).to_series())
    picked = (
        missing[np.linspace(0, len(missing) - 1, SAMPLE // 2).astype(np.int64)]
        if len(missing)
        else missing
    )
    return np.unique(np.concatenate([spread, picked]))


def check_events(plan: FeaturePlan, events: Mapping[str, EventBatch]) -> None:
    """Refuse aggregates of expressions whose value of an event depends on other events.

    Parameters
    ----------
    plan
        The features.
    events
        Events by source; some are computed alone as well.

    Raises
    ------
    ConfigError
        If such an event has another value alone.
    """
    for tally in plan.tallies:
        batch = events.get(tally.source.name)
        if batch is not None and len(batch):
            for expression in _expressions(tally):
                _check(tally, expression, batch.frame)


def _expressions(tally: Tally) -> Iterator[pl.Expr]:
    for part in (tally.where, *tally.values, *tally.distincts):
        if isinstance(part, pl.Expr):
            yield part


def _check(tally: Tally, expression: pl.Expr, frame: pl.DataFrame) -> None:
    names = list(dict.fromkeys(expression.meta.root_names()))
    if not names or any(name not in frame.columns for name in names):
        return  # what is missing is told where events are prepared
    together = frame.select(expression.alias("value"))["value"]
    for row in sampled_rows(frame.select(names)).tolist():
        alone = frame[row : row + 1].select(expression.alias("value"))["value"]
        if len(together) != len(frame) or not alone.equals(together[row : row + 1]):
            others = f"{len(together)} values for {len(frame)} events"
            if len(together) == len(frame):
                others = f"{together[row]!r} among the others"
            raise ConfigError(
                f"An aggregate of the source {tally.source.name!r} looks at other events than one",
                found=f"{expression}: {alone.to_list()} for event {row} alone, {others}",
                expected="a value that follows from the event's own columns",
                hint="Over history such an expression sees the future. Compute it where events "
                "are made, or use an aggregate.",
            )
