"""Processes as Linux' /proc tells of them: who is below whom, what they hold and have used."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def tree(*roots: int) -> list[int]:
    """These processes and everything below them."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (told := stat(int(entry.name))):
            below.setdefault(int(told[1]), []).append(int(entry.name))
    found, todo = [], list(roots)
    while todo:
        one = todo.pop()
        found.append(one)
        todo += below.get(one, [])
    return list(dict.fromkeys(found))


def memory_mib(pid: int) -> float:
    """Memory of one process, its part of shared pages; 0 when it is gone."""
    for name, line_start in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/{name}").read_text().splitlines():
                if line.startswith(line_start):
                    return int(line.split()[1]) / 1024
    return 0.0


def stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the name, from the state on; empty when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def began_at(pid: int) -> str:
    """When it began, as the kernel counts it; tells a process from a later one of its number."""
    told = stat(pid)
    return told[19] if told else ""


def processor_seconds(pid: int) -> float:
    """What it has used, and the children that it has waited for."""
    told = stat(pid)
    return sum(map(int, told[11:15])) / TICKS_PER_SECOND if told else 0.0


def alive(pid: int) -> bool:
    """Whether it still runs; one that has ended and is not yet waited for does not."""
    told = stat(pid)
    return bool(told) and told[0] != "Z"
