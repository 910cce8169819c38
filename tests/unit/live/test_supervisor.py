"""The supervisor with real processes, which are small scripts in place of engine and gateway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from ostinato.core.clock import SteadyClock
from ostinato.live.layout import Layout
from ostinato.live.published import Published, write
from ostinato.live.service import free_port

pytestmark = pytest.mark.timeout(60)

CHILD = '''
"""Beats, writes down what happens to it, and does what a file tells it to do."""
import json, os, pathlib, signal, sys, time

folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]

def note(what):
    with (folder / "notes").open("a") as file:
        file.write(f"{name} {what}\\n")

def stop(number, frame):
    note("stops")
    if name != "stubborn":
        sys.exit(0)

signal.signal(signal.SIGTERM, stop)
note("starts " + " ".join(sys.argv[3:]))
print("hello", flush=True)
told = folder / f"{name}.do"
while True:
    do = told.read_text() if told.exists() else ""
    if do.startswith("exit"):
        if not do.endswith("always"):
            told.unlink()
        print("last words", flush=True)
        sys.exit(int(do.split()[1]))
    if do != "silent":
        scoring = do.split()[1] if do.startswith("scoring") else ""
        beat = {"pid": os.getpid(), "started_ns": 0, "beat_ns": time.time_ns(), "epoch": 1,
                "scoring": scoring}
        part = folder / "run" / f".{name}.part"
        part.write_text(json.dumps(beat))
        part.replace(folder / "run" / f"{name}.json")
    time.sleep(0.02)
'''

PARENT = """
import sys
from pathlib import Path
from ostinato.core.errors import OstinatoError
from ostinato.live import supervisor
from ostinato.live.config import ServiceConfig
from ostinato.live.console import Console
from ostinato.live.keeper import Component
from ostinato.live.layout import Layout

folder, port, *gateways = sys.argv[1:]
layout = Layout(Path(folder))
layout.make()
part = lambda name: Component(
    name=name, module="fake_child", arguments=(folder, name), silent_s=1.0, start_s=10.0
)
config = ServiceConfig(target="flights.py", loop="flights", port=int(port))
console = Console(lambda line: print(line, file=sys.stderr, flush=True))
try:
    code = supervisor.Supervisor(
        layout, config, console.say, engine=part("engine"),
        gateways=[part(name) for name in gateways], is_ready=lambda url: True,
    ).run()
except OstinatoError as error:
    console.say(f"error: {error}")
    code = 2
