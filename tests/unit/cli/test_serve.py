from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ostinato.cli import serve
from ostinato.core.errors import InputError


@pytest.fixture
def called(monkeypatch):
    called = {"code": 0, "told": [], "autonomy": ("suggest", "")}

    def set_up(layout, config, *, data, start):
        called.update(layout=layout, config=config, data=data, start=start)
        return called["told"]

    def supervise(layout, write, *, autonomy):
        write(f"ready, autonomy {autonomy}")
        return called["code"]

    monkeypatch.setattr(serve, "set_up", set_up)
    monkeypatch.setattr(serve, "supervise", supervise)
    monkeypatch.setattr(serve, "set_autonomy", lambda layout, level, *, who: called["autonomy"])
    return called


def run(*arguments):
    return CliRunner().invoke(serve.app, [str(each) for each in arguments])


def test_options_become_the_configuration(called, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("flights.py:loop", "--port", 9000, "--alert", "http://a", "--alert", "http://b")
    assert done.exit_code == 0
    config = called["config"]
    assert config.target == f"{tmp_path}/flights.py:loop"
    assert (config.port, config.alerts) == (9000, ("http://a", "http://b"))
    assert (config.autonomy, config.open_access) == ("suggest", True)
    assert called["layout"].folder == tmp_path / ".ostinato"


def test_beyond_this_machine_tokens_are_asked_for(called):
    run("flights.py", "--host", "0.0.0.0")
    assert called["config"].open_access is False


def test_what_changed_is_said(called):
    called["told"] = ["--port: 1 -> 2"]
    called["autonomy"] = ("auto", "--autonomy: suggest -> auto")
    said = run("flights.py").stderr.splitlines()
    assert said == [
        "changed: --port: 1 -> 2",
        "changed: --autonomy: suggest -> auto",
        "ready, autonomy auto",
    ]


def test_a_service_that_cannot_start_ends_with_its_code(called):
    called["code"] = 2
    assert run("flights.py").exit_code == 2


def test_lines_are_json_when_asked_for(called):
    assert json.loads(run("flights.py", "--json").stdout) == {"line": "ready, autonomy suggest"}


def test_bad_options_are_explained(called, monkeypatch):
    def refuse(*arguments, **words):
        raise InputError("The loop file does not exist", found="flights.py")

    monkeypatch.setattr(serve, "set_up", refuse)
    done = run("flights.py")
    assert done.exit_code == 2
    assert "The loop file does not exist" in done.stderr
