"""A stream with one fault, compared and judged as in a loop: rows until the alarm, the cause."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import polars as pl

from ostinato.core.records import ParityBroken
from ostinato.decide.parity import UNKNOWN, ParityRule, begin_parity, judge_parity
from ostinato.features import Parity
from ostinato.features.parity import Scan
from ostinato.replay.parity import Comparer, compare_rows
from skew.peers import flags
from skew.store import Store, declared
from skew.world import WINDOWS, World, faulty, features_of, is_right

PARITY = Parity()
TICK = 100  # rows
BACKGROUND = 2e-4  # of rows that differ anyway
ENOUGH = {False: 48, True: 192}  # rows that differ and were looked at: then the stream ends


class Named(NamedTuple):
    kind: str
    parameter: object


@dataclass(frozen=True)
class Outcome:
    fault: str
    engine: str
    share: float
    rows: int  # until the alarm; -1: none within the stream
    first: bool  # whether the first cause that was named is right
    last: bool  # whether the one on ENOUGH rows is right
    said: str
    peers: dict  # which distances between served and recomputed values flag 5,000 rows


@lru_cache(maxsize=8)
def world_of(seed, engine="numpy"):
    return World(seed) if engine == "numpy" else Store(world_of(seed))


def run(job):
    """One stream: `job` is (fault, share of rows that must differ, 1 for all that can, seed, how).

    How features are computed: "numpy", or "as_of".
    """
    fault, share, seed, engine = job
    world, rng = world_of(seed % 4), np.random.default_rng(seed)
    values = world_of(seed % 4, engine)
    feature = features_of(fault)[seed % len(features_of(fault))]
    rows = 20_000 if share < 1.0 else 5_000
    keys, others, times = world.requests(rows, rng)
    served, truth = stream(values, fault, feature, share, (keys, others, times), rng)

    def variants(_, rows):
        asked = keys[rows], others[rows], times[rows]
        scan = Scan(versions=("before",), keys=("other",), parts=("partition 3",))
        return (lambda variant: values.values_at(feature, *asked, variant)), scan

    rule = ParityRule(
        features=(feature,), tolerated=PARITY.tolerance, arl=1 / PARITY.false_alarm, hold=True
    )
    comparer = Comparer(_compared(feature, served, truth, times, variants), rule)
    state, at_alarm, causes = begin_parity(rule), -1, []
    for start in range(0, rows, TICK):
        for record in comparer.tell(start, start + TICK, state, None, start + TICK):
            made = judge_parity(state, rule, record, start + TICK)
            broken = [each for each in made if isinstance(each, ParityBroken)]
            causes += [Named(each.cause, each.evidence["parameter"]) for each in broken]
        if state.broken and at_alarm < 0:
            at_alarm = start + TICK
        if comparer.scanned.get(feature, 0) >= ENOUGH[share == 1.0]:
            break
    known = [cause for cause in causes if cause.kind != UNKNOWN.name]
    last = state.broken.get(feature)
    return Outcome(
        fault=fault,
        engine=engine,
        share=share,
        rows=at_alarm,
        first=bool(known) and is_right(fault, known[0]),
        last=last is not None and is_right(fault, Named(last.name, last.parameter)),
        said="no alarm" if last is None else f"{last.name} {last.parameter}",
        peers=flags(served[:5_000], truth[:5_000], rng),
    )


def _compared(feature, served, truth, times, variants):
    return compare_rows(
        (declared(feature, WINDOWS[feature]),),
        PARITY,
        served=pl.DataFrame({feature: served}).fill_nan(None),
        recomputed=pl.DataFrame({feature: truth}).fill_nan(None),
        compared={feature: np.ones(len(times), dtype=bool)},
        times_ns=times,
        ages_s=np.full((len(times), 1), np.nan),
        variants=variants,
    )


def stream(world, fault, feature, share, requests, rng):
    """Served and true values of requests, the fault on a share of them that differ."""
    truth = world.values_at(feature, *requests)
    n = len(truth)
    hit = np.ones(n, dtype=bool)
    values = faulty(world, fault, feature, *requests, truth, hit)
    if share < 1.0:
        # Rows that the fault does not change cannot be those that differ.
        changed = ~((values == truth) | (np.isnan(values) & np.isnan(truth)))
        hit = changed & (rng.random(n) < share / changed.mean())
        values = faulty(world, fault, feature, *requests, truth, hit)
    served = np.where(hit, values, truth)
    noisy = ~hit & (rng.random(n) < BACKGROUND)
    return np.where(noisy, truth * rng.uniform(0.5, 1.5, n), served), truth
