"""History made ready: checked, in order of time, in columns the kernel can use."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import DataError
from ostinato.core.ids import NO_UNIT, hash_key, hash_keys
from ostinato.core.records import Codes, Floats, Ints
from ostinato.features.compute import compute
from ostinato.features.keys import hash_column
from ostinato.features.prepare import EventBatch
from ostinato.loop.loop import Loop
from ostinato.replay.events import history_events
from ostinato.replay.labels import label_times, label_values
from ostinato.replay.outcomes import OutcomeColumn, outcome_columns
from ostinato.replay.parity import Agreement, compare_history
from ostinato.replay.served import as_served, logged_columns
from ostinato.replay.slices import Slices
from ostinato.stores.times import as_ns, moment_ns

NEVER: Final = np.iinfo(np.int64).max
"""Label time of a label that never arrives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A loop's data in order of time; row i is request i.

    `first` is the first row that is served; rows before it train the first champion. `labels` is
    NaN where none ever arrives; a label of no known class has the index `len(classes)`. `golden`:
    rows that people named as ones to get right. `frame` has the features, computed ones as they
    were at each row's time; `events` is what windowed ones were computed of, by source. Where the
    history says what was served, `frame` has that; `agreement` compares it with what definitions
    give, and `lessons` has what trainings take in its place (None: they take `frame`). `outcomes`
    are the business outcomes of rows that are served. `prepared` has what is computed of the rows
    once for all policies, by name.
    """

    frame: pl.DataFrame
    times_ns: Ints
    ids: NDArray[Any]
    unit_hashes: NDArray[np.uint64]
    labels: Floats
    label_times_ns: Ints
    groups: Codes
    slices: Slices
    classes: tuple[Any, ...]
    golden: NDArray[np.bool_]
    first: int
    start_ns: int
    events: Mapping[str, EventBatch] = field(default_factory=dict, repr=False)
    agreement: Agreement | None = field(default=None, repr=False)
    lessons: pl.DataFrame | None = field(default=None, repr=False)
    outcomes: tuple[OutcomeColumn, ...] = field(default=(), repr=False)
    prepared: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.times_ns)

    @property
    def taught(self) -> pl.DataFrame:
        """Features as trainings and their validation sets take them."""
        return self.frame if self.lessons is None else self.lessons

    @property
    def group_names(self) -> tuple[str, ...]:
        """Names of the slice groups; their place is the code in `groups`."""
        return self.slices.names

    @property
    def n_classes(self) -> int:
        """Number of classes, 0 for regression."""
        return len(self.classes)

    def matured_to_ns(self, now_ns: int, horizon_ns: int) -> int:
        """Return up to where the labels of the rows before `first` have matured at a moment."""
        times = self.times_ns[: self.first]
        known = self.label_times_ns[: self.first] <= now_ns
        open_rows = np.flatnonzero(~known & (times + horizon_ns > now_ns))
        if len(open_rows):
            return int(times[open_rows[0]]) - 1
        return int(times[-1]) if len(times) else now_ns

    def with_overdue(self, now_ns: int, horizon_ns: int) -> History:
        """Return the history as it is known at a moment where an absent label means no.

        A label that has not come within the horizon is class 0 until it does come: that it will
        come later is not known yet.
        """
        overdue = (self.label_times_ns > now_ns) & (self.times_ns + horizon_ns <= now_ns)
        if not overdue.any():
            return self
        return replace(
            self,
            labels=np.where(overdue, 0.0, self.labels),
            label_times_ns=np.where(overdue, self.times_ns + horizon_ns, self.label_times_ns),
        )

    def matured_rows(self, now_ns: int, horizon_ns: int) -> int:
        """Return how many rows, from the first on, have all matured at a moment.

        A row has matured when its label is there or overdue.
        """
        waiting = (self.label_times_ns > now_ns) & (self.times_ns > now_ns - horizon_ns)
        waiting |= self.times_ns > now_ns
        return int(np.argmax(waiting)) if waiting.any() else len(self)


def blind_spot(loop: Loop) -> str:
    """Say what evidence from history cannot show of a loop; empty: nothing."""
    if not loop.label.selective:
        return ""
    return (
        "History has labels only where the answers of its time let requests through: explored rows "
        "are chosen by chance among those, and say nothing of the rest."
    )


def make_history(
    loop: Loop, table: pl.DataFrame, *, start: Any, end: Any, begin_ns: int | None = None
) -> History:
    """Check a table against the loop's declaration and bring it into order.

    Parameters
    ----------
    loop
        The declaration.
    table
        A row per request; need not be sorted.
    start
        When serving begins (a time, or ISO 8601 text); default: after the first tenth of the rows.
    end
        Rows from here on are left out.
    begin_ns
        Serving begins at this moment with requests that are not in the table: all rows before it
        train the first champion, `start` and `end` do not count.

    Raises
    ------
    DataError
        If columns are missing, times cannot be read, ids are doubled, labels come before their
        prediction, there is too little history to begin with, or a feature cannot be computed.
    """
    _check_columns(loop, table, outcomes=begin_ns is None)
    times = as_ns(table[loop.time], name=f"time column {loop.time!r}")
    order = np.argsort(times, kind="stable")
    until_ns = begin_ns if begin_ns is not None or end is None else moment_ns(end, name="end")
    if until_ns is not None:
        order = order[times[order] < until_ns]
    if not len(order):
        raise DataError(
            "No rows are left before the end", found=f"end={end}", expected="rows before it"
        )
    frame, times = table[order], times[order]
    first, start_ns = _beginning(times, start, begin_ns)
    ids = _ids(loop, frame)
    known = label_times(loop, frame, times)
    never = known == NEVER
    told = np.where(never, times + loop.label.horizon_ns, known) <= start_ns
    values, classes = label_values(loop, frame, told & (np.arange(len(times)) < first))
    if loop.label.never == "negative":
        values[never], known[never] = 0.0, times[never] + loop.label.horizon_ns
    else:
        values[never] = np.nan  # a label without a time to arrive at does not arrive
    labelled = ~never & ~np.isnan(values)
    slices = Slices.fit(
        frame[:first],
        loop.slice_columns,
        loop.slice_pairs,
        None if loop.monitors is None else loop.monitors.items,
    )
    plan = loop.feature_plan
    events = history_events(plan, frame, times, values, known, labelled=labelled, until_ns=until_ns)
    computed = _plain_text(compute(plan, frame, times, events)).rechunk()
    served, logged = as_served(plan, frame, computed)
    units = hash_keys(ids) if loop.unit is None else unit_hashes(frame[loop.unit])
    agreement = None
    if loop.parity is not None:
        agreement = compare_history(
            plan,
            loop.parity,
            loop=loop.name,
            served=served,
            recomputed=computed,
            known=logged,
            requests=frame.select(plan.inputs),
            times_ns=times,
            unit_hashes=units,
            events=events,
        )
    return History(
        frame=served.rechunk(),
        times_ns=times,
        ids=ids,
        unit_hashes=units,
        labels=values,
        label_times_ns=known,
        groups=slices.codes(frame),
        slices=slices,
        classes=classes,
        golden=_golden(loop, frame),
        first=first,
        start_ns=start_ns,
        events=events,
        agreement=agreement,
        lessons=computed if logged and loop.train_on == "recomputed" else None,
        outcomes=outcome_columns(loop, frame, times, first) if begin_ns is None else (),
    )


def _plain_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Give categories as text: what they are stored as must not reach a digest or a model."""
    kinds = (pl.Categorical, pl.Enum)
    coded = [name for name, dtype in frame.schema.items() if isinstance(dtype, kinds)]
    return frame.with_columns(pl.col(coded).cast(pl.String)) if coded else frame


