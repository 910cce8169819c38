"""Recorded decision logs of loops that people operate: what is asked, obeyed and refused.

Recorded as in `test_golden`: time, kind, and the words of the decision.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

import ostinato as ost
from ostinato.core.records import AutonomySet, OperatorActed
from ostinato.core.units import HOUR_NS
from ostinato.loop import kernel

FOLDER = Path(__file__).parent / "journals"
WORDS = ("stance", "verdict", "gate", "share", "outcome", "level", "act", "action")
DAY_NS = 24 * HOUR_NS


class Counting(ClassifierMixin, BaseEstimator):
    """Learns one rate per value of the first feature: the same with every library version."""

    def fit(self, X, y):
        self.classes_ = np.array([0.0, 1.0])
        key = np.asarray(X)[:, 0] > 0
        self.rates_ = [
            float((y[key == side].sum() + 1) / ((key == side).sum() + 2)) for side in (False, True)
        ]
        return self

    def predict_proba(self, X):
        scores = np.where(np.asarray(X)[:, 0] > 0, self.rates_[1], self.rates_[0])
        return np.column_stack([1 - scores, scores])


def world(rows=8000, change=0.5):
    # Made of whole numbers by a fixed rule, so that no generator's version matters.
    index = np.arange(rows, dtype=np.uint64)
    mixed = (index * np.uint64(2654435761)) % np.uint64(2**32)
    x = mixed % np.uint64(2)
    draw = (mixed // np.uint64(2)) % np.uint64(100)
    likely = np.where(index >= int(rows * change), 1 - x, x)
    y = np.where(likely == 1, draw < 80, draw < 20).astype(np.int64)
    return pl.DataFrame({"t": index.astype(np.int64) * 600, "x": x.astype(np.int64), "y": y})


LOOP = ost.Loop(
    name="golden",
    task="binary",
    time="t",
    features=["x"],
    label=ost.Label("y", delay="2h", horizon="6h"),
    learner=Counting(),
    monitors=None,
)
POLICY = ost.policies.triggered(
    window=ost.SinceChange(minimum="4d"),
    rollout=ost.Canary(steps=[0.1, 0.5, 1.0], over="1d", min_samples=200),
)


def level(name):
    return {"level": name}


# What people do, by day of the year: the change is on day 27.
SCENARIOS = {
    "a loop that suggests learns and releases when somebody says yes": {
        7: [level("suggest")],
        29.5: ["approve"],
        30.5: ["approve"],
        31.5: ["approve"],
        32.5: ["approve"],
    },
    "a loop that only observes tells of the change and does nothing": {7: [level("observe")]},
    "people promote, undo, pause and resume": {
        20: ["undo", "approve"],
        30.5: ["promote"],
        31: ["undo", "undo"],
        31.5: ["pause", "pause", "retrain"],
        34: ["resume"],
        34.5: ["retrain"],
        36: ["abort"],
    },
}


def acts_of(script, *, from_ns, to_ns):
    found = []
    for day, acts in script.items():
        if not from_ns < day * DAY_NS <= to_ns:
            continue
        for number, act in enumerate(acts):
            stamp = {"ts_event_ns": to_ns, "ts_record_ns": to_ns, "subject": "", "reason": "now"}
            told = {"who": "ana", "act_id": f"{day}-{number}"}
            if isinstance(act, dict):
                found.append(AutonomySet(**stamp, **told, **act))
            else:
                found.append(OperatorActed(**stamp, **told, act=act))
    return found


@pytest.fixture
def operated(monkeypatch):
    """Replay with people at the loop; each `every` ticks it goes on from a snapshot."""
    step = kernel.step

    def replay(script, *, every=0):
        last, ticks = [0], [0]

        def with_people(state, batch, now_ns):
            acts, last[0] = acts_of(script, from_ns=last[0], to_ns=now_ns), now_ns
            ticks[0] += 1
            if every and ticks[0] % every == 0:
                state = kernel.restore(state.plan_, kernel.snapshot(state))
            return step(state, [*batch, *acts], now_ns)

        monkeypatch.setattr(kernel, "step", with_people)
        return ost.replay(LOOP, world(), policy=POLICY, tick="2h").decisions

    return replay


def lines_of(decisions):
    lines = []
    for row in decisions.iter_rows(named=True):
        evidence = json.loads(row["evidence"])
        words = [f"{word}={evidence[word]}" for word in WORDS if word in evidence]
        lines.append(" ".join([row["time"].strftime("%m-%dT%H:%M"), row["kind"], *words]))
    return lines


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_decisions_are_those_recorded(name, operated):
    path = FOLDER / f"{name.replace(' ', '-').replace(',', '')}.txt"
    found = lines_of(operated(SCENARIOS[name]))
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text("\n".join(found) + "\n")
    assert found == path.read_text().splitlines()


@pytest.mark.parametrize("name", SCENARIOS)
def test_going_on_from_snapshots_changes_no_decision(name, operated):
    whole, parts = operated(SCENARIOS[name]), operated(SCENARIOS[name], every=7)
    assert parts["hash"].to_list() == whole["hash"].to_list()


def test_each_question_is_asked_before_what_it_is_about(operated):
    found = operated(SCENARIOS["a loop that suggests learns and releases when somebody says yes"])
    kinds = found["kind"].to_list()
    assert kinds.count("promoted") == 2
    asked = found.filter(pl.col("kind") == "action_proposed")["time"]
    learned = found.filter(pl.col("kind") == "learning_requested")["time"]
    assert asked[0] < learned[1]
    assert learned[1] - asked[0] > timedelta(hours=2)


def test_a_loop_that_observes_releases_nothing_but_its_first_champion(operated):
    found = operated(SCENARIOS["a loop that only observes tells of the change and does nothing"])
    kinds = found["kind"].to_list()
    assert kinds.count("promoted") == kinds.count("learning_requested") == 1
    assert found.filter(pl.col("reason").str.contains("only observes"))["kind"].to_list() == [
        "trigger_changed"
    ]
