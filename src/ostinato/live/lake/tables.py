"""What a tick is as rows of the lake's tables, and how trainings read them again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.records import ROLES, Ints, LabelsArrived, RequestsAnswered
from ostinato.live.engine.feed import Turn
from ostinato.live.engine.gather import Gathered, as_keys
from ostinato.live.engine.known import Told
from ostinato.live.events import OutcomesGiven
from ostinato.live.history_file import as_groups
from ostinato.live.lake.names import IN_COLUMNS, clean_names
from ostinato.live.schema import DTYPES, InputSchema

_TIME: Final[Any] = pl.Datetime("us", "UTC")
_IDS: Final[dict[str, Any]] = {"prediction_id": pl.String, "id_is_integer": pl.Boolean}
_SCORES: Final = pl.List(pl.Struct({"version": pl.String, "score": pl.List(pl.Float64)}))

EVENTS: Final = pl.Schema({"offset": pl.Int64, "key": pl.String, "payload": pl.Binary})
LABELS: Final = pl.Schema(
    {
        **_IDS,
        "time": _TIME,
        "time_ns": pl.Int64,
        "value": pl.Float64,
        "tick": pl.Int64,
        "row": pl.Int64,
    }
)
OUTCOMES: Final = pl.Schema(
    {
        "prediction_id": pl.String,
        "unit": pl.String,
        "name": pl.String,
        "time": _TIME,
        "time_ns": pl.Int64,
        "value": pl.Float64,
        "tick": pl.Int64,
    }
)


def input_columns(schema: InputSchema) -> list[str]:
    """Return the column of each input: its name, where Delta allows it, behind ``input_``."""
    return clean_names("input_", schema.names, IN_COLUMNS)


def predictions_schema(schema: InputSchema) -> pl.Schema:
    """Return the columns of ``predictions``.

    `offset` is the request's place in the order of the loop, `unit_hash` its hashed unit, `score`
    what it was answered with, `scores` what every version said, `raw` the inputs as served where
    they do not fit the types of their columns.
    """
    inputs = zip(input_columns(schema), schema.fields, strict=True)
    return pl.Schema(
        {
            "offset": pl.Int64,
            **_IDS,
            "time": _TIME,
            "time_ns": pl.Int64,
            "unit_hash": pl.Int64,
            "groups": pl.List(pl.Int32),
            **{name: DTYPES[field.kind] for name, field in inputs},
            "raw": pl.Binary,
            "version": pl.String,
            "role": pl.String,
            "epoch": pl.Int64,
            "score": pl.List(pl.Float64),
            "scores": _SCORES,
            "propensity": pl.Float64,
            "tick": pl.Int64,
        }
    )


def predictions(turn: Turn, schema: InputSchema) -> pl.DataFrame:
    """Return the requests of a tick as rows of ``predictions``."""
    parts = [_answered(each, schema, turn.tick) for each in turn.requests]
    return pl.concat([predictions_schema(schema).to_frame(), *parts])


def _answered(gathered: Gathered, schema: InputSchema, tick: int) -> pl.DataFrame:
    record = gathered.answered
    size, keys = len(record), record.ids.tolist()
    scores = {version: _lists(found, size) for version, found in record.scores.items()}
    versions = np.array(record.versions)
    table = pl.DataFrame(
        {
            "offset": np.arange(record.offset, record.offset + size),
            **_id_columns(keys),
            **_times(record.times_ns),
            "unit_hash": record.unit_hashes.view(np.int64),
            "groups": pl.Series(record.groups.tolist(), dtype=pl.List(pl.Int32)),
            **_inputs(gathered.rows, schema),
            "version": pl.Series(versions[record.answered], dtype=pl.String),
            "role": pl.Series(np.array(ROLES)[record.roles], dtype=pl.String),
            "epoch": record.epoch,
            "propensity": 1.0 if record.propensities is None else record.propensities,
            "tick": tick,
            **{f"score of {version}": found for version, found in scores.items()},
        }
    )
    said = [
        pl.struct(pl.lit(version).alias("version"), pl.col(f"score of {version}").alias("score"))
        for version in scores
    ]
    given = pl.coalesce(
        pl.when(pl.col("version") == version).then(pl.col(f"score of {version}"))
        for version in scores
    )
    complete = table.with_columns(scores=pl.concat_list(said), score=given)
    return _as(complete, predictions_schema(schema))


def _as(table: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    return table.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _lists(scores: NDArray[np.float64], size: int) -> pl.Series:
    return pl.Series(scores.reshape(size, -1)).cast(pl.List(pl.Float64))


def _inputs(rows: list[tuple[Any, ...]], schema: InputSchema) -> dict[str, pl.Series]:
    """Return the inputs in the types of their columns, and rows that do not fit as they were."""
    frame = schema.frame(rows)
    found: dict[str, pl.Series] = {}
    odd = np.zeros(len(rows), dtype=np.bool_)
    for name, field, column in zip(input_columns(schema), schema.fields, frame, strict=True):
        typed = column.cast(DTYPES[field.kind], strict=False)
        odd |= typed.cast(column.dtype).ne_missing(column).to_numpy()
        found[name] = typed
    raw = [msgspec.msgpack.encode(rows[at]) if odd[at] else None for at in range(len(rows))]
    return {**found, "raw": pl.Series(raw, dtype=pl.Binary)}


def labels(turn: Turn) -> pl.DataFrame:
    """Return the labels of a tick as rows of ``labels``.

    `value` is the class's place or the target, null for a withdrawn label; `row` numbers the labels
    of one tick.
    """
    told = turn.labels
    if told is None:
        return LABELS.to_frame()
    columns = {
        **_id_columns(told.ids.tolist()),
        **_times(told.times_ns),
        "value": pl.Series(told.values).fill_nan(None),
        "tick": turn.tick,
        "row": np.arange(len(told)),
    }
    return _as(pl.DataFrame(columns), LABELS)


def outcomes(turn: Turn) -> pl.DataFrame:
    """Return the outcomes of a tick as rows of ``outcomes``."""
    parts = [OUTCOMES.to_frame(), *(_outcomes(each, turn.tick) for each in turn.outcomes)]
    return pl.concat(parts)


def _outcomes(given: OutcomesGiven, tick: int) -> pl.DataFrame:
    columns = {
        "prediction_id": [None if each is None else str(each) for each in given.ids],
        "unit": [None if each is None else _text(each) for each in given.units],
        "name": given.names,
        **_times(np.array(given.times_ns, dtype=np.int64)),
        "value": given.values,
        "tick": tick,
    }
    return _as(pl.DataFrame(columns), OUTCOMES)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _id_columns(keys: Sequence[Any]) -> dict[str, pl.Series]:
    return {
        "prediction_id": pl.Series(map(str, keys), dtype=pl.String),
        "id_is_integer": pl.Series([isinstance(key, int) for key in keys], dtype=pl.Boolean),
    }


def _times(times_ns: Ints) -> dict[str, Any]:
    return {"time": pl.Series(times_ns // 1000).cast(_TIME), "time_ns": times_ns}


# ---------------------------------------------------------------- read again


def told_from(predicted: pl.DataFrame, labelled: pl.DataFrame, schema: InputSchema) -> Told:
    """Return rows of ``predictions`` and ``labels`` as trainings take them.

    Parameters
    ----------
    predicted
        In the order of `offset`.
    labelled
        In the order in which they were told.
    """
    told = Told()
    if predicted.height:
        told.frames.append(_frame(predicted, schema))
        told.requests.append(_requests(predicted, schema))
    if labelled.height:
        told.labels.append(_labels(labelled))
    return told


def _frame(predicted: pl.DataFrame, schema: InputSchema) -> pl.DataFrame:
    odd = predicted["raw"].is_not_null()
    columns = zip(input_columns(schema), schema.names, strict=True)
    frame = predicted.select(pl.col(column).alias(name) for column, name in columns)
    if not odd.any():
        return frame
    rows = frame.rows()
    for at in odd.arg_true().to_list():
        rows[at] = tuple(msgspec.msgpack.decode(predicted["raw"][at]))
    return schema.frame(rows)


def _requests(predicted: pl.DataFrame, schema: InputSchema) -> RequestsAnswered:
    """Return what trainings need of requests; who answered what is not among it."""
    size, times = predicted.height, predicted["time_ns"].to_numpy()
    return RequestsAnswered(
        ts_event_ns=int(times[-1]),
        ts_record_ns=int(times[-1]),
        offset=int(predicted["offset"][0]),
        ids=_keys(predicted),
        times_ns=times,
        unit_hashes=predicted["unit_hash"].to_numpy().view(np.uint64),
        groups=as_groups(predicted["groups"], schema.slicing().width),
        versions=(),
        answered=np.zeros(size, dtype=np.int16),
        roles=np.zeros(size, dtype=np.int8),
        scores={},
        epoch=0,
    )


def _labels(labelled: pl.DataFrame) -> LabelsArrived:
    times = labelled["time_ns"].to_numpy()
    return LabelsArrived(
        ts_event_ns=int(times[-1]),
        ts_record_ns=int(times[-1]),
        ids=_keys(labelled),
        times_ns=times,
        values=labelled["value"].fill_null(float("nan")).to_numpy(),
    )


def _keys(table: pl.DataFrame) -> NDArray[Any]:
    texts, whole = table["prediction_id"].to_list(), table["id_is_integer"].to_list()
    return as_keys([int(t) if is_whole else t for t, is_whole in zip(texts, whole, strict=True)])
