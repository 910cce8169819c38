from __future__ import annotations

import json
from textwrap import dedent

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import ostinato as ost
from ostinato.cli import advise as verb
from ostinato.cli.policy_names import chosen_policies, named_policies

LOOP = """
import ostinato as ost
from sklearn.linear_model import LogisticRegression

DATA = "rows.parquet"
loop = ost.Loop(
    name="shop", task="binary", time="t", features=["x"],
    label=ost.Label("y", delay="6h"), learner=LogisticRegression(), monitors=None,
)
"""
POLICIES = """
POLICIES = {
    "never": ost.policies.static(),
    "weekly": ost.policies.scheduled("7d", window=ost.Last("21d")),
}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ninety days in which the meaning of x slowly turns round."""
    folder = tmp_path_factory.mktemp("advise")
    rng = np.random.default_rng(0)
    rows = 4_500
    x, turn = rng.normal(size=rows), np.cos(np.linspace(0, np.pi, rows))
    y = rng.random(rows) < 1 / (1 + np.exp(-3 * turn * x))
    seconds = np.arange(rows) * 90 * 86_400 // rows
    pl.DataFrame({"t": seconds, "x": x, "y": y.astype(int)}).write_parquet(folder / "rows.parquet")
    (folder / "plain.py").write_text(dedent(LOOP))
    (folder / "own.py").write_text(dedent(LOOP + POLICIES))
    return folder


@pytest.fixture
def advise(folder, monkeypatch):
    monkeypatch.chdir(folder)

    def run(*arguments):
        return CliRunner().invoke(verb.app, list(arguments))

    return run


@pytest.fixture
def asked(monkeypatch):
    """What the verb asks for, without the work."""
    found = {}

    def remember(loop, data, policies, *rest, **named):
        found.update(named, policies=policies)
        raise ost.ConfigError("enough")

    monkeypatch.setattr(verb, "run_autopilot", remember)
    return found


def test_yes_leaves_with_0_and_the_page_shows_the_choice(advise, folder):
    done = advise("own.py", "--tick", "12h", "--html", "advice.html", "--json")
    advice = json.loads(done.stdout)
    assert done.exit_code == 0
    assert advice["worth_it"]
    assert advice["policy"] == "weekly"
    assert advice["low"] <= advice["value_per_month"] <= advice["high"]
    assert {"in_sample", "sure", "prices"} <= set(advice)
    page = (folder / "advice.html").read_text(encoding="utf-8")
    assert "How the policy was chosen" in page
    assert "report: advice.html" in done.stderr


def test_no_leaves_with_1_and_says_why(advise):
    done = advise("own.py", "--tick", "1d", "--price-per-train-hour", "1e12")
    assert done.exit_code == 1
    assert done.stdout.startswith("Not worth it: stay static. ")


def test_a_share_that_cannot_be_is_an_input_error(advise):
    done = advise("own.py", "--report-share", "0.9", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["found"] == "0.9"


def test_without_policies_the_family_is_tried(advise, asked):
    assert advise("plain.py").exit_code == 2
    assert asked["policies"] is None
    assert asked["report_share"] == 0.25


def test_the_files_policies_come_before_the_family(advise, asked):
    advise("own.py", "--report-share", "0.2", "--price-per-alarm", "3")
    assert list(asked["policies"]) == ["never", "weekly"]
    assert asked["report_share"] == 0.2
    assert asked["prices"].alarm == 3.0


def test_policies_are_named_or_the_files_or_nobodys():
    own = {"mine": ost.policies.static()}
    assert named_policies(None, {}) is None
    assert list(named_policies(None, own)) == ["mine"]
    assert list(named_policies(["scheduled:9d"], own)) == ["scheduled:9d"]
    assert list(chosen_policies(None, {})) == ["static", "scheduled", "triggered"]
