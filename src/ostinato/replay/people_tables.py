"""What monitors told of people, feedback and business in a run: tables over time, verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import polars as pl

from ostinato.core.watched import WindowMeasured

_UTC: Final = pl.Datetime("ns", "UTC")
_NUMBERS: Final = ("value", "low", "high", "ratio", "ratio_low", "ratio_high", "rows")
_FAIRNESS: Final[dict[str, Any]] = {
    "time": _UTC,
    "column": pl.String,
    "measure": pl.String,
    "group": pl.String,
    "version": pl.String,
    **dict.fromkeys(_NUMBERS, pl.Float64),
    "highest": pl.String,
    "lowest": pl.String,
}
_CORRELATIONS: Final = (
    "correlation",
    "correlation_low",
    "correlation_high",
    "correlation_best",
    "correlation_best_low",
    "correlation_best_high",
    "correlation_best_lag",
)
_BUSINESS: Final[dict[str, Any]] = {
    "time": _UTC,
    "outcome": pl.String,
    "version": pl.String,
    **dict.fromkeys(("rows", "value", *_CORRELATIONS), pl.Float64),
}
_FEEDBACK: Final[dict[str, Any]] = {"time": _UTC, "figure": pl.String, "value": pl.Float64}


def fairness_table(windows: Sequence[WindowMeasured]) -> pl.DataFrame:
    """Draw up a row per long window and gap, and per rate or mean of a group.

    `time` (when the window ended), `column`, `measure`, `group` (null: the gap between groups),
    `version` (null: the champion), `value, low, high` (95 %), `ratio, ratio_low, ratio_high`, the
    `highest` and the `lowest` group of a gap, `rows` of a group.
    """
    rows: list[dict[str, Any]] = []
    for window, name, told in _details(windows, "fairness"):
        column, measure, group, version = parts_of(name)
        known: dict[str, Any] = {
            key: told[key] for key in (*_NUMBERS, "highest", "lowest") if key in told
        }
        rows.append(
            {
                "time": window.to_ns,
                "column": column,
                "measure": measure,
                "group": group,
                "version": version,
                **known,
            }
        )
    return pl.DataFrame(rows, schema=_FAIRNESS, orient="row")


def feedback_table(windows: Sequence[WindowMeasured]) -> pl.DataFrame:
    """Draw up a row per long window and figure of feedback: `time, figure, value`.

    Figures are those of `ostinato.watch.feedback_verdict.FeedbackFigures` (`selected`, `explored`,
    `naive_loss`, `loss_snips`, ...) and of exposure (``film:exposures gini``, ...).
    """
    rows: list[dict[str, Any]] = []
    for window, name, told in _details(windows, "feedback"):
        subject = name.partition("/")[2]
        prefix = "" if subject in ("rows", "verdict") else f"{subject} "
        for figure, value in told.items():
            if not isinstance(value, str):
                rows.append(
                    {"time": window.to_ns, "figure": prefix + figure, "value": float(value)}
                )
    return pl.DataFrame(rows, schema=_FEEDBACK, orient="row")


def business_table(windows: Sequence[WindowMeasured]) -> pl.DataFrame:
    """Draw up a row per long window, outcome and version.

    `time, outcome, version` (null: the champion), `rows, value` (the mean outcome per prediction),
    and the `correlation` of the version's loss with it over the windows so far, at once and at the
    lag where it is strongest, with 95 % intervals.
    """
    rows: list[dict[str, Any]] = []
    for window, name, told in _details(windows, "business"):
        if "verdict" not in told:
            outcome, _, _, version = parts_of(name)
            known: dict[str, Any] = {
                key: told[key] for key in ("rows", "value", *_CORRELATIONS) if key in told
            }
            rows.append({"time": window.to_ns, "outcome": outcome, "version": version, **known})
    return pl.DataFrame(rows, schema=_BUSINESS, orient="row")


def verdicts_of(windows: Sequence[WindowMeasured]) -> dict[str, dict[str, str]]:
    """Return the last verdict of each thing that monitors judge in words.

    By what it is about (``"feedback"``, ``"film:exposures"``, ``"business revenue"``):
    ``verdict``, ``text`` and ``action``.
    """
    found: dict[str, dict[str, str]] = {}
    for family in ("feedback", "business"):
        for _, name, told in _details(windows, family):
            if "verdict" in told:
                subject = name.partition("/")[2]
                about = (
                    f"{family}{subject.removeprefix('verdict')}"
                    if subject.startswith("verdict")
                    else subject
                )
                found[about] = {key: str(told[key]) for key in ("verdict", "text", "action")}
    return found


def parts_of(name: str) -> tuple[str, str | None, str | None, str | None]:
    """Take the name of a stream apart: subject, measure, group, version; None where it has none.

    >>> parts_of("fairness/sex:selection rate @sex=f [v002-ab]")
    ('sex', 'selection rate', 'sex=f', 'v002-ab')
    """
    _, _, rest = name.partition("/")
    rest, _, version = rest.removesuffix("]").partition(" [")
    rest, _, group = rest.partition(" @")
    subject, _, measure = rest.partition(":")
    return subject, measure or None, group or None, version or None


def _details(
    windows: Sequence[WindowMeasured], family: str
) -> Iterator[tuple[WindowMeasured, str, dict[str, Any]]]:
    for window in windows:
        if window.family == family:
            for name, told in window.details.items():
                yield window, name, dict(told)
