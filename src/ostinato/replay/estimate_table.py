"""Estimates of the loss before labels, beside what labels said, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.units import DAY_NS
from ostinato.core.watched import EstimatesSettled
from ostinato.watch.estimate.state import Awaited, EstimateState

_UTC: Final = pl.Datetime("ns", "UTC")
_FLOATS: Final = ("estimate", "low", "high", "realised", "fused", "fused_low", "fused_high")
_SCHEMA: Final[dict[str, Any]] = {
    "time": _UTC,
    "version": pl.String,
    "loss": pl.String,
    "rows": pl.Int64,
    "labelled": pl.Int64,
    **dict.fromkeys(_FLOATS, pl.Float64),
    "covered": pl.Boolean,
    "coverage": pl.Float64,
    "days_ahead": pl.Float64,
}


@dataclass(slots=True)
class Estimates:
    """The estimates of a run, as labels settle them."""

    settled: list[EstimatesSettled] = field(default_factory=list)

    def take(self, record: EstimatesSettled) -> None:
        """Keep what labels said of some windows."""
        self.settled.append(record)

    def table(self, loss: str, states: Iterable[EstimateState], slow_ns: int) -> pl.DataFrame:
        """Draw up a row per long window and version.

        `time` (when the window ended and the estimate was told), `version, loss` (what was
        estimated, per row), `rows`, `estimate` with `low` and `high` (95 %); then what became known
        `days_ahead` later, null where labels are awaited: `labelled` rows, the `realised` mean over
        them, `fused` with `fused_low` and `fused_high` (the mean loss from both), `covered`
        (whether the interval holds what labels said; null: too few of them) and `coverage` (share
        of the version's windows so far that it did).

        Parameters
        ----------
        loss
            Name of the loss of windows that are not settled.
        states
            Where estimates stand whose labels are awaited.
        slow_ns
            Length of the long windows.
        """
        rows = [row for record in self.settled for row in _settled(record)]
        rows += [row for state in states for row in _awaited(state, loss, slow_ns)]
        table = pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort("time", "version")
        judged = pl.col("covered").is_not_null().cum_sum().over("version")
        held = pl.col("covered").fill_null(value=False).cum_sum().over("version")
        return table.with_columns(
            coverage=pl.when(pl.col("covered").is_not_null()).then(held / judged)
        )


def _settled(record: EstimatesSettled) -> Iterator[dict[str, Any]]:
    for place, version in enumerate(record.versions):
        floats = {name: float(getattr(record, name)[place]) for name in _FLOATS}
        covered = float(record.covered[place])
        waited = record.settled_ns[place] - record.told_ns[place]
        yield {
            "time": int(record.to_ns[place]),
            "version": version,
            "loss": record.loss,
            "rows": int(record.rows[place]),
            "labelled": int(record.labelled[place]),
            **{name: None if np.isnan(value) else value for name, value in floats.items()},
            "covered": None if np.isnan(covered) else bool(covered),
            "days_ahead": float(waited) / DAY_NS,
        }


def _awaited(state: EstimateState, loss: str, slow_ns: int) -> Iterator[dict[str, Any]]:
    for start, of_versions in state.awaited.items():
        for version, window in of_versions.items():
            if window.told:
                yield _told(window, version, loss, start + slow_ns)


def _told(window: Awaited, version: str, loss: str, to_ns: int) -> dict[str, Any]:
    low, high = window.interval()
    return {
        "time": to_ns,
        "version": version,
        "loss": loss,
        "rows": int(window.expected[0]),
        "estimate": window.value,
        "low": low,
        "high": high,
    }
