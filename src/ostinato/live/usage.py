"""What a process takes of its machine: processor time, memory, and the GPU where there is one."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ostinato.live.config import ServiceConfig
from ostinato.loop.loop import Loop

_STATM: Final = Path("/proc/self/statm")
_PATIENCE_S: Final = 5.0
_QUERY: Final = ("--query-gpu=utilization.gpu", "--format=csv,noheader,nounits")
_MIB: Final = 1024 * 1024


def watches_resources(loop: Loop, config: ServiceConfig) -> bool:
    """Whether processes tell what they take.

    Not on the clock of events: rehearsals run as fast as they can, and decide what replays decide.
    """
    watched = loop.monitors is not None and "infrastructure" in loop.monitors.families
    return watched and config.clock == "wall"


def cpu_seconds() -> float:
    """Return the processor seconds that this process has used, all threads together."""
    times = os.times()
    return times.user + times.system


def memory_mib() -> float | None:
    """Return what this process holds in memory, MiB; None where the system does not say."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB


def gpu_share(command: str | None = None) -> float | None:
    """Return how busy the GPUs of this machine are on average, 0 to 1; None: there are none.

    Parameters
    ----------
    command
        ``nvidia-smi``, which ships with NVIDIA's drivers; None: it is looked for.
    """
    command = command or shutil.which("nvidia-smi")
    if command is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command, found on the path
            [command, *_QUERY], capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        )
        busy = [float(line) / 100 for line in done.stdout.split("\n") if line.strip()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return None  # no driver, or a GPU that does not say ("[N/A]")
    return sum(busy) / len(busy) if busy else None


@dataclass(slots=True)
class Usage:
    """What a process used since it was last asked.

    Parameters
    ----------
    gpu
        Whether to look at GPUs: they are the machine's, so that one process does it.
    """

    gpu: bool = False
    _cpu: float = field(default_factory=cpu_seconds)

    def since(self, seconds: float) -> dict[str, float]:
        """Return ``cpu`` (cores), ``memory_mib`` and ``gpu``, as far as they are known.

        Parameters
        ----------
        seconds
            How long it is since the last time, > 0.
        """
        before, self._cpu = self._cpu, cpu_seconds()
        found = {"cpu": (self._cpu - before) / seconds}
        parts = {"memory_mib": memory_mib(), "gpu": gpu_share() if self.gpu else None}
        return found | {name: value for name, value in parts.items() if value is not None}
