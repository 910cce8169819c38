"""The serving benchmark, small: its rounds, how it starts and stops servers, its command."""

from __future__ import annotations

import json
import shutil
import sys
from types import SimpleNamespace

import pytest

import serving
from servers import environments, peers, processes, speed, undo
from servers.calls import Failed
from servers.environments import Environments, NotInstalled
from servers.load import Window, generator, with_own, with_wrk
from servers.peers import ours
from servers.proc import alive
from servers.processes import running
from servers.server import BEST, OURS, PEER, Server
from servers.speed import Bench, Effort, schedule
from servers.world import history

FAST = Effort(rounds=2, peer_rounds=1, seconds=0.2, warm_seconds=0.1)


def test_quick_servers_come_in_every_round_in_turning_order_and_slow_ones_first_only():
    one, two, slow = (SimpleNamespace(kind=kind) for kind in (OURS, BEST, PEER))

    order = list(schedule([one, slow, two], Effort(rounds=3, peer_rounds=1)))

    asked = [(0, one), (0, two), (0, slow), (1, two), (1, one), (2, one), (2, two)]
    assert order == asked


STUB = """
import json, subprocess, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        row = json.loads(self.rfile.read(int(self.headers["content-length"])))["features"]
        body = json.dumps({"score": SCORE, "first": row[0]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass

ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def stub(tmp_path):
    """Make a server out of a script, with a child of its own; it needs no environment."""

    def make(code=STUB, score=0.5, name="stub"):
        script = tmp_path / f"{name}.py"
        script.write_text(code.replace("SCORE", str(score)))
        return Server(
            name=name,
            kind=OURS,
            command=lambda site, port: [sys.executable, str(script), str(port)],
            path="/predict",
            body=lambda row: {"features": row},
            score=lambda answer: answer["score"],
        )

    return make


def test_a_server_is_stopped_with_all_its_processes(stub, site):
    with running(stub(), site) as found:
        started = found.pids()
        assert len(started) == 2
        assert all(alive(pid) for pid in started)
        assert found.memory_mib() > 1.0

    assert not any(alive(pid) for pid in started)


def test_a_server_that_answers_with_another_score_is_not_measured(stub, site):
    with (
        pytest.raises(Failed, match=r"answered 0\.25, expected 0\.5"),
        running(stub(score=0.25), site),
    ):
        pass


def test_a_server_that_ends_is_told_with_its_last_words(stub, site):
    gone = stub("raise SystemExit('no such option')")

    with pytest.raises(Failed, match=r"ended with 1.*no such option"), running(gone, site):
        pass


def test_rounds_go_on_without_a_server_that_fails(stub, world, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "HALF_SECOND", 0.02)
    monkeypatch.setattr(speed, "share_of_a_core", lambda: 1.0)
    servers = [stub(), stub("raise SystemExit(3)", name="broken")]
    bench = Bench(None, world, tmp_path, with_own, FAST)

    results = speed.measure(servers, bench)

    assert sorted(results.of("stub")) == [0, 1]
    assert list(results.failures) == ["broken"]
    points = results.of("stub")[0].points
    assert all(point.rate > 0 and point.failed == 0 for point in points.values())
    assert json.dumps(results.plain())


def test_names_are_different_and_peers_have_environments():
    names = [server.name for server in peers.servers()]

    assert len(set(names)) == len(names)
    assert all(
        server.environment and server.package for server in peers.servers() if server.kind != OURS
    )


def test_the_same_row_is_asked_of_every_server(world):
    row = world.rows[0].tolist()

    for server in peers.servers():
        text = server.bodies([row])[0].decode()
        assert all(str(value) in text for value in row), server.name


def test_our_service_is_started_as_its_command_line_wants(site):
    command = ours(durability="async", loop="undo", tick="2s", gateways=2).command(site, 80)

    assert command[3] == "serve"
    assert command[4].endswith("loops/undo.py:loop")
    for words in ("--durability async", "--tick 2s", "--gateways 2", "--port 80"):
        assert words in " ".join(command)


def test_the_command_tells_rules_and_ends_with_1_when_one_is_not_kept(
    monkeypatch, capsys, world, tmp_path
):
    failing = (
        {"labels": 1},
        undo.Undos(
            [undo.Undone(effect_ms=500.0, answered_ms=1.0, rate=1.0, p99_ms=1.0, failed=0)]
        ).checks(),
        ["a line"],
    )
    monkeypatch.setattr(serving, "RUN", {"undo": lambda bench, wanted: failing})
    monkeypatch.setattr(serving, "prepare", lambda folder: world)
    arguments = ["serving.py", "--parts", "undo", "--json", "--cache", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)

    code = serving.main()
    told = json.loads(capsys.readouterr().out)

    assert code == 1
    assert told["undo"] == {"labels": 1}
    assert told["machine"]["before"]["cores"] >= 1


def test_a_part_in_which_the_service_fails_is_a_rule_not_kept(monkeypatch):
    def fails(bench, wanted):
        raise Failed("it ended with 2")

    monkeypatch.setattr(serving, "RUN", {"labels": fails})

    told, rules, lines = serving.run_part("labels", None, None)

    assert told == {"failed": "it ended with 2"}
    assert [check.passed for check in rules] == [False]
    assert lines == ["labels: it ended with 2"]


def test_history_is_the_same_each_time_and_both_labels_are_in_it():
    table = history(500)

    assert table.equals(history(500))
    assert set(table["y"]) == {0, 1}
    assert table["time"].is_sorted()


def test_a_window_counts_requests_by_the_second():
    assert Window(requests=10, seconds=2.0, p50_ms=1, p99_ms=2, failed=0).rate == 5.0


def test_peers_are_not_prepared_when_they_are_ours():
    peers.prepare(ours(), None)


@pytest.mark.skipif(not shutil.which("wrk"), reason="needs wrk")
def test_wrk_asks_all_bodies_in_turn_and_counts_refusals(service):
    service.refuse_every = 100

    seen = with_wrk(service.port, "/predict", [b'{"row": 1}', b'{"row": 2}'], 4, 1.0)

    # What is under way at the end is answered and not counted: at most one a connection.
    assert service.predictions - 4 <= seen.requests <= service.predictions
    assert seen.failed == pytest.approx(seen.requests / 100, abs=1)
    assert 0 < seen.p50_ms <= seen.p99_ms
    assert service.rows == {1, 2}


def test_without_wrk_our_own_generator_asks(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)

    assert generator() == ("own", with_own)


def test_an_environment_is_made_once_and_again_when_its_requirements_change(tmp_path, monkeypatch):
    ran = []

    def make(command):
        ran.append(command)
        (tmp_path / "litserve" / "bin").mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(environments, "_run", make)
    known = Environments(tmp_path)

    python = known.python("litserve")
    known.python("litserve")
    once = len(ran)
    monkeypatch.setitem(environments.REQUIREMENTS, "litserve", ("litserve==0.2",))
    known.python("litserve")

    assert python == tmp_path / "litserve" / "bin" / "python"
    assert once == 2
    assert ran[3][-2] == "litserve==0.2"
    assert ran[3][-1].startswith("scikit-learn==")


def test_an_environment_that_cannot_be_made_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(NotInstalled, match="ended with 1"):
        Environments(tmp_path).python("litserve")
