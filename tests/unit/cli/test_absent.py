"""Without the libraries of the service the command line still runs, and says what to install."""

import json
import sys

import pytest
from typer.testing import CliRunner

from ostinato.cli.main import app


@pytest.fixture
def without_msgspec(monkeypatch):
    for name in [
        name for name in sys.modules if name.startswith(("ostinato.live", "ostinato.cli."))
    ]:
        if name not in {"ostinato.cli.main", "ostinato.cli.absent", "ostinato.cli.output"}:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "msgspec", None)


def test_the_verbs_are_listed_with_what_to_install(without_msgspec):
    told = CliRunner().invoke(app, ["--help"])

    assert told.exit_code == 0
    assert "Not installed: pip install 'ostinato[live]'." in told.stdout
    assert "Replay the loop over history" in told.stdout


def test_a_verb_that_cannot_run_names_what_is_missing(without_msgspec):
    told = CliRunner().invoke(app, ["serve", "loop.py", "--json"])

    assert told.exit_code == 2
    assert json.loads(told.stdout)["found"] == "no msgspec"
