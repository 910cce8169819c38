"""A validation suite keeps trainings from rows that are broken, and from those alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import ostinato as ost
from ostinato.core.errors import ConfigError, LoopError
from ostinato.loop.loading import load_loop
from ostinato.loop.plan import declaration
from ostinato.replay.history import make_history
from ostinato.replay.suiting import infer_suite, training_table
from ostinato.watch.suite.bounds import Bound


@pytest.fixture(scope="module")
def table(world):
    return world(4000, days=40)


@pytest.fixture(scope="module")
def suite(table, make_loop):
    loop = make_loop()
    return infer_suite(loop, make_history(loop, table, start=None, end=None), at_ns=0)


def decided(result, kind):
    found = result.decisions.filter(pl.col("kind") == kind)
    return [json.loads(text) for text in found["evidence"]], found["reason"].to_list()


def broken(table, share=0.9):
    """The table with one input missing in most rows of the last half."""
    gone = (np.arange(table.height) > table.height // 2) & (
        np.random.default_rng(1).random(table.height) < share
    )
    return table.with_columns(
        pl.when(pl.Series(~gone)).then(pl.col("x1")).otherwise(0.0).alias("x1")
    )


WEEK = ost.policies.scheduled("7d", window=ost.Last("10d"), holdout="3d")


def test_the_suite_of_a_loop_covers_features_and_labels(suite):
    assert list(suite.columns) == ["x0", "x1", "x2", "x3", "kind"]
    assert suite.label is not None
    assert list(suite.label.classes) == ["0", "1"]
    assert suite.label.column == "y"
    assert suite.inferred["rows"] < 400  # labels that are late are not known at the start


def test_sound_rows_are_learned_from_and_the_evidence_says_what_was_looked_at(
    table, make_loop, suite
):
    with_suite = ost.replay(make_loop(suite=suite, policy=WEEK), table, tick="12h")
    without = ost.replay(make_loop(policy=WEEK), table, tick="12h")
    evidence, _ = decided(with_suite, "candidate_trained")
    assert len(evidence) > 2
    for each in evidence:
        assert each.pop("suite") == {
            "name": "small",
            "version": 1,
            "failed": [],
            "warnings": [],
            "unmeasured": 0,
        }
    assert evidence == decided(without, "candidate_trained")[0]


def test_nothing_is_learned_from_rows_that_fail(table, make_loop, suite):
    result = ost.replay(make_loop(suite=suite, policy=WEEK), broken(table), tick="12h")
    evidence, reasons = decided(result, "training_failed")
    assert len(reasons) >= 2
    assert reasons[-1].startswith("The rows fail the validation suite 'small', version 1: x1: ")
    assert "rows hold one value, 0" in evidence[-1]["suite"]["failed"][0]
    trained, _ = decided(result, "candidate_trained")
    assert trained, "rows before the fault are learned from"
    assert result.versions.height == len(trained)


def test_what_a_suite_warns_of_stands_in_the_evidence(table, make_loop, suite):
    strict = replace(
        suite,
        columns={**suite.columns, "x1": replace(suite.columns["x1"], missing=Bound(warn=0.0))},
    )
    some = table.with_columns(
        pl.when(pl.Series(np.arange(table.height) % 50 > 0)).then(pl.col("kind")).alias("kind")
    )
    loop = make_loop(suite=strict, policy=WEEK, features=["x0", "x1", "x2", "x3"])
    result = ost.replay(loop, some, tick="1d")
    evidence, _ = decided(result, "candidate_trained")
    assert {e["suite"]["unmeasured"] for e in evidence} == {2}, "kind, and with it doubled rows"
    narrow = replace(suite.columns["x0"], same=Bound(warn=0.0))
    loop = make_loop(suite=replace(suite, columns={**suite.columns, "x0": narrow}), policy=WEEK)
    evidence, _ = decided(ost.replay(loop, table, tick="1d"), "candidate_trained")
    assert all("rows hold one value" in e["suite"]["warnings"][0] for e in evidence)


def test_a_first_champion_is_not_trained_on_rows_that_fail(table, make_loop, suite):
    flat = table.with_columns(pl.lit(1.0).alias("x1"))
    with pytest.raises(LoopError) as caught:
        ost.replay(make_loop(suite=suite), flat, tick="1d")
    assert "x1" in str(caught.value.found)
    assert "ostinato suite infer" in str(caught.value.hint)


def test_policies_of_a_comparison_are_guarded_alike(table, make_loop, suite):
    found = ost.compare(make_loop(suite=suite), broken(table), {"weekly": WEEK}, tick="1d")
    kinds = [r.decisions["kind"].to_list() for r in found.replays.values()]
    assert any("training_failed" in each for each in kinds)


def test_the_declaration_holds_the_suite_and_only_where_there_is_one(make_loop, suite):
    bare, guarded = make_loop(), make_loop(suite=suite)
    assert "suite" not in declaration(bare, bare.policy)
    told = declaration(guarded, guarded.policy)["suite"]
    assert told == {"name": "small", "version": 1, "digest": suite.digest}


def test_a_suite_of_something_else_is_refused(make_loop):
    with pytest.raises(ConfigError, match=r"Loop\(suite=...\) is something else"):
        make_loop(suite=3)


FILE = """
from sklearn.linear_model import LogisticRegression
import ostinato as ost

loop = ost.Loop(
    name="small", task="binary", time="at", features=["x0", "x1", "x2", "x3", "kind"],
    label=ost.Label("y", delay="6h", horizon="12h"), learner=LogisticRegression(),
    suite="small.suite.toml",
)
"""


def test_a_path_is_meant_from_the_folder_of_the_loop_file(tmp_path, suite, monkeypatch):
    (tmp_path / "loop.py").write_text(FILE)
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(ConfigError, match="The suite cannot be read"):
        load_loop(str(tmp_path / "loop.py"))
    suite.write(tmp_path / "small.suite.toml")
    assert load_loop(f"{tmp_path.name}/loop.py").loop.suite == suite
    unread = load_loop(f"{tmp_path.name}/loop.py", read_suite=False).loop.suite
    assert unread == tmp_path / "small.suite.toml"


def test_labels_of_a_training_table_are_in_their_own_words(table, make_loop):
    named = table.with_columns(
        pl.col("y").replace_strict({0: "good", 1: "bad"}, return_dtype=pl.String),
        (pl.col("at") + pl.duration(hours=3)).alias("known"),
    )
    loop = make_loop(label=ost.Label("y", time="known", horizon="12h"), classes=["good", "bad"])
    history = make_history(loop, named, start=None, end=None)
    found = training_table(loop, history, np.arange(5))
    assert found["y"].to_list() == named.sort("at")["y"][:5].to_list()
    assert ((found["known"] - found["at"]).dt.total_hours() == 3).all()
    inferred = infer_suite(loop, history)
    assert inferred.label is not None
    assert inferred.label.delay is not None
    assert inferred.label.delay.low == 5400.0
    assert inferred.label.delay.high == 43200.0
    assert inferred.check(named.rename({})).passed, "the user's own table is judged alike"
