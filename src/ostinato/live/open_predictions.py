"""Predictions of the history that wait for their label when a service begins, kept in a file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from ostinato.core.errors import StoreError
from ostinato.live.events import Id
from ostinato.live.schema import InputSchema
from ostinato.stores.durable import write_whole

_COLUMN: Final = "column:"


def write_open(
    path: Path,
    ids: Sequence[Id],
    times_ns: Sequence[int],
    labelled: Sequence[bool],
    inputs: pl.DataFrame,
) -> None:
    """Write predictions with their inputs, whole or not at all.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    head = pl.DataFrame(
        {
            "id": pl.Series([str(each) for each in ids], dtype=pl.String),
            "id_is_integer": pl.Series([isinstance(each, int) for each in ids], dtype=pl.Boolean),
            "time_ns": pl.Series(times_ns, dtype=pl.Int64),
            "labelled": pl.Series(labelled, dtype=pl.Boolean),
        }
    )
    columns = inputs.rename(lambda name: f"{_COLUMN}{name}")
    content = io.BytesIO()
    pl.concat([head, columns], how="horizontal").write_parquet(content)
    try:
        write_whole(path, content.getvalue())
    except OSError as error:
        raise StoreError(
            "The open predictions of the history cannot be kept",
            found=f"{path} ({error.strerror or error})",
            hint="Check the permissions and the free space on the disk.",
        ) from error


def read_open(path: Path, schema: InputSchema) -> Iterator[tuple[Id, int, bool, tuple[Any, ...]]]:
    """Yield (id, time, whether it has its label, served row) of each.

    The rows have the place of every field; features that were computed are missing in them.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise StoreError(
            "The open predictions of the history cannot be read",
            found=f"{path} ({str(error).splitlines()[0]})",
            expected="the Parquet file written at the first start",
            hint="Restore it from a backup, or begin anew in another folder.",
        ) from error
    rows = table.select(
        pl.lit(None).alias(name) if field.computed else pl.col(f"{_COLUMN}{name}").alias(name)
        for name, field in zip(schema.names, schema.fields, strict=True)
    ).rows()
    heads = table.select("id", "id_is_integer", "time_ns", "labelled").iter_rows()
    for (text, whole, time_ns, labelled), row in zip(heads, rows, strict=True):
        yield int(text) if whole else text, time_ns, labelled, row
