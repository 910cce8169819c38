"""How often do monitors cry wolf, how soon do they see a fault, and do they say what it is?

Still worlds (nothing changes) are replayed for a year with every monitor on: alarms are counted.
Then one fault at a time is planted, in three sizes: inputs that move to where the model is weak
(covariate), a coefficient that turns round (concept), more positives (label), a column that goes
missing (quality). Told are the days from the fault to the first alarm, and the cause that the first
diagnosis names. Evidently and NannyML see the same rows in windows of a day, with their defaults;
they are not asked for a cause, because they give none. Ends with 1 when a rule was not kept.

    python benchmarks/detection.py                     # half an hour on 2 cores
    python benchmarks/detection.py --quick             # a minute; what the tests run
    python benchmarks/detection.py --only still,faults,peers --seeds 5 --json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
import polars as pl

import ostinato as ost
from acceptance.check import Effort, at_least, at_most, told
from servers.environments import Environments
from watched import ours
from watched.worlds import (
    CALM_DAYS,
    CATEGORIES,
    FAULTS,
    NUMBERS,
    SIZES,
    START_DAY,
    World,
    still,
)

CACHE = Path.home() / ".cache" / "ostinato-bench"
HERE = Path(__file__).parent
YEAR = 365


def quiet_year(job):
    """Replay a still world; return the alarms raised, and the simulated years."""
    seed, columns, slices, days, per_day = job
    table = still(seed, columns=columns, slices=slices, days=days + START_DAY, per_day=per_day)
    features = [name for name in table.columns if name not in ("at", "label", "known")]
    replay = ost.replay(
        ours.loop_of(features, slices=["segment"]),
        table,
        start=ours.BEGIN + timedelta(days=START_DAY),
        seed=seed,
    )
    names = replay.alarms["stream"].to_list()
    return names, days / YEAR


def still_worlds(effort, arguments, pool):
    """Nothing changes: how many alarms a year, all monitors together?"""
    seeds, days = effort(arguments.seeds, 1), effort(YEAR, 40)
    columns, slices = effort(50, 8), effort(20, 4)
    jobs = [(seed, columns, slices, days, effort(1_500, 500)) for seed in range(seeds)]
    found = list(pool.map(quiet_year, jobs))
    alarms = sum(len(names) for names, _ in found)
    years = sum(each for _, each in found)
    for name in [name for names, _ in found for name in names][:20]:
        print(f"  alarm in a still world: {name}", file=sys.stderr)
    return [
        told(f"{columns} columns, {slices} slices: simulated years", years),
        told("alarms", alarms),
        at_most("alarms a year (one a month is declared)", alarms / years, 12.0),
    ]


def planted(effort, arguments, pool):
    """A fault begins: days to the first alarm, and the cause that is named."""
    sizes = effort(SIZES, ("large",))
    seeds = effort(arguments.seeds, 1)
    jobs = [
        World(seed=seed, fault=fault, size=size, per_day=effort(1_500, 400))
        for fault in FAULTS
        for size in sizes
        for seed in range(seeds)
    ]
    found = list(pool.map(ours.watch, jobs))
    checks = []
    for fault in FAULTS:
        for size in sizes:
            name = f"{fault} {size}"
            mine = [each for each in found if each.world == name]
            delays = [each.delay for each in mine if each.delay is not None]
            right = np.mean([each.right for each in mine])
            checks += [
                told(f"{name}: found", len(delays) / len(mine)),
                told(f"{name}: days to the first alarm, median", float(np.median(delays or [99]))),
                told(f"{name}: cause named rightly", float(right)),
            ]
            causes = sorted({each.cause for each in mine})
            firsts = sorted({each.first for each in mine})
            print(f"  {name}: first {firsts}, causes {causes}", file=sys.stderr)
    loud = [each for each in found if not each.world.endswith("small")]
    checks += [
        at_least("medium and large faults found", _share(loud, "delay"), 0.9),
        at_least("of their causes named rightly", float(np.mean([e.right for e in loud])), 0.8),
        told("alarms before the fault, per world", float(np.mean([e.before for e in found]))),
    ]
    return checks


def _share(found, name):
    return float(np.mean([getattr(each, name) is not None for each in found]))


def peers(effort, arguments, pool):
    """The same worlds, a window a day, to the peers with their defaults."""
    seeds = effort(min(arguments.seeds, 2), 1)
    environments = Environments(arguments.cache / "venvs")
    checks = []
    for peer in ("nannyml", "evidently"):
        worlds = [
            World(seed=seed, fault=fault, size=size)
            for seed in range(seeds)
            for fault, size in (("", "medium"), *((f, "medium") for f in FAULTS))
        ]
        for world in worlds if peer == "nannyml" else worlds[: len(FAULTS) + 1]:
            said = _ask(peer, world, environments)
            checks += _judged(peer, world, said)
    return checks


def _ask(peer, world, environments):
    replay = ost.replay(
        ours.loop_of([*NUMBERS, *CATEGORIES], slices=[]),
        world.table(),
        start=ours.BEGIN + timedelta(days=START_DAY),
        seed=world.seed,
    )
    table = world.table().with_columns(pl.Series("row", np.arange(len(world.table()))))
    scores = replay.predictions.select(
        row=pl.col("prediction_id").cast(pl.Int64), score=pl.col("score")
    )
    table = table.with_columns(pl.col("row").cast(pl.Int64)).join(scores, on="row", how="left")
    day = (pl.col("at") - ours.BEGIN).dt.total_days()
    # The reference: two weeks that the model did not learn from; then a window per day.
    table = table.filter(day >= START_DAY).with_columns(
        window=pl.when(day < START_DAY + 14).then(-1).otherwise(day - START_DAY - 14)
    )
    if peer == "evidently":  # it takes seconds a window: one in two
        table = table.filter((pl.col("window") < 0) | (pl.col("window") % 2 == 0))
    with tempfile.TemporaryDirectory() as folder:
        data, spec = Path(folder) / "table.parquet", Path(folder) / "spec.json"
        table.with_columns(pl.col("label").cast(pl.Int64)).drop("known").write_parquet(data)
        spec.write_text(json.dumps({"numbers": list(NUMBERS), "categories": list(CATEGORIES)}))
        run = subprocess.run(
            [
                environments.python(peer),
                HERE / "watched" / f"by_{peer}.py",
                data,
                spec,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if run.returncode:
        raise SystemExit(f"{peer} failed: {run.stderr[-2_000:]}")
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def _judged(peer, world, said):
    broke = CALM_DAYS - 14
    calm = [each for each in said if each["window"] < broke or not world.fault]
    broken = [each for each in said if each["window"] >= broke and world.fault]
    name = f"{peer}, {world.name}"
    flagged = float(np.mean([each["columns"] > 0 for each in calm]))
    checks = [told(f"{name}: days a year with a false alarm", flagged * YEAR)]
    for what in ("columns", "dataset", "estimate"):
        if broken and what in broken[0]:
            first = [each["window"] - broke for each in broken if each[what]]
            checks.append(told(f"{name}: days to the first alarm ({what})", (first or [99])[0]))
    return checks


ROWS = {"still": still_worlds, "faults": planted, "peers": peers}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="small worlds, no peers")
    parser.add_argument("--seeds", type=int, default=4, help="worlds of each kind")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the peers are installed")
    parser.add_argument("--json", action="store_true", help="print checks as JSON")
    arguments = parser.parse_args()
    chosen = [name for name in arguments.only.split(",") if name]
    chosen = chosen or [name for name in ROWS if not (arguments.quick and name == "peers")]
    effort, kept = Effort(quick=arguments.quick), True
    with ProcessPoolExecutor(arguments.workers) as pool:
        for name in chosen:
            checks = ROWS[name](effort, arguments, pool)
            kept &= all(check.passed is not False for check in checks)
            for check in checks:
                if arguments.json:
                    print(json.dumps({"part": name, **asdict(check)}), flush=True)
                else:
                    mark = {True: "ok", False: "NOT KEPT", None: ""}[check.passed]
                    print(f"{check.what:<64}{check.value:>12,.3f}  {check.rule} {mark}", flush=True)
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
