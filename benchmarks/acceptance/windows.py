"""Watching windows: how often for nothing (M1, M3), how late (M2).

Fifty columns in twenty slices, as one monitor sees them: counts per hour and day, weighed by
`watch.streams.StreamBook`, alarms by e-d-BH under a budget of one false alarm in 30 days, half of
it for days and half for hours. Beside it, on the same windows, what others do: a limit on the
population stability index, and a chi-squared test, each day and column by itself; three deviations
of the reference's days.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import chi2

from acceptance.check import Check, Effort, at_least, at_most, told
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.stats.many import e_d_bh
from ostinato.watch.reading import Level, Readings, Shares, Stream, two_cells
from ostinato.watch.streams import StreamBook

BUDGET, PATIENCE_DAYS = 1.0, 30
FLOOR, CELLS, COARSE = 0.05, 64, 8
SHIFTS = (
    # rows of a window, share before and after, floor, windows of the reference, most windows
    (200, 0.10, 0.20, 0.01, 28, 4),
    (200, 0.10, 0.20, 0.01, 8, 6),
    (1_000, 0.10, 0.20, 0.05, 28, 3),
    (1_000, 0.00, 0.03, 0.01, 8, 3),
    (100_000, 0.50, 0.60, 0.05, 8, 2),
)


@dataclass(frozen=True)
class Inputs:
    """Stands for the monitor; the book asks only for its name and family."""

    name: str = "inputs"
    family: str = "drift"


@dataclass
class Steady:
    """Columns whose levels wander from day to day and swing with the hour, and never change.

    `wander` is the deviation of a column's daily level, in deviations of a row; `lasting` the
    correlation of neighbouring days; `swing` the size of the daily swing.
    """

    rng: np.random.Generator
    columns: int
    slices: int
    rows: int
    wander: float
    lasting: float
    swing: float
    level: np.ndarray = field(init=False)

    def __post_init__(self):
        # The first row of levels is of all rows, the others of slices.
        self.level = self.rng.normal(size=(1 + self.slices, self.columns))
        self.amplitude = self.swing * self.rng.normal(size=self.columns)
        self.edges = {n: ndtri(np.arange(1, n) / n) for n in (CELLS, COARSE)}
        self.streams = [
            Stream(family="drift", subject=f"c{column}", group="" if not part else f"s={part}")
            for part in range(1 + self.slices)
            for column in range(self.columns)
        ]

    def next_day(self):
        step = self.rng.normal(size=self.level.shape)
        self.level = self.lasting * self.level + math.sqrt(1.0 - self.lasting**2) * step

    def hour(self, hour):
        angle = 2.0 * math.pi * hour / 24.0
        rows = self.rng.poisson(self.rows / 24.0 * (1.0 + 0.5 * math.sin(angle)))
        moved = self.wander * self.level[0] + self.amplitude * math.sin(angle)
        return self._counts(CELLS, rows, moved)

    def slices_of_the_day(self):
        moved = self.wander * (self.level[:1] + 0.5 * self.level[1:]).ravel()
        return self._counts(COARSE, self.rows // self.slices, moved)

    def _counts(self, cells, rows, moved):
        below = ndtr(self.edges[cells] - moved[:, None])
        ends = np.ones((len(moved), 1))
        chances = np.diff(np.hstack([0.0 * ends, below, ends]), axis=1)
        return self.rng.multinomial(rows, chances).astype(np.float64)


def _shares(streams, counts):
    pairs = zip(streams, counts, strict=True)
    return tuple(Shares(stream=stream, counts=each, floor=FLOOR) for stream, each in pairs)


@dataclass
class Alarms:
    """A book under its budget; an alarm is counted, and its stream begins anew."""

    book: StreamBook = field(default_factory=StreamBook)
    budget: float = BUDGET
    slow: int = 0
    fast: int = 0

    def take(self, readings):
        for record in self.book.take(Inputs(), readings, slow_ns=DAY_NS, now_ns=0):
            self.fast += len(self._raised(record, PATIENCE_DAYS * 24))

    def close(self, day):
        end_ns = (day + 1) * DAY_NS
        raised = []
        for record in self.book.close(Inputs(), end_ns, {}, slow_ns=DAY_NS, now_ns=0):
            raised = self._raised(record, PATIENCE_DAYS)
            self.slow += len(raised)
            self.book.restart(raised)
        return raised

    def _raised(self, record, patience):
        e_values = np.zeros(max(record.streams_total, len(record)))
        e_values[: len(record)] = np.exp(np.minimum(record.log_e, 700.0))
        if not len(e_values):
            return []
        found = e_d_bh(e_values, q=0.5 * self.budget, patience=float(patience))
        return [record.streams[place] for place in np.flatnonzero(found[: len(record)])]


def steady_months(seed, *, days, columns, slices, rows, wander, lasting, swing):
    """Return alarms for nothing in 30 days: of days, of hours, of two rules of others."""
    world = Steady(np.random.default_rng([21, seed]), columns, slices, rows, wander, lasting, swing)
    alarms, seen, psi, tests = Alarms(), [], 0, 0
    for day in range(days):
        world.next_day()
        whole = np.zeros((columns, CELLS))
        for hour in range(24):
            counts = world.hour(hour)
            whole += counts
            found = _shares(world.streams[:columns], counts)
            if hour == 23 and slices:
                found += _shares(world.streams[columns:], world.slices_of_the_day())
            start_ns = day * DAY_NS + hour * HOUR_NS
            alarms.take(Readings(from_ns=start_ns, to_ns=start_ns + HOUR_NS, found=found))
        alarms.close(day)
        coarse = whole.reshape(columns, 16, -1).sum(axis=2)
        if len(seen) < 8:
            seen.append(coarse)
            continue
        reference = sum(seen)
        psi += int((_psi(reference, coarse) > 0.1).sum())
        tests += int((_chi2_p(reference, coarse) < 0.01).sum())
    months = (days - 8) / 30.0
    return alarms.slow / months, alarms.fast / months, psi / months, tests / months


def _psi(reference, current):
    p, q = ((each + 0.5) / (each + 0.5).sum(axis=1, keepdims=True) for each in (reference, current))
    return ((q - p) * np.log(q / p)).sum(axis=1)


def _chi2_p(reference, current):
    both = reference + current
    total = 0.0
    for each in (reference, current):
        expected = both * each.sum(axis=1, keepdims=True) / both.sum(axis=1, keepdims=True)
        total = total + (np.square(each - expected) / np.maximum(expected, 1e-9)).sum(axis=1)
    return chi2.sf(total, reference.shape[1] - 1)


def m1(effort: Effort) -> list[Check]:
    days = effort(730, 40)
    size = effort(
        {"columns": 50, "slices": 20, "rows": 2_400}, {"columns": 8, "slices": 3, "rows": 1_200}
    )
    checks = []
    for lasting in effort((0.0, 0.3, 0.6), (0.3,)):
        for wander in effort((0.1, 0.2), (0.1,)):
            slow, fast, psi, tests = steady_months(
                21, days=days, wander=wander, lasting=lasting, swing=0.5, **size
            )
            what = f"false alarms in 30 days, days wander by {wander}, correlation {lasting}"
            checks.append(at_most(what, slow + fast, BUDGET))
            checks.append(told("  of them from hours", fast))
            checks.append(told("  PSI above .1 each day and column", psi))
            tested = "  chi-squared p < .01 each day and column"
            checks.append(at_least(tested, tests, 5.0, teeth=True))
    return checks


def delays(seed, rows, before, after, floor, reference, *, streams=40, moved=10, total=500):
    """Return windows until each moved stream is reported, and how many others are."""
    rng = np.random.default_rng([22, seed])
    names = [Stream(family="quality", subject=f"c{place}") for place in range(streams)]

    def window(day, shares):
        hits = rng.binomial(rows, shares)
        pairs = zip(names, hits, strict=True)
        found = [
            Shares(stream=name, counts=two_cells(rows, k), floor=floor, rising=True)
            for name, k in pairs
        ]
        return Readings(from_ns=day * DAY_NS, to_ns=(day + 1) * DAY_NS, found=tuple(found))

    usual = np.full(streams, before)
    now = np.where(np.arange(streams) < moved, after, before)
    alarms = Alarms()
    # As many streams share the budget as in the whole loop: the others are silent here.
    alarms.budget = BUDGET * streams / total
    alarms.book.renew([window(day - reference, usual) for day in range(reference)], slow_ns=DAY_NS)
    found = dict.fromkeys((name.name for name in names), math.inf)
    for day in range(40):
        alarms.take(window(day, now))
        for name in alarms.close(day):
            found[name] = min(found[name], day + 1)
    late = np.array([*found.values()])
    return late[:moved], int(np.isfinite(late[moved:]).sum())


def m2(effort: Effort) -> list[Check]:
    checks = []
    for rows, before, after, floor, reference, most in effort(SHIFTS, SHIFTS[:3]):
        late, false = [], 0
        for seed in range(effort(20, 2)):
            found, wrong = delays(seed, rows, before, after, floor, reference)
            late += found.tolist()
            false += wrong
        what = f"windows until {before} -> {after} is seen, {rows} rows, {reference} before"
        checks.append(at_most(what, float(np.median(late)), most))
        checks.append(told("  nine of ten", float(np.quantile(late, 0.9, method="higher"))))
        checks.append(at_most("  others reported", false, 0))
    return checks


def m3(effort: Effort) -> list[Check]:
    """Means of windows, some with days unlike all others."""
    days, columns = effort(1_095, 120), effort(50, 20)
    checks = []
    for name, tails, lasting in (("normal", None, 0.5), ("t with 4 degrees", 4.0, 0.3)):
        rng = np.random.default_rng([23, days])
        streams = [Stream(family="performance", subject=f"m{c}") for c in range(columns)]
        alarms, level = Alarms(), np.zeros(columns)
        charts, seen = 0, []
        for day in range(days):
            step = rng.normal(size=columns)
            if tails is not None:
                step = rng.standard_t(tails, columns) / math.sqrt(tails / (tails - 2.0))
            level = lasting * level + math.sqrt(1.0 - lasting**2) * step
            mean = 1.0 + 0.1 * level
            pairs = zip(streams, mean + rng.normal(size=columns) / 20.0, strict=True)
            found = [Level(stream=s, rows=400, mean=float(m), deviation=1.0) for s, m in pairs]
            start_ns = day * DAY_NS
            alarms.take(Readings(from_ns=start_ns, to_ns=start_ns + DAY_NS, found=tuple(found)))
            alarms.close(day)
            read = np.array([each.mean for each in found])
            if len(seen) < 8:
                seen.append(read)
                continue
            far = np.abs(read - np.mean(seen, axis=0)) > 3.0 * np.std(seen, axis=0, ddof=1)
            charts += int(far.sum())
        months = (days - 8) / 30.0
        what = f"false alarms in 30 days, {columns} means, {name}, correlation {lasting}"
        checks.append(at_most(what, alarms.slow / months, BUDGET))
        three = "  three deviations of eight windows"
        checks.append(at_least(three, charts / months, 5.0, teeth=True))
    return checks
