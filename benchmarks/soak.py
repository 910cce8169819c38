"""Does the service stay as it is? Half of what it can answer, for an hour, with labels.

First the most it answers is measured, then half of that is asked at a fixed rate; a request's time
counts from when it was due. Every prediction gets its true label some seconds later. Each minute
tells the median and the 99th percentile, failed requests, the memory of every process and the size
of the folder. At the end a line is fitted to each series, without the first minutes, in which what
waits for labels still fills up. The verdict: flat, grows, or undecided (too short or too noisy).

    python benchmarks/soak.py                   # an hour and some minutes
    python benchmarks/soak.py --minutes 10      # most verdicts will be undecided
    python benchmarks/soak.py --json > soak.json

Ends with 1 when something grows or a request failed. The folder grows: nothing that was logged is
thrown away within the hour; it is told, not judged.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from servers.calls import Failed
from servers.environments import Environments
from servers.live import collect
from servers.loops.soak import HORIZON_MINUTES, REVISE_MINUTES
from servers.machine import describe
from servers.peers import ours
from servers.processes import Running, running
from servers.report import as_json, figure, table
from servers.server import Site
from servers.soaking import Minute, Soak
from servers.trend import GROWS, Trend, trend
from servers.world import World, prepare

CACHE = Path.home() / ".cache" / "ostinato-bench"
MOST_SECONDS = 10.0
FILLING_MINUTES = 17
"""Left out of the lines: after them as many rows wait for labels as ever will, and what is done
every sixteen ticks has been done once. Smaller: filling up looks like a leak; larger: less is
judged.
"""
assert FILLING_MINUTES > HORIZON_MINUTES + REVISE_MINUTES
MEMORY_TOLERANCE, LATENCY_TOLERANCE = 0.05, 0.10
"""Growth an hour that counts as none. Smaller: an hour cannot tell; larger: a week is too long."""


def series(minutes: list[Minute]) -> dict[str, tuple[float, list[float]]]:
    """What is judged: for each name its tolerance and a value a minute.

    Processes that lived throughout by themselves; trainers come and go, and are in the sum.
    """
    throughout = [
        name
        for name in minutes[0].memory_mib
        if all(name in minute.memory_mib for minute in minutes)
    ]
    found = {
        f"memory of {name} (MiB)": (MEMORY_TOLERANCE, [each.memory_mib[name] for each in minutes])
        for name in throughout
    }
    together = [sum(minute.memory_mib.values()) for minute in minutes]
    found["memory of all (MiB)"] = (MEMORY_TOLERANCE, together)
    found["p50 (ms)"] = (LATENCY_TOLERANCE, [minute.p50_ms for minute in minutes])
    found["p99 (ms)"] = (LATENCY_TOLERANCE, [minute.p99_ms for minute in minutes])
    return found


def judge(minutes: list[Minute]) -> dict[str, tuple[Trend, str]]:
    """The trend and the verdict of every series, after the minutes of filling up."""
    level = minutes[min(FILLING_MINUTES, max(len(minutes) - 4, 0)) :]
    at = [minute.number for minute in level]
    return {
        name: (found := trend(at, values), found.verdict(tolerance))
        for name, (tolerance, values) in series(level).items()
    }


def soak(
    found: Running, world: World, site: Site, wanted: argparse.Namespace
) -> tuple[float, list[Minute]]:
    """Measure the most that is answered, then ask half of it, minute by minute."""
    rate = wanted.rate
    if rate is None:
        rate = len(collect(found, world, seconds=MOST_SECONDS).given) / MOST_SECONDS / 2
    print(f"asked: {rate:,.0f} requests/s", file=sys.stderr, flush=True)
    found.settle()
    told = Soak(found, world, site, rate=rate, minutes=wanted.minutes, tell=_tell)
    return rate, uvloop.run(told.run())


def _tell(minute: Minute) -> None:
    memory = ", ".join(f"{name} {figure(mib)}" for name, mib in minute.memory_mib.items())
    print(
        f"minute {minute.number}: {minute.answers:,} answers, {minute.failed} failed, "
        f"p50 {figure(minute.p50_ms)} ms, p99 {figure(minute.p99_ms)} ms; MiB: {memory}; "
        f"folder {figure(minute.folder_mib)} MiB",
        file=sys.stderr,
        flush=True,
    )


def lines(judged: dict[str, tuple[Trend, str]]) -> list[str]:
    rows = [["series", "level", "growth an hour", "95 % interval", "verdict"]]
    for name, (found, verdict) in judged.items():
        interval = f"{100 * found.low:+.1f} to {100 * found.high:+.1f} %"
        rows.append([name, figure(found.level), f"{100 * found.growth:+.1f} %", interval, verdict])
    return table(rows)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=60, help="how long (default 60)")
    parser.add_argument("--rate", type=float, help="requests a second instead of half the most")
    parser.add_argument("--gateways", type=int, default=1)
    parser.add_argument("--tick", default="1m", help="the service's own (default 1m)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the world is kept")
    parser.add_argument("--json", action="store_true", help="all minutes as JSON")
    return parser.parse_args()


def main() -> int:
    wanted = options()
    # Ended from outside, it still ends the server it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    world = prepare(wanted.cache / "world")
    server = ours(loop="soak", tick=wanted.tick, gateways=wanted.gateways)
    told: dict[str, Any] = {"machine": {"before": describe()}}
    # Not below /tmp, which is memory on some machines: there a durable log costs nothing.
    with tempfile.TemporaryDirectory(prefix="soak-", dir=wanted.cache) as work:
        site = Site(Environments(wanted.cache / "venvs"), world, Path(work))
        try:
            with running(server, site) as found:
                rate, minutes = soak(found, world, site, wanted)
        except Failed as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    judged = judge(minutes)
    failed = sum(minute.failed for minute in minutes)
    told["machine"]["after"] = describe()
    told |= {"rate": rate, "failed": failed, "minutes": [asdict(each) for each in minutes]}
    told["trends"] = {name: asdict(found) | {"verdict": v} for name, (found, v) in judged.items()}
    if wanted.json:
        print(as_json(told))
    else:
        asked = f"{rate:,.0f} requests/s for {len(minutes)} minutes; {failed} failed"
        print("\n".join([asked, *lines(judged), f"machine: {told['machine']}"]))
    return 1 if failed or any(verdict == GROWS for _, verdict in judged.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
