"""All features of a plan over history, whatever they are made of."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ostinato.core.records import Ints
from ostinato.features.alone import check_events
from ostinato.features.asof import as_of
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import EventBatch
from ostinato.features.rows import RowFeatures, row_features
from ostinato.features.rows.inputs import kinds_of


def compute(
    plan: FeaturePlan,
    requests: pl.DataFrame,
    times_ns: Ints,
    events: Mapping[str, EventBatch],
) -> pl.DataFrame:
    """Compute the features of requests, each from what was known at its time.

    Parameters
    ----------
    plan
        The features.
    requests
        n rows, in any order, with at least the plan's inputs.
    times_ns
        (n,) when each was asked for.
    events
        Events by source.

    Returns
    -------
    DataFrame
        n rows; a column per feature, in the plan's order. Columns of the request are as they were,
        what is computed is Float64, Int64, Boolean or String, with null where it is missing.

    Raises
    ------
    InputError
        If a feature does not fit the requests or the events, looks at other rows or events than
        one, or cannot be computed of a row.
    """
    found = {name: requests[name] for name in plan.plain}
    if plan.rows:
        table = _rows(plan, requests).table(requests, times_ns, check=True)
        found |= {column.name: column for column in table}
    if plan.windowed:
        check_events(plan, events)
        found |= {column.name: column for column in as_of(plan, requests, times_ns, events)}
    return pl.DataFrame([found[name] for name in plan.names])


def _rows(plan: FeaturePlan, requests: pl.DataFrame) -> RowFeatures:
    types = {name: requests.schema[name] for name in plan.inputs}
    return row_features(plan, kinds_of(requests, plan.inputs), types=types)
