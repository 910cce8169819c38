"""Do the decisions keep what they promise, and do the usual rules? The acceptance table, measured.

Prints, row by row: what was measured, the figure, the rule it must keep, PASS or FAIL. Rows with
"teeth" are about rules that others use, on the same streams: they must fail there, or the row could
not tell a good rule from a bad one. Ends with 1 when a rule was not kept.

    python benchmarks/decisions.py                   # all rows, about 15 minutes on 2 cores
    python benchmarks/decisions.py --only B6,B7
    python benchmarks/decisions.py --quick           # seconds; what the tests run
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict

# Threads that spin beside each other's are slower than one; set before any of them starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from acceptance import (
    arms,
    defaults,
    distances,
    ensembles,
    estimates,
    gates,
    hard_worlds,
    many,
    monitoring,
    outcomes,
    releases,
    replays,
    retraining,
    traces,
    windows,
)
from acceptance.check import Check, Effort, Skipped

ROWS = {
    "B1": ("false alarms are as rare as promised", monitoring.b1),
    "B2": ("an alarm comes nearly as soon as one that knows the shift", monitoring.b2),
    "B3": ("a daily season is no alarm", monitoring.b3),
    "B4": ("late outcomes alarm before they are mature", outcomes.b4),
    "B5": ("many monitors, few alarms for nothing", many.b5),
    "B6": ("harm is not promoted, and proof needs few rows", releases.b6),
    "B7": ("looking often fools the usual test", releases.b7),
    "B8": ("errors of a canary, whatever the season", arms.b8),
    "B9": ("shares of units that are off", arms.b9),
    "B10": ("distances flag what moved, not what is small", distances.b10),
    "B11": ("few labels and many guesses cover the truth", estimates.b11),
    "B13": ("gates stop harm and let health pass", gates.b13),
    "B14": ("weights follow the model that is good now", ensembles.b14),
    "B15": ("training when it pays", retraining.b15),
    "B16": ("nothing of the future reaches a decision", replays.b16),
    "D1": ("the default policy does not promote harm", defaults.d1),
    "W1": ("alarms on correlated, seasonal, heavy-tailed losses", hard_worlds.w1),
    "W2": ("releases under effects that change and errors that cling", hard_worlds.w2),
    "T1": ("alarms on real streams with known faults", traces.t1),
    "T2": ("releases on real streams of candidates known to be worse", traces.t2),
    "M1": ("streams that do not change raise no alarms", windows.m1),
    "M2": ("windows until a share that moved is seen", windows.m2),
    "M3": ("days unlike others, and days that resemble each other", windows.m3),
    "W3": ("judging canaries by the minute", hard_worlds.w3),
}


def measure(row: str, effort: Effort) -> dict:
    """Run one row; plain types, so that it may run in a process of its own."""
    title, function = ROWS[row]
    began = time.perf_counter()
    checks: list[Check] = []
    skipped = ""
    try:
        checks = function(effort)
    except Skipped as why:
        skipped = str(why)
    return {
        "row": row,
        "title": title,
        "checks": [asdict(check) for check in checks],
        "passed": all(check.passed is not False for check in checks),
        "skipped": skipped,
        "seconds": round(time.perf_counter() - began, 1),
    }


def show(found: dict) -> None:
    """Print one row."""
    verdict = "SKIP" if found["skipped"] else "PASS" if found["passed"] else "FAIL"
    print(f"\n{found['row']}  {found['title']}: {verdict}  ({found['seconds']:.0f} s)")
    if found["skipped"]:
        print(f"    {found['skipped']}")
    for check in found["checks"]:
        word = {True: "PASS", False: "FAIL", None: ""}[check["passed"]]
        teeth = "teeth" if check["teeth"] else ""
        figure = f"{check['value']:,.4g}" if abs(check["value"]) < 1e5 else f"{check['value']:,.0f}"
        print(
            f"    {check['what']:<66} {figure:>11}  {check['rule']:<13} {word:<4} {teeth}".rstrip()
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="rows to run, for example B6,B7")
    parser.add_argument("--quick", action="store_true", help="small simulations, wider rules")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    parser.add_argument("--workers", type=int, default=2, help="rows to run at once")
    arguments = parser.parse_args()
    chosen = [name for name in arguments.only.split(",") if name] or list(ROWS)
    unknown = [name for name in chosen if name not in ROWS]
    if unknown:
        parser.error(f"unknown rows {', '.join(unknown)}; there are {', '.join(ROWS)}")
    results = []
    with ProcessPoolExecutor(max_workers=arguments.workers) as pool:
        for found in pool.map(measure, chosen, [Effort(quick=arguments.quick)] * len(chosen)):
            results.append(found)
            if not arguments.json:
                show(found)
                sys.stdout.flush()
    if arguments.json:
        print(json.dumps(results, indent=1))
    failed = [found["row"] for found in results if not found["passed"]]
    if not arguments.json:
        print(f"\n{len(results) - len(failed)} of {len(results)} rows keep their rules.")
        if failed:
            print(f"Not kept: {', '.join(failed)}.")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
