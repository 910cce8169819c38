"""A server as a tree of processes: started, waited for, measured, stopped. Needs Linux' /proc."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servers.calls import Failed, request
from servers.proc import alive, began_at, memory_mib, processor_seconds, tree
from servers.server import Server, Site

START_SECONDS, STOP_SECONDS = 180.0, 10.0
QUIET_SHARE, IDLE_SHARE, HALF_SECOND, SETTLE_SECONDS = 0.05, 0.3, 0.5, 60.0


@dataclass(slots=True)
class Running:
    """A started server."""

    server: Server
    port: int
    process: subprocess.Popen[bytes]
    started_seconds: float = 0.0
    seen: dict[int, str] = field(default_factory=dict)

    def pids(self) -> list[int]:
        """The process and all below it, and what was below it before and still lives."""
        # Numbers are given again: it is the same process only if it began at the same time.
        known = [pid for pid, then in self.seen.items() if began_at(pid) == then]
        self.seen = {pid: began_at(pid) for pid in tree(self.process.pid, *known)}
        return sorted(self.seen)

    def processor_seconds(self) -> float:
        """What the tree has used so far, with the children it has waited for."""
        return sum(processor_seconds(pid) for pid in self.pids())

    def memory_mib(self) -> float:
        """Memory of the tree; what its processes share is counted once (PSS)."""
        return sum(memory_mib(pid) for pid in self.pids())

    def settle(self) -> float:
        """Wait until the server does nothing any more; return for how many seconds it did.

        What a request leaves to be done later is part of its price. Quiet is under a twentieth of
        a core over half a second, or as much again as in the half second before it: then that is
        what the server does when it is idle.
        """
        began = time.monotonic()
        used, before = self.processor_seconds(), 1.0
        while time.monotonic() - began < SETTLE_SECONDS:
            time.sleep(HALF_SECOND)
            now = self.processor_seconds()
            share, used = (now - used) / HALF_SECOND, now
            if share < QUIET_SHARE or (share < IDLE_SHARE and abs(share - before) < QUIET_SHARE):
                break
            before = share
        return time.monotonic() - began

    def post(self, path: str, body: Any, seconds: float = 30.0) -> Any:
        """Post JSON, return the answer's JSON; raises `Failed` for any other status than 2xx."""
        return self.post_bytes(path, json.dumps(body).encode(), seconds)

    def post_bytes(self, path: str, body: bytes, seconds: float = 30.0) -> Any:
        return request(self.port, path, body, seconds)

    def get(self, path: str, seconds: float = 30.0) -> Any:
        return request(self.port, path, None, seconds)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(server: Server, site: Site) -> Iterator[Running]:
    """Start a server, hand it out once it answers rightly, and stop it with all its processes."""
    site.folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    began = time.monotonic()
    log_path = site.folder / "server.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            server.command(site, port),
            env=server.environ(site),
            cwd=site.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    found = Running(server=server, port=port, process=process)
    try:
        _wait(found, site, log_path)
        found.started_seconds = time.monotonic() - began
        yield found
    finally:
        stop(found)
        process.wait(STOP_SECONDS)


def _wait(found: Running, site: Site, log: Path) -> None:
    server, last = found.server, "no answer"
    row = site.world.rows[0].tolist()
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if found.process.poll() is not None:
            last = f"it ended with {found.process.returncode}"
            break
        try:
            answer = found.post(server.path, server.body(row))
        except Failed as error:
            last = str(error)
            time.sleep(0.1)
            continue
        _check(server, answer, float(site.world.scores[0]))
        return
    words = log.read_text(errors="replace").strip()[-400:]
    raise Failed(f"{server.name} did not start: {last}; its last words: {words or 'none'}")


def _check(server: Server, answer: Any, expected: float) -> None:
    """A server that does not score rightly is not worth timing."""
    try:
        score = float(server.score(answer))
    except (LookupError, TypeError, ValueError) as error:
        raise Failed(f"{server.name} answered {str(answer)[:300]}: {error!r}") from error
    if not 0.0 <= score <= 1.0 or (server.same_model and abs(score - expected) > 1e-9):
        raise Failed(f"{server.name} answered {score}, expected {expected}")


def stop(found: Running) -> None:
    """Ask the server to end, then those it has left behind, then end all by force."""
    first = found.process.pid
    _signal([first], signal.SIGTERM)
    _gone(found, lambda: [first])
    for how in (signal.SIGTERM, signal.SIGKILL):
        _signal(found.pids(), how)
        if _gone(found, found.pids):
            return


def _signal(pids: list[int], how: signal.Signals) -> None:
    for pid in pids:
        with suppress(OSError):
            os.kill(pid, how)


def _gone(found: Running, pids: Callable[[], list[int]]) -> bool:
    """Wait until all of them have ended; False when they have not in time."""
    until = time.monotonic() + STOP_SECONDS
    while time.monotonic() < until:
        found.process.poll()
        if not any(alive(pid) for pid in pids()):
            return True
        time.sleep(0.02)
    return False
