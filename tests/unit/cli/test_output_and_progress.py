from __future__ import annotations

import json

import pytest
import typer

from ostinato.cli import progress as progress_module
from ostinato.cli.output import exit_codes
from ostinato.cli.progress import Pace, progress_on_stderr
from ostinato.cli.summary import comparison_text, replay_text
from ostinato.core.errors import ConfigError
from ostinato.replay.progress import Progress


def moment(events, policy="static"):
    return Progress(
        policy=policy,
        policy_index=0,
        policies=2,
        events=events,
        events_total=100,
        now_ns=10**18,
        decisions=3,
    )


def test_an_error_is_told_on_stderr_and_leaves_with_2(capsys):
    with pytest.raises(typer.Exit) as left, exit_codes(as_json=False):
        raise ConfigError("It is wrong", found="x", hint="Do it right.")
    told = capsys.readouterr()
    assert left.value.exit_code == 2
    assert told.out == ""
    assert told.err == "error: It is wrong; was: x.\nhint: Do it right.\n"


def test_with_json_an_error_is_an_object_on_stdout(capsys):
    with pytest.raises(typer.Exit), exit_codes(as_json=True):
        raise ConfigError("It is wrong", found="x")
    assert json.loads(capsys.readouterr().out)["what"] == "It is wrong"


def test_other_errors_are_not_hidden():
    with pytest.raises(ZeroDivisionError), exit_codes(as_json=True):
        _ = 1 / 0


def test_without_a_terminal_progress_is_a_plain_line_now_and_then(capsys, monkeypatch):
    monkeypatch.setattr(progress_module, "SECONDS_PER_LINE", 0.0)
    with progress_on_stderr() as report:
        report(moment(50))
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("static (1 of 2): 50%  ")
    assert "2001-09-09" in told.err


def test_without_a_terminal_a_short_run_says_nothing(capsys):
    with progress_on_stderr() as report:
        report(moment(50))
        report(moment(100))
    assert capsys.readouterr().err == ""


def test_the_pace_begins_anew_with_each_policy():
    pace = Pace()
    assert pace.per_second(moment(50)) > 0
    assert pace.per_second(moment(0, policy="triggered")) == 0


def test_texts_are_aligned_and_whole():
    row = {
        "policy": "static",
        "m": 0.5,
        "m_low": 0.4,
        "m_high": None,
        "retrains": 0,
        "promotions": 0,
        "rollbacks": 0,
        "label_coverage": 1.0,
        "train_seconds": 0.0,
        "cost": 0.0,
        "value": -3.0,
        "regret": 3.0,
    }
    text = comparison_text({"metric": "m", "table": [row], "advice": {"text": "No."}})
    head, line, _, advice = text.splitlines()
    assert head.split()[0] == "policy"
    assert "0.4000 to –" in line
    assert advice == "No."


def test_the_result_of_a_replay_names_its_journal():
    text = replay_text(
        {
            "loop": "l",
            "metric": "m",
            "metrics": {"m": None, "n": 0, "label_coverage": 0.0},
            "cost": {"retrains": 0, "promotions": 0, "rollbacks": 0, "train_seconds": 0},
            "journal_hash": "abc",
            "policy": {"name": "static"},
            "start": "2013-01-01T00:00:00Z",
            "end": "2013-02-01T00:00:00Z",
        }
    )
    assert "abc" in text
    assert text.startswith("l, policy static, 2013-01-01 to 2013-02-01")


def test_the_result_of_a_replay_tells_of_alarms_where_it_was_watched():
    names = [f"drift/{place}" for place in range(6)]
    document = {
        "loop": "l",
        "metric": "m",
        "metrics": {"m": None, "n": 0, "label_coverage": 0.0},
        "cost": {"retrains": 0, "promotions": 0, "rollbacks": 0, "train_seconds": 0},
        "journal_hash": "abc",
        "policy": {"name": "static"},
        "start": "2013-01-01T00:00:00Z",
        "end": "2013-02-01T00:00:00Z",
        "alarms": [{"stream": each} for each in names],
        "watch": {
            "budget": {"expected": 2.7333},
            "standing": [{"stream": each} for each in names],
        },
    }
    lines = [line.split(maxsplit=1) for line in replay_text(document).splitlines()[2:]]
    told = {line[0]: line[1] for line in lines}
    assert told["alarms"] == "6, where 2.7 may be false"
    assert told["standing"] == "drift/0, drift/1, drift/2, drift/3, drift/4 ..."

    quiet = {**document, "alarms": [], "watch": {**document["watch"], "standing": []}}
    assert "standing" not in replay_text(quiet)
    assert "alarms" not in replay_text({**document, "watch": None})


def test_a_policy_that_goes_on_is_not_credited_with_what_it_did_before(monkeypatch):
    pace = Pace()
    monkeypatch.setattr(Pace, "_seconds", lambda self: 2.0)
    pace.per_second(moment(60))
    pace.per_second(moment(10, policy="triggered"))
    assert pace.per_second(moment(80)) == 10.0
