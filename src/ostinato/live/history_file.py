"""The rows before the start, kept as one Parquet file with all that trainings need of them later.

Features stand under ``feature:NAME`` in the types they had; beside them the row's time, id, unit,
label, when it became known, slice groups, and whether people named it golden.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import StoreError
from ostinato.live.schema import InputSchema
from ostinato.replay.history import History
from ostinato.stores.durable import write_whole

_FEATURE: Final = "feature:"
_TEXT_IDS: Final = "id_text"
_INTEGER_IDS: Final = "id_integer"


def write_history(path: Path, history: History) -> None:
    """Write the rows before the start, whole or not at all."""
    rows = slice(0, history.first)
    ids = history.ids[rows]
    whole = ids.dtype.kind in "iu"
    meta = pl.DataFrame(
        {
            "time_ns": history.times_ns[rows],
            _INTEGER_IDS if whole else _TEXT_IDS: ids if whole else pl.Series(ids.tolist()),
            "unit_hash": history.unit_hashes[rows],
            "label": history.labels[rows],
            "label_time_ns": history.label_times_ns[rows],
            "golden": history.golden[rows],
            "groups": pl.Series(history.groups[rows].tolist(), dtype=pl.List(pl.Int32)),
        }
    )
    features = history.frame[rows].rename(lambda name: f"{_FEATURE}{name}")
    content = io.BytesIO()
    pl.concat([meta, features], how="horizontal").write_parquet(content)
    write_whole(path, content.getvalue())


def read_history(path: Path, schema: InputSchema) -> History:
    """Read the rows before the start.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise StoreError(
            "The history of the service cannot be read",
            found=f"{path} ({str(error).splitlines()[0]})",
            expected="the Parquet file written at the first start",
            hint="Restore it from a backup, or begin anew in another folder.",
        ) from error
    names = [name for name in table.columns if name.startswith(_FEATURE)]
    frame = table.select(pl.col(name).alias(name.removeprefix(_FEATURE)) for name in names)
    return History(
        frame=frame.rechunk(),
        times_ns=table["time_ns"].to_numpy(),
        ids=_ids(table),
        unit_hashes=table["unit_hash"].to_numpy(),
        labels=table["label"].to_numpy().copy(),
        label_times_ns=table["label_time_ns"].to_numpy().copy(),
        groups=as_groups(table["groups"], schema.slicing().width),
        slices=schema.slicing(),
        classes=schema.classes,
        golden=table["golden"].to_numpy().copy(),
        first=table.height,
        start_ns=schema.start_ns,
    )


def as_groups(column: pl.Series, width: int) -> NDArray[np.int32]:
    """Return a column of lists as (n, width) int32."""
    flat = column.explode().drop_nulls().to_numpy() if width and len(column) else np.empty(0)
    found: NDArray[np.int32] = flat.astype(np.int32).reshape(len(column), width)
    return found


def _ids(table: pl.DataFrame) -> NDArray[Any]:
    if _INTEGER_IDS in table.columns:
        found: NDArray[Any] = table[_INTEGER_IDS].to_numpy()
        return found
    keys = np.empty(table.height, dtype=object)
    keys[:] = table[_TEXT_IDS].to_list()
    return keys
