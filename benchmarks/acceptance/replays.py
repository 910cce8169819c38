"""Nothing of the future reaches a decision (B16).

Two tests. Whole replays: everything after a moment is shuffled, features and labels, and labels of
earlier rows that become known later are changed; all decisions up to the moment must be the same to
the hash. Then the join alone, over thousands of random traces of late, early, repeated, revised and
missing labels, against an oracle that knows when each label came.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression

import ostinato as ost
from acceptance.check import Check, Effort, at_least, at_most
from ostinato.core.records import LabelsArrived, PredictionsMade, RowsMatured
from ostinato.core.units import HOUR_NS
from ostinato.join.config import JoinConfig
from ostinato.join.stage import STAGE as JOIN

DAY_S, BEGIN_S = 86_400, 1_700_000_000


def b16(effort: Effort) -> list[Check]:
    worlds, traces = effort((12, 10_000), (1, 300))
    differing = sum(decisions_differ(seed, after=True) for seed in range(worlds))
    past = sum(decisions_differ(seed, after=False) for seed in range(worlds))
    violations, leaks = 0, 0
    for seed in range(traces):
        violations += look_aheads(seed, leak=False)
        if seed < traces // 10:
            leaks += look_aheads(seed, leak=True) > 0
    return [
        at_most(f"replays changed by a shuffled future, of {worlds}", differing, 0),
        at_least(f"replays changed by a shuffled past, of {worlds}", past, worlds, teeth=True),
        at_most(f"rows given out too early or wrong, {traces:,} traces", violations, 0),
        at_least(
            "traces in which labels handed over early are noticed",
            leaks / (traces // 10),
            0.9,
            teeth=True,
        ),
    ]


def decisions_differ(seed: int, *, after: bool) -> bool:
    """Shuffle one side of a moment; say whether the decisions up to it are others."""
    rng = np.random.default_rng([16, seed])
    table = _table(rng)
    moment = BEGIN_S + int(rng.uniform(0.4, 0.8) * 40 * DAY_S)
    served = BEGIN_S + 10 * DAY_S
    changed = _shuffled(rng, table, moment) if after else _shuffled_before(rng, table, served)
    policy = ost.Policy(
        triggers=[ost.Every("5d"), ost.NewLabels(900), ost.Degradation(reference_rows=100)],
        rollout=ost.Canary(over="1d", margin=0.2, min_samples=100, cap="4d"),
        gates=(ost.MinimumDelta(margin=0.2, delta=0.0), ost.NoWorseSlice()),
        holdout="3d",
    )
    loop = ost.Loop(
        name="shuffled",
        task="binary",
        time="t",
        features=["a", "b", "kind"],
        label=ost.Label("y", time="known", horizon="2d"),
        learner=LogisticRegression(),
        slices=["kind", "b"],
        unit="unit",
        policy=policy,
        monitors=ost.Monitors(window="2d", fast="1d"),
    )
    found = [
        _up_to(ost.replay(loop, each, tick="6h", start=served), moment) for each in (table, changed)
    ]
    return found[0] != found[1]


def _table(rng: np.random.Generator) -> pl.DataFrame:
    rows, days = 3_000, 40
    seconds = BEGIN_S + np.sort(rng.integers(0, days * DAY_S, rows))
    features = rng.normal(size=(rows, 2))
    turned = np.where(np.arange(rows) < rows // 2, 1.5, -1.5)
    odds = 1.0 / (1.0 + np.exp(-(features[:, 0] * turned + features[:, 1])))
    late = rng.exponential(DAY_S / 4, rows).astype(np.int64)
    label = (rng.random(rows) < odds).astype(np.int64)
    missing = rng.random(rows) < 0.05
    return pl.DataFrame(
        {
            "t": seconds,
            "a": features[:, 0],
            "b": features[:, 1],
            "kind": rng.choice(["p", "q", "r"], rows),
            "unit": rng.integers(0, 200, rows),
            "y": pl.Series(label).set(pl.Series(missing), None),
            "known": seconds + late,
        }
    )


def _shuffled(rng: np.random.Generator, table: pl.DataFrame, moment: int) -> pl.DataFrame:
    """Permute what comes after the moment, times apart, and flip labels that come after it."""
    future = table["t"].to_numpy() > moment
    order = np.arange(len(table))
    order[future] = rng.permutation(order[future])
    late = table["known"] - table["t"]
    mixed = table.select("a", "b", "kind", "unit", "y")[order]
    out = mixed.with_columns(t=table["t"], known=table["t"] + late[order])
    unknown = out["known"].to_numpy() > moment
    return out.with_columns(
        y=pl.when(pl.Series(unknown)).then(1 - pl.col("y")).otherwise(pl.col("y"))
    )


def _shuffled_before(rng: np.random.Generator, table: pl.DataFrame, served: int) -> pl.DataFrame:
    past = table["t"].to_numpy() <= served
    order = np.arange(len(table))
    order[past] = rng.permutation(order[past])
    return table.with_columns(a=table["a"][order])


def _up_to(replay: ost.Replay, moment: int) -> list[str]:
    times = replay.decisions["time"].dt.epoch("s").to_numpy()
    return replay.decisions["hash"].to_numpy()[times <= moment].tolist()


# ---------------------------------------------------------------- traces of the join


def look_aheads(seed: int, *, leak: bool) -> int:
    """Count rows that matured too early, twice, never, or with a label nobody could know.

    `leak` hands labels over a tick before their time: the oracle must notice.
    """
    rng = np.random.default_rng([16, 1, seed])
    rows, ticks, horizon = int(rng.integers(3, 25)), 10, int(rng.integers(1, 5)) * HOUR_NS
    times = np.sort(rng.integers(0, ticks * HOUR_NS, rows))
    labels = _labels(rng, times, horizon)
    config = JoinConfig(horizon_ns=horizon, revise_ns=3 * HOUR_NS, never="censored", classes=0)
    state, told, seen, wrong = JOIN.start(config), 0, np.zeros(rows, dtype=np.int64), 0
    for tick in range(1, ticks + 12):
        now = tick * HOUR_NS
        inbox, known = [], now + (HOUR_NS if leak else 0)
        start, told = told, int(np.searchsorted(times, now))
        if told > start:
            inbox.append(_predictions(times, start, told, now))
        fresh = [each for each in labels if now - HOUR_NS < each[1] - known + now <= now]
        if fresh:
            inbox.append(_arrived(fresh, now))
        made = [each for each in JOIN.step(state, inbox, now) if isinstance(each, RowsMatured)]
        wrong += _wrong(made, labels, seen, now, horizon)
    return wrong + int((seen != 1).sum())


def _labels(rng, times, horizon) -> list[tuple[int, int, float]]:
    """(row, when known, value) of each label, in order of time; some never, some several times."""
    out = []
    for row, at in enumerate(times.tolist()):
        for revision in range(int(rng.choice(3, p=[0.1, 0.7, 0.2]))):
            moment = at + 1 + int(rng.exponential(horizon / 2))
            out.append((row, moment, float(100 * row + revision)))
    return sorted(out, key=lambda each: each[1])


def _wrong(made, labels, seen, now, horizon) -> int:
    wrong, last = 0, {}
    for record in made:
        wrong += int((record.label_times_ns > now).sum())
        np.add.at(seen, record.offsets, record.signs)
        given = record.signs > 0
        due = record.times_ns + horizon <= now
        last |= zip(
            record.offsets[given].tolist(),
            zip(record.labels[given].tolist(), due[given].tolist(), strict=True),
            strict=True,
        )
    # Of several labels of one tick each may be given in its turn: the last one counts.
    for row, (label, due) in last.items():
        known = [(moment, value) for each, moment, value in labels if each == row and moment <= now]
        wrong += (
            (bool(known) or not due) if np.isnan(label) else not known or label != max(known)[1]
        )
    return wrong


def _predictions(times, start, stop, now) -> PredictionsMade:
    rows = stop - start
    return PredictionsMade(
        ts_event_ns=now,
        ts_record_ns=now,
        offset=start,
        ids=np.arange(start, stop),
        times_ns=times[start:stop],
        unit_hashes=np.zeros(rows, dtype=np.uint64),
        groups=np.zeros((rows, 0), dtype=np.int32),
        versions=("v1",),
        answered=np.zeros(rows, dtype=np.int16),
        roles=np.zeros(rows, dtype=np.int8),
        scores={"v1": np.zeros(rows)},
        epoch=1,
    )


def _arrived(fresh, now) -> LabelsArrived:
    return LabelsArrived(
        ts_event_ns=now,
        ts_record_ns=now,
        ids=np.array([row for row, _, _ in fresh]),
        times_ns=np.array([moment for _, moment, _ in fresh]),
        values=np.array([value for _, _, value in fresh]),
    )
