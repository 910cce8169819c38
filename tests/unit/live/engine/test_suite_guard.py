"""A service learns nothing from rows that fail its suite, like a replay; suites may change."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import polars as pl
import pytest

import ostinato as ost
from ostinato.core.errors import LoopError
from ostinato.live.audit import replay_journal
from ostinato.live.engine.bootstrap import open_folder
from ostinato.stores.journal_sqlite import SqliteJournal

LOOP = """
import ostinato as ost
from sklearn.tree import DecisionTreeClassifier

loop = ost.Loop(
    name="small", task="binary", time="at", features=["x0", "x1", "kind"],
    label=ost.Label("y", delay="6h", horizon="12h"),
    learner=DecisionTreeClassifier(max_depth=3, random_state=0), slices=["kind"],
    policy=ost.policies.scheduled(
        "4d", window=ost.Last("8d"), holdout="2d", rollout=ost.Immediate()
    ),
    suite={suite!r}, monitors=None,
)
"""


@pytest.fixture
def suite_file(tmp_path, world):
    """A suite of the world's inputs, inferred from before they broke."""
    path = tmp_path / "small.suite.toml"
    ost.Suite.infer(world[:300].drop("at"), name="small", label="y", at_ns=0).write(path)
    return path


@pytest.fixture
def broken(world):
    """The world with an input that stops coming halfway."""
    gone = pl.Series(np.arange(world.height) > world.height // 2)
    return world.with_columns(pl.when(~gone).then(pl.col("x0")).alias("x0"))


def kinds(play: Any) -> list[str]:
    return [json.loads(body)["kind"] for body, _ in play.entries()]


def test_a_service_refuses_what_a_replay_refuses_byte_for_byte(
    make_play: Callable[..., Any], suite_file: Any, broken: pl.DataFrame, stores: ExitStack
) -> None:
    play = make_play(LOOP.format(suite=str(suite_file)), broken)
    play.live(play.engine(stores))
    path = play.place / "replay.db"
    ost.replay(play.loop, broken, tick="6h", journal=str(path))
    with SqliteJournal(path, readonly=True) as journal:
        assert play.entries() == [(entry.body, entry.hash) for entry in journal.entries()]
    assert {"training_failed", "candidate_trained"} <= set(kinds(play))


def test_a_suite_that_was_edited_holds_from_the_next_tick_and_an_audit_knows_both(
    make_play: Callable[..., Any], suite_file: Any
) -> None:
    play = make_play(LOOP.format(suite=str(suite_file)))
    with ExitStack() as stores:
        play.live_until(play.engine(stores), 40)
    assert "training_failed" not in kinds(play)
    text = suite_file.read_text()
    assert "rows = { warn = 50, fail = 50 }" in text
    suite_file.write_text(text.replace("rows = { warn = 50, fail = 50 }", "rows = { fail = 5000 }"))
    play.folder = open_folder(play.layout)
    with ExitStack() as stores:
        play.live(play.engine(stores))
    found = kinds(play)
    assert found.count("policy_changed") == 1
    assert "candidate_trained" not in found[found.index("policy_changed") :]
    assert "training_failed" in found[found.index("policy_changed") :]
    assert replay_journal(play.layout) is None


def test_a_service_does_not_begin_with_rows_that_fail(
    make_play: Callable[..., Any], suite_file: Any, world: pl.DataFrame, stores: ExitStack
) -> None:
    flat = world.with_columns(pl.lit(0.0).alias("x1"))
    play = make_play(LOOP.format(suite=str(suite_file)), flat)
    engine = play.engine(stores)
    with pytest.raises(LoopError) as caught:
        play.live(engine)
    assert "x1" in str(caught.value.found)
    assert "ostinato suite infer" in str(caught.value.hint)
