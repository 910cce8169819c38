"""Run one task of a contender and tell what it took. Peers import it: standard library only."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Answer(NamedTuple):
    """What a task found: rows, how many of the values are there, and their sum."""

    rows: int
    there: int
    total: float


Task = Callable[[], Answer]
Prepare = Callable[[Path], Task]
"""Reads the files of a folder; what it returns is timed."""


def main(tasks: Mapping[str, Prepare]) -> None:
    """Carry out ``TASK FOLDER [ROUNDS]`` of the command line; the fastest round counts."""
    name, folder, *more = sys.argv[1:]
    task = tasks[name](Path(folder))
    before = _begin_mib()
    rounds = [_once(task) for _ in range(int(more[0]) if more else 1)]
    seconds, processor, answer = min(rounds)
    told = {"seconds": seconds, "processor": processor, **answer._asdict()}
    print(json.dumps({**told, "peak_mib": _peak_mib(), "before_mib": before}))


def _once(task: Task) -> tuple[float, float, Answer]:
    wall, processor = time.perf_counter(), time.process_time()
    answer = task()
    return time.perf_counter() - wall, time.process_time() - processor, answer


def _begin_mib() -> float:
    """Let the peak of memory begin anew, where the kernel can; return what is held now."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak_mib()


def _peak_mib() -> float:
    """The most memory since it began anew: of this program alone, unlike ``ru_maxrss``."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(each.split()[1]) for each in lines if each.startswith("VmHWM")) / 1024
