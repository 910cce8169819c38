"""Whatever a loop declares, a service decides what a replay decides, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import polars as pl
import pytest

import ostinato as ost
from ostinato.stores.journal_sqlite import SqliteJournal

START = """
import ostinato as ost
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
"""

LOOPS = {
    "binary, with a canary, units and a holdback": """
loop = ost.Loop(
    name="units", task="binary", time="at", unit="who", id="key", golden="gold",
    features=["x0", "x1", "kind", "flag", "count"],
    label=ost.Label("yes", time="known", horizon="1d", affected_by_prediction=True),
    learner=DecisionTreeClassifier(max_depth=3, random_state=0), slices=["kind", "x0"],
    policy=ost.policies.scheduled("4d", holdout="2d", gates=[]),
    outcomes=[ost.Outcome(name="revenue", column="small", delay="5h", horizon="2d")],
    monitors=ost.Monitors(examine=None, window="1d", fast="6h"),
)
""",
    "binary, where no label means no": """
loop = ost.Loop(
    name="negative", task="binary", time="at", features=["x0", "x1", "count"],
    label=ost.Label("sold", time="known", horizon="12h", never="negative"),
    learner=DecisionTreeClassifier(max_depth=3, random_state=0), slices=["count"],
    policy=ost.policies.triggered(holdout="2d"),
    monitors=ost.Monitors(examine="4d"),
)
""",
    "multiclass": """
loop = ost.Loop(
    name="many", task="multiclass", time="at", features=["x0", "x1", "kind"],
    label=ost.Label("which", delay="5h"),
    learner=DecisionTreeClassifier(max_depth=4, random_state=0), slices=["flag"],
    policy=ost.policies.scheduled("5d", holdout="2d"),
    monitors=ost.Monitors(examine="6d", window="2d", fast="12h", sensitive=["flag"]),
)
""",
    "binary, with labels where the answer let through, explored and by canary": """
loop = ost.Loop(
    name="some", task="binary", time="at", unit="who", id="key",
    features=["x0", "x1", "kind"],
    label=ost.Label("let", delay="6h", horizon="1d", selective=True),
    learner=DecisionTreeClassifier(max_depth=3, random_state=0), slices=["kind"],
    policy=ost.policies.scheduled(
        "4d", holdout="2d", gates=[], explore=0.2,
        rollout=ost.Canary(
            steps=[0.1, 1.0], over="12h", min_samples=20, margin=0.5, cap="4d", holdback=0.1
        ),
    ),
    monitors=ost.Monitors(examine="6d", window="1d", fast="6h"),
)
""",
    "regression": """
loop = ost.Loop(
    name="number", task="regression", time="at", features=["x0", "x1", "small"],
    label=ost.Label("target", delay="7h"),
    learner=DecisionTreeRegressor(max_depth=4, random_state=0),
    policy=ost.policies.scheduled("5d", holdout="2d"),
    monitors=ost.Monitors(examine="7d", window="1d", fast="6h", pairs=[]),
)
""",
}


@pytest.fixture(scope="module")
def rich_world(world: pl.DataFrame) -> pl.DataFrame:
    """The world with further columns, labels that never come and values that are missing."""
    rng, rows = np.random.default_rng(3), world.height
    value = 2.0 * world["x0"].to_numpy() + rng.normal(size=rows)
    late = pl.Series(rng.integers(1, 20 * 3600 * 10**6, rows)).cast(pl.Duration("us"))
    missing = pl.Series(rng.random(rows) < 0.2)
    return world.with_columns(
        key=pl.Series([f"k{row}" for row in range(rows)]),
        who=pl.Series(rng.integers(0, 60, rows)),
        # People name rows of the history; requests do not say whether they are golden.
        gold=pl.Series((rng.random(rows) < 0.2) & (np.arange(rows) < rows // 10)),
        flag=pl.Series(rng.random(rows) < 0.5).set(missing, None),
        count=pl.Series(rng.integers(0, 5, rows)).cast(pl.Int16).set(missing.shift(3), None),
        small=pl.Series(rng.normal(size=rows)).cast(pl.Float32),
        kind=world["kind"].cast(pl.Categorical),
        known=world["at"] + late,
        let=world["y"].set(pl.Series(rng.random(rows) < 0.3), None),
        yes=world["y"].cast(pl.Boolean),
        which=pl.Series(np.digitize(value, [-1, 1])).replace_strict({0: "lo", 1: "mid", 2: "hi"}),
        target=pl.Series(value),
    ).with_columns(
        sold=pl.when(world["y"] == 1).then(1).otherwise(None),
        known=pl.when(world["y"] == 1).then("known").otherwise(pl.col("known")),
    )


@pytest.mark.parametrize("kind", list(LOOPS))
def test_the_journal_is_the_replays(
    kind: str, make_play: Callable[..., Any], rich_world: pl.DataFrame, stores: ExitStack
) -> None:
    play = make_play(START + LOOPS[kind], rich_world)
    play.live(play.engine(stores))
    path = play.place / "replay.db"
    ost.replay(play.loop, rich_world, tick="6h", journal=str(path))
    with SqliteJournal(path, readonly=True) as journal:
        replayed = [(entry.body, entry.hash) for entry in journal.entries()]
    for live, other in zip(play.entries(), replayed, strict=False):
        assert live[0] == other[0]
    assert play.entries() == replayed
    assert sum("candidate_trained" in body for body, _ in replayed) > 1
    kinds = {json.loads(body)["kind"] for body, _ in replayed}
    if play.loop.monitors is not None and play.loop.monitors.examine is not None:
        assert {"examination_requested", "diagnosis_made"} <= kinds
