"""The same expectations as a pandera schema: the one place that knows pandera."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Protocol

import polars as pl

from ostinato.core.errors import ConfigError
from ostinato.watch.suite.bounds import Batch, Column, LabelExpected
from ostinato.watch.suite.judge import judge_batch, judge_column, judge_label
from ostinato.watch.suite.report import Finding

Look = Callable[[pl.DataFrame], Iterator[Finding]]


class Expecting(Protocol):
    """What is read off a suite to make a schema of it."""

    @property
    def name(self) -> str: ...
    @property
    def batch(self) -> Batch: ...
    @property
    def label(self) -> LabelExpected | None: ...
    @property
    def columns(self) -> Mapping[str, Column]: ...


def schema_of(suite: Expecting) -> Any:
    """Return a ``pandera.polars.DataFrameSchema`` of a suite.

    pandera holds rows against checks one by one; a suite bounds shares of rows. So each subject is
    a check of the whole table, whose answer is the suite's own: both say the same of every table.
    """
    try:
        pandera = import_module("pandera.polars")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "Suite.to_pandera() needs the pandera package",
            found="none installed",
            hint="pip install 'ostinato[pandera]'",
        ) from error
    checks = [_check(pandera, name, look) for name, look in _looks(suite).items()]
    columns = {name: pandera.Column(None, nullable=True) for name in suite.columns}
    return pandera.DataFrameSchema(columns, checks=checks, name=suite.name or None)


def _looks(suite: Expecting) -> dict[str, Look]:
    """Return what looks at a table, by what it looks at."""
    looks: dict[str, Look] = {
        "batch": lambda table: judge_batch(suite.batch, table, suite.label, suite.columns)
    }
    label = suite.label
    if label is not None:
        looks["label"] = lambda table: judge_label(label, table)
    for name, column in suite.columns.items():
        looks[f"column {name}"] = _column(name, column)
    return looks


def _column(name: str, expected: Column) -> Look:
    def look(table: pl.DataFrame) -> Iterator[Finding]:
        if name in table.columns:  # the schema itself says if it is not
            yield from judge_column(name, expected, table[name])

    return look


def _check(pandera: Any, name: str, look: Look) -> Any:
    """Return the check that fails where a finding has failed, and warns of the others."""

    def holds(data: Any) -> pl.LazyFrame:
        found = list(look(data.lazyframe.collect()))
        for each in found:
            if each.state == "warning":
                warnings.warn(str(each), pandera.errors.SchemaWarning, stacklevel=2)
        return pl.LazyFrame({"holds": [all(each.state != "failed" for each in found)]})

    return pandera.Check(holds, name=name, ignore_na=False)