console.close()
sys.exit(code)
"""


class Service:
    """A supervisor in a process of its own, and what it has said so far."""

    def __init__(self, folder: Path, scripts: Path, *gateways: str) -> None:
        self.folder, self.lines = folder, []
        self.process = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(folder), str(free_port()), *gateways],
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(scripts), *sys.path])},
            text=True,
        )
        self._said = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._said:
                self.lines.append(line.rstrip())
                self._said.notify_all()

    def wait_for(self, text: str, *, times: int = 1) -> str:
        """Wait until a line with the text was said so often; return it."""

        def found():
            return len([line for line in self.lines if text in line]) >= times

        with self._said:
            assert self._said.wait_for(found, 20), "\n".join([f"never: {text}", *self.lines])
        return [line for line in self.lines if text in line][times - 1]

    def tell(self, name: str, what: str) -> None:
        (self.folder / f"{name}.do").write_text(what)

    def notes(self) -> list[str]:
        return (self.folder / "notes").read_text().splitlines()

    def pid(self, name: str) -> int:
        return json.loads((self.folder / "run" / f"{name}.json").read_text())["pid"]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(20)
        self._reader.join(5)
        return code


@pytest.fixture
def start(tmp_path):
    folder, scripts = tmp_path / "service", tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "fake_child.py").write_text(textwrap.dedent(CHILD))
    Layout(folder).make()
    write(Layout(folder).routes, Published(epoch=1, champion="v001"))
    running = []

    def start(*gateways):
        running.append(Service(folder, scripts, *gateways))
        return running[-1]

    yield start
    for service in running:
        service.process.kill()
        service.process.wait()
        service.process.stderr.close()


def gone(pid, patience_s=5.0):
    """Whether a process ends; a dead child that nobody has collected counts as ended."""
    clock = SteadyClock()
    until = clock.now_ns() + int(patience_s * 1e9)
    while clock.now_ns() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        threading.Event().wait(0.02)
    return False


def test_it_starts_all_says_so_and_when_the_service_answers(start):
    service = start("gateway-0", "gateway-1")
    for name in ("engine", "gateway-0", "gateway-1"):
        assert "process" in service.wait_for(f"{name}: started")
        service.wait_for(f"{name} | hello")
    assert "v001 at epoch 1" in service.wait_for("ready after")
    service.wait_for("/loops/flights/predict")
    assert (service.folder / "logs" / "gateway-1.log").read_text() == "hello\n"
    assert service.end() == 0


def test_a_stop_lets_the_gateways_finish_before_the_engine(start):
    service = start("gateway-0", "gateway-1")
    service.wait_for("ready after")
    assert service.end() == 0
    stops = [note for note in service.notes() if note.endswith("stops")]
    assert sorted(stops[:2]) == ["gateway-0 stops", "gateway-1 stops"]
    assert stops[2:] == ["engine stops"]


def test_what_dies_is_started_again_and_why_it_died_is_said(start):
    service = start("gateway-0")
    service.wait_for("ready after")
    service.tell("engine", "exit 7")
    line = service.wait_for("engine: died")
    assert "exit code 7: last words" in line
    service.wait_for("engine: started", times=2)
    os.kill(service.pid("gateway-0"), signal.SIGKILL)
    assert "killed by SIGKILL" in service.wait_for("gateway-0: died")
    service.wait_for("gateway-0: started", times=2)
    assert service.end() == 0


def test_who_hangs_is_killed_and_the_version_it_was_scoring_is_passed_on(start):
    service = start("gateway-0")
    service.wait_for("ready after")
    service.tell("gateway-0", "scoring v001")
    while '"scoring": "v001"' not in (service.folder / "run" / "gateway-0.json").read_text():
        threading.Event().wait(0.02)
    os.kill(service.pid("gateway-0"), signal.SIGSTOP)
    assert "no sign of life for 1s" in service.wait_for("gateway-0: died")
    service.tell("gateway-0", "")
    service.wait_for("gateway-0: started", times=2)
    service.wait_for("gateway-0 | hello", times=2)
    assert "gateway-0 starts --suspect v001" in service.notes()
    assert service.end() == 0


def test_gateways_wait_for_the_first_routes(start, tmp_path):
    Layout(tmp_path / "service").routes.unlink()
    service = start("gateway-0")
    service.wait_for("engine | hello")
    assert not [line for line in service.lines if "gateway-0" in line]
    write(Layout(service.folder).routes, Published(epoch=1, champion="v001"))
    service.wait_for("gateway-0: started")
    assert service.end() == 0


def test_a_second_service_in_the_folder_is_refused_and_names_the_first(start):
    first = start("gateway-0")
    first.wait_for("ready after")
    second = start("gateway-0")
    assert second.process.wait(20) == 2
    assert f"process {first.process.pid}" in second.wait_for("A service runs in this folder")
    assert first.end() == 0


def test_a_second_request_to_stop_does_not_wait(start):
    service = start("stubborn")
    service.wait_for("ready after")
    pid = service.pid("stubborn")
    service.process.send_signal(signal.SIGINT)
    service.wait_for("stopping: gateways")
    while "stubborn stops" not in service.notes():
        threading.Event().wait(0.02)
    assert service.end(signal.SIGINT) == 0
    service.wait_for("stubborn: killed")
    assert gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it takes up to half a second")
def test_nobody_outlives_a_supervisor_that_is_killed(start):
    service = start("gateway-0")
    service.wait_for("ready after")
    pids = [service.pid("engine"), service.pid("gateway-0")]
    service.process.kill()
    assert all(gone(pid) for pid in pids)
    again = start("gateway-0")
    again.wait_for("ready after")
    assert again.end() == 0


def test_what_cannot_work_from_the_beginning_ends_the_service(start, tmp_path):
    Layout(tmp_path / "service").routes.unlink()
    (tmp_path / "service" / "engine.do").write_text("exit 2 always")
    service = start("gateway-0")
    assert service.process.wait(20) == 2
    service.wait_for("the service cannot start")
