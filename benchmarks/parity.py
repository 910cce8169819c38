"""Is a feature that is served otherwise than it is computed found, and is the cause named?

Plants faults in made-up streams with windowed features: late sources, another version, defaults,
units, time zones, wrong keys and more, on half a percent of the rows and on all. Prints the rows
until the alarm, how often the cause is named with its parameter, false alarms, and what monitors of
distributions say of the same rows. Ends with 1 when a rule was not kept.

    python benchmarks/parity.py            # a quarter of an hour on 2 cores
    python benchmarks/parity.py --quick    # seconds; what the tests run
    python benchmarks/parity.py --only alarm,faults --json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import numpy as np

from acceptance.check import Effort, at_least, at_most, told
from skew import counts
from skew.peers import rate_flags
from skew.streams import run
from skew.world import FAULTS, ISSUE

PLANTED = 0.005


def alarm(effort, arguments):
    """Half a percent of the rows differ: how soon is it said?"""
    rng = np.random.default_rng(1)
    streams = effort(4_000, 200)
    checks = []
    for features in (1, 5, 20, 100):
        found = counts.delays(rng, PLANTED, streams=streams, features=features)
        name = f"{features} feature{'s' * (features > 1)}"
        checks += [
            told(f"{name}: rows to the alarm, median", np.median(found)),
            told(f"{name}: rows to the alarm, 95 %", np.quantile(found, 0.95)),
        ]
        within = float((found <= 5_000).mean())
        if features <= 20:
            checks.append(at_least(f"{name}: found within 5,000 rows", within, 0.9))
    late = counts.delays(rng, PLANTED, streams=effort(1_000, 100), before=effort(50_000, 5_000))
    checks.append(
        at_most("after 50,000 good rows: rows to the alarm, 95 %", np.quantile(late, 0.95), 5_000)
    )
    for share in (0.002, 0.003, 0.01, 0.1, 1.0):
        found = counts.delays(rng, share, streams=effort(500, 50), limit=effort(200_000, 40_000))
        checks.append(
            told(f"{share:.1%} of the rows differ: rows to the alarm, median", np.median(found))
        )
    return checks


def false_alarms(effort, arguments):
    """The tolerated share differs: how often is that an alarm?"""
    rng = np.random.default_rng(2)
    streams, rows = effort(1_000, 200), effort(200_000, 50_000)
    expected = streams * rows / counts.ARL
    seen = counts.alarms(rng, streams=streams, rows=rows)
    half = counts.alarms(rng, streams=streams, rows=rows, share=counts.TOLERATED / 2)
    runs = counts.alarms(
        rng, streams=effort(200, 50), rows=effort(50_000, 10_000), draw=counts.in_runs
    )
    batches = effort(20_000, 2_000)
    return [
        told("rows, .1 % of them different", streams * rows),
        at_most("alarms per million rows", seen / expected, 1.0),
        at_most("alarms per million rows at .05 %", half / expected, 0.1),
        told(
            "the same share in runs of ten: alarms per million rows",
            runs / (effort(200, 50) * effort(50_000, 10_000) / 1e6),
        ),
        at_least(
            "rate above .1 % in 5,000 rows is an alarm: share of good batches",
            rate_flags(rng, counts.TOLERATED, batches=batches, rows=5_000, limit=0.001),
            0.2,
            teeth=True,
        ),
        at_most(
            "rate above 1 % in 5,000 rows is an alarm: faults of .5 % found",
            rate_flags(rng, PLANTED, batches=batches, rows=5_000, limit=0.01),
            0.01,
            teeth=True,
        ),
    ]


def restored(effort, arguments):
    """The fault is mended, or not: when is parity said to be back?"""
    rng = np.random.default_rng(3)
    mended = counts.recoveries(rng, 1e-4, streams=effort(500, 100), limit=100_000)
    clean = counts.recoveries(rng, 0.0, streams=1, limit=100_000)
    broken = counts.recoveries(rng, PLANTED, streams=effort(200, 50), limit=effort(100_000, 20_000))
    edge = counts.recoveries(
        rng, counts.TOLERATED, streams=effort(200, 50), limit=effort(100_000, 20_000)
    )
    limit = effort(100_000, 20_000)
    return [
        told("rows until restored, none differs", clean[0]),
        at_most("rows until restored, .01 % differ, median", np.median(mended), 8_000),
        at_most("said while .5 % differ: share of streams", float((broken < limit).mean()), 0.001),
        at_most(
            "said while exactly .1 % differ, per 100,000 rows",
            float((edge < limit).sum()) / (len(edge) * limit / 1e5),
            1.0,
        ),
    ]


def faults(effort, arguments):
    """Each fault compared and judged as in a loop, on .5 % of the rows and on all."""
    chosen = FAULTS if not effort.quick else [*[names[0] for names in ISSUE.values()], "noise"]
    streams = effort(arguments.streams, 1)
    seeds = {PLANTED: streams, 1.0: max(streams // 2, 1)}
    outcomes = _run(chosen, seeds, "numpy", arguments.workers)
    checks = []
    for share in seeds:
        where = ".5 % of rows" if share < 1.0 else "all rows"
        for fault in chosen:
            mine = [each for each in outcomes if (each.fault, each.share) == (fault, share)]
            checks += _of_fault(f"{fault}, {where}", mine)
        mine = [each for each in outcomes if each.share == share]
        checks += _peers(where, mine, teeth=share < 1.0)
    six = [each for each in outcomes if each.fault in SIX]
    few = [each for each in six if each.share < 1.0]
    nameless = [each.last for each in outcomes if each.fault == "noise"]
    within = _share(0 < each.rows <= 5_000 for each in few)
    return [
        *checks,
        *_named("the six causes", six),
        at_least("the six causes: found within 5,000 rows", within, 0.9),
        at_least("noise: no cause is named", _share(nameless), 0.98),
    ]


def as_of(effort, arguments):
    """The six causes again, with features declared as in a loop and recomputed by `as_of`."""
    chosen = SIX if not effort.quick else ["late 1 h"]
    streams = effort(max(arguments.streams // 6, 1), 1)
    seeds = {PLANTED: streams, 1.0: effort(streams, 0)}
    outcomes = _run(chosen, seeds, "as_of", arguments.workers)
    return _named("the six causes by as_of", outcomes)


SIX = [fault for names in ISSUE.values() for fault in names]


def _run(chosen, seeds, engine, workers):
    jobs = [
        (fault, share, seed, engine)
        for fault in chosen
        for share, count in seeds.items()
        for seed in range(count)
    ]
    if workers == 1:
        return list(map(run, jobs))
    with ProcessPoolExecutor(max_workers=workers) as pool:
        return list(pool.map(run, jobs, chunksize=4))


def _named(name, outcomes):
    wrong = sorted({f"{each.fault}: {each.said}" for each in outcomes if not each.last})
    said = f" (else {'; '.join(wrong)})" if wrong else ""
    return [
        at_least(f"{name}: named right, first time", _share(each.first for each in outcomes), 0.95),
        at_least(
            f"{name}: named right, on more rows{said}", _share(each.last for each in outcomes), 0.98
        ),
    ]


def _of_fault(name, outcomes):
    rows = np.array([each.rows if each.rows > 0 else 10**6 for each in outcomes])
    wrong = sorted({each.said for each in outcomes if not each.last})
    return [
        told(f"{name}: rows to the alarm, median", np.median(rows)),
        told(f"{name}: rows to the alarm, 95 %", np.quantile(rows, 0.95)),
        told(
            f"{name}: named right" + f" (else {', '.join(wrong)})" * bool(wrong),
            _share(each.last for each in outcomes),
        ),
    ]


def _peers(where, outcomes, *, teeth):
    checks = []
    for rule in outcomes[0].peers:
        seen = _share(each.peers[rule] for each in outcomes)
        name = f"{where}: flagged by {rule}"
        # A test at 5 % flags one good stream in twenty, and these are few streams.
        checks.append(at_most(name, seen, 0.2, teeth=True) if teeth else told(name, seen))
    return checks


def _share(hits):
    return float(np.mean(list(hits)))


ROWS = {
    "alarm": alarm,
    "false": false_alarms,
    "restored": restored,
    "faults": faults,
    "as_of": as_of,
}


def show(name, checks):
    print(f"\n{name}: {ROWS[name].__doc__}")
    for check in checks:
        word = {True: "PASS", False: "FAIL", None: ""}[check.passed]
        teeth = "teeth" if check.teeth else ""
        figure = f"{check.value:,.4g}" if abs(check.value) < 1e5 else f"{check.value:,.0f}"
        print(f"    {check.what:<72} {figure:>11}  {check.rule:<10} {word:<4} {teeth}".rstrip())
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--quick", action="store_true", help="few streams, six faults")
    parser.add_argument("--streams", type=int, default=20, help="of each fault on .5 %% of rows")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    chosen = [name for name in arguments.only.split(",") if name] or list(ROWS)
    unknown = [name for name in chosen if name not in ROWS]
    if unknown:
        parser.error(f"unknown parts {', '.join(unknown)}; there are {', '.join(ROWS)}")
    found = {}
    for name in chosen:
        found[name] = ROWS[name](Effort(quick=arguments.quick), arguments)
        if not arguments.json:
            show(name, found[name])
    if arguments.json:
        print(
            json.dumps({name: [asdict(check) for check in found[name]] for name in found}, indent=1)
        )
    failed = [check.what for checks in found.values() for check in checks if check.passed is False]
    if not arguments.json:
        print(f"\nNot kept: {'; '.join(failed)}." if failed else "\nAll rules are kept.")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
