"""Read business outcomes and the moments they became known, and tell them as time goes on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ostinato.core.errors import DataError
from ostinato.core.records import Floats, Ints
from ostinato.core.units import format_time
from ostinato.core.watched import OutcomesArrived
from ostinato.loop.loop import Loop
from ostinato.loop.outcome import Outcome
from ostinato.replay.labels import NEVER_KNOWN
from ostinato.stores.times import as_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeColumn:
    """Outcomes of one name that ever come, in order of the time: rows (k,), when, and values."""

    name: str
    rows: Ints
    times_ns: Ints
    values: Floats

    def told(self, start: int, stop: int, ids: Ints, now_ns: int) -> OutcomesArrived | None:
        """Return the outcomes from place `start` to `stop` as a record; None for none."""
        if stop <= start:
            return None
        return OutcomesArrived(
            ts_event_ns=int(self.times_ns[stop - 1]),
            ts_record_ns=now_ns,
            name=self.name,
            ids=ids[self.rows[start:stop]],
            times_ns=self.times_ns[start:stop],
            values=self.values[start:stop],
        )

    def stop(self, start: int, now_ns: int, next_row: int) -> int:
        """Return up to which place outcomes are known at a moment.

        One of this very moment waits for the next tick where its request does.
        """
        before, stop = np.searchsorted(self.times_ns, [now_ns, now_ns + 1]).tolist()
        waits = self.rows[before:stop] >= next_row
        known = before + int(np.argmax(waits)) if waits.any() else int(stop)
        return max(known, start)


def outcome_columns(
    loop: Loop, frame: pl.DataFrame, times_ns: Ints, first: int
) -> tuple[OutcomeColumn, ...]:
    """Read the declared outcomes of the rows that are served.

    Parameters
    ----------
    frame, times_ns
        Rows in order of time, and when they were asked for.
    first
        The first row that is served.

    Raises
    ------
    DataError
        If an outcome is no number, or is known before its prediction was asked for.
    """
    return tuple(_column(each, frame, times_ns, first) for each in loop.outcomes)


def _column(outcome: Outcome, frame: pl.DataFrame, times_ns: Ints, first: int) -> OutcomeColumn:
    column = frame[outcome.column]
    if not column.dtype.is_numeric() and column.dtype not in (pl.Boolean, pl.Null):
        raise DataError(
            f"The outcome column {outcome.column!r} holds no numbers",
            found=f"{column.dtype}, for example {column[0]!r}",
            expected="numbers, or null for none",
        )
    values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy().copy()
    if np.isinf(values).any():
        raise DataError(
            f"The outcome column {outcome.column!r} holds infinities",
            found=f"{int(np.isinf(values).sum())} rows",
            expected="finite numbers, or null for none",
        )
    known = times_ns + outcome.delay_ns
    if outcome.time is not None:
        name = f"outcome time column {outcome.time!r}"
        known = as_ns(frame[outcome.time], name=name, nulls=NEVER_KNOWN)
    comes = ~np.isnan(values) & (values != 0) & (known != NEVER_KNOWN)
    early = np.flatnonzero(comes & (known < times_ns))
    if len(early):
        row = int(early[0])
        raise DataError(
            f"{len(early)} outcomes {outcome.name!r} are known before their prediction",
            found=f"one at {format_time(int(known[row]))} for {format_time(int(times_ns[row]))}",
            expected=f"{outcome.time!r} not before the prediction's time",
            hint="Check time zones and swapped columns.",
        )
    rows = np.flatnonzero(comes)
    rows = rows[rows >= first]
    rows = rows[np.argsort(known[rows], kind="stable")]
    return OutcomeColumn(name=outcome.name, rows=rows, times_ns=known[rows], values=values[rows])
