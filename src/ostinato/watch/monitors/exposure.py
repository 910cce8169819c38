"""Exposure: do the answers get narrower, do few items get all of it, does exploration go on?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import ROLES, Floats, PredictionsMade, Record
from ostinato.stats.concentration import Concentration, concentration
from ostinato.watch.by_group import Table, Windows, WindowSums
from ostinato.watch.feedback_verdict import judge_concentration
from ostinato.watch.monitor import NOW
from ostinato.watch.pending import Columns, Pending
from ostinato.watch.reading import Level, Reading, Readings, Stream

LEAST_ROWS: Final = 30
"""Rows that a mean needs. Fewer: it is mostly luck; more: it is read more seldom."""

_ROWS_PER_PART: Final = 10  # fewer bias the number of effective parts low
_LONGEST_RUN: Final = 28  # long windows that counts gather for
_FIRST: Final = 8  # readings that later ones are set beside in words
_SHARE_LOST: Final = 0.5
"""Fall of the share of explored rows that is news, of that share. Routes set it exactly: less is
the luck of few rows."""

_CHAMPION, _CANARY, _HOLDBACK, _FALLBACK, _EXPLORE = (ROLES.index(role) for role in ROLES)
_SUMS: Final = (
    "rows",
    "explored",
    "held back",
    "used",
    "entropy",
    "entropy2",
    "explored entropy",
    "explored entropy2",
)


@dataclass(slots=True)
class ExposureState:
    """Rows to be summed, sums and counts of open long windows, and counts not read yet.

    `parts` (2, items + 1) are exposures and answers by item, gathered over `run` long windows;
    `first` has the first readings of each measure, `explores` which roles by chance were seen.
    """

    pending: Pending = field(default_factory=Pending)
    windows: WindowSums = field(default_factory=WindowSums)
    items: Windows = field(default_factory=Windows)
    parts: Table | None = None
    run: int = 0
    first: dict[str, list[float]] = field(default_factory=dict)
    explores: list[str] = field(default_factory=list)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Who answers by chance, how sure the answers are, and how they spread over items.

    Sums are of the answers as given. Exposures of an item are its requests; its answers are the sum
    of the scores it got (of multiclass tasks, without items: how often each class was answered).

    Parameters
    ----------
    task
        Of the loop.
    items
        Name of the column of items, its place among the columns of groups, and codes of its groups,
        the last of which stands for all items that are none of the most frequent; None: none.
    slow_ns
        Length of the long windows.
    tolerance
        Relative fall of entropy, or of the number of effective items, that is no news; > 0.

    Source
    ------
    `ostinato.stats.concentration`; entropy of answers under feedback: Veprikov et al. 2024, "A
    mathematical model of the hidden feedback loop effect in machine learning systems".
    """

    task: str
    items: tuple[str, int, tuple[int, ...]] | None
    slow_ns: int
    tolerance: float

    family = "feedback"
    name = "exposure"
    clock = NOW
    wants = frozenset({"predictions_made"})

    def begin(self) -> ExposureState:
        return ExposureState()

    def take(self, state: ExposureState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - one signature for all monitors
        assert isinstance(record, PredictionsMade), "it wants one kind of record"
        answers = record.answers()
        if answers.ndim != 1 + (self.task == "multiclass"):
            return  # nothing has ever answered: the number of classes is not known
        columns: dict[str, NDArray[Any]] = {
            "times_ns": record.times_ns,
            "roles": record.roles,
            "answers": answers,
        }
        if self.items is not None:
            columns["items"] = record.groups[:, self.items[1]] - self.items[2][0]
        state.pending.add(columns, len(record))
        self._fold(state, all_of_them=False)

    def read(self, state: ExposureState, from_ns: int, to_ns: int) -> Readings:
        if to_ns % self.slow_ns:
            return Readings(from_ns=from_ns, to_ns=to_ns)
        self._fold(state, all_of_them=True)
        sums = state.windows.pop(to_ns - self.slow_ns, to_ns)
        for _, table in state.items.pop(to_ns - self.slow_ns, to_ns):
            state.parts = table if state.parts is None else _grown(state.parts, table)
        found: list[Reading] = []
        state.figures = {}
        if sums is not None:
            s = dict(zip(_SUMS, sums.tolist(), strict=True))
            rows = s["rows"]
            shares = {"explored": s["explored"] / rows, "held_back": s["held back"] / rows}
            state.figures[f"{self.family}/requests"] = {"rows": rows, **shares}
            found.extend(self._means(state, s))
        unmeasured: list[tuple[str, str]] = []
        found.extend(self._spread(state, unmeasured))
        return Readings(
            from_ns=from_ns, to_ns=to_ns, found=tuple(found), unmeasured=tuple(unmeasured)
        )

    def renew(self, state: ExposureState, champion: str) -> None:
        """Keep the reference: a new champion is to expose as many items as the first one did."""

    def describe(
        self,
        state: ExposureState,
        from_ns: int,  # noqa: ARG002 - one signature for all monitors
        to_ns: int,  # noqa: ARG002 - as above
    ) -> Mapping[str, Mapping[str, float | str]]:
        return state.figures

    def _fold(self, state: ExposureState, *, all_of_them: bool) -> None:
        for block in state.pending.blocks(all_of_them=all_of_them):
            state.windows.add(block["times_ns"], self._values(block), width_ns=self.slow_ns)
            parts = self._parts(block)
            if parts is not None:
                codes, mass, count = parts
                state.items.add(
                    "",
                    block["times_ns"],
                    codes[:, None],
                    np.stack([np.ones(len(codes)), mass]),
                    count=count,
                    width_ns=self.slow_ns,
                )

    def _values(self, block: Columns) -> Floats:
        roles, scores = block["roles"], block["answers"]
        used = ((roles == _CHAMPION) | (roles == _CANARY)).astype(np.float64)
        explored = (roles == _EXPLORE).astype(np.float64)
        held = (roles == _HOLDBACK).astype(np.float64)
        entropy = np.zeros(len(roles)) if self.task == "regression" else _entropy(scores)
        return np.stack(
            [
                np.ones(len(roles)),
                explored,
                held,
                used,
                used * entropy,
                used * entropy * entropy,
                explored * entropy,
                explored * entropy * entropy,
            ]
        )

    def _parts(self, block: Columns) -> tuple[Any, Floats, int] | None:
        """Return what the answers are spread over: codes, scores, and how many codes there are."""
        scores = block["answers"]
        if self.items is None:
            if scores.ndim == 1:
                return None
            return scores.argmax(axis=1), np.ones(len(scores)), scores.shape[1]
        mass = scores if scores.ndim == 1 else np.ones(len(scores))
        return block["items"], np.maximum(np.nan_to_num(mass), 0.0), len(self.items[2])

    def _means(self, state: ExposureState, s: Mapping[str, float]) -> Iterator[Reading]:
        for role in ("explored", "held back"):
            if s[role] and role not in state.explores:
                state.explores.append(role)
            if role in state.explores:
                share = s[role] / s["rows"]
                yield self._level(
                    "requests",
                    role,
                    s["rows"],
                    share,
                    math.sqrt(share * (1 - share)),
                    floor=_SHARE_LOST,
                )
        if self.task == "regression":
            return
        for rows, prefix, group in ((s["used"], "", ""), (s["explored"], "explored ", "explored")):
            if rows >= LEAST_ROWS:
                mean = s[f"{prefix}entropy"] / rows
                spread = s[f"{prefix}entropy2"] / rows - mean * mean
                yield self._level(
                    "answers", "entropy", rows, mean, math.sqrt(max(spread, 0.0)), group=group
                )

    def _spread(self, state: ExposureState, unmeasured: list[tuple[str, str]]) -> Iterator[Reading]:
        """Read how exposures and answers spread, once there are enough of them."""
        if self.items is None and self.task != "multiclass":
            return
        subject = "classes" if self.items is None else self.items[0]
        state.run += 1
        parts = state.parts
        rows = 0.0 if parts is None else float(parts[0, 0])
        seen = 0 if parts is None else int((parts[0, 1:] > 0).sum())
        if parts is None or rows < _ROWS_PER_PART * max(seen, 2):
            why = f"Needs ten requests per item in the mean; {rows:g} came for {seen} items so far."
            unmeasured.append((f"{self.family}/{subject}", why))
            if state.run >= _LONGEST_RUN:
                state.parts, state.run = None, 0
            return
        state.parts, state.run = None, 0
        measures = ("answers",) if self.items is None else ("exposures", "answers")
        for measure, weights in zip(measures, parts[:, 1:], strict=False):
            found = concentration(weights, rows=rows)
            if found is None:
                unmeasured.append((f"{self.family}/{subject}:{measure}", "All scores are zero."))
                continue
            spread = found.se * math.sqrt(rows)
            reading = self._level(subject, measure, rows, found.effective, spread)
            state.figures[reading.stream.name] = self._told(state, subject, measure, found)
            yield reading

    def _told(
        self, state: ExposureState, subject: str, measure: str, found: Concentration
    ) -> dict[str, Any]:
        first = state.first.setdefault(measure, [])
        if len(first) < _FIRST:
            first.append(found.effective)
        verdict = judge_concentration(
            f"{measure} over {subject}", sum(first) / len(first), found, tolerance=self.tolerance
        )
        return {
            "rows": found.rows,
            "parts": float(found.parts),
            "gini": found.gini,
            "effective": found.effective,
            "low": found.effective - 1.96 * found.se,
            "high": found.effective + 1.96 * found.se,
            "effective_at_first": sum(first) / len(first),
            **verdict.told(),
        }

    def _level(
        self,
        subject: str,
        measure: str,
        rows: float,
        mean: float,
        deviation: float,
        *,
        floor: float | None = None,
        group: str = "",
    ) -> Level:
        return Level(
            stream=Stream(family=self.family, subject=subject, measure=measure, group=group),
            rows=rows,
            mean=mean,
            deviation=deviation,
            floor=self.tolerance if floor is None else floor,
            rising=False,
        )


def _entropy(scores: Floats) -> Floats:
    """Return the entropy of each row's probabilities, in nats; 0 where there are none."""
    given = np.stack([scores, 1.0 - scores], axis=1) if scores.ndim == 1 else scores
    given = np.clip(np.nan_to_num(given), 1e-12, 1.0)
    total: Floats = -(given * np.log(given)).sum(axis=1)
    return total


def _grown(one: Table, other: Table) -> Table:
    """Add two tables, of which the second may have more parts."""
    if one.shape == other.shape:
        return one + other
    sums = np.zeros((len(one), max(one.shape[1], other.shape[1])))
    sums[:, : one.shape[1]] += one
    sums[:, : other.shape[1]] += other
    return sums
