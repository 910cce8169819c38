from __future__ import annotations

import json
from importlib import import_module

import pytest
from typer.testing import CliRunner

from ostinato.cli import by_hand, status
from ostinato.cli.main import VERBS
from ostinato.core.records import ACTS
from ostinato.live.act import Outcome
from ostinato.live.config import ServiceConfig
from ostinato.live.layout import Layout
from ostinato.live.lock import FolderLock
from ostinato.live.published import Alive, ParityStatus, Published, SourceStatus, Status, write
from ostinato.live.service import free_port, settle

SUBJECTS = {"promote": "v002", "approve": "p-1", "autonomy": "auto"}


@pytest.fixture
def carried(monkeypatch):
    carried = {"outcome": Outcome(way="http", running=True)}

    def carry_out(layout, act, *, token, wait_s):
        carried.update(layout=layout, act=act, token=token, wait_s=wait_s)
        return carried["outcome"]

    monkeypatch.setattr(by_hand, "carry_out", carry_out)
    return carried


def run(verb, *arguments, **words):
    return CliRunner().invoke(import_module(f"ostinato.cli.{verb}").app, list(arguments), **words)


@pytest.mark.parametrize("verb", [*ACTS, "autonomy"])
def test_every_act_is_a_verb_and_goes_with_who_and_why(carried, verb, tmp_path):
    assert verb in VERBS
    subject = SUBJECTS.get(verb, "")
    places = [subject] if subject else []
    done = run(verb, *places, "--who", "ada", "--reason", "drift", "--dir", str(tmp_path))
    assert done.exit_code == 0, done.output
    act = carried["act"]
    assert (act.act, act.subject, act.who, act.reason) == (verb, subject, "ada", "drift")
    assert carried["layout"].folder == tmp_path
    assert carried["wait_s"] == 0


def test_who_acts_is_the_login_name_and_the_token_comes_from_the_environment(carried, monkeypatch):
    monkeypatch.setattr(by_hand, "getuser", lambda: "grace")
    assert run("undo", env={"OSTINATO_TOKEN": "ost_x"}).exit_code == 0
    assert carried["act"].who == "grace"
    assert carried["token"] == "ost_x"


def test_a_refusal_is_a_no_and_says_why(carried):
    decision = {"seq": 7, "kind": "act_refused", "subject": "a-1", "reason": "No way back."}
    carried["outcome"] = Outcome(
        way="http", running=True, decisions=[decision], refused="No way back."
    )
    done = run("undo", "--wait")
    assert done.exit_code == 1
    assert carried["wait_s"] > 0
    assert "act_refused" in done.stdout
    assert "refused: No way back." in done.stderr


def test_an_act_for_a_stopped_service_says_when_it_counts(carried):
    carried["outcome"] = Outcome(way="log", running=False)
    assert "the service is stopped" in run("pause").stderr
    carried["outcome"] = Outcome(way="log", running=True)
    assert "no gateway answers" in run("pause").stderr


def test_the_outcome_is_json_when_asked_for(carried):
    found = json.loads(run("pause", "--json").stdout)
    assert (found["way"], found["refused"]) == ("http", "")
    assert found["act_id"] == carried["act"].act_id


def test_an_act_elsewhere_goes_to_its_address(monkeypatch):
    sent = []
    monkeypatch.setattr(by_hand, "send", lambda *where, token: sent.append((*where, token)))
    done = run("abort", "--url", "https://models.example/loops/flights", "--token", "t")
    assert done.exit_code == 0, done.output
    ((base, loop, act, token),) = sent
    assert (base, loop, act.act, token) == ("https://models.example", "flights", "abort", "t")
    assert run("abort", "--url", "https://models.example", "--token", "t").exit_code == 2
    assert run("abort", "--url", "http://x/loops/y", "--wait").exit_code == 2
    assert run("approve", "--url", "http://x/loops/y").exit_code == 2


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    settle(layout, ServiceConfig(target="x.py", loop="flights", port=free_port()))
    return layout


