"""A load at a fixed rate for a long time, told minute by minute, with the labels that follow it."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from servers.client import Answer, Load, packed
from servers.live import LABELS, label_bodies, read_prediction, requests
from servers.proc import memory_mib
from servers.processes import Running
from servers.server import Site
from servers.world import World

CONNECTIONS = 64
LABEL_BATCH, LABEL_AFTER_SECONDS = 1_000, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """One minute of a soak. memory_mib: by process; failed: predictions and batches of labels."""

    number: int
    answers: int
    labels: int
    failed: int
    p50_ms: float
    p99_ms: float
    memory_mib: dict[str, float]
    folder_mib: float


class Soak:
    """Ask at a rate, label what was answered, look at the processes once a minute."""

    def __init__(
        self,
        found: Running,
        world: World,
        site: Site,
        *,
        rate: float,
        minutes: int,
        minute_seconds: float = 60.0,
        tell: Callable[[Minute], None] = lambda minute: None,
    ) -> None:
        self.found, self.world, self.site = found, world, site
        self.rate, self.minutes, self.minute_seconds = rate, minutes, minute_seconds
        self.tell = tell
        self.latencies: list[float] = []
        self.failed, self.labels = 0, 0
        self.unlabelled: deque[tuple[float, int, str | int]] = deque()
        self.names: dict[int, str] = {}
        self.ended = False

    async def run(self) -> list[Minute]:
        """Return what each minute brought."""
        load = Load(
            self.found.port,
            requests(self.found, self.world),
            connections=CONNECTIONS,
            seconds=self.minutes * self.minute_seconds,
            rate=self.rate,
            on_answer=self._answered,
        )
        work = asyncio.gather(load.run(), self._label())
        began = time.monotonic()
        told = []
        for number in range(1, self.minutes + 1):
            await asyncio.sleep(max(0.0, began + number * self.minute_seconds - time.monotonic()))
            told.append(self._minute(number))
            self.tell(told[-1])
        self.ended = True
        await work
        return told

    def _answered(self, answer: Answer) -> None:
        if answer.status != 200:
            self.failed += 1
            return
        self.latencies.append(answer.received - answer.due)
        name = read_prediction(answer.body).prediction_id
        self.unlabelled.append((answer.received, answer.number, name))

    async def _label(self) -> None:
        """Label every prediction some seconds after its answer, a thousand at a time."""
        while not self.ended:
            due = time.monotonic() - LABEL_AFTER_SECONDS
            ready = []
            while self.unlabelled and self.unlabelled[0][0] <= due and len(ready) < LABEL_BATCH:
                ready.append(self.unlabelled.popleft()[1:])
            if not ready:
                await asyncio.sleep(0.02)
                continue
            body = label_bodies(ready, self.world, LABEL_BATCH)
            tally = await Load(
                self.found.port, packed(LABELS, body), connections=1, seconds=30.0, limit=1
            ).run()
            self.labels += len(ready) * len(tally.latencies)
            self.failed += tally.failed

    def _minute(self, number: int) -> Minute:
        latencies, self.latencies = np.array(self.latencies or [np.nan]) * 1e3, []
        failed, self.failed = self.failed, 0
        labels, self.labels = self.labels, 0
        return Minute(
            number=number,
            answers=int(np.isfinite(latencies).sum()),
            labels=labels,
            failed=failed,
            p50_ms=float(np.percentile(latencies, 50)),
            p99_ms=float(np.percentile(latencies, 99)),
            memory_mib=self._memory(),
            folder_mib=folder_mib(self.site.folder),
        )

    def _memory(self) -> dict[str, float]:
        """By process, under its name and number."""
        alive = {pid: memory_mib(pid) for pid in self.found.pids()}
        for pid in alive:
            self.names.setdefault(pid, f"{process_name(pid)} {pid}")
        return {self.names[pid]: mib for pid, mib in alive.items() if mib > 0.0}


def process_name(pid: int) -> str:
    """The module of ours that a process runs, or what the process calls itself."""
    with suppress(OSError, ValueError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        # A launcher names itself and then what it launches.
        if modules := [word for word in words if word.startswith("ostinato.")]:
            return modules[-1]
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return "process"


def folder_mib(folder: Path) -> float:
    """Size of all files below a folder; those that go away meanwhile are left out."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(where) / name).stat().st_size
    return total / 2**20
