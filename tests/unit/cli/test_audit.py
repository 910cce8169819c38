from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ostinato.cli import audit
from ostinato.core.errors import TamperedError
from ostinato.core.records import ActRefused, OperatorActed
from ostinato.live.audit import Difference
from ostinato.live.layout import Layout
from ostinato.stores.journal_sqlite import SqliteJournal


@pytest.fixture
def found(monkeypatch):
    found = {"difference": None, "error": None}

    def verify(layout):
        if found["error"] is not None:
            raise found["error"]
        return 1_234

    monkeypatch.setattr(audit, "replay_journal", lambda layout: found["difference"])
    monkeypatch.setattr(audit, "verify_chain", verify)
    return found


def run(*arguments):
    return CliRunner().invoke(audit.app, list(arguments))


def test_a_journal_that_follows_from_its_log_is_a_yes(found):
    done = run("replay")
    assert (done.exit_code, done.stdout.strip()[:14]) == (0, "Every decision")
    assert json.loads(run("replay", "--json").stdout) == {"same": True, "difference": None}


def test_the_first_decision_that_does_not_follow_is_a_no(found):
    found["difference"] = Difference(seq=7, derived=None, written='{"kind":"promoted"}')
    done = run("replay")
    assert done.exit_code == 1
    assert "Decision 7" in done.stdout
    assert "promoted" in done.stdout
    assert json.loads(run("replay", "--json").stdout)["difference"]["seq"] == 7


def test_a_whole_chain_is_a_yes_and_a_broken_one_a_no(found):
    assert "1,234 decisions" in run("verify").stdout
    found["error"] = TamperedError("Entry 3 was changed")
    done = run("verify")
    assert done.exit_code == 1
    assert "Entry 3 was changed" in done.stdout
    assert json.loads(run("verify", "--json").stdout)["whole"] is False


@pytest.fixture
def folder(tmp_path):
    layout = Layout(tmp_path)
    acted = OperatorActed(
        seq=0,
        ts_event_ns=0,
        ts_record_ns=5,
        subject="",
        reason="it rains",
        act="pause",
        who="ana",
        act_id="act-1",
    )
    refused = ActRefused(
        seq=1, ts_event_ns=5, ts_record_ns=5, subject="act-2", reason="It is paused.", act="pause"
    )
    with SqliteJournal(layout.journal) as journal:
        journal.append([acted, refused])
    return tmp_path


def test_the_log_of_a_journal_says_what_when_who_and_why(folder):
    lines = run("log", "--dir", str(folder)).stdout.splitlines()
    assert lines[0] == "     0  1970-01-01T00:00:00Z  operator_acted  pause by ana: it rains"
    assert len(lines) == 2


def test_the_log_can_be_cut_by_number_and_by_kind(folder):
    newest = json.loads(run("log", "--dir", str(folder), "--last", "1", "--json").stdout)
    assert [each["kind"] for each in newest] == ["act_refused"]
    acts = json.loads(run("log", "--dir", str(folder), "--kind", "operator_acted", "--json").stdout)
    assert [(each["act"], each["who"]) for each in acts] == [("pause", "ana")]
    assert len(run("log", "--dir", str(folder), "--last", "0").stdout.splitlines()) == 2


def test_the_log_of_no_folder_is_an_error(tmp_path):
    assert run("log", "--dir", str(tmp_path / "nowhere")).exit_code == 2
