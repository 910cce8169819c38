from __future__ import annotations

import json
from importlib import import_module

from typer.testing import CliRunner

from ostinato.core.clock import WallClock, elapsed_ns
from ostinato.live.layout import Layout
from ostinato.live.tokens import Tokens

token = import_module("ostinato.cli.token")


def run(folder, *arguments):
    return CliRunner().invoke(token.app, [*arguments, "--dir", str(folder)])


def kept(folder):
    return Tokens(Layout(folder).tokens, clock=WallClock(), elapsed_ns=elapsed_ns)


def test_a_token_is_shown_once_and_opens_what_it_may(tmp_path):
    done = run(tmp_path, "create", "shop", "--scope", "predict", "--scope", "label")
    assert done.exit_code == 0, done.output
    secret = done.stdout.strip()
    assert kept(tmp_path).find(secret).scopes == ("predict", "label")
    listed = run(tmp_path, "list")
    assert "shop" in listed.stdout
    assert secret not in listed.stdout
    assert secret not in (tmp_path / "tokens.json").read_text()


def test_a_token_can_end_by_itself_or_be_revoked(tmp_path):
    made = json.loads(
        run(tmp_path, "create", "ada", "--scope", "read", "--expires", "90d", "--json").stdout
    )
    (row,) = json.loads(run(tmp_path, "list", "--json").stdout)
    assert row["expires"] > row["made"]
    assert run(tmp_path, "revoke", "ada").exit_code == 0
    assert kept(tmp_path).find(made["token"]) is None
    assert run(tmp_path, "revoke", "ada").exit_code == 2


def test_an_unknown_scope_is_refused(tmp_path):
    assert run(tmp_path, "create", "x", "--scope", "fly").exit_code == 2
