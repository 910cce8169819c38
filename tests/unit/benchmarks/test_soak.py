"""The soak: what a minute tells, and when a series counts as flat."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import uvloop

import soak
from servers.soaking import Minute, Soak, process_name
from servers.trend import FLAT, GROWS, UNDECIDED, trend


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
    filling = [minute(n, memory=40.0 + 3 * n) for n in range(1, 18)]
    level = [minute(n, memory=100 + rng.normal(), p99=2 + rng.normal() / 50) for n in range(18, 61)]

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


def test_the_command_asks_half_of_the_most_and_ends_with_1_when_requests_fail(
    found, service, world, monkeypatch, capsys, tmp_path
):
    @contextmanager
    def running(server, site):
        yield found

    service.stall_seconds = 0.2
    monkeypatch.setattr(soak, "running", running)
    monkeypatch.setattr(soak, "prepare", lambda folder: world)
    monkeypatch.setattr(soak, "Soak", partial(Soak, minute_seconds=0.3))
    monkeypatch.setattr(soak, "MOST_SECONDS", 0.5)
    arguments = ["soak.py", "--minutes", "5", "--json", "--cache", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)

    # Sixty-four connections, 200 ms an answer: at most 320 a second.
    code = soak.main()
    told = json.loads(capsys.readouterr().out)

    assert told["rate"] == pytest.approx(160, rel=0.25)
    assert len(told["minutes"]) == 5
    assert "p99 (ms)" in told["trends"]
    assert (code == 1) == any(each["verdict"] == GROWS for each in told["trends"].values())

    service.refuse_every = 2
    monkeypatch.setattr("sys.argv", [*arguments, "--rate", "50"])
    monkeypatch.setattr(soak, "collect", lambda *args, **kwargs: pytest.fail("rate was given"))

    assert soak.main() == 1
    assert json.loads(capsys.readouterr().out)["failed"] > 0


def test_a_process_is_named_by_what_it_runs():
    wait = "import sys; print(); sys.stdout.flush(); sys.stdin.read()"
    launched = ["ostinato.live.launch", "7", "ostinato.live.engine", "/folder"]
    for words, name in ((launched, "ostinato.live.engine"), ([], "python")):
        command = [sys.executable, "-c", wait, *words]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()  # it runs: its command line is its own
            assert process_name(process.pid).startswith(name)
            process.stdin.close()
