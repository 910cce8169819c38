"""Compare features as a history says they were served with what their definitions give.

The comparison of every row is made once for a history; runs tell it to their kernels tick by tick,
with the cause, and what it does to the score of their champion, where that is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import LearnerError
from ostinato.core.ids import place
from ostinato.core.records import (
    FeaturesCompared,
    Floats,
    Ints,
    ParityBroken,
    ParityCause,
)
from ostinato.decide.parity import UNKNOWN, ParityRule, ParityState, judge_parity
from ostinato.features.agreement import Parity
from ostinato.features.declared import Aggregate
from ostinato.features.parity.causes import find_cause
from ostinato.features.parity.differ import (
    BOTH_DIFFER,
    EQUAL,
    MISSING_OFFLINE,
    MISSING_ONLINE,
    Measure,
    floats,
)
from ostinato.features.parity.recompute import Recomputation, newest_events
from ostinato.features.parity.scan import Scan
from ostinato.features.parity.variants import Recompute
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import EventBatch

Score = Callable[[pl.DataFrame], Floats]
"""The champion as a function of a table of features: (n,) or (n, k)."""

Variants = Callable[[Aggregate, Ints], tuple[Recompute, Scan]]
"""Gives what computes a feature of some rows under other assumptions, and what can be tried."""

MOST_ROWS: Final = 1_000
"""Rows told together, and rows that differ and rows that do not on which a cause is looked for.
Fewer: the alarm is told earlier within a tick, causes are less sure; more: scans take longer."""

SCORED_ROWS: Final = 256
"""Rows that differ which the champion scores again where a cause is looked for: the last ones."""

AGAIN: Final = 3
"""A cause is looked for again when so many times as many rows differ. Smaller: scans cost more;
larger: what was named on few rows stays longer."""

_LEFT_OUT: Final = 255  # class of a value that is not compared


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """Features as served beside the same features recomputed, row by row of a history.

    Parameters
    ----------
    features
        Those that are compared, as declared.
    served
        (n rows) all that the model sees, as served.
    recomputed
        (n rows) the compared features by their definitions.
    classes
        (n, features), class of each value (`features.parity.differ`), `_LEFT_OUT` where it is not
        compared.
    gap, size
        (n, features), |served - recomputed| and |served| + |recomputed| where both are numbers
        that differ, else 0.
    wrong_before
        (n + 1, features), differing values before each row.
    ages_s
        (n, features), age of the newest event in the window; NaN where none is.
    measure
        When two numbers are the same.
    tolerated
        Share of the rows that may differ.
    times_ns
        (n,) when each row was asked for.
    variants
        Computes features of some rows under other assumptions.
    found
        Causes that were found, by feature and row: policies that are compared ask for the same.
    """

    features: tuple[Aggregate, ...]
    served: pl.DataFrame
    recomputed: pl.DataFrame
    classes: NDArray[np.uint8]
    gap: Floats
    size: Floats
    wrong_before: Ints
    ages_s: Floats
    measure: Measure
    tolerated: float
    times_ns: Ints
    variants: Variants
    found: dict[tuple[str, int], ParityCause] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the compared features."""
        return tuple(each.name for each in self.features)

    def between(self, start: int, stop: int, now_ns: int) -> FeaturesCompared:
        """Tell what rows [start, stop) showed, as of a moment."""
        classes = self.classes[start:stop]
        compared = classes != _LEFT_OUT
        unknown = np.full(len(self.features), np.nan)
        ages = np.where(compared, self.ages_s[start:stop], np.nan)
        return FeaturesCompared(
            ts_event_ns=int(self.times_ns[stop - 1]),
            ts_record_ns=now_ns,
            features=self.names,
            rows=compared.sum(axis=0),
            missing_online=(classes == MISSING_ONLINE).sum(axis=0),
            missing_offline=(classes == MISSING_OFFLINE).sum(axis=0),
            both_differ=(classes == BOTH_DIFFER).sum(axis=0),
            gap=self.gap[start:stop].sum(axis=0),
            size=self.size[start:stop].sum(axis=0),
            effect=unknown,
            effect_max=unknown,
            dated=(~np.isnan(ages)).sum(axis=0),
            ages_s=_means(ages),
        )

    def differing(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Return which values of rows [start, stop) differ, (rows, features)."""
        classes = self.classes[start:stop]
        found: NDArray[np.bool_] = (classes != EQUAL) & (classes != _LEFT_OUT)
        return found

    def effect(self, name: str, stop: int, score: Score | None) -> tuple[float, float]:
        """Return mean and largest change of the score if a feature were as recomputed.

        On the last rows before `stop` that differ; NaN where nobody can score them.
        """
        at = self.names.index(name)
        rows = np.flatnonzero(self.differing(0, stop)[:, at])[-SCORED_ROWS:]
        if score is None or not len(rows):
            return float("nan"), float("nan")
        before = self.served[rows]
        after = before.with_columns(self.recomputed[name][rows].cast(before[name].dtype))
        try:
            scores = score(pl.concat([before, after]))
        except LearnerError:
            return float("nan"), float("nan")
        change = np.abs(scores[: len(rows)] - scores[len(rows) :])
        moved = change if change.ndim == 1 else change.max(axis=1)
        return float(moved.mean()), float(moved.max())

    def cause(self, name: str, stop: int) -> ParityCause:
        """Look for what explains the differences of a feature, on the last rows before `stop`."""
        if (name, stop) not in self.found:
            self.found[name, stop] = self._look(name, stop)
        return self.found[name, stop]

    def _look(self, name: str, stop: int) -> ParityCause:
        at = self.names.index(name)
        feature, classes = self.features[at], self.classes[:stop, at]
        wrong = self.differing(0, stop)[:, at]
        rows = np.concatenate(
            [np.flatnonzero(which)[-MOST_ROWS:] for which in (wrong, classes == EQUAL)]
        )
        rows.sort()
        recompute, scan = self.variants(feature, rows)
        found = find_cause(
            name,
            self.served[name][rows],
            self.recomputed[name][rows],
            recompute,
            measure=self.measure,
            scan=replace(scan, background=self._background(at, stop, int(wrong[rows].sum()))),
        )
        words = found.text.removeprefix(f"{name}: ")
        return ParityCause(
            name=found.kind,
            parameter=found.parameter,
            explained=found.share,
            text=words[:1].upper() + words[1:],
        )

    def _background(self, at: int, stop: int, wrong: int) -> float:
        """Return how many of `wrong` rows that differ would as well if only those did that may."""
        classes = self.classes[:stop, at]
        first = int(np.argmax(self.differing(0, stop)[:, at]))
        compared = int((classes[first:] != _LEFT_OUT).sum())
        share = self.tolerated * compared / max(int(self.wrong_before[stop, at]), 1)
        return share * wrong


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeclaredVariants:
    """Computes declared features of a history under other assumptions.

    Parameters
    ----------
    requests, times_ns, events
        What the features were recomputed from.
    keys
        Columns of the request that are a key of some feature.
    previous
        Earlier definitions.
    """

    requests: pl.DataFrame
    times_ns: Ints
    events: Mapping[str, EventBatch]
    keys: tuple[str, ...]
    previous: tuple[Aggregate, ...]

    def __call__(self, feature: Aggregate, rows: Ints) -> tuple[Recompute, Scan]:
        """Return what computes a feature of some rows, and what can be tried of it."""
        found = Recomputation(
            feature,
            self.requests[rows],
            self.times_ns[rows],
            self.events,
            keys=[key for key in self.keys if key not in feature.inputs],
            previous=[each for each in self.previous if each.name == feature.name],
        )
        return found, found.scan()


def compare_history(
    plan: FeaturePlan,
    parity: Parity,
    *,
    served: pl.DataFrame,
    recomputed: pl.DataFrame,
    known: Mapping[str, NDArray[np.bool_]],
    requests: pl.DataFrame,
    times_ns: Ints,
    unit_hashes: NDArray[np.uint64],
    events: Mapping[str, EventBatch],
    loop: str,
) -> Agreement | None:
    """Compare all rows of a history; None where it says of no feature what was served.

    Parameters
    ----------
    plan, parity, loop
        The features, how they are compared, and whose they are.
    served, recomputed
        (n rows) all that the model sees as served, and the windowed features recomputed.
    known
        By compared feature: (n,) whether the history says what was served.
    requests, times_ns, unit_hashes, events
        The rows, and the events that the features were recomputed from.
    """
    features = tuple(each for each in plan.windowed if each.name in known)
    if not features:
        return None
    names = [each.name for each in features]
    sampled = np.ones(len(times_ns), dtype=np.bool_)
    if parity.sample is not None:
        sampled = place(unit_hashes, f"{loop}/parity") < parity.sample
    return compare_rows(
        features,
        parity,
        served=served,
        recomputed=recomputed.select(names),
        compared={name: known[name] & sampled for name in names},
        times_ns=times_ns,
        ages_s=newest_events(plan, names, requests, times_ns, events),
        variants=DeclaredVariants(
            requests=requests,
            times_ns=times_ns,
            events=events,
            keys=tuple(dict.fromkeys(mine for each in plan.windowed for mine in each.inputs)),
            previous=tuple(parity.previous),
        ),
    )


def compare_rows(
    features: tuple[Aggregate, ...],
    parity: Parity,
    *,
    served: pl.DataFrame,
    recomputed: pl.DataFrame,
    compared: Mapping[str, NDArray[np.bool_]],
    times_ns: Ints,
    ages_s: Floats,
    variants: Variants,
) -> Agreement:
    """Compare rows of features.

    Parameters
    ----------
    features, parity
        What is compared, and how.
    served, recomputed, times_ns, ages_s, variants
        As of `Agreement`.
    compared
        By feature: (n,) which rows are.
    """
    measure = Measure(rtol=parity.rtol, atol=parity.atol)
    columns, gaps, sizes = [], [], []
    for name in recomputed.columns:
        classes = measure.classes(served[name], recomputed[name])
        classes = np.where(compared[name], classes, _LEFT_OUT).astype(np.uint8)
        one, other = floats(served[name]), floats(recomputed[name])
        both = classes == BOTH_DIFFER
        gaps.append(np.where(both, np.abs(one - other), 0.0))
        sizes.append(np.where(both, np.abs(one) + np.abs(other), 0.0))
        columns.append(classes)
    table = np.stack(columns, axis=1)
    counts = np.zeros((len(table) + 1, len(features)), dtype=np.int64)
    np.cumsum((table != EQUAL) & (table != _LEFT_OUT), axis=0, out=counts[1:])
    return Agreement(
        features=features,
        served=served,
        recomputed=recomputed,
        classes=table,
        wrong_before=counts,
        gap=np.stack(gaps, axis=1),
        size=np.stack(sizes, axis=1),
        ages_s=ages_s,
        measure=measure,
        tolerated=parity.tolerance,
        times_ns=times_ns,
        variants=variants,
    )


@dataclass(slots=True)
class Comparer:
    """Tells the kernel of one run what rows showed, and why, as they are served.

    `scanned` holds, per broken feature, how many rows differed when a cause was last looked for.
    """

    agreement: Agreement
    rule: ParityRule
    scanned: dict[str, int] = field(default_factory=dict)

    def tell(
        self, start: int, stop: int, state: ParityState, score: Score | None, now_ns: int
    ) -> list[FeaturesCompared]:
        """Return the comparisons of rows [start, stop), given what the kernel knows so far."""
        trial = deepcopy(state)
        out = []
        for low in range(start, stop, MOST_ROWS):
            high = min(low + MOST_ROWS, stop)
            record = self.agreement.between(low, high, now_ns)
            trial, found = self._judged(trial, record, high, score)
            out.append(found)
        return out

    def _judged(
        self, trial: ParityState, record: FeaturesCompared, stop: int, score: Score | None
    ) -> tuple[ParityState, FeaturesCompared]:
        """Foresee what the kernel will make of a record, and give it the causes it will ask for."""
        tried = deepcopy(trial)
        made = judge_parity(tried, self.rule, record, record.ts_record_ns)
        broken = [
            each.subject
            for each in made
            if isinstance(each, ParityBroken) and each.cause == UNKNOWN.name
        ]
        self.scanned = {name: n for name, n in self.scanned.items() if name in tried.broken}
        wanted = [name for name in (*trial.broken, *broken) if self._due(name, stop)]
        if not wanted:
            return tried, record
        told = self._explained(record, wanted, stop, score)
        judge_parity(trial, self.rule, told, record.ts_record_ns)
        return trial, told

    def _explained(
        self, record: FeaturesCompared, names: Sequence[str], stop: int, score: Score | None
    ) -> FeaturesCompared:
        effect, effect_max = record.effect.copy(), record.effect_max.copy()
        for name in names:
            at = self.agreement.names.index(name)
            effect[at], effect_max[at] = self.agreement.effect(name, stop, score)
        causes = {name: self.agreement.cause(name, stop) for name in names}
        return replace(record, effect=effect, effect_max=effect_max, causes=causes)

    def _due(self, name: str, stop: int) -> bool:
        """Say whether enough rows differ by now to look for a cause, and note that it is done."""
        at = self.agreement.names.index(name)
        rows = int(self.agreement.wrong_before[stop, at])
        before = self.scanned.get(name)
        if before is not None and (before >= MOST_ROWS or rows < AGAIN * before):
            return False
        self.scanned[name] = rows
        return True


def _means(ages: Floats) -> Floats:
    known = ~np.isnan(ages)
    counts = known.sum(axis=0)
    sums: Any = np.where(known, ages, 0.0).sum(axis=0)
    found: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return found
