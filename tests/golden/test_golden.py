"""Recorded decision logs of small scenarios: a change in them is a change in what the loop decides.

Only what does not depend on library versions is recorded: time, kind, and the word of the
decision. `UPDATE_GOLDEN=1 pytest tests/golden` writes them again; review the difference.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin

import ostinato as ost

FOLDER = Path(__file__).parent / "journals"
WORDS = ("stance", "verdict", "gate", "share", "outcome")


class Counting(ClassifierMixin, BaseEstimator):
    """Learns one rate per value of the first feature: the same with every library version."""

    def fit(self, X, y):
        self.classes_ = np.array([0.0, 1.0])
        if len(np.unique(y)) < 2:
            raise ValueError("one class only")
        key = np.asarray(X)[:, 0] > 0
        self.rates_ = [
            float((y[key == side].sum() + 1) / ((key == side).sum() + 2)) for side in (False, True)
        ]
        return self

    def predict_proba(self, X):
        scores = np.where(np.asarray(X)[:, 0] > 0, self.rates_[1], self.rates_[0])
        return np.column_stack([1 - scores, scores])


class Forgetful(Counting):
    """Good on the first history, and after that the wrong way round."""

    def fit(self, X, y):
        super().fit(X, y)
        if len(y) > 1500:
            self.rates_ = self.rates_[::-1]
        return self


def world(rows=8000, change=None):
    # Made of whole numbers by a fixed rule, so that no generator's version matters.
    index = np.arange(rows, dtype=np.uint64)
    mixed = (index * np.uint64(2654435761)) % np.uint64(2**32)
    x = mixed % np.uint64(2)
    draw = (mixed // np.uint64(2)) % np.uint64(100)
    flip = np.zeros(rows, dtype=bool) if change is None else index >= int(rows * change)
    likely = np.where(flip, 1 - x, x)
    y = np.where(likely == 1, draw < 80, draw < 20).astype(np.int64)
    return pl.DataFrame({"t": index.astype(np.int64) * 600, "x": x.astype(np.int64), "y": y})


def loop(learner):
    return ost.Loop(
        name="golden",
        task="binary",
        time="t",
        features=["x"],
        label=ost.Label("y", delay="2h", horizon="6h"),
        learner=learner,
    )


CANARY = ost.Canary(steps=[0.1, 0.5, 1.0], over="1d", min_samples=200)
SCENARIOS = {
    "a change is found, learned, proved and released": (
        world(change=0.5),
        Counting(),
        ost.policies.triggered(window=ost.SinceChange(minimum="4d"), rollout=CANARY),
    ),
    "a still world is left alone": (world(), Counting(), ost.policies.triggered(rollout=CANARY)),
    "a bad candidate must fail at the gates": (
        world(),
        Forgetful(),
        ost.policies.scheduled("10d", rollout=CANARY),
    ),
    "a bad candidate that no gate stops is aborted in the canary": (
        world(),
        Forgetful(),
        ost.policies.scheduled("10d", gates=[], rollout=CANARY),
    ),
    "a bad champion released at once is rolled back": (
        world(),
        Forgetful(),
        ost.policies.scheduled("10d", gates=[], rollout=ost.Immediate(min_samples=200)),
    ),
}


@cache
def decisions(name):
    table, learner, policy = SCENARIOS[name]
    found = ost.replay(loop(learner), table, policy=policy, tick="2h").decisions
    lines = []
    for row in found.iter_rows(named=True):
        evidence = json.loads(row["evidence"])
        words = [f"{word}={evidence[word]}" for word in WORDS if word in evidence]
        lines.append(" ".join([row["time"].strftime("%m-%dT%H:%M"), row["kind"], *words]))
    return lines


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_decisions_are_those_recorded(name):
    path = FOLDER / f"{name.replace(' ', '-').replace(',', '')}.txt"
    found = decisions(name)
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(found) + "\n")
    assert found == path.read_text().splitlines()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a change is found, learned, proved and released", "promoted"),
        ("a bad candidate must fail at the gates", "candidate_rejected"),
        ("a bad candidate that no gate stops is aborted in the canary", "rollout_ended"),
        ("a bad champion released at once is rolled back", "rolled_back"),
    ],
)
def test_the_recorded_scenarios_show_what_their_names_say(name, kind):
    lines = (FOLDER / f"{name.replace(' ', '-').replace(',', '')}.txt").read_text().splitlines()
    after_the_first = lines[8:]
    assert any(f" {kind}" in line for line in after_the_first)


def test_a_log_whose_promotion_was_moved_by_hand_must_fail():
    """The harness itself can fail: this log is the first scenario's, promoted a day too soon."""
    path = FOLDER / "must-fail-a-promotion-a-day-too-soon.txt"
    found = decisions("a change is found, learned, proved and released")
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text("\n".join(_promoted_too_soon(found)) + "\n")

    told = path.read_text().splitlines()

    assert found != told
    assert [line.split()[1] for line in told if line not in found] == ["promoted"]


def _promoted_too_soon(lines):
    last = max(number for number, line in enumerate(lines) if line.endswith(" promoted"))
    moment = datetime.strptime(f"2001-{lines[last].split()[0]}+0000", "%Y-%m-%dT%H:%M%z")
    moved = f"{moment - timedelta(days=1):%m-%dT%H:%M} promoted"
    others = [line for number, line in enumerate(lines) if number != last]
    return sorted([*others, moved], key=lambda line: line.split()[0])


def test_nothing_is_released_in_a_still_world_and_no_bad_candidate_passes_the_gates():
    still = (FOLDER / "a-still-world-is-left-alone.txt").read_text()
    bad = (FOLDER / "a-bad-candidate-must-fail-at-the-gates.txt").read_text()
    assert still.count(" promoted") == bad.count(" promoted") == 1
    assert "learning_requested" not in "".join(still.splitlines()[4:])
