"""Read a table from wherever it is: a file, or any frame Narwhals knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from ostinato.core.errors import ConfigError, DataError


def read_table(data: Any, *, may_be_empty: bool = False) -> pl.DataFrame:
    """Return data as a Polars frame.

    Parameters
    ----------
    data
        A path (parquet, CSV, or a Delta folder), or a Polars, pandas or Arrow table; anything
        Narwhals reads. Or a function that returns one of these, called when it is needed.
    may_be_empty
        Whether a table without rows is good as well.

    Raises
    ------
    DataError
        If the file is missing, cannot be read, or holds no rows.
    """
    if callable(data):
        data = data()
    if isinstance(data, str | Path):
        frame = _read_path(Path(data))
    elif isinstance(data, pl.LazyFrame):
        frame = data.collect()
    else:
        frame = _read_frame(data)
    if frame.height == 0 and not may_be_empty:
        raise DataError("The data is empty", found="0 rows", expected="a row per request")
    return frame


def _read_frame(data: Any) -> pl.DataFrame:
    try:
        table = nw.from_native(data)
    except TypeError as error:
        raise DataError(
            "The data is no table",
            found=type(data).__name__,
            expected="a path, or a Polars, pandas or Arrow table",
        ) from error
    if isinstance(table, nw.LazyFrame):
        table = table.collect()
    if not isinstance(table, nw.DataFrame):
        raise DataError("The data is one column", found=type(data).__name__, expected="a table")
    try:
        frame: pl.DataFrame = table.to_polars()
    except (TypeError, ValueError, pl.exceptions.PolarsError) as error:
        raise DataError(
            "A column of the data holds values of several types",
            found=str(error).splitlines()[0],
            expected="one type in each column",
        ) from error
    return frame


def _read_path(path: Path) -> pl.DataFrame:
    if not path.exists():
        raise DataError(
            "The data file does not exist",
            found=path,
            expected="a parquet or CSV file, or a Delta folder",
            hint=None if path.is_absolute() else f"It was looked for from {Path.cwd()}.",
        )
    try:
        if path.is_dir():
            return _read_folder(path)
        if path.suffix.lower() in (".csv", ".tsv"):
            separator = "\t" if path.suffix.lower() == ".tsv" else ","
            return pl.read_csv(
                path, separator=separator, try_parse_dates=True, infer_schema_length=10_000
            )
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            "The data file cannot be read",
            found=f"{path} ({str(error).splitlines()[0]})",
            expected="a parquet (.parquet) or CSV (.csv) file, or a Delta folder",
        ) from error


def _read_folder(path: Path) -> pl.DataFrame:
    if (path / "_delta_log").is_dir():
        try:
            return pl.read_delta(str(path))
        except ModuleNotFoundError as error:
            raise ConfigError(
                "Reading a Delta table needs the deltalake package",
                found=path,
                hint="pip install 'ostinato[delta]'",
            ) from error
    return pl.read_parquet(path / "**" / "*.parquet")
