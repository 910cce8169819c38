"""Losses: does the loss rise, of all rows or of a slice, and do labels stop coming for one?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import (
    FALLBACK_VERSION,
    ROLES,
    CandidateEvaluated,
    Codes,
    Floats,
    Ints,
    LossesObserved,
    Record,
    RowsMatured,
    ValidationSet,
)
from ostinato.stats.metrics import metric_for
from ostinato.watch.by_group import Table, Windows, add_rows
from ostinato.watch.monitor import MATURED
from ostinato.watch.pending import Columns, PendingBy
from ostinato.watch.reading import Level, Reading, Readings, Shares, Stream, two_cells

LEAST_ROWS: Final = 30
"""Rows of a slice that are read at once. With fewer a mean is far from normal; more keep small
slices silent for longer."""

_EXPLORE: Final = ROLES.index("explore")
_OTHERS: Final = 6  # versions beside the champion whose rows may wait; the newest stay
_REFERENCES: Final = 8  # of candidates that may still be promoted, or come back
_NAMED: Final = 10
_RECENT: Final = "recent"
_LABELS: Final = " labels"  # no version begins with a space


@dataclass(slots=True)
class LossState:
    """What was counted: rows, losses and squares of losses by version; rows and missing labels.

    `pending` are rows not counted yet. `held` has, by version, rows of groups that are too few to
    be read; they wait for more. `seen` (groups + 1,) are the champion's rows in the open long
    window, `read` which groups of it were read. `references` has the tables of each candidate's
    validation rows by long window.
    """

    champion: str = ""
    pending: PendingBy = field(default_factory=PendingBy)
    windows: Windows = field(default_factory=Windows)
    held: dict[str, Table] = field(default_factory=dict)
    seen: Floats = field(default_factory=lambda: np.zeros(0))
    read: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    references: dict[str, list[tuple[int, Table]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Mean loss of champion and challengers, of all rows and on each slice; labels per slice.

    A slice is read whenever it has 30 labelled rows; fewer wait for those of later windows. The
    champion is compared with its losses on the recent rows it was proved on, everything else with
    its own first windows.

    Parameters
    ----------
    task, metric
        Of the loop; the loss of a row is the one decisions use (`ostinato.stats.metrics`).
    groups
        Names of the slice groups, pairs among them.
    fast_ns, slow_ns
        Lengths of the windows.
    tolerance
        Relative rise of a mean loss that is no news, > 0.
    label_floor
        Rise of the share of rows without a label that is no news, in (0, 1); None: an absent label
        says something, so that none is missing.
    paired
        Whether a version may be judged on rows that another one answered.
    explored
        Whether only rows let through by chance count.
    """

    task: str
    metric: str
    groups: tuple[str, ...]
    fast_ns: int
    slow_ns: int
    tolerance: float
    label_floor: float | None = 0.05
    paired: bool = True
    explored: bool = False

    family = "performance"
    name = "losses"
    clock = MATURED
    wants = frozenset({"losses_observed", "rows_matured", "candidate_evaluated"})

    def begin(self) -> LossState:
        count = len(self.groups) + 1
        return LossState(seen=np.zeros(count), read=np.zeros(count, dtype=np.bool_))

    def take(self, state: LossState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - one signature for all monitors
        match record:
            case LossesObserved():
                for version in record.versions:
                    if version != FALLBACK_VERSION:
                        self._take_losses(state, record, version)
            case RowsMatured() if not record.revision and self.label_floor is not None:
                self._take_labels(state, record)
            case CandidateEvaluated():
                state.references[record.version] = self._reference(record)
                while len(state.references) > _REFERENCES:
                    oldest = next(each for each in state.references if each != state.champion)
                    del state.references[oldest]
            case _:
                pass

    def read(self, state: LossState, from_ns: int, to_ns: int) -> Readings:
        self._fold(state, all_of_them=True)
        found: list[Reading] = []
        for key, table in state.windows.pop(from_ns, to_ns):
            if key == state.champion:
                state.seen += table[0]
            held = state.held.get(key)
            held = state.held[key] = table if held is None else held + table
            ready = np.flatnonzero(held[0] >= LEAST_ROWS)
            found.extend(self._readings(state, key, held, ready))
            held[:, ready] = 0.0
            if key == state.champion:
                state.read[ready] = True
        others = [each for each in state.held if each not in (state.champion, _LABELS)]
        for version in others[:-_OTHERS]:
            del state.held[version]
        unmeasured = self._unmeasured(state) if to_ns % self.slow_ns == 0 else ()
        return Readings(from_ns=from_ns, to_ns=to_ns, found=tuple(found), unmeasured=unmeasured)

    def renew(self, state: LossState, champion: str) -> tuple[Readings, ...]:
        state.champion = champion
        state.held = {key: each for key, each in state.held.items() if key == _LABELS}
        state.seen[:] = 0.0
        state.read[:] = False
        return tuple(
            Readings(
                from_ns=start_ns,
                to_ns=start_ns + self.slow_ns,
                found=tuple(
                    self._readings(state, champion, table, np.flatnonzero(table[0] >= LEAST_ROWS))
                ),
            )
            for start_ns, table in state.references.get(champion, [])
        )

    def describe(
        self,
        state: LossState,
        from_ns: int,  # noqa: ARG002 - one signature for all monitors
        to_ns: int,  # noqa: ARG002 - as above
    ) -> Mapping[str, Mapping[str, float | str]]:
        seen, total = state.seen.copy(), float(state.seen[0])
        state.seen[:] = 0.0
        return {
            self._loss(code, "").name: {"rows": float(rows), "share_of_rows": float(rows) / total}
            for code, rows in enumerate(seen.tolist())
            if rows
        }

    def _take_losses(self, state: LossState, told: LossesObserved, version: str) -> None:
        losses = told.losses[version]
        rows = np.isfinite(losses)
        if not self.paired:
            rows &= told.answered == told.versions.index(version)
        if self.explored:
            rows &= told.roles == _EXPLORE
        columns: Columns = {"times_ns": told.times_ns, "groups": told.groups, "values": losses}
        if not rows.all():
            columns = {name: each[rows] for name, each in columns.items()}
        self._wait(state, version, columns)

    def _take_labels(self, state: LossState, rows: RowsMatured) -> None:
        chosen: slice | Ints = slice(None)
        if self.explored:
            chosen = np.flatnonzero(rows.roles == _EXPLORE)
        columns: Columns = {
            "times_ns": rows.times_ns[chosen],
            "groups": rows.groups[chosen],
            "values": np.isnan(rows.labels[chosen]).astype(np.float64),
        }
        self._wait(state, _LABELS, columns)

    def _wait(self, state: LossState, key: str, columns: Columns) -> None:
        state.pending.add(key, columns, len(columns["values"]))
        if state.pending.full():
            self._fold(state, all_of_them=False)

    def _fold(self, state: LossState, *, all_of_them: bool) -> None:
        for key, block in state.pending.blocks(all_of_them=all_of_them):
            values = _moments(block["values"])
            state.windows.add(
                key,
                block["times_ns"],
                block["groups"],
                values[:2] if key == _LABELS else values,
                count=len(self.groups),
                width_ns=self.fast_ns,
            )

    def _readings(self, state: LossState, key: str, table: Table, ready: Ints) -> Iterator[Reading]:
        if key == _LABELS:  # those of all rows are the label monitor's
            for code in ready[ready > 0].tolist():
                yield self._labels(code, table[:, code])
            return
        version = "" if key == state.champion else key
        for code in ready.tolist():
            rows, total, squares = table[:, code].tolist()
            mean = total / rows
            yield Level(
                stream=self._loss(code, version),
                rows=rows,
                mean=mean,
                deviation=math.sqrt(max(squares / rows - mean * mean, 0.0)),
                floor=self.tolerance,
                falling=False,
            )

    def _labels(self, code: int, table: Floats) -> Shares:
        assert self.label_floor is not None, "labels are counted where they may be missing"
        rows, missing = table.tolist()
        return Shares(
            stream=Stream(
                family=self.family,
                subject="labels",
                measure="missing",
                group=self.groups[code - 1],
            ),
            counts=two_cells(rows, missing),
            ordered=False,
            floor=self.label_floor,
            rising=True,
        )

    def _loss(self, code: int, version: str) -> Stream:
        group = self.groups[code - 1] if code else ""
        return Stream(family=self.family, subject=self.metric, group=group, version=version)

    def _unmeasured(self, state: LossState) -> tuple[tuple[str, str], ...]:
        read, state.read = state.read, np.zeros_like(state.read)
        name = self._loss(0, "").name
        if not state.seen[0]:
            return ((name, "No labelled row of the champion has matured in this window."),)
        small = [self.groups[code - 1] for code in np.flatnonzero(~read & (state.seen > 0)) if code]
        if not small:
            return ()
        more = f" and {len(small) - _NAMED} more" if len(small) > _NAMED else ""
        few = (
            f"A slice is read whenever {LEAST_ROWS} labelled rows have come; these wait for more: "
        )
        return ((f"{name} of small slices", few + "; ".join(small[:_NAMED]) + more + "."),)

    def _reference(self, evaluated: CandidateEvaluated) -> list[tuple[int, Table]]:
        """Sum the candidate's losses on the recent rows up by long window."""
        row_loss = metric_for(self.task, self.metric).row_loss
        tables: dict[int, Table] = {}
        for each in evaluated.sets:
            if each.name != _RECENT or not len(each) or (self.explored and not each.explored):
                continue
            times, groups, losses = _finite(each, row_loss(each.labels, each.candidate))
            starts = times // self.slow_ns * self.slow_ns
            for start_ns in np.unique(starts).tolist():
                rows = starts == start_ns
                table = tables.setdefault(start_ns, np.zeros((3, len(self.groups) + 1)))
                add_rows(table, groups[rows], _moments(losses[rows]))
        return sorted(tables.items(), key=lambda item: item[0])


def _finite(rows: ValidationSet, losses: Floats) -> tuple[Ints, Codes, Floats]:
    known = np.isfinite(losses)
    return rows.times_ns[known], rows.groups[known], losses[known]


def _moments(losses: Floats) -> Floats:
    return np.stack([np.ones(len(losses)), losses, losses * losses])
