"""Run a contender of a benchmark in a process of its own, and stop it at a limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def run_alone(
    command: Sequence[str], *, ours: bool, limit_seconds: float, limit_mib: float
) -> tuple[dict[str, Any], str]:
    """Return what a contender told in its last line, or nothing and why it failed.

    ours: whether it runs in this environment and may see what this process sees.
    """
    path = os.pathsep.join([str(HERE), *(each for each in sys.path if each and ours)])
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        stopped = _wait(process, limit_seconds, limit_mib)
        said, complained = process.communicate()
    if stopped or process.returncode:
        return {}, stopped or _last_words(complained)
    return json.loads(said.strip().splitlines()[-1]), ""


def _last_words(complained: str) -> str:
    lines = [each for each in complained.splitlines() if each.strip()] or ["it said nothing"]
    return next((each for each in reversed(lines) if "Error" in each), lines[-1])[:200]


def _wait(process: subprocess.Popen[str], limit_seconds: float, limit_mib: float) -> str:
    """Wait for the end of a process; return why it was stopped, or nothing."""
    while process.poll() is None:
        time.sleep(0.05)
        if _processor_seconds(process.pid) > limit_seconds:
            process.kill()
            return f"stopped after {limit_seconds:.0f} s of the processor"
        if _resident_mib(process.pid) > limit_mib:
            process.kill()
            return f"stopped at {limit_mib:,.0f} MiB"
    return ""


def _processor_seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_mib(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
