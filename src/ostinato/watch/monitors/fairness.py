"""Fairness: do rates and losses lie further apart between groups of people than they did?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import (
    FALLBACK_VERSION,
    ROLES,
    Floats,
    PredictionsMade,
    Record,
    RowsMatured,
)
from ostinato.stats.fairness import Gap, equalized_odds, mean_gap, rate_gap, wilson
from ostinato.stats.metrics import metric_for
from ostinato.stats.rows import THRESHOLD
from ostinato.watch.by_group import Table, Windows
from ostinato.watch.monitor import MATURED, NOW
from ostinato.watch.pending import PendingBy
from ostinato.watch.reading import Level, Reading, Readings, Stream

LEAST_ROWS: Final = 30
"""Rows that a group needs for a rate of its own. Fewer: gaps are mostly luck; more: small groups
are measured more seldom."""

LONGEST_WAIT: Final = 7
"""Long windows that a gap waits for its small groups. Fewer leave more groups out; more see a
widening gap later."""

_EXPLORE: Final = ROLES.index("explore")
_OTHERS: Final = 6  # versions beside the champion that are counted; the newest stay
_SELECTION, _PREDICTION, _LOSS = "selection rate", "prediction", "loss"
_TRUE_POSITIVE, _FALSE_POSITIVE, _ACCURACY = "true positive rate", "false positive rate", "accuracy"
_NAMES: Final = {
    _SELECTION: "demographic parity difference",
    _TRUE_POSITIVE: "equal opportunity difference",
}
_MATURED, _MADE = frozenset({"rows_matured"}), frozenset({"predictions_made"})
_MEANS: Final = (_PREDICTION, _LOSS)
_MEASURES: Final = {
    ("binary", False): (_SELECTION,),
    ("binary", True): (_TRUE_POSITIVE, _FALSE_POSITIVE, _ACCURACY),
    ("multiclass", False): (),
    ("multiclass", True): (_ACCURACY, _LOSS),
    ("regression", False): (_PREDICTION,),
    ("regression", True): (_LOSS,),
}


def gap_of(measure: str) -> str:
    """Return the name of the gap in a rate or mean that each group has.

    >>> gap_of("selection rate"), gap_of("accuracy")
    ('demographic parity difference', 'accuracy difference')
    """
    return _NAMES.get(measure, f"{measure} difference")


@dataclass(slots=True)
class Counted:
    """What was counted of one version and not read yet: three rows per measure.

    They are rows, sum and squares. `waited`: long windows each gap has waited for small groups.
    """

    table: Table
    waited: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class FairnessState:
    """Rows not counted yet, tables of open long windows, and what was counted of each version.

    `rosters` has, by gap, the groups it is taken over: those of its first reading; `figures` are
    those of the long window that closed last.
    """

    champion: str = ""
    pending: PendingBy = field(default_factory=PendingBy)
    windows: Windows = field(default_factory=Windows)
    versions: dict[str, Counted] = field(default_factory=dict)
    rosters: dict[str, list[int]] = field(default_factory=dict)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """The largest gap between the groups of each sensitive column, by Fairlearn's definitions.

    Read once per long window, when each group has 30 rows of the kind the rate is of; a gap waits
    up to seven long windows for its small groups, and always compares the same ones. Values that
    history did not have are no group. What a gap is compared with does not change with the
    champion: a new model that treats groups further apart than the first one did is seen.

    Parameters
    ----------
    task, metric
        Of the loop.
    groups
        Names of all slice groups.
    columns
        The sensitive columns: name, place among the columns of groups, and codes of its groups.
    slow_ns
        Length of the long windows.
    floor
        Widening of a gap between shares that is no news, in (0, 1).
    tolerance
        Widening of a gap between means that is no news: in mean losses, and for predictions in
        their standard deviations; > 0.
    labelled
        Whether rates are those that need labels; else selection rates and mean predictions, which
        are known at once.
    paired, explored
        As in `Losses`.

    Source
    ------
    Fairlearn, user guide, "Common fairness metrics" (Weerts et al. 2023, JMLR 24).
    """

    task: str
    metric: str
    groups: tuple[str, ...]
    columns: tuple[tuple[str, int, tuple[int, ...]], ...]
    slow_ns: int
    floor: float
    tolerance: float
    labelled: bool
    paired: bool = True
    explored: bool = False

    family = "fairness"

    @property
    def name(self) -> str:
        return "fairness" if self.labelled else "selection"

    @property
    def clock(self) -> str:
        return MATURED if self.labelled else NOW

    @property
    def wants(self) -> frozenset[str]:
        return _MATURED if self.labelled else _MADE

    @property
    def measures(self) -> tuple[str, ...]:
        """What is compared between groups."""
        return _MEASURES[self.task, self.labelled]

    def begin(self) -> FairnessState:
        return FairnessState()

    def take(self, state: FairnessState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - one signature for all monitors
        if isinstance(record, RowsMatured):
            if record.revision:
                return
            labels: Floats | None = record.labels
        else:
            assert isinstance(record, PredictionsMade), "it wants one kind of record"
            labels = None
        places = [place for _, place, _ in self.columns]
        for index, version in enumerate(record.versions):
            if version == FALLBACK_VERSION:
                continue
            rows = self._rows(record, version, index, labels)
            columns: dict[str, NDArray[Any]] = {
                "times_ns": record.times_ns[rows],
                "groups": record.groups[:, places][rows],
                "scores": record.scores[version][rows],
            }
            if labels is not None:
                columns["labels"] = labels[rows]
            state.pending.add(version, columns, len(columns["scores"]))
        if state.pending.full():
            self._fold(state, all_of_them=False)

    def read(self, state: FairnessState, from_ns: int, to_ns: int) -> Readings:
        if to_ns % self.slow_ns:
            return Readings(from_ns=from_ns, to_ns=to_ns)
        self._fold(state, all_of_them=True)
        fresh: list[str] = []
        for version, table in state.windows.pop(to_ns - self.slow_ns, to_ns):
            fresh.append(version)
            counted = state.versions.get(version)
            if counted is None:
                state.versions[version] = Counted(table)
            else:
                counted.table = counted.table + table
        for version in [each for each in state.versions if each != state.champion][:-_OTHERS]:
            del state.versions[version]
        found: list[Reading] = []
        unmeasured: list[tuple[str, str]] = []
        state.figures = {}
        for version in fresh:
            for column, _, codes in self.columns:
                self._compare(state, version, column, codes, found, unmeasured)
        if state.champion not in fresh:
            why = "The champion has no rows in this window."
            unmeasured.append((f"{self.family}/{self.name}", why))
        return Readings(
            from_ns=from_ns, to_ns=to_ns, found=tuple(found), unmeasured=tuple(unmeasured)
        )

    def renew(self, state: FairnessState, champion: str) -> None:
        state.champion = champion

    def describe(
        self,
        state: FairnessState,
        from_ns: int,  # noqa: ARG002 - one signature for all monitors
        to_ns: int,  # noqa: ARG002 - as above
    ) -> Mapping[str, Mapping[str, float | str]]:
        return state.figures

    def _fold(self, state: FairnessState, *, all_of_them: bool) -> None:
        for version, block in state.pending.blocks(all_of_them=all_of_them):
            state.windows.add(
                version,
                block["times_ns"],
                block["groups"],
                self._values(block["scores"], block.get("labels")),
                count=len(self.groups),
                width_ns=self.slow_ns,
            )

    def _rows(
        self,
        record: RowsMatured | PredictionsMade,
        version: str,
        index: int,
        labels: Floats | None,
    ) -> NDArray[np.bool_]:
        scores = record.scores[version]
        rows: NDArray[np.bool_] = np.isfinite(scores if scores.ndim == 1 else scores[:, 0])
        if labels is None:
            return rows
        rows &= ~np.isnan(labels)
        if not self.paired:
            rows &= record.answered == index
        if self.explored:
            rows &= record.roles == _EXPLORE
        return rows

    def _values(self, scores: Floats, labels: Floats | None) -> Floats:
        """Return (3 measures, n): whether a row counts, its value, and the square of that."""
        parts: list[Floats] = []
        for measure in self.measures:
            among, values = self._measured(measure, scores, labels)
            parts += [among, among * values, among * values * values]
        return np.stack(parts)

    def _measured(
        self, measure: str, scores: Floats, labels: Floats | None
    ) -> tuple[Floats, Floats]:
        everyone = np.ones(len(scores))
        if measure == _PREDICTION:
            return everyone, scores
        if measure == _SELECTION:
            return everyone, (scores >= THRESHOLD).astype(np.float64)
        assert labels is not None, "all others are measures of labelled rows"
        if measure == _LOSS:
            losses = metric_for(self.task, self.metric).row_loss(labels, scores)
            known = np.isfinite(losses)
            return known.astype(np.float64), np.where(known, losses, 0.0)
        if measure == _ACCURACY:
            chosen = scores.argmax(axis=1) if scores.ndim == 2 else scores >= THRESHOLD
            return everyone, (chosen == labels).astype(np.float64)
        wanted = 1.0 if measure == _TRUE_POSITIVE else 0.0
        return (labels == wanted).astype(np.float64), (scores >= THRESHOLD).astype(np.float64)

    def _compare(
        self,
        state: FairnessState,
        version: str,
        column: str,
        codes: tuple[int, ...],
        found: list[Reading],
        unmeasured: list[tuple[str, str]],
    ) -> None:
        """Read all gaps of one version between the groups of one column."""
        counted, gaps = state.versions[version], dict[str, Gap]()
        told = "" if version == state.champion else version
        for place, measure in enumerate(self.measures):
            stream = self._stream(column, measure, told)
            block = counted.table[3 * place : 3 * place + 3]
            chosen, why = self._chosen(state, counted, stream.subject, measure, block, codes)
            if why:
                unmeasured.append((stream.name, why))
            if not chosen:
                continue
            cells = block[:, np.asarray(chosen) + 1]
            gap = gaps[measure] = self._gap(measure, cells)
            state.figures.update(self._figures(stream, measure, gap, chosen, cells))
            rows = float(cells[0].sum())
            found.append(
                Level(
                    stream=stream,
                    rows=rows,
                    mean=gap.value,
                    deviation=gap.se * math.sqrt(rows),  # so that the gap has the error it has
                    floor=self._floor(measure, cells),
                    relative=False,
                    falling=False,
                )
            )
            block[:, np.asarray(codes) + 1] = 0.0
        if {_TRUE_POSITIVE, _FALSE_POSITIVE} <= gaps.keys():
            difference, ratio = equalized_odds(gaps[_TRUE_POSITIVE], gaps[_FALSE_POSITIVE])
            odds = Stream(
                family=self.family,
                subject=column,
                measure="equalized odds difference",
                version=told,
            )
            state.figures[odds.name] = _known({"value": difference, "ratio": ratio})

    def _chosen(
        self,
        state: FairnessState,
        counted: Counted,
        column: str,
        measure: str,
        block: Table,
        codes: tuple[int, ...],
    ) -> tuple[list[int], str]:
        """Choose the groups that are compared now, none while some wait; say who is left out."""
        key = f"{column}|{measure}"
        rows = {code: float(block[0, code + 1]) for code in codes}
        asked = state.rosters.get(key) or [code for code in codes if rows[code]]
        small = [code for code in asked if rows[code] < LEAST_ROWS]
        few = ", ".join(f"{self.groups[code]} ({rows[code]:g})" for code in small)
        waited = counted.waited.get(key, 0) + 1
        if small and waited <= LONGEST_WAIT:
            counted.waited[key] = waited
            return [], f"Waits until each group has {LEAST_ROWS} rows; these have fewer: {few}."
        counted.waited[key] = 0
        chosen = [code for code in asked if rows[code] >= LEAST_ROWS]
        if len(chosen) < 2:
            block[:, np.asarray(codes) + 1] = 0.0
            enough = ", ".join(self.groups[code] for code in chosen) or "none"
            return [], f"Needs two groups with {LEAST_ROWS} rows each; these have them: {enough}."
        state.rosters.setdefault(key, chosen)
        return chosen, f"Left out, with too few rows: {few}." if small else ""

    def _gap(self, measure: str, cells: Floats) -> Gap:
        rows, sums, squares = cells
        return mean_gap(sums, squares, rows) if measure in _MEANS else rate_gap(sums, rows)

    def _floor(self, measure: str, cells: Floats) -> float:
        rows, sums, squares = (float(each) for each in cells.sum(axis=1))
        mean = sums / rows
        if measure == _LOSS:
            return self.tolerance * abs(mean)
        if measure == _PREDICTION:
            return self.tolerance * math.sqrt(max(squares / rows - mean * mean, 0.0))
        return self.floor

    def _stream(self, column: str, measure: str, version: str) -> Stream:
        return Stream(family=self.family, subject=column, measure=gap_of(measure), version=version)

    def _figures(
        self, stream: Stream, measure: str, gap: Gap, chosen: list[int], cells: Floats
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give the gap with its interval, then the rate or mean of each group with its own."""
        figures = {
            "value": gap.value,
            "low": gap.low,
            "high": gap.high,
            "ratio": gap.ratio,
            "ratio_low": gap.ratio_low,
            "ratio_high": gap.ratio_high,
            "highest": self.groups[chosen[gap.highest]],
            "lowest": self.groups[chosen[gap.lowest]],
        }
        yield stream.name, _known(figures)
        for code, (rows, total, squares) in zip(chosen, cells.T.tolist(), strict=True):
            name = replace(stream, measure=measure, group=self.groups[code]).name
            mean = total / rows
            low, high = _bounds(measure, rows, total, squares)
            yield name, {"value": mean, "low": low, "high": high, "rows": rows}


def _bounds(measure: str, rows: float, total: float, squares: float) -> tuple[float, float]:
    if measure not in _MEANS:
        return wilson(total, rows)
    mean = total / rows
    reach = 1.96 * math.sqrt(max(squares / rows - mean * mean, 0.0) / (rows - 1))
    return mean - reach, mean + reach


def _known(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not known."""
    return {k: v for k, v in figures.items() if not (isinstance(v, float) and math.isnan(v))}
