"""Features: defined once, computed for one request and over all of history by the same definition.

in: requests' columns and times, events of sources. out: the features a model sees. State kept:
tiles of summaries by key (`online`).

`sources`, `declared` and `aggregates` are what users write; `plan` puts it in order; `asof`
computes history, `online` one request at a time, `rows` what needs no events; `parity` compares
what was served with what is computed.
"""

from ostinato.features.aggregates import (
    count,
    decayed_mean,
    distinct,
    last,
    max,  # noqa: A004 - the field's word
    mean,
    min,  # noqa: A004 - the field's word
    quantile,
    rate,
    sum,  # noqa: A004 - the field's word
    windows,
)
from ostinato.features.agreement import Parity
from ostinato.features.declared import Aggregate, Expr, Function, Lookup
from ostinato.features.sources import Events, labels, outcomes, requests

__all__ = [
    "Aggregate",
    "Events",
    "Expr",
    "Function",
    "Lookup",
    "Parity",
    "count",
    "decayed_mean",
    "distinct",
    "labels",
    "last",
    "max",
    "mean",
    "min",
    "outcomes",
    "quantile",
    "rate",
    "requests",
    "sum",
    "windows",
]
