"""Treat a live service badly, and see that good clients do not notice.

A real service with access tokens is asked for nonsense, with numbers at the edge of what there is,
for too much, too slowly and by too many, while a well-behaved client goes on asking. Held against
it: an answer of 5xx to bad input; a good request that fails or waits long; a process that grows or
dies; an engine that ticks no more, or whose decisions cannot be derived again; a token in a log.

    python benchmarks/abuse.py
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from live_load import HOST, Client, free_port, wait_until_ready
from servers import hostile

LOOP = """
from sklearn.ensemble import HistGradientBoostingRegressor
import ostinato as ost

loop = ost.Loop(
    name="abuse", task="regression", time="asked", features=["a", "b", "k", "c"], id="id",
    label=ost.Label("y", time="known", horizon="5s"),
    learner=HistGradientBoostingRegressor(max_iter=10, early_stopping=False),
    slices=["c"], unit="k", holdout=0.05,
)
"""
SLOWEST_S = 2.0
"""A good client may wait so long at most; on a machine with nothing else to do it is 0.3 s."""

MOST_MIB = 1_000.0
"""Memory of the gateway at the end at most."""


class GoodClient:
    """Asks every 20 ms and remembers how long it took."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.took: list[float] = []
        self.failed: list[str] = []
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        client = Client(self.port, token=self.token)
        try:
            await self._ask(client)
        finally:
            client.close()

    async def _ask(self, client: Client) -> None:
        while True:
            began = time.monotonic()
            try:
                status, answer = await client.post(hostile.PREDICT, hostile.GOOD)
                if status != 200:
                    self.failed.append(f"{status}: {answer}")
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.failed.append(repr(error))
                client.close()
            self.took.append(time.monotonic() - began)
            await asyncio.sleep(0.02)

    def seen(self) -> dict[str, Any]:
        took, self.took = self.took, []
        failed, self.failed = self.failed, []
        return {
            "good requests": len(took),
            "failed": len(failed),
            "p50 ms": round(1e3 * float(np.median(took)), 2) if took else None,
            "most ms": round(1e3 * max(took), 1) if took else None,
            "errors": failed[:3],
        }


async def treat(port: int, token: str, reader: str, *, quick: bool) -> dict[str, Any]:
    good = GoodClient(port, token)
    found: dict[str, Any] = {}
    steps = {
        "alone": asyncio.sleep(1, {}),
        "nonsense": hostile.nonsense(port, token),
        "numbers at the edge": hostile.edges(port, token),
        "bad HTTP": hostile.wire(port, token),
        "access": hostile.access(port, token, reader),
        "too much": hostile.too_much(port, token),
        "too slow": hostile.slow(port, token, *((50, 1.0) if quick else (500, 65.0))),
        "too many": hostile.crowd(port, *((500, 0.5) if quick else (10_000, 5.0))),
    }
    for name, step in steps.items():
        told = await step
        found[name] = {**told, "meanwhile": good.seen()}
    good.task.cancel()
    await asyncio.gather(good.task, return_exceptions=True)
    slowly = found["too slow"]
    if not quick:
        dropped = slowly["dropped in the head"] + slowly["dropped in the body"]
        slowly["wrong"] = slowly["slow clients"] - dropped
    found["the engine"] = await asyncio.to_thread(goes_on, port, reader)
    return found


def goes_on(port: int, reader: str) -> dict[str, Any]:
    """Wait until the engine has folded what came up to now, and two ticks more."""
    first = told(port, reader)
    until = time.monotonic() + 20
    last = first
    while time.monotonic() < until and last["tick"] < first["tick"] + 3:
        time.sleep(0.2)
        last = told(port, reader)
    ticks = last["tick"] - first["tick"]
    return {"ticks": ticks, "folded": last["folded_offset"], "wrong": ticks < 3}


def told(port: int, reader: str) -> dict[str, Any]:
    asked = urllib.request.Request(f"http://{HOST}:{port}/loops/abuse")
    asked.add_header("authorization", f"Bearer {reader}")
    with urllib.request.urlopen(asked, timeout=10) as answer:
        status: dict[str, Any] = json.load(answer)["status"]
    return status


