"""The serving benchmark, small: its rules, its rounds, and how it drives a service."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import uvloop

import serving
import soak
from servers import labels, peers, processes, speed, undo
from servers.load import Window, with_own
from servers.peers import SERVERS, ours
from servers.processes import Failed, alive, running
from servers.report import check_lines, speed_lines
from servers.server import BEST, OURS, PEER, Server, Site
from servers.soaking import Minute, Soak
from servers.speed import MANY, ONE, Bench, Effort, Point, Reading, Results, schedule
from servers.targets import checks
from servers.trend import FLAT, GROWS, UNDECIDED, trend
from servers.world import World, draw, history

FAST = Effort(rounds=2, peer_rounds=1, seconds=0.2, warm_seconds=0.1)


@pytest.fixture
def world(tmp_path):
    rows, truth = draw(64, seed=2)
    scores = np.full(64, 0.5)
    return World(tmp_path / "h.parquet", tmp_path / "m.joblib", rows, truth, scores)


@pytest.fixture
def site(world, tmp_path):
    return Site(environments=None, world=world, folder=tmp_path / "site")


# ---- rules


def reading(name, kind, number, *, rate, p50=1.0, p99=2.0, commit=None, failed=0):
    point = Point(rate=rate, p50_ms=p50, p99_ms=p99, per_cpu_second=rate, failed=failed)
    return Reading(
        server=name,
        kind=kind,
        round=number,
        points={MANY: point, ONE: point},
        memory_mib=100.0,
        started_seconds=1.0,
        share_of_a_core=1.0,
        commit_ms=commit,
    )


def met(**changes):
    """A service that just reaches every target, changed in one place."""
    fields = {"rate": 20_000.0, "p50": 1.2, "p99": 2.0, "commit": 0.2} | changes
    results = Results()
    for number in range(3):
        results.readings += [
            reading("ostinato", OURS, number, **fields),
            reading("ostinato, async", OURS, number, rate=20_000.0),
            reading("granian best case", BEST, number, rate=40_000.0),
            reading("mlflow models serve", PEER, number, rate=400.0),
            reading("LitServe", PEER, number, rate=1_000.0),
        ]
    return results


def broken(results):
    return [check.what for check in checks(results) if check.passed is False]


def test_a_service_that_just_reaches_every_target_passes():
    assert broken(met()) == []


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (
            {"rate": 19_900.0},
            [
                "requests/s at 64 connections / mlflow models serve",
                "requests/s at 64 connections / LitServe",
                "requests/s at 64 connections / granian best case",
            ],
        ),
        ({"p50": 1.3}, ["group commits slower than granian best case at 1"]),
        (
            {"p99": 2.1},
            [
                "p99 at 64 / mlflow models serve",
                "p99 at 1 / mlflow models serve",
                "p99 at 64 / LitServe",
                "p99 at 1 / LitServe",
            ],
        ),
        ({"failed": 1}, ["failed requests of ostinato"]),
    ],
)
def test_each_target_can_be_missed_by_itself(change, rules):
    assert broken(met(**change)) == rules


def test_ratios_are_taken_within_a_round_and_the_median_counts():
    results = Results()
    # The machine is ten times slower in the second round: for both, which must not matter.
    for number, pace in enumerate((1.0, 0.1, 1.0)):
        results.readings += [
            reading("ostinato", OURS, number, rate=30_000.0 * pace),
            reading("granian best case", BEST, number, rate=40_000.0 * pace),
        ]

    share = next(check for check in checks(results) if "/ granian" in check.what)

    assert share.value == pytest.approx(0.75)


def test_a_service_of_ours_that_does_not_start_is_a_rule_not_kept():
    results = Results(failures={"ostinato": "it ended with 2", "LitServe": "no network"})

    assert broken(results) == ["ostinato does not run"]
    assert "failed: LitServe: no network" in speed_lines(results)


def test_the_table_has_a_line_for_each_server_and_the_rules_say_no():
    results = met(rate=100.0)

    assert len(speed_lines(results)) == 2 + 5
    assert any(line.rstrip().endswith("| NO   |") for line in check_lines(checks(results)))


# ---- rounds


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
    names = [server.name for server in SERVERS]

    assert len(set(names)) == len(names)
    assert all(server.environment and server.package for server in SERVERS if server.kind != OURS)


def test_the_same_row_is_asked_of_every_server(world):
    row = world.rows[0].tolist()

    for server in SERVERS:
        text = server.bodies([row])[0].decode()
        assert all(str(value) in text for value in row), server.name


def test_our_service_is_started_as_its_command_line_wants(site):
    command = ours(durability="async", loop="undo", tick="2s", gateways=2).command(site, 80)

    assert command[3] == "serve"
    assert command[4].endswith("loops/undo.py:loop")
    for words in ("--durability async", "--tick 2s", "--gateways 2", "--port 80"):
        assert words in " ".join(command)


# ---- labels, undo, soak: against a service made by hand


def test_every_collected_prediction_gets_its_true_label_once(found, service, world):
    seen = labels.measure(found, world, seconds=1.0)

    assert seen.labels == len(service.labels) >= 1_000
    assert seen.labels % labels.BATCH == 0
    assert seen.failed == 0
    assert set(service.labels.values()) == {0, 1}
    assert [check.passed for check in seen.checks()][1] is True


def test_undo_is_timed_to_the_last_answer_of_the_undone_version(found, service, world, monkeypatch):
    monkeypatch.setattr(undo, "LABELLED_SECONDS", 0.2)
    service.undo_takes_seconds = 0.2

    seen = undo.measure(found, world, times=1, seconds=1.0).each[0]

    assert seen.effect_ms == pytest.approx(200, abs=80)
    assert seen.failed == 0


def test_a_slow_undo_and_a_failed_request_break_the_rules():
    slow = undo.Undone(effect_ms=101.0, answered_ms=1.0, rate=1.0, p99_ms=1.0, failed=1)

    broken = [check.what for check in undo.Undos([slow]).checks() if check.passed is False]

    assert len(broken) == 2


def test_a_soak_tells_each_minute_and_labels_what_was_answered(
    found, service, world, site, monkeypatch
):
    monkeypatch.setattr("servers.soaking.LABEL_AFTER_SECONDS", 0.05)
    made = Soak(found, world, site, rate=300.0, minutes=3, minute_seconds=0.3)

    minutes = uvloop.run(made.run())

    assert [minute.number for minute in minutes] == [1, 2, 3]
    assert sum(minute.answers for minute in minutes) == pytest.approx(270, abs=30)
    # Of the last batch nobody tells any more.
    assert len(service.labels) >= sum(minute.labels for minute in minutes) > 100
    assert all(minute.failed == 0 and minute.memory_mib for minute in minutes)


# ---- flat or not


def minute(number, *, memory=100.0, p99=2.0, extra=None):
    held = {"gateway 7": memory} | ({"trainer 9": 50.0} if extra else {})
    return Minute(
        number=number,
        answers=1,
        labels=1,
        failed=0,
        p50_ms=1.0,
        p99_ms=p99,
        memory_mib=held,
        folder_mib=1.0,
    )


def verdicts(minutes):
    return {name: verdict for name, (_, verdict) in soak.judge(minutes).items()}


def test_a_level_soak_is_flat_although_it_filled_up_first():
    rng = np.random.default_rng(0)
    filling = [minute(n, memory=40.0 + 10 * n) for n in range(1, 6)]
    level = [minute(n, memory=100 + rng.normal(), p99=2 + rng.normal() / 50) for n in range(6, 61)]

    assert set(verdicts(filling + level).values()) == {FLAT}


def test_a_leak_of_a_tenth_an_hour_grows():
    rng = np.random.default_rng(0)
    minutes = [minute(n, memory=100 + n / 6 + rng.normal() / 4) for n in range(1, 61)]

    assert verdicts(minutes)["memory of gateway 7 (MiB)"] == GROWS


def test_a_few_noisy_minutes_decide_nothing():
    rng = np.random.default_rng(0)
    minutes = [minute(n, memory=100 + 5 * rng.normal()) for n in range(1, 12)]

    assert verdicts(minutes)["memory of gateway 7 (MiB)"] == UNDECIDED


def test_a_trainer_that_comes_and_goes_is_no_series_of_its_own():
    minutes = [minute(n, extra=n % 2) for n in range(1, 31)]

    assert sorted(verdicts(minutes)) == [
        "memory of all (MiB)",
        "memory of gateway 7 (MiB)",
        "p50 (ms)",
        "p99 (ms)",
    ]


def test_the_interval_holds_the_true_growth_as_often_as_it_says_when_minutes_are_alike():
    rng = np.random.default_rng(0)
    at = np.arange(60)
    held = 0
    for _ in range(300):
        noise = np.zeros(60)
        for n in range(1, 60):
            noise[n] = 0.5 * noise[n - 1] + rng.normal()
        found = trend(at, 100 + noise)
        held += found.low <= 0 <= found.high

    # 95 % is promised; the correlation is estimated, which costs a little.
    assert held / 300 >= 0.88


# ---- the command


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
