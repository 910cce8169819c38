"""Which machine this is, and how busy others keep it: without that no figure means anything."""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from pathlib import Path


def describe() -> dict[str, object]:
    """Cores, processor, Python, load average, and the share of a core that a busy thread gets."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
        "share_of_a_core": round(share_of_a_core(), 3),
    }


def share_of_a_core(seconds: float = 0.5) -> float:
    """How much of the time a thread that never waits really runs: 1 on a quiet machine."""
    began, used = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        pass
    return (time.process_time() - used) / (time.perf_counter() - began)


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
