"""How fast does the live service answer, with all it does, beside servers that only answer?

Single rows of a gradient boosting model with a hundred trees, over HTTP with connections kept open,
one worker each and one thread for arithmetic, load and server on the same cores. Ours logs every
prediction durably, routes and monitors; the peers and the two best cases written by hand do none of
that. Figures are medians over rounds, ratios medians of ratios within a round.

    python benchmarks/serving.py                        # all; half an hour, and the first time
                                                        # three gigabytes of peers are installed
    python benchmarks/serving.py --quick
    python benchmarks/serving.py --only ostinato,granian
    python benchmarks/serving.py --parts labels,undo    # of our service alone
    python benchmarks/serving.py --json > serving.json

Needs Linux, and `wrk` (apt-get install wrk); without it a slower generator of our own asks. The
environments of the peers are kept in ~/.cache/ostinato-bench (`--cache`). Ends with 1 when a rule
was not kept, with 2 when it cannot be run here.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from acceptance.check import Check, at_most
from servers import labels, undo
from servers.calls import Failed
from servers.environments import Environments
from servers.load import HINT, generator
from servers.machine import describe
from servers.peers import ours, servers
from servers.processes import running
from servers.report import as_json, check_lines, speed_lines
from servers.speed import QUICK, Bench, Effort, measure
from servers.targets import checks as speed_checks
from servers.world import prepare

PARTS = ("speed", "labels", "undo")
CACHE = Path.home() / ".cache" / "ostinato-bench"
Found = tuple[dict[str, Any], list[Check], list[str]]
"""Of a part: its figures, its rules, its lines."""


def speed(bench: Bench, wanted: argparse.Namespace) -> Found:
    known = servers(wanted.gateways)
    chosen = [
        server
        for server in known
        if not wanted.only or any(word in server.name.lower() for word in wanted.only)
    ]
    results = measure(chosen, bench)
    return results.plain(), speed_checks(results), speed_lines(results)


def label_ingest(bench: Bench, wanted: argparse.Namespace) -> Found:
    server = ours(gateways=wanted.gateways)
    site = replace(bench.site(server), folder=bench.work / "labels")
    with running(server, site) as found:
        seen = labels.measure(found, bench.world, seconds=3.0 if wanted.quick else 20.0)
    return asdict(seen), seen.checks(), []


def undoing(bench: Bench, wanted: argparse.Namespace) -> Found:
    server = ours(loop="undo", gateways=wanted.gateways)
    site = replace(bench.site(server), folder=bench.work / "undo")
    with running(server, site) as found:
        times, seconds = (1, 4.0) if wanted.quick else (5, 10.0)
        seen = undo.measure(found, bench.world, times=times, seconds=seconds)
    return asdict(seen), seen.checks(), []


RUN: dict[str, Callable[[Bench, argparse.Namespace], Found]] = {
    "speed": speed,
    "labels": label_ingest,
    "undo": undoing,
}


def run_part(part: str, bench: Bench, wanted: argparse.Namespace) -> Found:
    """Run one part; a service that fails in it is a rule not kept."""
    try:
        return RUN[part](bench, wanted)
    except Failed as error:
        return {"failed": str(error)}, [at_most(f"{part} failed", 1.0, 0.0)], [f"{part}: {error}"]


def words(text: str) -> list[str]:
    return [word.strip().lower() for word in text.split(",") if word.strip()]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--only", type=words, default=[], help="parts of names, by comma")
    parser.add_argument("--parts", type=words, default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, help="rounds of ours and the best cases")
    parser.add_argument("--gateways", type=int, default=1, help="gateways of ours (default 1)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where environments are kept")
    parser.add_argument("--json", action="store_true", help="all readings as JSON")
    wanted = parser.parse_args()
    names = [server.name for server in servers()]
    if lost := [word for word in wanted.only if not any(word in name.lower() for name in names)]:
        parser.error(f"--only knows {'; '.join(names)}; not {', '.join(lost)}")
    if unknown := [part for part in wanted.parts if part not in PARTS]:
        parser.error(f"--parts knows {', '.join(PARTS)}, not {', '.join(unknown)}")
    return wanted


def main() -> int:
    wanted = options()
    # Ended from outside, it still ends the servers it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not Path("/proc/self/stat").exists():
        print("error: this benchmark reads /proc and needs Linux", file=sys.stderr)
        return 2
    effort = QUICK if wanted.quick else Effort()
    if wanted.rounds:
        effort = replace(effort, rounds=wanted.rounds)
    name, ask = generator()
    if name != "wrk":
        print(f"hint: {HINT}", file=sys.stderr)
    told: dict[str, Any] = {"load_generator": name, "machine": {"before": describe()}}
    environments = Environments(wanted.cache / "venvs")
    world = prepare(wanted.cache / "world")
    checks: list[Check] = []
    lines: list[str] = []
    # Not below /tmp, which is memory on some machines: there a durable log costs nothing.
    with tempfile.TemporaryDirectory(prefix="run-", dir=wanted.cache) as work:
        bench = Bench(environments, world, Path(work), ask, effort)
        for part in wanted.parts:
            told[part], rules, text = run_part(part, bench, wanted)
            checks += rules
            lines += text
    told["machine"]["after"] = describe()
    told["checks"] = [asdict(check) for check in checks]
    if wanted.json:
        print(as_json(told))
    else:
        print("\n".join([*lines, "", *check_lines(checks), "", f"machine: {told['machine']}"]))
    return 1 if any(check.passed is False for check in checks) else 0


if __name__ == "__main__":
    raise SystemExit(main())
