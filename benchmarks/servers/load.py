"""The load of the speed table: wrk where it is installed, else our own generator."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from servers.calls import Failed
from servers.client import Load, packed, run

SCRIPT = Path(__file__).parent / "post.lua"
HINT = (
    "wrk is not installed (Debian, Ubuntu: apt-get install wrk; else https://github.com/wg/wrk). "
    "Our own generator asks instead: it takes more of the processor, so the figures of fast "
    "servers are too low, and with them the ratios to slow ones."
)


@dataclass(frozen=True, slots=True)
class Window:
    """What one window of load gave. Latencies as the client saw them."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


Ask = Callable[[int, str, Sequence[bytes], int, float], Window]
"""From port, path, bodies, connections and seconds to what was seen."""


def generator() -> tuple[str, Ask]:
    """Which generator there is, by name, and how to use it."""
    return ("wrk", with_wrk) if shutil.which("wrk") else ("own", with_own)


def with_wrk(
    port: int, path: str, bodies: Sequence[bytes], connections: int, seconds: float
) -> Window:
    """Closed loop by one thread of wrk; the bodies are asked in turn."""
    file = Path(tempfile.gettempdir()) / f"bodies-{port}.jsonl"
    file.write_bytes(b"\n".join(bodies) + b"\n")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    command += ["--timeout", "10s", "-s", str(SCRIPT), f"http://127.0.0.1:{port}{path}"]
    environ = os.environ | {"BODIES": str(file)}
    try:
        done = subprocess.run(
            command, env=environ, capture_output=True, text=True, timeout=seconds + 60, check=False
        )
    finally:
        file.unlink()
    told = [line for line in done.stdout.splitlines() if line.startswith("FIGURES ")]
    if not told:
        raise Failed(f"wrk ended with {done.returncode}: {(done.stderr or done.stdout)[-300:]}")
    return Window(**json.loads(told[0].removeprefix("FIGURES ")))


def with_own(
    port: int, path: str, bodies: Sequence[bytes], connections: int, seconds: float
) -> Window:
    """Closed loop by `servers.client`, in this process."""
    tally = run(Load(port, packed(path, bodies), connections=connections, seconds=seconds))
    return Window(
        requests=len(tally.latencies) + tally.failed,
        seconds=tally.seconds,
        p50_ms=tally.percentile(50) * 1e3,
        p99_ms=tally.percentile(99) * 1e3,
        failed=tally.failed,
    )