def test_the_status_of_a_stopped_service_is_read_from_its_folder(layout):
    write(layout.routes, Published(epoch=4, champion="v2", previous="v1", canary="v3"))
    write(
        layout.status,
        Status(
            tick=9,
            now_ns=1_357_035_300_000_000_000,
            folded_offset=1,
            decisions=12,
            epoch=4,
            paused=True,
            proposals={"p-1": "release v3"},
            features="made anew",
            sources=(
                SourceStatus(name="landings", events=1_234, newest_ns=1_357_035_210_000_000_000),
                SourceStatus(name="sales", events=0, newest_ns=None),
            ),
            parity=(
                ParityStatus(
                    feature="delays",
                    rows=1_500,
                    mismatches=40,
                    compared_to_ns=1_357_035_300_000_000_000,
                    broken="It is a day late.",
                ),
            ),
            parity_trouble="The table is gone",
        ),
    )
    write(layout.run / "gateway-0.json", Alive(pid=2**22 + 5, started_ns=0, beat_ns=0))
    (layout.run / "metrics-0.json").write_text("{}")  # other files there are others' matter
    done = run("status", "--dir", str(layout.folder))
    assert done.exit_code == 0, done.output
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines["service"] == "stopped"
    assert lines["champion"] == "v2, epoch 4"
    assert lines["tick"].startswith("9, 2013-01-01T10:15:00Z, 12 decisions")
    assert lines["autonomy"] == "auto, paused"
    assert lines["proposal"] == "p-1: release v3"
    assert "gateway-0" not in lines  # dead
    assert lines["features"] == "made anew"
    assert "landings: 1,234 events taken, the newest happened 1m30s before" in done.stdout
    assert "sales: 0 events taken, none has happened" in done.stdout
    assert "1,500 rows compared in 1 features, up to 2013-01-01T10:15:00Z" in done.stdout
    assert "delays is broken, 40 of 1,500 rows differ: It is a day late." in done.stdout
    assert "cannot be compared: The table is gone" in done.stdout
    assert "trouble" not in lines
    found = json.loads(run("status", "--dir", str(layout.folder), "--json").stdout)
    assert (found["running"], found["answers"], found["status"]["tick"]) == (None, False, 9)
    with FolderLock(layout.lock):
        said = run("status", "--dir", str(layout.folder)).stdout
    assert "does not run: decisions wait" in said, "a running service whose engine is gone says so"


def test_a_file_that_cannot_be_read_is_a_trouble_and_not_the_end(layout):
    layout.status.write_text("{")
    done = run("status", "--dir", str(layout.folder))
    assert done.exit_code == 0
    assert "trouble" in done.stdout


def test_a_folder_without_a_service_is_said_so(tmp_path):
    assert run("status", "--dir", str(tmp_path)).exit_code == 2
    assert run("gate", "--dir", str(tmp_path)).exit_code == 2


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("fail", 1), ("inconclusive", 1)])
def test_the_gate_answers_with_its_exit_code(layout, monkeypatch, verdict, code):
    gate = import_module("ostinato.cli.gate")
    asked = []

    class Client:
        def __init__(self, url, *, token):
            asked.append((url, token))

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def post(self, path, value):
            asked.append(path)
            return {"verdict": verdict}

    monkeypatch.setattr(gate, "Client", Client)
    done = run("gate", "--dir", str(layout.folder), "--token", "t")
    assert (done.exit_code, done.stdout.strip()) == (code, verdict)
    assert asked[1] == "/loops/flights/gate"


def test_the_gate_of_a_service_that_does_not_answer_is_unusable(layout):
    assert run("gate", "--dir", str(layout.folder)).exit_code == 2


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"newest_ns": 90, "stale_after_ns": 10}, "the newest happened 10ns before"),
        ({"newest_ns": 89, "stale_after_ns": 10}, "happened 11ns before; stale after 10ns"),
        ({"newest_ns": None, "stale_after_ns": 10}, "none has happened; stale"),
        ({"newest_ns": 90, "columns_version": 3}, "10ns before, version 3 of its columns"),
    ],
)
def test_the_status_says_that_a_source_is_stale_or_has_other_columns(source, said):
    line = status._source({"name": "landings", "events": 5, **source}, 100)
    assert line.endswith(said)


def test_the_status_says_how_often_a_feature_is_missing():
    told = {"feature": "recent", "trained": 0.001, "served": 0.35, "rows": 5_000}
    line = status._missing(told)
    assert line == "recent lacks a value in 35.0% of 5,000 rows served, in 0.1% of training"
