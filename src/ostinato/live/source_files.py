"""What was known of each source when a service began, kept as a Parquet file per source.

Written once, at the first start, and never changed: data may be gone or another by the day on
which the state of features has to be made anew, or features are computed again over all of it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from urllib.parse import quote

import polars as pl

from ostinato.core.errors import StoreError
from ostinato.features.prepare import EventBatch
from ostinato.stores.durable import write_whole

_COLUMN: Final = "column:"


def write_batches(folder: Path, batches: Iterable[EventBatch]) -> None:
    """Write a file for each source, whole or not at all.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    for batch in batches:
        times = pl.DataFrame({"time_ns": batch.times_ns, "known_ns": batch.known_ns})
        columns = batch.frame.rename(lambda name: f"{_COLUMN}{name}")
        content = io.BytesIO()
        pl.concat([times, columns], how="horizontal").write_parquet(content)
        path = _path(folder, batch.source)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, content.getvalue())
        except OSError as error:
            raise StoreError(
                "The history of a source cannot be kept",
                found=f"{path} ({error.strerror or error})",
                hint="Check the permissions and the free space on the disk.",
            ) from error


def read_batch(folder: Path, source: str) -> EventBatch:
    """Read the file of a source.

    Raises
    ------
    StoreError
        If it is missing or damaged.
    """
    path = _path(folder, source)
    try:
        table = pl.read_parquet(path)
        columns = [name for name in table.columns if name.startswith(_COLUMN)]
        return EventBatch(
            source=source,
            times_ns=table["time_ns"].to_numpy().copy(),
            known_ns=table["known_ns"].to_numpy().copy(),
            frame=table.select(pl.col(name).alias(name.removeprefix(_COLUMN)) for name in columns),
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise StoreError(
            f"What was known of the source {source!r} at the start cannot be read",
            found=f"{path} ({str(error).splitlines()[0]})",
            expected="the Parquet file written at the first start",
            hint="Restore it from a backup, or begin anew in another folder.",
        ) from error


def kept_since_ns(folder: Path, source: str) -> int:
    """Return when the file of a source was written, by the clock of the disk.

    Raises
    ------
    StoreError
        If it is missing.
    """
    path = _path(folder, source)
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise StoreError(
            f"What was known of the source {source!r} at the start is gone",
            found=f"{path} ({error.strerror or error})",
            hint="Restore it from a backup, or begin anew in another folder.",
        ) from error


def _path(folder: Path, source: str) -> Path:
    return folder / f"{quote(source, safe='')}.parquet"
