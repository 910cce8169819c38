"""Feedback: how far the model chooses the rows it is judged on and learns from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import (
    ROLES,
    CandidateTrained,
    Floats,
    Record,
    RowsMatured,
    TrainingRequested,
)
from ostinato.stats.fairness import rate_gap
from ostinato.stats.metrics import metric_for
from ostinato.stats.propensity import LEAST_WORTH, Estimate, check_weights, estimate
from ostinato.stats.rows import THRESHOLD
from ostinato.watch.by_group import WindowSums
from ostinato.watch.feedback_verdict import FeedbackFigures, judge
from ostinato.watch.monitor import MATURED
from ostinato.watch.pending import Columns, Pending
from ostinato.watch.reading import Level, Reading, Readings, Shares, Stream, two_cells

LEAST_ROWS: Final = 30
"""Rows that a share or mean needs. Fewer: it is mostly luck; more: it is read more seldom."""

_MOST_WINDOWS: Final = 400  # long windows of which free rows are remembered, for trainings
_MOST_ORDERS: Final = 16  # trainings that are under way at once
_LONGEST_RUN: Final = 91  # long windows that a mean gathers rows for

_CHAMPION, _CANARY, _HOLDBACK, _FALLBACK, _EXPLORE = (ROLES.index(role) for role in ROLES)

SUMS: Final = (
    "rows",
    "used",  # the model's answer was acted on: neither explored, held back, nor a fallback
    "explored",
    "held",
    "used_known",  # known: with a label
    "explored_known",
    "held_known",
    "used_yes",  # the answer was positive
    "used_yes_known",
    "used_loss",  # over known rows, as all that follow
    "used_loss2",
    "used_label",
    "used_left",  # label minus answer
    "used_left2",
    "explored_left",
    "explored_left2",
    "weight",  # one over the propensity of explored rows, 0 for all others; over all rows
    "weight2",
    "known_weight",
    "known_weight2",
    "loss",  # times weight
    "loss_crossed",
    "loss2",
    "label",
    "label_crossed",
    "label2",
    "unlogged",  # explored rows without a propensity
)
"""What is counted, in the order of the sums."""

_NEEDS: Final = (
    ("labels", "by answer", "Needs 30 positive and 30 other answers."),
    ("labels", "by chance", "Needs 30 explored rows and 30 others."),
    ("loss", "bias", "Needs 30 explored rows with labels and propensities."),
    ("residuals", "spread", "Needs 30 labelled explored rows."),
)
"""What is compared, and what it takes."""

_AT: Final = {name: place for place, name in enumerate(SUMS)}


@dataclass(slots=True)
class FeedbackState:
    """Rows to be summed, and sums of open long windows.

    `gathered` are the sums since the last reading: until the explored rows are enough, over `run`
    long windows. `largest` is the largest weight since the last long window. `free` has, by long
    window, labelled rows that no model chose; `orders` how many of them were in the window of each
    training under way, and `trained` the share that the model chose, by version. `verdict` is the
    last one that rests on enough rows.
    """

    champion: str = ""
    pending: Pending = field(default_factory=Pending)
    windows: WindowSums = field(default_factory=WindowSums)
    gathered: Floats = field(default_factory=lambda: np.zeros(len(SUMS)))
    run: int = 0
    largest: float = 0.0
    free: dict[int, float] = field(default_factory=dict)
    orders: dict[str, float] = field(default_factory=dict)
    trained: dict[str, float] = field(default_factory=dict)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdict: dict[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Rows by who chose them: label rates, losses as measured and reweighted, what is trained on.

    Rows with the role ``explore`` were chosen by chance, with the propensity that was logged. Means
    over them, weighted by one over it, stand for all rows; the others are what the model's own
    answers let be seen.

    Parameters
    ----------
    task, metric
        Of the loop.
    slow_ns
        Length of the long windows.
    floor
        Difference between label rates that is no news, in (0, 1).
    tolerance
        Relative difference of means that is no news, > 0.
    selective
        Whether labels come only where the answer lets them.
    affected
        Whether the answer changes the label.
    holdout
        Share of rows that are never trained on.

    Source
    ------
    `ostinato.stats.propensity`; fall of residuals under feedback: Khritankov 2021, "Hidden
    feedback loops in machine learning systems".
    """

    task: str
    metric: str
    slow_ns: int
    floor: float
    tolerance: float
    selective: bool = False
    affected: bool = False
    holdout: float = 0.0

    family = "feedback"
    name = "feedback"
    clock = MATURED
    wants = frozenset({"rows_matured", "training_requested", "candidate_trained"})

    def begin(self) -> FeedbackState:
        return FeedbackState()

    def take(self, state: FeedbackState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - one signature for all monitors
        match record:
            case RowsMatured() if not record.revision and len(record):
                columns = _columns(record)
                if columns["answers"].ndim == 1 + (self.task == "multiclass"):
                    state.pending.add(columns, len(record))
                    self._fold(state, all_of_them=False)
            case TrainingRequested():
                self._fold(state, all_of_them=True)
                inside = [
                    rows
                    for start_ns, rows in state.free.items()
                    if record.from_ns - self.slow_ns < start_ns < record.to_ns
                ]
                state.orders[record.request] = sum(inside)
                state.orders = dict(list(state.orders.items())[-_MOST_ORDERS:])
            case CandidateTrained():
                self._trained(state, record)
            case _:
                pass

    def read(self, state: FeedbackState, from_ns: int, to_ns: int) -> Readings:
        if to_ns % self.slow_ns:
            return Readings(from_ns=from_ns, to_ns=to_ns)
        self._fold(state, all_of_them=True)
        sums = state.windows.pop(to_ns - self.slow_ns, to_ns)
        found: list[Reading] = []
        if sums is not None:
            state.gathered = state.gathered + sums
            found.extend(self._shares(sums))
        unmeasured: list[tuple[str, str]] = []
        found.extend(self._means(state, unmeasured))
        return Readings(
            from_ns=from_ns, to_ns=to_ns, found=tuple(found), unmeasured=tuple(unmeasured)
        )

    def renew(self, state: FeedbackState, champion: str) -> None:
        state.champion = champion

    def describe(
        self,
        state: FeedbackState,
        from_ns: int,  # noqa: ARG002 - one signature for all monitors
        to_ns: int,  # noqa: ARG002 - as above
    ) -> Mapping[str, Mapping[str, float | str]]:
        return state.figures

    def _fold(self, state: FeedbackState, *, all_of_them: bool) -> None:
        for block in state.pending.blocks(all_of_them=all_of_them):
            values = self._values(block)
            times = block["times_ns"]
            state.windows.add(times, values, width_ns=self.slow_ns)
            chances = block["propensities"][block["roles"] == _EXPLORE]
            if (chances > 0).any():
                state.largest = max(state.largest, 1.0 / float(chances[chances > 0].min()))
            free = values[_AT["explored_known"]] + values[_AT["held_known"]]
            starts = times // self.slow_ns * self.slow_ns
            for start_ns in np.unique(starts).tolist():
                rows = float(free[starts == start_ns].sum())
                state.free[start_ns] = state.free.get(start_ns, 0.0) + rows
        if len(state.free) > _MOST_WINDOWS:
            state.free = dict(sorted(state.free.items())[-_MOST_WINDOWS:])

    def _values(self, block: Columns) -> Floats:
        """Return (sums, n): what each row adds."""
        scores, labels, roles = block["answers"], block["labels"], block["roles"]
        losses, left = self._losses(labels, scores)
        known = np.isfinite(losses).astype(np.float64)
        loss, label = np.where(known > 0, losses, 0.0), np.where(known > 0, labels, 0.0)
        left = np.where(known > 0, left, 0.0)
        used = ((roles == _CHAMPION) | (roles == _CANARY)).astype(np.float64)
        explored = (roles == _EXPLORE).astype(np.float64)
        held = (roles == _HOLDBACK).astype(np.float64)
        yes = (scores >= THRESHOLD).astype(np.float64) if scores.ndim == 1 else np.zeros(len(roles))
        chance = block["propensities"]
        logged = explored * (chance > 0)
        weight = np.where(logged > 0, 1.0 / np.where(logged > 0, chance, 1.0), 0.0)
        seen = weight * known
        return np.stack(
            [
                np.ones(len(roles)),
                used,
                explored,
                held,
                used * known,
                explored * known,
                held * known,
                used * yes,
                used * yes * known,
                used * loss,
                used * loss * loss,
                used * label,
                used * left,
                used * left * left,
                explored * left,
                explored * left * left,
                weight,
                weight * weight,
                seen,
                seen * seen,
                seen * loss,
                seen * seen * loss,
                seen * seen * loss * loss,
                seen * label,
                seen * seen * label,
                seen * seen * label * label,
                explored - logged,
            ]
        )

    def _losses(self, labels: Floats, scores: Floats) -> tuple[Floats, Floats]:
        """Return losses and residuals, NaN where there is no label or no answer."""
        one = scores if scores.ndim == 1 else scores[:, 0]
        known = np.isfinite(labels) & np.isfinite(one)
        losses, left = np.full(len(labels), np.nan), np.zeros(len(labels))
        losses[known] = metric_for(self.task, self.metric).row_loss(labels[known], scores[known])
        if scores.ndim == 1:
            left[known] = labels[known] - scores[known]
        else:  # what the class that came was given too little
            left[known] = 1.0 - scores[known, labels[known].astype(np.intp)]
        return losses, left

    def _trained(self, state: FeedbackState, record: CandidateTrained) -> None:
        free, rows = state.orders.pop(record.request, 0.0), record.evidence.get("rows", 0)
        if rows and (self.selective or self.affected):
            share = max(1.0 - free * (1.0 - self.holdout) / float(rows), 0.0)
            state.trained = dict([*state.trained.items(), (record.subject, share)][-_MOST_ORDERS:])

    def _shares(self, sums: Floats) -> Iterator[Reading]:
        """Read what few rows tell: shares of them."""
        s = dict(zip(SUMS, sums.tolist(), strict=True))
        if s["explored"]:
            yield Shares(
                stream=self._stream("propensities", "missing"),
                counts=two_cells(s["explored"], s["unlogged"]),
                ordered=False,
                floor=0.01,
                rising=True,
            )
        known = s["used_known"] + s["explored_known"] + s["held_known"]
        if self.selective and known:
            yield Shares(
                stream=self._stream("labels", "selected"),
                counts=two_cells(known, s["used_known"]),
                ordered=False,
                floor=self.floor,
                rising=True,
            )

    def _means(self, state: FeedbackState, unmeasured: list[tuple[str, str]]) -> Iterator[Reading]:
        """Read what needs many rows; explored ones gather over several long windows."""
        state.run += 1
        s = dict(zip(SUMS, state.gathered.tolist(), strict=True))
        figures = self._figures(state, s)
        worth = 0.0 if figures.loss is None else figures.loss.worth
        gathers = s["explored"] > 0 and worth < LEAST_WORTH and state.run < _LONGEST_RUN
        verdict = judge(figures).told()
        if gathers and verdict["verdict"] == "watch":  # what many rows said before still holds
            verdict = state.verdict or verdict
        state.figures = {
            f"{self.family}/verdict": verdict,
            f"{self.family}/rows": figures.told(),
        }
        if gathers:
            unmeasured.append((f"{self.family}/{self.name}", "Explored rows still gather."))
            return
        state.verdict = verdict
        state.gathered, state.run, state.largest = np.zeros(len(SUMS)), 0, 0.0
        for (subject, measure, needs), reading in zip(
            _NEEDS, self._compared(s, figures), strict=True
        ):
            if reading is None:
                unmeasured.append((self._stream(subject, measure).name, needs))
            else:
                yield reading

    def _compared(self, s: Mapping[str, float], figures: FeedbackFigures) -> Iterator[Level | None]:
        """Compare rows that the model chose with others, in the order of `_NEEDS`."""
        yield _rates_apart(
            self._stream("labels", "by answer"),
            s["used_yes_known"],
            s["used_yes"],
            *_no(s),
            floor=self.floor,
        )
        yield _rates_apart(
            self._stream("labels", "by chance"),
            s["used_known"],
            s["used"],
            s["explored_known"],
            s["explored"],
            floor=self.floor,
        )
        yield self._biased(s, figures.loss)
        yield self._residuals(s)

    def _biased(self, s: Mapping[str, float], told: Estimate | None) -> Level | None:
        """Compare the loss as measured with that of all rows, in shares of the latter."""
        if (
            told is None
            or min(s["explored_known"], s["used_known"]) < LEAST_ROWS
            or told.snips <= 0
        ):
            return None
        naive = s["used_loss"] / s["used_known"]
        spread = max(s["used_loss2"] / s["used_known"] - naive * naive, 0.0) / s["used_known"]
        error = math.hypot(told.se, math.sqrt(spread)) / told.snips
        return self._level("loss", "bias", s["explored_known"], naive / told.snips - 1.0, error)

    def _residuals(self, s: Mapping[str, float]) -> Level | None:
        """Compare the spread of residuals where the model was obeyed with that where chance was.

        The logarithm of the ratio of deviations; its standard error is that of normal residuals.
        """
        used, explored = (
            _deviation(s[f"{name}_known"], s[f"{name}_left"], s[f"{name}_left2"])
            for name in ("used", "explored")
        )
        if used is None or explored is None:
            return None
        error = math.sqrt(0.5 / s["used_known"] + 0.5 / s["explored_known"])
        return self._level(
            "residuals",
            "spread",
            s["explored_known"],
            math.log(used / explored),
            error,
            rising=False,
        )

    def _level(
        self,
        subject: str,
        measure: str,
        rows: float,
        mean: float,
        error: float,
        *,
        rising: bool = True,
    ) -> Level:
        return Level(
            stream=self._stream(subject, measure),
            rows=rows,
            mean=mean,
            deviation=error * math.sqrt(rows),
            floor=self.tolerance,
            relative=False,
            rising=rising,
        )

    def _figures(self, state: FeedbackState, s: Mapping[str, float]) -> FeedbackFigures:
        """Put together what is known of the rows gathered so far."""
        mean_weight = s["weight"] / s["rows"] if s["rows"] else 0.0
        weights = {"weight": s["known_weight"], "squares": s["known_weight2"]}
        check = None
        if s["explored"] - s["unlogged"] > 0:
            check = check_weights(rows=s["rows"], weight=s["weight"], squares=s["weight2"])
        no_known, no = _no(s)
        known = s["used_known"] + s["explored_known"] + s["held_known"]
        used, explored = (
            _deviation(s[f"{name}_known"], s[f"{name}_left"], s[f"{name}_left2"])
            for name in ("used", "explored")
        )
        return FeedbackFigures(
            selective=self.selective,
            affected=self.affected,
            tolerance=self.tolerance,
            rows=s["rows"],
            explored=_ratio(s["explored"], s["rows"]),
            held_back=_ratio(s["held"], s["rows"]),
            unlogged=_ratio(s["unlogged"], s["explored"]),
            selected=_ratio(s["used_known"], known),
            labelled_used=_ratio(s["used_known"], s["used"]),
            labelled_explored=_ratio(s["explored_known"], s["explored"]),
            labelled_yes=_ratio(s["used_yes_known"], s["used_yes"])
            if self.task == "binary"
            else None,
            labelled_no=_ratio(no_known, no) if self.task == "binary" else None,
            naive_loss=_ratio(s["used_loss"], s["used_known"]),
            loss=estimate(
                **weights,
                total=s["loss"],
                crossed=s["loss_crossed"],
                squares_total=s["loss2"],
                mean_weight=mean_weight,
            ),
            naive_label=None
            if self.task == "multiclass"
            else _ratio(s["used_label"], s["used_known"]),
            label=None
            if self.task == "multiclass"
            else estimate(
                **weights,
                total=s["label"],
                crossed=s["label_crossed"],
                squares_total=s["label2"],
                mean_weight=mean_weight,
            ),
            largest_weight=state.largest or None,
            weights=check,
            residuals_used=used,
            residuals_explored=explored,
            trained_on_selected=state.trained.get(state.champion),
        )

    def _stream(self, subject: str, measure: str) -> Stream:
        return Stream(family=self.family, subject=subject, measure=measure)


def _columns(rows: RowsMatured) -> dict[str, Any]:
    answers = rows.scores[rows.versions[0]]
    if len(rows.versions) > 1:
        stacked = np.stack([rows.scores[version] for version in rows.versions])
        answers = stacked[rows.answered, np.arange(len(rows))]
    none = rows.propensities is None
    return {
        "times_ns": rows.times_ns,
        "answers": answers,
        "labels": rows.labels,
        "roles": rows.roles,
        "propensities": np.zeros(len(rows)) if none else rows.propensities,
    }


def _no(s: Mapping[str, float]) -> tuple[float, float]:
    """Return how many answers acted on were not positive: labelled ones, and all."""
    return s["used_known"] - s["used_yes_known"], s["used"] - s["used_yes"]


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _deviation(rows: float, total: float, squares: float) -> float | None:
    if rows < LEAST_ROWS:
        return None
    spread = squares / rows - (total / rows) ** 2
    return math.sqrt(spread) if spread > 0 else None


def _rates_apart(
    stream: Stream, hits: float, rows: float, other_hits: float, other_rows: float, *, floor: float
) -> Level | None:
    """Compare two shares: first minus second."""
    if min(rows, other_rows) < LEAST_ROWS:
        return None
    gap = rate_gap(np.array([hits, other_hits]), np.array([rows, other_rows]))
    return Level(
        stream=stream,
        rows=rows + other_rows,
        mean=hits / rows - other_hits / other_rows,
        deviation=gap.se * math.sqrt(rows + other_rows),
        floor=floor,
        relative=False,
    )
