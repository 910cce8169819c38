"""Trainings and examinations in processes of their own, with limits of time and memory.

Memory is what the process and its children hold resident, looked at now and then. A limit on
addresses (RLIMIT_AS) would end sound trainings: numeric libraries and threads reserve many times
what they use.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ostinato.core.clock import SteadyClock
from ostinato.core.units import SECOND_NS
from ostinato.live.config import ServiceConfig
from ostinato.live.engine.trainings import TRAININGS, AnyJob, Desk, ExaminationJob, Outcome
from ostinato.live.launch import command
from ostinato.live.layout import Layout

ATTEMPTS: Final = 5
"""How often a job whose process is killed or dies is begun in one life of the engine. Less: a
machine in trouble loses a training; more: a learner that always takes its process down is tried in
vain."""

EXAMINED_S: Final = 3600
"""How long an examination may take where the service sets no limit: it looks at 40,000 rows at
most. Shorter: a slow machine finds nothing; longer: one that hangs keeps back all others."""

_WEIGH_NS: Final = SECOND_NS // 4  # between two looks at the memory: reading /proc costs
_MODULE: Final = "ostinato.live.engine.train_process"
_LOG: Final = "trainer.log"
_SAID: Final = 2_000  # bytes of the trainer's last words that are told


@dataclass(slots=True)
class _Running:
    job: AnyJob
    process: subprocess.Popen[bytes]
    since_ns: int
    weighed_ns: int


@dataclass(slots=True)
class TrainingsElsewhere:
    """`Trainings` as processes, one at a time.

    Parameters
    ----------
    layout, config
        Where, and within which limits.
    attempts
        How often a training that is killed or dies is begun before it has failed.
    name
        Of the desk.
    """

    layout: Layout
    config: ServiceConfig
    attempts: int = ATTEMPTS
    name: str = TRAININGS
    desk: Desk = field(init=False)
    _running: _Running | None = None
    _attempts: dict[str, int] = field(default_factory=dict)
    _clock: SteadyClock = field(default_factory=SteadyClock)

    def __post_init__(self) -> None:
        self.desk = Desk.of(self.layout, self.name)

    def begin(self, job: AnyJob) -> None:
        request = job.request
        if self._running is not None or self.desk.has(request):
            return
        self._attempts[request] = self._attempts.get(request, 0) + 1
        now_ns = self._clock.now_ns()
        self._running = _Running(job, self._start(self.desk.put(job)), now_ns, now_ns)

    def outcome(self, request: str) -> Outcome | None:
        self._look()
        return self.desk.outcome(request)

    def drop(self, request: str) -> None:
        if self._running is not None and self._running.job.request == request:
            self._end()
        self.desk.clear(request)
        self._attempts.pop(request, None)

    def close(self) -> None:
        self._end()

    def _start(self, job: Path) -> subprocess.Popen[bytes]:
        arguments = command(_MODULE, str(self.layout.folder), self.name, str(job))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with (self.layout.logs / _LOG).open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                arguments,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _look(self) -> None:
        """See what became of the process: it goes on, broke a limit, or ended."""
        running = self._running
        if running is None:
            return
        code = running.process.poll()
        broken = self._broken_limit(running) if code is None else ""
        if code is None and not broken:
            return
        self._end()
        job = running.job
        if self.desk.outcome(job.request) is not None:
            return
        if broken:
            self.desk.answer(job.request, job.failed(broken))
        elif self._attempts[job.request] < self.attempts:
            self.begin(job)
        else:
            reason = f"died: its process ended with {code}; attempts: {self.attempts}. "
            self.desk.answer(job.request, job.failed(reason + self._last_words()))

    def _broken_limit(self, running: _Running) -> str:
        seconds, megabytes = self.config.train_timeout_s, self.config.train_memory_mb
        if not seconds and isinstance(running.job, ExaminationJob):
            seconds = EXAMINED_S
        now_ns = self._clock.now_ns()
        if seconds and now_ns - running.since_ns > seconds * SECOND_NS:
            return f"took longer than {seconds} s, its limit (train_timeout_s)."
        if not megabytes or now_ns - running.weighed_ns < _WEIGH_NS:
            return ""
        running.weighed_ns = now_ns
        if resident_bytes(running.process.pid) > megabytes * 1024**2:
            return f"held more than {megabytes} MB, its limit (train_memory_mb)."
        return ""

    def _end(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        if running.process.poll() is None:
            _kill_group(running.process)
        running.process.wait()

    def _last_words(self) -> str:
        content = (self.layout.logs / _LOG).read_bytes()[-_SAID:]
        lines = content.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "It said nothing."


def _kill_group(process: subprocess.Popen[Any]) -> None:
    if sys.platform == "win32":
        process.kill()
        return
    with suppress(ProcessLookupError):  # it may have ended by itself just now
        os.killpg(process.pid, signal.SIGKILL)


def resident_bytes(group: int) -> int:
    """Return what the processes of a group hold in memory; 0 where the system does not say.

    Read from ``/proc``, which Linux has.
    """
    found = 0
    root = Path("/proc")
    names = sorted(os.listdir(root)) if root.is_dir() else []  # noqa: PTH208 - names are enough
    for name in names:
        if name.isdigit():
            found += _resident_if_in(root / name, group)
    return found


def _resident_if_in(process: Path, group: int) -> int:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0  # it ended while we looked
    return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") if int(fields[2]) == group else 0