def make_history(path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = 500
    a, b = rng.normal(size=rows), rng.normal(size=rows)
    asked = np.datetime64("now", "us") - (rows - np.arange(rows)) * np.timedelta64(1, "s")
    pl.DataFrame(
        {
            "id": [f"h{row}" for row in range(rows)],
            "asked": pl.Series(asked).cast(pl.Datetime("us", "UTC")),
            "known": pl.Series(asked + np.timedelta64(2, "s")).cast(pl.Datetime("us", "UTC")),
            "a": a,
            "b": b,
            "k": np.arange(rows) % 17,
            "c": [("x", "y", "z")[row % 3] for row in range(rows)],
            "y": a + b + rng.normal(size=rows),
        }
    ).write_parquet(path)


def command(*parts: object) -> subprocess.CompletedProcess[bytes]:
    whole = [sys.executable, "-m", "ostinato.cli.main", *map(str, parts), "--json"]
    return subprocess.run(whole, capture_output=True, check=False)


def make_token(folder: Path, name: str, *scopes: str) -> str:
    given = [part for scope in scopes for part in ("--scope", scope)]
    made = command("token", "create", name, *given, "--dir", folder)
    return str(json.loads(made.stdout)["token"])


def run(home: Path, *, quick: bool) -> dict[str, Any]:
    """Start a service in a folder, treat it badly, stop it; return what was found."""
    folder, port = home / "service", free_port()
    (home / "abuse_loop.py").write_text(LOOP)
    make_history(home / "history.parquet")
    serve = [sys.executable, "-m", "ostinato.cli.main", "serve", str(home / "abuse_loop.py")]
    serve += ["--dir", str(folder), "--data", str(home / "history.parquet"), "--tick", "1s"]
    serve += ["--port", str(port), "--access", "tokens", "--autonomy", "observe"]
    with (home / "service.log").open("w") as said:
        service = subprocess.Popen(serve, stdout=said, stderr=said)
        try:
            wait_until_ready(port, service, seconds=120)
            token = make_token(folder, "app", "predict", "label")
            reader = make_token(folder, "viewer", "read")
            before = json.loads((folder / "run" / "gateway-0.json").read_bytes())["pid"]
            found = asyncio.run(treat(port, token, reader, quick=quick))
            after = json.loads((folder / "run" / "gateway-0.json").read_bytes())["pid"]
            mib = memory(after)
        finally:
            service.send_signal(signal.SIGTERM)
            code = service.wait(timeout=60)
    logs = [home / "service.log", *sorted((folder / "logs").iterdir())]
    log = "".join(path.read_text(errors="replace") for path in logs)
    found["the gateway"] = {
        "MiB": mib,
        "exit": code,
        "wrong": before != after or mib > MOST_MIB or code != 0,
    }
    found["the log"] = {
        "tracebacks": log.count("Traceback"),
        "warnings": log.count("Warning"),
        "tokens": log.count(token) + log.count(reader),
    }
    found["the log"]["wrong"] = any(found["the log"].values())
    found["the log"]["lines"] = [line for line in log.splitlines() if "Warning" in line][:5]
    found["the audit"] = {
        what: command("audit", what, "--dir", folder).returncode == 0
        for what in (("replay",) if quick else ("verify", "replay"))
    }
    found["the audit"]["wrong"] = not all(found["the audit"].values())
    return found


def memory(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def failures(found: dict[str, Any]) -> list[str]:
    """Name what did not hold."""
    wrong = [name for name, each in found.items() if each.get("wrong")]
    for name, each in found.items():
        seen = each.get("meanwhile")
        if seen and (seen["failed"] or (seen["most ms"] or 0.0) > 1e3 * SLOWEST_S):
            wrong.append(f"good clients during {name}")
    return wrong


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(most, 65_536)), most))
    with tempfile.TemporaryDirectory() as made:
        found = run(Path(made), quick=given.quick)
    wrong = failures(found)
    told = {**found, "passed": not wrong, "failures": wrong}
    print(json.dumps(told, indent=None if given.json else 1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