def _check_columns(loop: Loop, table: pl.DataFrame, *, outcomes: bool) -> None:
    label = loop.label
    wanted = [loop.time, label.column, label.time, loop.unit, loop.id, loop.golden]
    wanted += [*loop.inputs, *loop.slice_columns, *logged_columns(loop.feature_plan)]
    if outcomes:
        wanted += [name for each in loop.outcomes for name in (each.column, each.time)]
    missing = sorted({name for name in wanted if name is not None} - set(table.columns))
    if not missing:
        return
    near = {m: difflib.get_close_matches(m, table.columns, n=1, cutoff=0.6) for m in missing}
    guesses = ", ".join(f"{m} -> {found[0]}?" for m, found in near.items() if found)
    raise DataError(
        f"The data lacks columns the loop {loop.name!r} names: {', '.join(missing)}",
        found=", ".join(table.columns),
        expected="every column named in the Loop",
        hint=f"Renamed perhaps: {guesses}" if guesses else "Check the Loop's column names.",
    )


def _beginning(times: Ints, start: Any, begin_ns: int | None) -> tuple[int, int]:
    """Return the first row that is served and when serving begins."""
    if begin_ns is not None:
        _check_enough(len(times), len(times))
        return len(times), begin_ns
    first = _first_served(times, start)
    return first, int(times[first]) if start is None else moment_ns(start, name="start")


