"""Kill the processes of a live service under load, hundreds of times, and see what is left.

A real service (supervisor, two gateways, engine, trainers) answers over HTTP while its processes
are killed with SIGKILL at random moments. Clients retry as good clients do: under the same id. At
the end the service is stopped and what it confirmed is compared with what lies on the disk:

- no confirmed prediction or label is lost, none is there twice, a retry got the first answer,
- the chain of the journal is whole, and folding the log again gives every decision again: none was
  doubled, none lost,
- each training order has one result, each trained version lies in the registry,
- gateways answered while the engine was dead; the service answered again within seconds.

    python benchmarks/crash.py --kills 200
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from deltalake import DeltaTable

from live_load import Client, free_port, wait_until_ready
from ostinato.live import events
from ostinato.live.layout import Layout
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal
from ostinato.stores.registry_folder import FolderRegistry

LOOP = """
from sklearn.ensemble import HistGradientBoostingClassifier
import ostinato as ost

loop = ost.Loop(
    name="crash", task="binary", time="asked", features=["a", "b", "c"], id="id",
    label=ost.Label("y", time="known", horizon="20s"),
    learner=HistGradientBoostingClassifier(max_iter=10, early_stopping=False),
    slices=["c"], holdout=0.05,
    policy=ost.Policy(
        triggers=[ost.Every("12s")], cooldown="10s", holdout="10s", gates=[], max_retrains=10_000,
        rollout=ost.Immediate(watch=None),
    ),
)
"""
TARGETS = ("gateway", "engine", "trainer")
SLOWEST_S = 10.0


@dataclass
class Seen:
    """What clients were told."""

    answers: dict[str, tuple[float, str]] = field(default_factory=dict)
    made: dict[str, tuple[float, str]] = field(default_factory=dict)
    labels: list[tuple[str, int]] = field(default_factory=list)
    other_answers: int = 0
    refused: Counter[int] = field(default_factory=Counter)
    answered_at: list[float] = field(default_factory=list)


def make_history(path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = 2_000
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    asked = np.datetime64("now", "us") - (rows - np.arange(rows)) * np.timedelta64(1, "s")
    pl.DataFrame(
        {
            "id": [f"h{row}" for row in range(rows)],
            "asked": pl.Series(asked).cast(pl.Datetime("us", "UTC")),
            "known": pl.Series(asked + np.timedelta64(2, "s")).cast(pl.Datetime("us", "UTC")),
            "a": a,
            "b": b,
            "c": [("x", "y", "z")[row % 3] for row in range(rows)],
            "y": (a + b + rng.normal(size=rows) > 0).astype(int),
        }
    ).write_parquet(path)


async def ask(client: Client, seen: Seen, number: int, dice: random.Random) -> None:
    """Ask for one prediction until it is confirmed, then tell its label."""
    own = dice.random() < 0.7
    body: dict[str, Any] = {
        "inputs": {"a": dice.gauss(0, 1), "b": dice.gauss(0, 1), "c": dice.choice("xyz")}
    }
    if own:
        body["prediction_id"] = f"r{number}"
    answer = await confirmed(client, seen, "/loops/crash/predict", body, retry=own)
    if answer is None:
        return
    prediction_id, told = answer["prediction_id"], (answer["score"], answer["version"])
    known = seen.answers if own else seen.made
    known[prediction_id] = told
    seen.answered_at.append(time.monotonic())
    if own and dice.random() < 0.1:  # a client that did not notice the first answer
        again = await confirmed(client, seen, "/loops/crash/predict", body, retry=True)
        seen.other_answers += again is not None and (again["score"], again["version"]) != told
    label = int(dice.random() < 0.5)
    given = {"labels": [{"prediction_id": prediction_id, "label": label}]}
    if await confirmed(client, seen, "/loops/crash/labels", given, retry=True) is not None:
        seen.labels.append((prediction_id, label))


async def confirmed(
    client: Client, seen: Seen, path: str, body: dict[str, Any], *, retry: bool
) -> dict[str, Any] | None:
    while True:
        try:
            status, answer = await client.post(path, body)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            client.close()
        else:
            if status < 300:
                return answer
            seen.refused[status] += 1
            if status < 500 and status != 429:
                raise AssertionError(f"{path} answered {status}: {answer}")
        if not retry:
            return None
        await asyncio.sleep(0.02)


async def load(port: int, seen: Seen, stop: asyncio.Event, seed: int, connections: int) -> None:
    numbers = iter(range(10**9))

    async def work(which: int) -> None:
        client, dice = Client(port), random.Random(seed * 1_000 + which)
        while not stop.is_set():
            await ask(client, seen, next(numbers), dice)
            await asyncio.sleep(0.01)
        client.close()

    await asyncio.gather(*(work(which) for which in range(connections)))


def children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def pid_of(folder: Path, target: str, dice: random.Random) -> int | None:
    names = sorted(folder.glob("run/gateway-*.json")) if target == "gateway" else []
    path = dice.choice(names) if names else folder / "run" / "engine.json"
    try:
        pid = int(json.loads(path.read_bytes())["pid"])
    except (OSError, ValueError, KeyError):
        return None
    if target == "trainer":
        under = children(pid)
        return dice.choice(under) if under else None
    return pid


async def killer(
    folder: Path, port: int, seen: Seen, kills: int, seed: int
) -> tuple[Counter[str], list[float], int]:
    """Kill; return how often each was hit, seconds to the next answer, engine deaths bridged."""
    dice, done, waits, bridged = random.Random(seed), Counter(), [], 0
    while done.total() < kills:
        await asyncio.sleep(dice.uniform(0.2, 1.5))
        target = dice.choice(TARGETS)
        pid = pid_of(folder, target, dice)
        if pid is None:
            continue
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        done[target] += 1
        died = time.monotonic()
        before = len(seen.answered_at)
        while len(seen.answered_at) == before and time.monotonic() - died < 60:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        waits.append(time.monotonic() - died)
        bridged += target == "engine" and waits[-1] < 1.0
        print(f"\r{done.total()} of {kills} kills", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return done, waits, bridged


def logged(folder: Path) -> tuple[Counter[str], dict[str, tuple[float, str]], set[tuple[str, int]]]:
    """Read every event, from the lake and from the log: ids counted, answers, labels."""
    layout = Layout(folder)
    found: dict[int, bytes] = {}
    table = layout.lake / "events"
    if (table / "_delta_log").is_dir():
        kept = DeltaTable(str(table)).to_pyarrow_table().to_pydict()
        found.update(zip(kept["offset"], kept["payload"], strict=True))
    with SqliteEventLog(layout.events, readonly=True) as log:
        start = 0
        while page := log.read(start, 10_000):
            found.update((offset, payload) for offset, _, payload in page)
            start = page[-1][0] + 1
    counts: Counter[str] = Counter()
    answers: dict[str, tuple[float, str]] = {}
    labels: set[tuple[str, int]] = set()
    for offset in sorted(found):
        event = events.decode(found[offset])
        if isinstance(event, events.Answered):
            for row, key in enumerate(event.ids):
                version = event.versions[event.answered[row]]
                counts[str(key)] += 1
                answers[str(key)] = (event.scores[version][row], version)
        elif isinstance(event, events.LabelsGiven):
            labels.update(zip(map(str, event.ids), event.values, strict=True))
    return counts, answers, labels


def audit(folder: Path, what: str) -> tuple[bool, Any]:
    command = [sys.executable, "-m", "ostinato.cli.main", "audit", what, "--dir", str(folder)]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stdout.strip() or done.stderr.strip()


def trainings(folder: Path) -> tuple[Counter[str], Counter[str], set[str]]:
    asked, answered, versions = Counter(), Counter(), set()
    with SqliteJournal(Layout(folder).journal, readonly=True) as journal:
        for entry in journal.entries():
            body = json.loads(entry.body)
            if entry.kind == "training_requested":
                asked[body["request"]] += 1
            elif entry.kind in ("candidate_trained", "training_failed"):
                answered[body["request"]] += 1
                if entry.kind == "candidate_trained":
                    versions.add(body["subject"])
    return asked, answered, versions


def check(folder: Path, seen: Seen) -> dict[str, Any]:
    counts, answers, labels = logged(folder)
    told = {**seen.answers, **seen.made}
    asked, answered, versions = trainings(folder)
    open_orders = len(set(asked) - set(answered))
    registry = FolderRegistry(Layout(folder).registry)
    verified, chain = audit(folder, "verify")
    derived, difference = audit(folder, "replay")
    return {
        "predictions confirmed": len(told),
        "predictions lost": sum(key not in counts for key in told),
        "predictions twice": sum(count > 1 for count in counts.values()),
        "answers other than confirmed": sum(answers.get(key) != told[key] for key in told),
        "retries answered otherwise": seen.other_answers,
        "labels confirmed": len(seen.labels),
        "labels lost": sum(label not in labels for label in seen.labels),
        "trainings": len(asked),
        "orders doubled": sum(c > 1 for c in asked.values()),
        "results doubled": sum(c > 1 for c in answered.values()),
        "orders without a result (one may be under way)": max(open_orders - 1, 0),
        "versions not in the registry": len(versions - set(registry.versions())),
        "chain whole": verified,
        "every decision derived again": derived,
        "said": [chain, difference],
    }


BAD = (
    "predictions lost",
    "predictions twice",
    "answers other than confirmed",
    "retries answered otherwise",
    "labels lost",
    "orders doubled",
    "results doubled",
    "orders without a result (one may be under way)",
    "versions not in the registry",
)


async def under_fire(folder: Path, port: int, arguments: argparse.Namespace) -> dict[str, Any]:
    seen, stop = Seen(), asyncio.Event()
    traffic = asyncio.create_task(load(port, seen, stop, arguments.seed, arguments.connections))
    await asyncio.sleep(2)
    done, waits, bridged = await killer(folder, port, seen, arguments.kills, arguments.seed)
    stop.set()
    await traffic
    return {
        "seen": seen,
        "kills": dict(done),
        "seconds to the next answer, median": round(float(np.median(waits)), 3),
        "seconds to the next answer, most": round(max(waits), 3),
        "engine deaths with answers within a second": f"{bridged} of {done['engine']}",
        "refused": dict(seen.refused),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--slowest", type=float, default=SLOWEST_S, help="seconds to an answer")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        home = arguments.keep or Path(made)
        home.mkdir(parents=True, exist_ok=True)
        (home / "crash_loop.py").write_text(LOOP)
        make_history(home / "history.parquet")
        folder, port = home / "service", free_port()
        command = [sys.executable, "-m", "ostinato.cli.main", "serve", str(home / "crash_loop.py")]
        command += ["--dir", str(folder), "--data", str(home / "history.parquet")]
        command += ["--port", str(port), "--gateways", str(arguments.gateways), "--tick", "1s"]
        command += ["--autonomy", "auto"]
        with (home / "service.log").open("w") as said:
            service = subprocess.Popen(command, stdout=said, stderr=said)
            try:
                wait_until_ready(port, service, seconds=120)
                found = asyncio.run(under_fire(folder, port, arguments))
                time.sleep(3)  # a few quiet ticks: what was under way ends
            finally:
                service.send_signal(signal.SIGTERM)
                found_code = service.wait(timeout=60)
        found["exit code of the service"] = found_code
        found |= check(folder, found.pop("seen"))
    ok = not any(found[name] for name in BAD)
    ok &= found["chain whole"] and found["every decision derived again"] and found_code == 0
    ok &= found["seconds to the next answer, most"] <= arguments.slowest
    if arguments.json:
        print(json.dumps({**found, "passed": ok}, indent=1))
    else:
        for name, value in found.items():
            print(f"{name:50} {value}")
        print("Nothing lost, nothing doubled." if ok else "NOT KEPT.")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
