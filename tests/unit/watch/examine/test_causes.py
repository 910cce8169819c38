"""Each planted cause is found, with the right sign, in every task; where nothing differs, none."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from ostinato.core.canonical import canonical_json
from ostinato.watch.examine import examine

TASKS = ("binary", "multiclass", "regression")
CAUSES = {
    "concept": "concept drift",
    "covariate": "covariate shift",
    "label": "label shift",
    "missing": "data quality",
    "stuck": "data quality",
    "unit": "data quality",
    "gone": "data quality",
    "renamed": "data quality",
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("what", CAUSES)
def test_a_planted_cause_is_named_with_its_sign(planted, task, what):
    found = examine(*planted(task, what))

    assert found.cause == CAUSES[what], found.reason
    part = found.evidence["parts"][found.cause]
    assert 0 < part["low"] < part["change"] < part["high"]
    assert found.cause in found.reason


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("what", ["none", "concept", "label", "unit"])
def test_parts_add_up_to_the_change(planted, task, what):
    reference, current, champion = planted(task, what)

    found = examine(reference, current, champion).evidence

    total = sum(part["change"] for part in found["parts"].values())
    change = current.losses.mean() - reference.losses.mean()
    largest = max(abs(part["change"]) for part in found["parts"].values())
    assert found["loss"]["change"]["change"] == pytest.approx(change, rel=1e-5)
    assert total == pytest.approx(change, abs=1e-5 * (abs(change) + largest))


def test_where_nothing_differs_no_cause_is_named(planted):
    named = [
        examine(*planted(task, rows=800, seed=seed)).cause for seed in range(4) for task in TASKS
    ]

    assert named == ["none found"] * 12


def test_a_better_world_has_no_cause(planted):
    reference, current, champion = planted("binary", "concept")

    found = examine(current, reference, champion)

    assert found.cause == "none found"
    assert "fell" in found.reason
    assert found.evidence["parts"]["concept drift"]["high"] < 0


def test_the_same_rows_give_the_same_bytes(planted):
    first, second = (examine(*planted("binary", "missing", rows=1000)) for _ in range(2))

    assert canonical_json(first) == canonical_json(second)


def test_a_fault_is_told_from_another_meaning_that_comes_with_it(planted):
    reference, drifted, champion = planted("binary", "concept")
    broken = np.random.default_rng(0).random(len(drifted)) < 0.3
    far = pl.when(pl.Series(broken)).then(pl.col("x0") * 100).otherwise(pl.col("x0"))
    frame = drifted.frame.with_columns(far.alias("x0"))
    scores = champion.score(frame)
    losses = champion.loss(drifted.labels, scores)
    both = dataclasses.replace(drifted, frame=frame, scores=scores, losses=losses)
    fault = losses.mean() - drifted.losses.mean()

    parts = examine(reference, both, champion).evidence["parts"]

    assert parts["data quality"]["low"] < fault < parts["data quality"]["high"]
    assert parts["concept drift"]["low"] > 0