def _first_served(times: Ints, start: Any) -> int:
    if start is None:
        # The first tenth; rows of one moment stay together, so that history really comes before.
        first = int(np.searchsorted(times, times[len(times) // 10], side="left"))
    else:
        first = int(np.searchsorted(times, moment_ns(start, name="start"), side="left"))
    _check_enough(first, len(times))
    if first >= len(times):
        raise DataError(
            "No rows are left after the start", found=f"start={start}", expected="an earlier start"
        )
    return first


def _check_enough(first: int, rows: int) -> None:
    if first < _FEWEST_ROWS:
        raise DataError(
            "There is too little history before the start to train a first champion",
            found=f"{first} rows of {rows}",
            expected=f"at least {_FEWEST_ROWS} rows",
            hint="Give a later start, or more data.",
        )


_FEWEST_ROWS: Final = 50


def _ids(loop: Loop, frame: pl.DataFrame) -> NDArray[Any]:
    if loop.id is None:
        return np.arange(frame.height, dtype=np.int64)
    column = frame[loop.id]
    doubled = column.filter(column.is_duplicated() | column.is_null())
    if len(doubled):
        raise DataError(
            f"The id column {loop.id!r} holds {len(doubled)} doubled or missing ids",
            found=repr(doubled[0]),
            expected="one id per row",
            hint="Take doubled rows out, or leave id out of the Loop.",
        )
    return _keys(column)


def _golden(loop: Loop, frame: pl.DataFrame) -> NDArray[np.bool_]:
    if loop.golden is None:
        return np.zeros(frame.height, dtype=np.bool_)
    column = frame[loop.golden]
    if column.dtype not in (pl.Boolean, pl.Null):
        raise DataError(
            f"The golden column {loop.golden!r} is no truth value",
            found=f"{column.dtype}, for example {column[0]!r}",
            expected="true, false or null in each row",
            hint="Compare it with something, such as pl.col(...) == 1, before it is handed in.",
        )
    return column.cast(pl.Boolean).fill_null(value=False).to_numpy()


def _keys(column: pl.Series) -> NDArray[Any]:
    """Return ids as integers or as text, none of them missing."""
    if column.dtype.is_integer():
        return column.to_numpy()
    texts: Sequence[str] = column.cast(pl.String).to_list()
    keys = np.empty(len(texts), dtype=object)
    keys[:] = texts
    return keys


def unit_hashes(column: pl.Series) -> NDArray[np.uint64]:
    """Hash units row by row: what a later row holds must not move an earlier unit.

    A whole number is the same unit whether the column counts in integers or, because some other
    row has none, in floats. All rows without a unit are one unit.
    """
    hashes, there = hash_column(column)
    hashes[~there] = hash_key(NO_UNIT)
    return hashes
