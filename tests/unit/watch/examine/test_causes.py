"""Each planted cause is found, with the right sign, in every task; where nothing differs, none."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from ostinato.core.canonical import canonical_json
from ostinato.watch.examine import examine

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
CASES = [
    *(("binary", what) for what in CAUSES),
    *(("multiclass", what) for what in ("concept", "label", "unit")),
    *(("regression", what) for what in ("concept", "covariate", "label", "unit")),
]


@pytest.mark.parametrize(("task", "what"), CASES)
def test_a_planted_cause_is_named_with_its_sign_and_parts_add_up(planted, task, what):
    reference, current, champion = planted(task, what)

    found = examine(reference, current, champion)

    parts = found.evidence["parts"]
    assert found.cause == CAUSES[what], found.reason
    assert 0 < parts[found.cause]["low"] < parts[found.cause]["change"] < parts[found.cause]["high"]
    assert found.cause in found.reason
    change = current.losses.mean() - reference.losses.mean()
    largest = max(abs(part["change"]) for part in parts.values())
    total = sum(part["change"] for part in parts.values())
    assert found.evidence["loss"]["change"]["change"] == pytest.approx(change, rel=1e-5)
    assert total == pytest.approx(change, abs=1e-5 * (abs(change) + largest))


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_where_nothing_differs_no_cause_is_named(planted, task):
    named = [examine(*planted(task, rows=800, seed=seed)).cause for seed in range(2)]

    assert named == ["none found"] * 2


def test_a_better_world_has_no_cause(planted):
    reference, current, champion = planted("binary", "concept")

    found = examine(current, reference, champion)

    assert found.cause == "none found"
    assert "fell" in found.reason
    assert found.evidence["parts"]["concept drift"]["high"] < 0


def test_the_same_rows_give_the_same_bytes(planted):
    first, second = (examine(*planted("binary", "missing", rows=600)) for _ in range(2))

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


def test_other_inputs_are_foreseen_to_cost_before_labels_come(planted):
    reference, current, champion = planted("binary", "covariate")
    nothing = np.full(len(current), np.nan)
    unlabelled = dataclasses.replace(current, labels=nothing, losses=nothing)

    found = examine(reference, unlabelled, champion)

    part = found.evidence["parts"]["covariate shift"]
    truth = current.losses.mean() - reference.losses.mean()
    assert found.cause == "covariate shift"
    assert "too few labels" in found.reason
    assert found.evidence["foreseen"] is True
    assert part["low"] < truth < part["high"]
    assert found.evidence["classes"]["now_from_scores"][1] == pytest.approx(
        current.labels.mean(), abs=0.06
    )
    assert "parts" in found.evidence["unmeasured"]


def test_before_labels_come_other_meaning_is_not_seen_and_a_fault_is_told_without_its_cost(planted):
    reference, current, champion = planted("binary", "stuck")
    nothing = np.full(len(current), np.nan)
    unlabelled = dataclasses.replace(current, labels=nothing, losses=nothing)

    found = examine(reference, unlabelled, champion)

    assert found.cause == "none found"
    assert [each["column"] for each in found.evidence["broken"]] == ["x0"]
    assert found.evidence["broken"][0]["cost"] is None
    assert "before labels come" in found.evidence["unmeasured"]["x0"]


def test_a_column_that_tells_the_time_does_not_hide_another_meaning(planted):
    reference, current, champion = planted("binary", "concept")
    counted = [
        dataclasses.replace(
            each, frame=each.frame.with_columns(pl.int_range(pl.len()).alias("n") + start)
        )
        for each, start in ((reference, 0), (current, 50_000))
    ]

    found = examine(*counted, champion)

    assert found.cause == "concept drift"
    assert "tells the samples apart by itself" in found.evidence["unmeasured"]["n"]
    assert found.evidence["domain"]["auc"] > 0.9


def test_inputs_without_an_overlap_are_compared_by_score(planted):
    reference, current, champion = planted("binary", "concept")
    rng = np.random.default_rng(0)
    apart = [
        dataclasses.replace(
            each,
            frame=each.frame.with_columns(
                pl.Series(f"z{i}", rng.normal(shift, 1.0, len(each))) for i in range(4)
            ),
        )
        for each, shift in ((reference, 0.0), (current, 1.6))
    ]

    found = examine(*apart, champion)

    assert found.cause == "concept drift"
    assert "by score alone" in found.evidence["unmeasured"]["inputs"]


@pytest.mark.parametrize(
    ("task", "told"), [("binary", "no"), ("multiclass", "u"), ("regression", "0")]
)
def test_labels_that_all_say_the_same_are_broken_and_no_other_meaning(planted, task, told):
    reference, current, champion = planted(task, rows=800)
    labels = np.zeros(len(current))
    losses = champion.loss(labels, current.scores)
    stuck = dataclasses.replace(current, labels=labels, losses=losses)

    found = examine(reference, stuck, champion)

    assert found.cause == "data quality", found.reason
    assert f"All labels are {told}: their source looks broken." in found.reason
    assert found.evidence["labels"] == {"all": told}
    assert "concept drift" not in found.evidence["parts"]
    assert "slices" in found.evidence["unmeasured"]


def test_one_class_that_all_but_vanishes_while_scores_stay_is_no_label_shift(planted):
    reference, current, champion = planted("binary", rows=2000)
    labels = np.where(np.arange(len(current)) % 50, 0.0, current.labels)
    losses = champion.loss(labels, current.scores)

    found = examine(reference, dataclasses.replace(current, labels=labels, losses=losses), champion)

    assert found.evidence["classes"]["holds"] is False
    assert found.cause == "concept drift", found.reason


def test_what_a_fault_may_cost_is_not_called_another_meaning(planted):
    reference, current, champion = planted("binary", "stuck", rows=2000)
    rows = np.flatnonzero(np.arange(len(current)) > 0.5 * len(current))[:180]

    found = examine(reference, current.taken(rows), champion)

    assert found.evidence["broken"][0]["what"].startswith("stuck")
    assert found.cause in ("data quality", "none found"), found.reason
