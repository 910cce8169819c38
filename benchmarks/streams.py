"""What does each policy bring on real streams, with labels at once and with labels that are late?

For every stream: never learning again, schedules, alarms and label counts, replayed by the product
with its default gates and release, beside three yardsticks: the majority so far (for regression the
running mean), the last label known (no-change), and the frozen first model. Late labels are the
real ones where the data tell when each became known, else the delay that is printed. A method that
does not beat no-change with labels at once has learned nothing; with late labels no-change is weak.

    python benchmarks/streams.py                          # eight streams, up to 25 minutes
    python benchmarks/streams.py --only elec2,metro_traffic
    python benchmarks/streams.py --quick                  # two streams, shorter
    python benchmarks/streams.py --data /folder/of/parquet

Needs the folder of streams (`../shared/data` unless it is given); what is not there is skipped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

import ostinato as ost
from acceptance.check import Skipped
from acceptance.data import FOLDER, STREAMS, Stream
from ostinato.core.units import duration_ns

QUICK = ("noaa_weather", "bike_sharing_uci_hourly")
QUICK_ROWS = 5_000
PRICES = ost.Prices(metric_unit=0.10, train_hour=1.0)


def policies(rows: int) -> dict[str, ost.Policy]:
    """The policies compared; `rows` sizes the one that counts labels."""
    return {
        "frozen model": ost.policies.static(),
        "every 7 days": ost.policies.scheduled("7d"),
        "every 30 days": ost.policies.scheduled("30d"),
        "triggered": ost.policies.triggered(),
        "triggered, last 90 days": ost.policies.triggered(window=ost.Last("90d")),
        "triggered, tolerance 20 %": ost.policies.triggered(tolerance=0.2),
        "every 5 % of the labels": ost.Policy(triggers=[ost.NewLabels(max(rows // 20, 100))]),
    }


def modes(stream: Stream, table: pl.DataFrame) -> dict[str, ost.Label]:
    """How labels come: at once, and as late as in reality or as stated."""
    late = ost.Label(stream.label, delay=stream.late)
    if "label_ts" in table.columns:
        late = ost.Label(stream.label, time="label_ts", horizon=stream.horizon or "30d")
    told = "real delays" if "label_ts" in table.columns else f"{stream.late} late"
    return {"at once": ost.Label(stream.label), told: late}


def loop_of(stream: Stream, table: pl.DataFrame, label: ost.Label) -> ost.Loop:
    return ost.Loop(
        name=stream.name,
        task=stream.task,
        time="ts",
        features=stream.features(table),
        label=label,
        learner=ost.learners.gradient_boosting(stream.task, max_iter=60, learning_rate=0.15),
        slices=stream.slices,
        prices=PRICES,
        monitors=None,  # policies are compared, and none of them asks for alarms
    )


def yardsticks(table: pl.DataFrame, stream: Stream, label: ost.Label, served: np.ndarray) -> dict:
    """Accuracy (or mean absolute error) of the majority and of the last label known in time."""
    asked = table["ts"].dt.epoch("us").to_numpy()
    truth = table[stream.label]
    known = truth.is_not_null().to_numpy()
    moments = asked + (0 if label.delay is None else duration_ns(label.delay) // 1_000)
    if label.time is not None:
        moments = table[label.time].dt.epoch("us").fill_null(2**62).to_numpy()
    codes = truth.to_physical() if stream.task == "regression" else truth.cast(pl.String)
    if stream.task != "regression":
        codes = codes.cast(pl.Categorical).to_physical()
    values = codes.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    order = np.flatnonzero(known)[np.argsort(moments[known], kind="stable")]
    # The labels known before each request: those whose moment lies before it.
    seen = np.searchsorted(moments[order], asked, side="left")
    rows = np.flatnonzero(served & known & (seen > 0))
    last = values[order[seen[rows] - 1]]
    if stream.task == "regression":
        running = np.cumsum(values[order]) / np.arange(1, len(order) + 1)
        majority = np.abs(running[seen[rows] - 1] - values[rows]).mean()
        return {"majority": float(majority), "no change": float(np.abs(last - values[rows]).mean())}
    counts = np.zeros((len(order) + 1, int(np.nanmax(values)) + 1))
    counts[np.arange(1, len(order) + 1), values[order].astype(int)] = 1.0
    majority = np.cumsum(counts, axis=0)[seen[rows]].argmax(axis=1) == values[rows]
    return {
        "majority": float(majority.mean()),
        "no change": float((last == values[rows]).mean()),
    }


def measure(stream: Stream, table: pl.DataFrame) -> list[dict]:
    """All policies on one stream, labels both ways; a plain row each."""
    out = []
    for mode, label in modes(stream, table).items():
        began = time.perf_counter()
        compared = ost.compare(
            loop_of(stream, table, label),
            table,
            policies(len(table)),
            tick=stream.tick,
            start=stream.start,
        )
        first = next(iter(compared.replays.values()))
        easy = "mae" if stream.task == "regression" else "accuracy"
        served = table["ts"].to_numpy() >= first.predictions["time"].to_numpy().min()
        for name, value in yardsticks(table, stream, label, served).items():
            out.append({"stream": stream.name, "labels": mode, "policy": name, easy: value})
        for row in compared.table.to_dicts():
            replay = compared.replays[row["policy"]]
            out.append(
                {
                    "stream": stream.name,
                    "labels": mode,
                    "policy": row["policy"],
                    "metric": first.metric,
                    first.metric: row[first.metric],
                    "low": row[f"{first.metric}_low"],
                    "high": row[f"{first.metric}_high"],
                    easy: replay.metrics[easy],
                    "retrains": row["retrains"],
                    "promotions": row["promotions"],
                    "rollbacks": row["rollbacks"],
                    "cost": row["cost"],
                    "regret": row["regret"],
                    "label_coverage": row["label_coverage"],
                }
            )
        out.append(
            {
                "stream": stream.name,
                "labels": mode,
                "policy": "(advice)",
                "advice": compared.advice.text,
                "seconds": time.perf_counter() - began,
            }
        )
    return out


def show(rows: list[dict]) -> None:
    """Print the rows of one stream as a table per kind of label."""
    for mode in dict.fromkeys(row["labels"] for row in rows):
        mine = [row for row in rows if row["labels"] == mode]
        metric = next(row["metric"] for row in mine if "metric" in row)
        easy = "mae" if metric == "mae" else "accuracy"
        print(f"\n{mine[0]['stream']}, labels {mode}")
        head = ("policy", metric, "95 %", easy, "retrains", "promoted", "back", "cost", "regret")
        print("  {:<27}{:>10}{:>20}{:>10}{:>9}{:>9}{:>5}{:>9}{:>9}".format(*head))
        for row in mine:
            if "advice" in row:
                print(f"  {row['advice']}  ({row['seconds']:.0f} s)")
                continue
            if "metric" not in row:
                print(f"  {row['policy']:<27}{'':>30}{row[easy]:>10.4g}")
                continue
            band = f"{row['low']:.4g} - {row['high']:.4g}"
            print(
                f"  {row['policy']:<27}{row[metric]:>10.4g}{band:>20}{row[easy]:>10.4g}"
                f"{row['retrains']:>9}{row['promotions']:>9}{row['rollbacks']:>5}"
                f"{row['cost']:>9.2f}{row['regret']:>9.1f}"
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="streams, for example elec2,metro_traffic")
    parser.add_argument("--quick", action="store_true", help="two streams of 5,000 rows")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of parquet files")
    arguments = parser.parse_args()
    chosen = [name for name in arguments.only.split(",") if name]
    chosen = chosen or list(QUICK if arguments.quick else STREAMS)
    unknown = [name for name in chosen if name not in STREAMS]
    if unknown:
        parser.error(f"unknown streams {', '.join(unknown)}; there are {', '.join(STREAMS)}")
    rows: list[dict] = []
    for name in chosen:
        stream = STREAMS[name]
        if arguments.quick:
            stream = replace(stream, rows=QUICK_ROWS)
        try:
            found = measure(stream, stream.table(arguments.data))
        except Skipped as why:
            print(f"skipped: {why}", file=sys.stderr)
            continue
        rows += found
        if not arguments.json:
            show(found)
            sys.stdout.flush()
    if arguments.json:
        print(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
