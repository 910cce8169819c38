"""``python -m ostinato.sim``: what it prints, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ostinato.core.errors import ConfigError
from ostinato.sim import batch, command
from ostinato.sim.command import main, seeds_of
from ostinato.sim.faults import FAULTS
from ostinato.sim.run import simulate
from ostinato.sim.verdict import EXIT_CODES, Finding, Verdict, outcome_of

SHORT = ["--ticks", "12"]


@pytest.fixture(autouse=True)
def no_second_process(monkeypatch):
    monkeypatch.setattr(command, "elsewhere", lambda verdict, **_: verdict)
    monkeypatch.setenv("OSTINATO_COMMIT", "abc123")


def test_a_sound_seed_ends_with_zero_and_says_what_happened(capsys):
    code = main(["--seed", "7", *SHORT])

    out = capsys.readouterr().out
    assert code == 0
    assert out.startswith("seed 7, commit abc123: ok\n")
    assert "again:" not in out


def test_a_failure_says_who_found_it_when_and_how_to_run_it_again(capsys):
    code = main(["--seed", "2", "--fault", "double_label", *SHORT])

    out = capsys.readouterr().out
    assert code == 129
    assert "labels once, tick " in out
    assert "again: python -m ostinato.sim --seed 2 --ticks 12 --fault double_label" in out


@pytest.mark.parametrize(
    ("fault", "code"), [("exception", 127), ("endless_labels", 128), ("broken_chain", 129)]
)
def test_exit_codes_tell_crash_stuck_and_wrong_apart(fault, code, capsys):
    assert main(["--seed", "3", "--fault", fault, "--json", *SHORT]) == code

    facts = json.loads(capsys.readouterr().out)
    assert facts["exit_code"] == code
    assert facts["outcome"] == FAULTS[fault].outcome
    assert FAULTS[fault].checker in {found["checker"] for found in facts["findings"]}
    assert facts["commit"] == "abc123"


def test_the_process_ends_with_the_code():
    ended = subprocess.run(
        [sys.executable, "-m", "ostinato.sim", "--seed", "2", "--fault", "exception", *SHORT],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 127
    assert "planted: the gate cannot judge" in ended.stdout


def test_many_seeds_give_a_summary_on_stdout_and_progress_on_stderr(capsys):
    code = main(["--seeds", "0:3", "--json", *SHORT])

    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert code == 0
    assert (summary["seeds"], summary["outcome"], summary["failed"]) == (3, "ok", [])
    assert summary["counts"]["ticks"] > 36
    assert "3 of 3 seeds, 0 failed" in captured.err


def test_a_failed_seed_among_many_is_named_and_decides_the_exit_code(capsys):
    code = main(["--seeds", "2:4", "--fault", "exception", *SHORT])

    out = capsys.readouterr().out
    assert code == 127
    assert "seed 2: crash" in out
    assert "again: python -m ostinato.sim --seed 2 --ticks 12 --fault exception" in out


def test_two_processes_find_what_one_finds():
    said = []

    one = batch.run_seeds(range(4), ticks=6, say=said.append)
    two = batch.run_seeds(range(4), ticks=6, workers=2, say=said.append)

    assert one.counts == two.counts
    assert one.outcome == two.outcome == "ok"
    assert said == ["4 of 4 seeds, 0 failed"] * 2


@pytest.mark.parametrize(("text", "first", "count"), [("200", 0, 200), ("5:8", 5, 3)])
def test_seeds_are_a_range_or_a_number(text, first, count):
    assert seeds_of(text) == list(range(first, first + count))


@pytest.mark.parametrize("text", ["", "x", "3:1", "-4", "1:2:3"])
def test_other_seeds_are_refused(text, capsys):
    with pytest.raises(ConfigError, match="seeds cannot be read"):
        seeds_of(text)

    assert main([f"--seeds={text}"]) == 2
    assert "hint" not in capsys.readouterr().out


def test_wrong_is_worse_than_stuck_and_a_crash_worse_than_both():
    stuck = Finding(checker="liveness", tick=3, text="", stuck=True)
    wrong = Finding(checker="chain", tick=4, text="")
    verdicts = [Verdict(seed=n, outcome=o) for n, o in enumerate(("stuck", "wrong", "crash"))]

    assert [outcome_of(f) for f in ([], [stuck], [stuck, wrong])] == ["ok", "stuck", "wrong"]
    assert EXIT_CODES == {"ok": 0, "crash": 127, "stuck": 128, "wrong": 129}
    summary = batch.Summary(seeds=3, failed=verdicts, findings=(), counts={}, seconds=0.0)
    assert summary.outcome == "crash"


def test_a_crash_keeps_its_traceback():
    verdict = simulate(2, ticks=12, planted=FAULTS["exception"])

    assert verdict.outcome == "crash"
    assert "Traceback" in verdict.error
    assert "ValueError: planted" in verdict.findings[0].text
