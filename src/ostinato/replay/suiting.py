"""The rows of a training as a table that a validation suite can be inferred from and held against.

The table has what trainings see: features as they learn them, labels of known classes, and the
moments of request and label where the label has a time of its own. Columns that only requests have
are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.records import Ints
from ostinato.core.units import SECOND_NS
from ostinato.loop.loop import Loop
from ostinato.loop.suited import suite_of
from ostinato.replay.history import NEVER, History
from ostinato.watch.suite import Suite, SuiteReport

_TOLD: Final = 20  # findings in the evidence of one decision: the journal keeps each for ever
SUITE_HINT: Final = (
    "Repair the rows, give a start after them, or change the suite: by hand, or with `ostinato "
    "suite infer` from rows that are as they should be."
)
"""What to do where the rows of a first training fail."""
_MOMENT: Final = pl.Datetime("ns", "UTC")


def training_table(loop: Loop, history: History, rows: Ints) -> pl.DataFrame:
    """Return rows of a history as trainings see them, labels and moments beside the features."""
    label = loop.label
    found = history.taught[rows].with_columns(
        _labels(history, rows).alias(label.column),
        pl.Series(loop.time, history.times_ns[rows]).cast(_MOMENT),
    )
    if label.time is None:
        return found
    known = history.label_times_ns[rows]
    moments = pl.Series(label.time, known).set(pl.Series(known == NEVER), None).cast(_MOMENT)
    return found.with_columns(moments)


def _labels(history: History, rows: Ints) -> pl.Series:
    """Return labels in their own words; those of no known class are none."""
    values = history.labels[rows]
    if not history.n_classes:
        return pl.Series(values).fill_nan(None)
    known = values < history.n_classes
    codes = pl.Series(np.where(known, values, 0.0).astype(np.int64))
    names = pl.Series(list(history.classes))
    return names.gather(codes).set(pl.Series(~known), None)


def infer_suite(loop: Loop, history: History, *, at_ns: int | None = None) -> Suite:
    """Read a suite off the rows before the start whose labels are known by then."""
    before = np.arange(history.first)
    known = history.label_times_ns[before] <= history.start_ns
    known &= ~np.isnan(history.labels[before])
    label = loop.label
    return Suite.infer(
        training_table(loop, history, before[known]),
        name=loop.name,
        label=label.column,
        time=loop.time,
        label_time=label.time or "",
        classes=loop.task != "regression",
        horizon_s=label.horizon_ns / SECOND_NS,
        at_ns=at_ns,
    )


def check_rows(loop: Loop, history: History, rows: Ints) -> SuiteReport | None:
    """Hold the rows of a training against the loop's suite; None: it has none."""
    suite = suite_of(loop)
    if suite is None:
        return None
    return suite.check(training_table(loop, history, rows), partial=True)


def reason_of(report: SuiteReport) -> str:
    """Say why nothing is learned from rows."""
    what = "; ".join(str(each) for each in report.failures)
    return f"The rows fail the validation suite {report.suite!r}, version {report.version}: {what}."


def told(report: SuiteReport) -> Mapping[str, Any]:
    """Write down what a suite found in the rows of a training, for a decision's evidence."""
    return {
        "name": report.suite,
        "version": report.version,
        "failed": [str(each) for each in report.failures[:_TOLD]],
        "warnings": [str(each) for each in report.warnings[:_TOLD]],
        "unmeasured": len(report.unmeasured),
    }
