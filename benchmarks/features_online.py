"""How fast are windowed features in the serving path, what do they weigh, and what do others take?

Two weeks of landings go in, then requests ask for twenty aggregates over three keys (windows of an
hour, a day and a week), one row at a time and a thousand at once. Beside it: Feast's online store,
River's rolling statistics, deques by hand, and a plain dict. Processor time on one core, the best
of some rounds; waits are those of a stopwatch.

    python benchmarks/features_online.py             # five minutes; installs Feast the first time
    python benchmarks/features_online.py --quick     # small, without Feast
    python benchmarks/features_online.py --only ours
    python benchmarks/features_online.py --json > features_online.json

Ends with 1 when a rule was not kept.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from acceptance.check import Check, Skipped, at_least, at_most
from servers.machine import describe
from servers.report import as_json, check_lines, figure, table
from windowed import others, ours
from windowed.ours import Ours
from windowed.world import World, plan, world

CACHE = Path.home() / ".cache" / "ostinato-bench"
PARTS = ("ours", "lasting", "dict", "deques", "river", "feast")


def checks(found: list[Ours], memory: list[float]) -> Iterator[Check]:
    """The rules: of the issue, and that memory does not grow."""
    for each in found[:1]:  # those with sketches are told: how long they take is up to the keys
        yield at_least("aggregates/s, one row", each.aggregates_per_s, 200_000)
        yield at_least("aggregates/s, together", each.batch_aggregates_per_s, 200_000)
        yield at_least("events/s, one key", each.one_key_events_per_s, 500_000)
    if memory:
        # A pool is between once and twice what is alive in it.
        yield at_most("memory at last / first time", memory[-1] / memory[0], 2.0)


def run(wanted: argparse.Namespace) -> tuple[dict[str, Any], list[Check]]:
    quick = wanted.quick
    told: dict[str, Any] = {"machine": describe(), "left_out": {}}
    made = world(20_000 if quick else 1_000_000, 400 if quick else 20_000)
    found: list[Ours] = []
    memory: list[float] = []
    wanted.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="online-", dir=wanted.cache) as folder:
        if "ours" in wanted.only:
            for sketches in (False, True):
                some = plan(sketches=sketches)
                found.append(ours.measure(some, made, sketches=sketches, folder=Path(folder)))
    if "lasting" in wanted.only:
        memory = ours.lasting(plan(sketches=True), made, times=3)
    told["ours"] = [asdict(each) for each in found]
    told["memory_mib"] = memory
    told["others"] = []
    for name, measure in _others(made, wanted).items():
        if name in wanted.only:
            try:
                other = measure()
            except Skipped as why:
                told["left_out"][name] = str(why)
            else:
                told["others"].append(asdict(other) | {"aggregates_per_s": other.aggregates_per_s})
    rules = [] if quick else list(checks(found, memory))
    told["checks"] = [asdict(each) for each in rules]
    return told, rules


def _others(made: World, wanted: argparse.Namespace) -> dict[str, Callable[[], others.Other]]:
    events = 5_000 if wanted.quick else 200_000
    return {
        "dict": lambda: others.plain_dict(made),
        "deques": lambda: others.deques(made, events),
        "river": lambda: others.river(made, events // 10),
        "feast": lambda: others.feast(made, wanted.cache, 2_000),
    }


def lines(told: dict[str, Any], rules: list[Check]) -> list[str]:
    text: list[str] = []
    if told["ours"]:
        rows = [["ours", *(each["features"] for each in told["ours"])]]
        names = [name for name in told["ours"][0] if name != "features"]
        rows += [[name, *(figure(each[name]) for each in told["ours"])] for name in names]
        text += [*table(rows), ""]
    if told["memory_mib"]:
        memory = ", ".join(figure(each) for each in told["memory_mib"])
        text += [f"MiB, two weeks after two weeks: {memory}", ""]
    if told["others"]:
        names = ["row_us", "aggregates_per_s", "batch_row_us", "event_us"]
        rows = [["others", "aggregates", *names]]
        for each in told["others"]:
            cells = ["-" if each[name] is None else figure(each[name]) for name in names]
            rows.append([each["name"], str(each["aggregates"]), *cells])
        text += [*table(rows), ""]
    text += [f"left out: {name}: {why}" for name, why in told["left_out"].items()]
    if rules:
        text += [*check_lines(rules), ""]
    return [*text, f"machine: {told['machine']}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small, without Feast and rules")
    parser.add_argument("--only", help=f"by comma, of {', '.join(PARTS)}")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where environments are kept")
    parser.add_argument("--json", action="store_true", help="all readings as JSON")
    wanted = parser.parse_args()
    parts = [part for part in PARTS if part != "feast" or not wanted.quick]
    wanted.only = wanted.only.split(",") if wanted.only else parts
    if unknown := [part for part in wanted.only if part not in PARTS]:
        parser.error(f"--only knows {', '.join(PARTS)}, not {', '.join(unknown)}")
    told, rules = run(wanted)
    print(as_json(told) if wanted.json else "\n".join(lines(told, rules)))
    return 1 if any(rule.passed is False for rule in rules) else 0


if __name__ == "__main__":
    raise SystemExit(main())
