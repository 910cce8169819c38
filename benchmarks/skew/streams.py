"""A stream with one fault through the whole monitor: rows until the alarm, and the cause named."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl

from ostinato.features.parity import CauseFound, ParityConfig, ParityMonitor, Scan
from skew.peers import flags
from skew.store import Store
from skew.world import World, faulty, features_of, is_right

TICK = 100  # sampled rows
BACKGROUND = 2e-4  # of rows that differ anyway
ENOUGH = {False: 48, True: 192}  # rows that differ and were looked at: then the stream ends


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
    monitor = ParityMonitor.begin(
        ParityConfig(
            features=(feature,),
            scans={feature: Scan(versions=("before",), keys=("other",), parts=("partition 3",))},
        )
    )

    def recompute(name, kept, variant):
        asked = np.array([row.row for row in kept], dtype=np.int64).T
        return values.values_at(name, *asked, variant)

    at_alarm, causes = -1, []
    for start in range(0, rows, TICK):
        part = slice(start, start + TICK)
        plain = list(zip(*(each[part].tolist() for each in (keys, others, times)), strict=True))
        _, found = monitor.observe(
            pl.DataFrame({feature: served[part]}),
            pl.DataFrame({feature: truth[part]}),
            times_ns=times[part],
            rows=plain,
            at_ns=start + TICK,
            recompute=recompute,
        )
        causes += [each.cause for each in found if isinstance(each, CauseFound)]
        if monitor.broken and at_alarm < 0:
            at_alarm = start + TICK
        looked_at = monitor.state.causes.get(feature)
        if looked_at is not None and looked_at.rows >= ENOUGH[share == 1.0]:
            break
    known = [cause for cause in causes if cause.known]
    last = monitor.state.causes.get(feature)
    return Outcome(
        fault=fault,
        engine=engine,
        share=share,
        rows=at_alarm,
        first=bool(known) and is_right(fault, known[0]),
        last=last is not None and is_right(fault, last),
        said="no alarm" if last is None else f"{last.kind} {last.form} {last.parameter}",
        peers=flags(served[:5_000], truth[:5_000], rng),
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
