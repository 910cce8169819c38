from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ostinato.cli import audit
from ostinato.core.errors import TamperedError
from ostinato.live.audit import Difference


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
