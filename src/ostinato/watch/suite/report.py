"""What came of holding a table against a suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import polars as pl

STATES: Final = ("passed", "warning", "failed", "unmeasured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One expectation and what was found.

    Parameters
    ----------
    subject
        A column, ``"label"`` or ``"batch"``.
    test
        What was looked at: ``"missing"``, ``"range"``, ...
    state
        ``"passed"``, ``"warning"``, ``"failed"`` (nothing is learned from such rows) or
        ``"unmeasured"``.
    rows, hits
        How many rows were looked at, and how many of them are not as they should be.
    text
        What was found and what was expected.
    examples
        A few of the values that are not as they should be.
    advice
        What to do about it; empty where nothing is wrong.
    """

    subject: str
    test: str
    state: str
    rows: int
    hits: int
    text: str
    examples: tuple[str, ...] = ()
    advice: str = ""

    @property
    def share(self) -> float:
        """Share of the rows that are not as they should be; NaN without rows."""
        return self.hits / self.rows if self.rows else float("nan")

    def __str__(self) -> str:
        seen = f"; for example {', '.join(self.examples)}" if self.examples else ""
        return f"{self.subject}: {self.text}{seen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteReport:
    """What a suite found in a table.

    Parameters
    ----------
    suite, version
        Name and version of the suite.
    rows
        Of the table.
    findings
        An entry per expectation, in the order of the suite.
    """

    suite: str
    version: int
    rows: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed; warnings do not count."""
        return not self.failures

    @property
    def failures(self) -> tuple[Finding, ...]:
        """What makes the table unfit to learn from."""
        return self.of("failed")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What people should look at."""
        return self.of("warning")

    @property
    def unmeasured(self) -> tuple[Finding, ...]:
        """What could not be looked at, and why."""
        return self.of("unmeasured")

    def of(self, state: str) -> tuple[Finding, ...]:
        """Return the findings of one state."""
        return tuple(each for each in self.findings if each.state == state)

    @property
    def table(self) -> pl.DataFrame:
        """A row per expectation: `subject, test, state, rows, hits, share, found, advice`."""
        rows = [
            (
                e.subject,
                e.test,
                e.state,
                e.rows,
                e.hits,
                e.share if e.rows else None,
                str(e),
                e.advice,
            )
            for e in self.findings
        ]
        names = {
            "subject": pl.String,
            "test": pl.String,
            "state": pl.String,
            "rows": pl.Int64,
            "hits": pl.Int64,
            "share": pl.Float64,
            "found": pl.String,
            "advice": pl.String,
        }
        return pl.DataFrame(rows, schema=names, orient="row")

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a JSON-ready object."""
        return {
            "suite": self.suite,
            "version": self.version,
            "rows": self.rows,
            "passed": self.passed,
            "findings": [
                {**asdict(each), "share": each.share if each.rows else None}
                for each in self.findings
            ],
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{len(self.of(state))} {state}" for state in STATES if self.of(state))
        head = f"{self.suite or 'suite'}, version {self.version}: {self.rows:,} rows; {counts}"
        return "\n".join([head, *told(self.failures), *told(self.warnings), *told(self.unmeasured)])


def told(findings: Sequence[Finding]) -> list[str]:
    """Write findings as lines, with what to do."""
    return [f"{e.state}: {e}" + (f"\n  {e.advice}" if e.advice else "") for e in findings]
