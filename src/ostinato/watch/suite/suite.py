"""`Suite`: what tables of a loop look like, and whether one does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ostinato.core.canonical import digest
from ostinato.core.clock import WallClock
from ostinato.core.errors import ConfigError, DataError
from ostinato.core.units import format_time
from ostinato.stores.durable import write_whole
from ostinato.stores.tables import read_table
from ostinato.watch.suite.bounds import Batch, Column, LabelExpected
from ostinato.watch.suite.infer import Inference, Roles
from ostinato.watch.suite.infer_label import label_of
from ostinato.watch.suite.judge import absent, judge_batch, judge_column, judge_label
from ostinato.watch.suite.pandera import schema_of
from ostinato.watch.suite.reading import parsed
from ostinato.watch.suite.report import Finding, SuiteReport
from ostinato.watch.suite.text import text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A validation suite: what is expected of tables, inferred from one and edited by people.

    Make one with `Suite.infer` or `Suite.read`.

    Parameters
    ----------
    name
        What it is called.
    version
        Counts from 1; inferring anew makes the next one.
    inferred
        When, from how many rows, and of which time.
    batch, label, columns
        What is expected.
    notes
        What explains a bound, by section and key of the file.
    written
        The digest that stands in the file; another one than `digest` if people edited it.

    Examples
    --------
    >>> import polars as pl
    >>> suite = Suite.infer(pl.DataFrame({"temp": [20.5, 21.0, 19.5, 22.5] * 50}), name="weather")
    >>> print(suite.check(pl.DataFrame({"temp": [None, 20.0] * 100})).failures[0])
    temp: 100 of 200 (50%) rows without a value; fail above 20%, warning above 1%
    """

    name: str = ""
    version: int = 1
    inferred: Mapping[str, Any] = field(default_factory=dict)
    batch: Batch = field(default_factory=Batch)
    label: LabelExpected | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)
    notes: Mapping[tuple[str, str], str] = field(default_factory=dict, compare=False, repr=False)
    written: str = field(default="", compare=False, repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of what is expected: of the bounds, not of the words around them."""
        return digest([self.batch, self.label, self.columns])

    @property
    def edited(self) -> bool:
        """Whether people changed what was inferred."""
        return bool(self.written) and self.written != self.digest

    @classmethod
    def infer(
        cls,
        table: Any,
        *,
        name: str = "",
        label: str = "",
        time: str = "",
        label_time: str = "",
        ids: str = "",
        classes: bool | None = None,
        horizon_s: float = 0.0,
        at_ns: int | None = None,
    ) -> Suite:
        """Read a suite off a table that is as it should be.

        Parameters
        ----------
        table
            Anything that Ostinato reads as data; rows in order of time, or with a `time`.
        name
            What the suite is called.
        label, time, label_time, ids
            Columns with the label, the moment of the request, the moment at which its label became
            known, and ids that are there once.
        classes
            Whether labels are classes; None: texts, truth values and few whole numbers are.
        horizon_s
            Seconds after which a label is overdue: delays up to there are good.
        at_ns
            The moment that is written down as that of the inference; None: now.

        Raises
        ------
        DataError
            If the table has no rows or lacks a column that is named.
        """
        rows = read_table(table)
        roles = Roles(
            label=label, time=time, known=label_time, ids=ids, classes=classes, horizon_s=horizon_s
        )
        _check_named(rows.columns, roles)
        if time:
            rows = rows.sort(time, maintain_order=True)
        inference, aside = Inference(rows, roles), (label, label_time, time)
        moment = WallClock().now_ns() if at_ns is None else at_ns
        span = {"from": str(rows[time].min()), "to": str(rows[time].max())} if time else {}
        found = cls(
            name=name,
            inferred={"at": format_time(moment), "rows": rows.height, **span},
            batch=inference.batch(),
            label=label_of(inference),
            columns={each: inference.column(each) for each in rows.columns if each not in aside},
            notes=inference.notes,
        )
        return replace(found, written=found.digest)

    def check(self, table: Any, *, partial: bool = False) -> SuiteReport:
        """Hold a table against what is expected.

        Parameters
        ----------
        table
            Anything that Ostinato reads as data.
        partial
            Whether the table may lack columns of the suite: those are then told as unmeasured.
        """
        rows = read_table(table, may_be_empty=True)
        findings: list[Finding] = list(judge_batch(self.batch, rows, self.label, self.columns))
        if self.label is not None:
            findings += judge_label(self.label, rows)
        for name, expected in self.columns.items():
            if name in rows.columns:
                findings += judge_column(name, expected, rows[name])
            else:
                findings.append(absent(name, partial=partial))
        return SuiteReport(
            suite=self.name, version=self.version, rows=rows.height, findings=tuple(findings)
        )

    def next_after(self, earlier: Suite) -> Suite:
        """Return this suite as the version after another one."""
        return replace(self, version=earlier.version + 1)

    def write(self, path: str | Path) -> None:
        """Write the file, whole or not at all: the same suite gives the same text.

        Raises
        ------
        ConfigError
            If the folder does not exist.
        """
        target = Path(path)
        if target.is_dir() or not target.absolute().parent.is_dir():
            raise ConfigError(
                "The suite cannot be written there",
                found=path,
                expected="a file in a folder that exists",
            )
        write_whole(target, text_of(self).encode())

    @classmethod
    def read(cls, path: str | Path) -> Suite:
        """Read a file.

        Raises
        ------
        ConfigError
            If it is not there, or something in it is wrong: with the key and the line.
        """
        try:
            text = Path(path).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                "The suite cannot be read",
                found=f"{path} ({type(error).__name__})",
                expected="a TOML file that `ostinato suite infer` wrote",
                hint="Infer one: ostinato suite infer LOOP_FILE.",
            ) from error
        return cls(**parsed(text, str(path)))

    def to_text(self) -> str:
        """Return the text of the file."""
        return text_of(self)

    def to_pandera(self) -> Any:
        """Return the same expectations as a ``pandera.polars.DataFrameSchema``.

        A table that fails the suite fails the schema; what the suite warns of, the schema warns of
        (`SchemaWarning`).

        Raises
        ------
        ConfigError
            If pandera is not installed.
        """
        return schema_of(self)


def _check_named(columns: list[str], roles: Roles) -> None:
    named = [each for each in (roles.label, roles.time, roles.known, roles.ids) if each]
    missing = [each for each in named if each not in columns]
    if missing:
        raise DataError(
            f"The table lacks columns that are named: {', '.join(missing)}",
            found=", ".join(columns),
            expected="the columns named as label, time, label_time and ids",
        )
