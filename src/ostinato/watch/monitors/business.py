"""Business: what predictions bring, version by version, and whether the metric says the same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import FALLBACK_VERSION, Floats, Ints, LossesObserved, Record
from ostinato.core.watched import OutcomesJoined
from ostinato.stats.lagged import lagged_correlations
from ostinato.watch.business_verdict import Change, change_of, judge
from ostinato.watch.by_group import Windows
from ostinato.watch.monitor import SETTLED
from ostinato.watch.pending import PendingBy
from ostinato.watch.reading import Level, Reading, Readings, Stream

LEAST_ROWS: Final = 30
"""Rows of a version in a window that is read. Fewer: the mean is mostly luck; more: the first
steps of a rollout are not seen."""

KEPT: Final = 60
"""Long windows of which means are kept, for correlations and comparisons. Fewer find less; more
compare with times long gone."""

LAGS: Final = 4  # long windows by which the outcome may follow the metric
_BEFORE: Final = 28  # long windows before a promotion that are its reference
_VERSIONS: Final = 8  # whose means are kept; the newest stay

Series = dict[int, tuple[float, float, float]]
"""Start of a long window to rows, sum, and sum of squares."""


@dataclass(slots=True)
class BusinessState:
    """Open windows of outcomes and losses by version, and means of those that are over.

    `told` and `lost` are outcomes and losses not summed up yet.
    `outcomes` and `losses` have them by version; `before` is the champion before, `since_ns` when
    the present one took its place, as far as windows were read then.
    """

    champion: str = ""
    before: str = ""
    since_ns: int = 0
    read_to_ns: int = 0
    told: PendingBy = field(default_factory=PendingBy)
    lost: PendingBy = field(default_factory=PendingBy)
    outcome_windows: Windows = field(default_factory=Windows)
    loss_windows: Windows = field(default_factory=Windows)
    outcomes: dict[str, Series] = field(default_factory=dict)
    losses: dict[str, Series] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """Mean outcome per prediction of champion and challengers, beside their losses.

    An outcome belongs to the version that answered. With a new champion the windows of the one
    before are the reference: if its answers bring less, that is news. Where its loss is lower
    beyond doubt and it brings less all the same, a stream of its own says so.

    Parameters
    ----------
    outcome
        Name of the outcome.
    metric
        Name of the metric, for words.
    slow_ns
        Length of the long windows.
    tolerance
        Relative change of the mean outcome that is no news, > 0.
    higher_is_better
        Whether more of the outcome is better.
    paired
        Whether versions may be compared on rows that another one answered.
    """

    outcome: str
    metric: str
    slow_ns: int
    tolerance: float
    higher_is_better: bool = True
    paired: bool = True

    family = "business"
    wants = frozenset({"outcomes_joined", "losses_observed"})

    @property
    def name(self) -> str:
        return f"business {self.outcome}"

    @property
    def clock(self) -> str:
        return SETTLED + self.outcome

    def begin(self) -> BusinessState:
        return BusinessState()

    def take(self, state: BusinessState, record: Record, now_ns: int) -> None:  # noqa: ARG002 - one signature for all monitors
        match record:
            case OutcomesJoined() if record.name == self.outcome:
                for index, version in enumerate(record.versions):
                    if version != FALLBACK_VERSION:
                        _wait(
                            state.told,
                            version,
                            record.times_ns,
                            record.values,
                            record.answered == index,
                        )
            case LossesObserved():
                for index, version in enumerate(record.versions):
                    losses = record.losses[version]
                    rows = np.isfinite(losses)
                    if not self.paired:
                        rows &= record.answered == index
                    if version != FALLBACK_VERSION:
                        _wait(state.lost, version, record.times_ns, losses, rows)
            case _:
                pass
        if state.told.full() or state.lost.full():
            self._fold(state, all_of_them=False)

    def read(self, state: BusinessState, from_ns: int, to_ns: int) -> Readings:
        state.read_to_ns = to_ns
        if to_ns % self.slow_ns:
            return Readings(from_ns=from_ns, to_ns=to_ns)
        self._fold(state, all_of_them=True)
        start_ns = to_ns - self.slow_ns
        found: list[Reading] = []
        for version, table in state.outcome_windows.pop(start_ns, to_ns):
            sums = _three(table)
            _gather(state.outcomes, version, start_ns, sums, state.champion)
            if sums[0] >= LEAST_ROWS:
                found.append(self._level(self._outcome(state, version), *sums))
        for version, table in state.loss_windows.pop(start_ns, to_ns):
            _gather(state.losses, version, start_ns, _three(table), state.champion)
        unmeasured: list[tuple[str, str]] = []
        found.extend(self._against(state, start_ns, unmeasured))
        return Readings(
            from_ns=from_ns, to_ns=to_ns, found=tuple(found), unmeasured=tuple(unmeasured)
        )

    def renew(self, state: BusinessState, champion: str) -> tuple[Readings, ...]:
        """Take the windows of the champion before as the reference, as far as they are settled."""
        if champion == state.champion:
            return ()
        state.before, state.champion, state.since_ns = state.champion, champion, state.read_to_ns
        series = self._read(state.outcomes.get(state.before, {}))
        windows = sorted(series)[-_BEFORE:]
        level = float(np.mean([series[start][1] / series[start][0] for start in windows] or [0.0]))
        found: list[Readings] = []
        for start_ns in windows:
            stream = self._outcome(state, champion)
            told = [self._level(stream, *series[start_ns])]
            if level:
                told.append(self._relative(series[start_ns], level))
            found.append(
                Readings(from_ns=start_ns, to_ns=start_ns + self.slow_ns, found=tuple(told))
            )
        return tuple(found)

    def describe(
        self, state: BusinessState, from_ns: int, to_ns: int
    ) -> Mapping[str, Mapping[str, float | str]]:
        found: dict[str, Mapping[str, float | str]] = {}
        window = range(from_ns, to_ns)
        for version, series in state.outcomes.items():
            sums = [each for start, each in series.items() if start in window]
            if sums and sums[0][0]:
                rows, total, _ = sums[0]
                found[self._outcome(state, version).name] = {
                    "rows": rows,
                    "value": total / rows,
                    **self._correlated(state, version),
                }
        metric, outcome = self._changes(state)
        found[f"{self.family}/verdict {self.outcome}"] = judge(
            metric, outcome, metric_name=self.metric, outcome_name=self.outcome
        )
        return found

    def _fold(self, state: BusinessState, *, all_of_them: bool) -> None:
        for pending, windows in (
            (state.told, state.outcome_windows),
            (state.lost, state.loss_windows),
        ):
            for version, block in pending.blocks(all_of_them=all_of_them):
                values = block["values"]
                windows.add(
                    version,
                    block["times_ns"],
                    np.empty((len(values), 0), dtype=np.int32),
                    np.stack([np.ones(len(values)), values, values * values]),
                    count=0,
                    width_ns=self.slow_ns,
                )

    def _read(self, series: Series) -> Series:
        return {start: each for start, each in series.items() if each[0] >= LEAST_ROWS}

    def _outcome(self, state: BusinessState, version: str) -> Stream:
        told = "" if version == state.champion else version
        return Stream(family=self.family, subject=self.outcome, version=told)

    def _level(self, stream: Stream, rows: float, total: float, squares: float) -> Level:
        mean = total / rows
        return Level(
            stream=stream,
            rows=rows,
            mean=mean,
            deviation=math.sqrt(max(squares / rows - mean * mean, 0.0)),
            floor=self.tolerance,
            rising=not self.higher_is_better,
            falling=self.higher_is_better,
        )

    def _relative(self, sums: tuple[float, float, float], level: float) -> Level:
        """Return an outcome as its relative distance from what it was before."""
        rows, total, squares = sums
        mean = total / rows
        spread = math.sqrt(max(squares / rows - mean * mean, 0.0))
        return Level(
            stream=Stream(
                family=self.family, subject=self.outcome, measure=f"against {self.metric}"
            ),
            rows=rows,
            mean=(mean - level) / abs(level),
            deviation=spread / abs(level),
            floor=self.tolerance,
            relative=False,
            rising=not self.higher_is_better,
            falling=self.higher_is_better,
        )

    def _against(
        self, state: BusinessState, start_ns: int, unmeasured: list[tuple[str, str]]
    ) -> Iterator[Level]:
        """Read the outcome once more where the metric has improved beyond doubt."""
        if not state.before:
            return
        metric, outcome = self._changes(state)
        sums = state.outcomes.get(state.champion, {}).get(start_ns, (0.0, 0.0, 0.0))
        improved = metric is not None and metric.high < 0
        if improved and outcome is not None and outcome.before and sums[0] >= LEAST_ROWS:
            yield self._relative(sums, outcome.before)
            return
        name = f"{self.family}/{self.outcome}:against {self.metric}"
        why = f"{self.metric} has not improved beyond doubt with this champion."
        unmeasured.append((name, why))

    def _changes(self, state: BusinessState) -> tuple[Change | None, Change | None]:
        """Return how loss and outcome changed from the champion before to this one.

        Losses are compared on windows that both scored, where there are any; outcomes before and
        after the promotion, since a version brings nothing where another one answers.
        """
        if not state.before:
            return None, None
        before, after = (
            self._read(state.losses.get(version, {})) for version in (state.before, state.champion)
        )
        shared = sorted(before.keys() & after.keys())
        if len(shared) >= 3:
            metric = change_of(_means(before, shared), _means(after, shared), paired=True)
        else:
            metric = change_of(_means(before), _means(after), paired=False)
        old = self._read(state.outcomes.get(state.before, {}))
        old = {start: old[start] for start in sorted(old)[-_BEFORE:]}
        new = self._read(state.outcomes.get(state.champion, {}))
        new = {start: each for start, each in new.items() if start >= state.since_ns - self.slow_ns}
        outcome = change_of(_means(old), _means(new), paired=False)
        if outcome is not None and not self.higher_is_better:
            outcome = outcome.turned()
        return metric, outcome

    def _correlated(self, state: BusinessState, version: str) -> dict[str, float]:
        """Correlate a version's loss with its outcome; of all lags tell the strongest."""
        losses = self._read(state.losses.get(version, {}))
        outcomes = self._read(state.outcomes[version])
        if not (losses and outcomes):
            return {}
        first, last = min(*losses, *outcomes), max(*losses, *outcomes)
        starts = range(first, last + 1, self.slow_ns)
        one, other = (
            np.array([each[s][1] / each[s][0] if s in each else np.nan for s in starts])
            for each in (losses, outcomes)
        )
        told: dict[str, float] = {}
        found = lagged_correlations(one, other, lags=LAGS)
        if not found:
            return {}
        best = max(found.values(), key=lambda each: abs(each.value))
        for each, prefix in ((found.get(0), "correlation"), (best, "correlation_best")):
            if each is not None:
                told |= {
                    f"{prefix}": each.value,
                    f"{prefix}_low": each.low,
                    f"{prefix}_high": each.high,
                }
        return told | {"correlation_best_lag": float(best.lag), "windows": float(best.pairs)}


def _three(table: Floats) -> tuple[float, float, float]:
    rows, total, squares = table[:, 0].tolist()
    return rows, total, squares


def _wait(
    pending: PendingBy, version: str, times_ns: Ints, values: Floats, rows: NDArray[np.bool_]
) -> None:
    columns = {"times_ns": times_ns[rows], "values": values[rows]}
    pending.add(version, columns, len(columns["values"]))


def _gather(
    series: dict[str, Series],
    version: str,
    start_ns: int,
    sums: tuple[float, float, float],
    champion: str,
) -> None:
    """Keep the sums of a window; let the oldest ones go."""
    windows = series.setdefault(version, {})
    windows[start_ns] = sums
    if len(windows) > KEPT:
        del windows[min(windows)]
    if len(series) > _VERSIONS:
        ends = {name: max(each) for name, each in series.items() if name != champion}
        del series[min(ends, key=ends.__getitem__)]


def _means(series: Series, starts: list[int] | None = None) -> Floats:
    chosen = sorted(series) if starts is None else starts
    return np.array([series[start][1] / series[start][0] for start in chosen])
