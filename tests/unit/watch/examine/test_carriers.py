"""Slices, columns and labels that carry a change are named; others are not."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from ostinato.watch.examine import examine


def relabelled(current, champion, labels):
    losses = champion.loss(labels, current.scores)
    return dataclasses.replace(current, labels=labels, losses=losses)


def test_a_group_that_newly_fails_is_found_as_a_conjunction_with_its_proof(planted):
    reference, current, champion = planted("binary", rows=6000)
    inside = (current.frame["kind"] == "b") & (current.frame["x3"] > 0)
    coin = np.random.default_rng(0).random(len(current)) < 0.5
    broken = relabelled(current, champion, np.where(inside, coin, current.labels).astype(float))

    found = examine(reference, broken, champion)

    slices = [each for each in found.evidence["slices"] if each["anew"]]
    assert {"x3", "kind"} <= {
        part.split(" ")[0] for each in slices for part in each["slice"].split(" and ")
    }
    assert slices[0]["rise"]["low"] > 0
    assert "New failing slices" in found.reason
    assert found.cause == "concept drift"


def test_a_group_that_always_was_hard_is_told_from_one_that_newly_fails(planted):
    reference, current, champion = planted("binary", rows=4000)
    coins = np.random.default_rng(0)
    before, now = (
        relabelled(
            each,
            champion,
            np.where(each.frame["kind"] == "b", coins.random(len(each)) < 0.5, each.labels).astype(
                float
            ),
        )
        for each in (reference, current)
    )

    slices = examine(before, now, champion).evidence["slices"]

    assert [each["verdict"] for each in slices if each["slice"] == "kind = b"] == [
        "always was hard"
    ]
    assert not [each for each in slices if each["anew"]]


def test_a_group_that_stays_as_hard_while_others_get_easier_does_not_fail_anew(planted):
    reference, current, champion = planted("binary", rows=4000)
    sure = np.where(current.scores > 0.5, 1.0, 0.0)
    easy = relabelled(
        current, champion, np.where(current.frame["kind"] == "b", current.labels, sure)
    )

    found = examine(reference, easy, champion)

    assert any("kind = b" in each["slice"] for each in found.evidence["slices"])
    assert not [each for each in found.evidence["slices"] if each["anew"]]
    assert "New failing slices" not in found.reason


def test_columns_of_few_rows_move_only_beyond_chance(planted):
    reference, current, champion = planted("binary", rows=2000)
    few = current.taken(np.arange(len(current)) < 120)

    found = examine(reference, few, champion)

    assert any(each["moved"] > 0.05 for each in found.evidence["columns"])
    assert not [each for each in found.evidence["columns"] if "moved and" in each["verdict"]]
    assert "Columns" not in found.reason


def test_declared_slice_groups_are_searched_by_their_names(planted):
    reference, current, champion = planted("binary", rows=4000)
    champion = dataclasses.replace(champion, group_names=("shop=north", "shop=south"))
    coins = np.random.default_rng(0)
    sides = [
        dataclasses.replace(each, groups=coins.integers(0, 2, (len(each), 1)).astype(np.int32))
        for each in (reference, current)
    ]
    flipped = np.where(sides[1].groups[:, 0] == 1, 1.0 - sides[1].labels, sides[1].labels)

    slices = examine(sides[0], relabelled(sides[1], champion, flipped), champion).evidence["slices"]

    assert slices[0]["slice"] == "shop=south"
    assert slices[0]["anew"]


def test_what_moved_and_costs_is_told_from_what_moved_and_does_not_matter(planted):
    reference, current, champion = planted("binary", "covariate", rows=4000)
    away = current.frame.with_columns(pl.col("x3") + 1.0)
    moved = dataclasses.replace(current, frame=away)

    found = examine(reference, moved, champion).evidence["columns"]

    verdicts = {each["column"]: (each["matters"], each["verdict"]) for each in found}
    assert verdicts["x0"] == (True, "moved and costs")
    assert verdicts["x3"] == (False, "moved and does not matter")
    assert "x1" not in verdicts


def test_a_champion_that_cannot_be_asked_is_replaced_by_weights(planted):
    reference, current, champion = planted("binary", "covariate", rows=4000)
    silent = dataclasses.replace(champion, score=None)

    found = examine(reference, current, silent)

    row = next(each for each in found.evidence["columns"] if each["column"] == "x0")
    assert found.cause == "covariate shift"
    assert row["answers"] is None
    assert row["loss"]["low"] > 0


def test_a_column_whose_meaning_changed_has_uneven_rises(planted):
    found = examine(*planted("binary", "concept", rows=4000)).evidence["columns"]

    assert found[0]["column"] == "x0"
    assert found[0]["uneven"] > 0.05


def test_categories_that_move_are_moved_with_the_least_change(planted):
    reference, current, champion = planted("binary", rows=4000)
    rng = np.random.default_rng(0)
    away = current.frame.with_columns(
        pl.Series("kind", rng.choice(["a", "b", "c"], 4000, p=[0.8, 0.1, 0.1]))
    )

    moved = examine(reference, dataclasses.replace(current, frame=away), champion)

    row = next(each for each in moved.evidence["columns"] if each["column"] == "kind")
    assert row["moved"] == pytest.approx(0.8 - 1 / 3, abs=0.03)
    assert row["answers"] > 0.02


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_flipped_labels_look_like_what_they_were(planted, task):
    reference, current, champion = planted(task, rows=3000)
    flipped = np.random.default_rng(0).random(3000) < 0.1
    other = (current.labels + 1.0) % len(champion.classes)
    wrong = relabelled(current, champion, np.where(flipped, other, current.labels))

    honest = examine(reference, current, champion).evidence["labels"]
    found = examine(reference, wrong, champion).evidence["labels"]

    assert not honest["more"]
    assert found["more"]
    assert 0.02 < found["rise"]["change"] < 0.15
    assert all("looks like" in name for name in found["flips"])


def test_wild_targets_of_a_regression_are_told(planted):
    reference, current, champion = planted("regression", rows=2000)
    wild = np.where(np.arange(2000) % 20 == 0, current.labels * 100 + 500, current.labels)

    found = examine(reference, relabelled(current, champion, wild), champion).evidence["labels"]

    assert found["more"]
    assert found["rise"]["change"] == pytest.approx(0.05, abs=0.01)


def test_columns_that_no_longer_belong_together_leave_the_plane(planted):
    reference, current, champion = planted("binary", rows=3000)
    together = [
        dataclasses.replace(
            each, frame=each.frame.with_columns((pl.col("x0") * sign).alias("twin"))
        )
        for each, sign in ((reference, 1.0), (current, -1.0))
    ]

    same = examine(together[0], together[0], champion).evidence["domain"]
    found = examine(*together, champion).evidence["domain"]

    assert found["reconstruction"]["rise"]["low"] > 0.05
    assert abs(same["reconstruction"]["rise"]["change"]) < 0.05
    assert found["stance"] == "act"
    assert same["stance"] == "alike"


def test_a_category_that_goes_missing_is_a_slice_by_that_name(planted):
    reference, current, champion = planted("binary", rows=2000)
    gone = pl.when(pl.col("kind") == "a").then(None).otherwise(pl.col("kind"))
    frame = current.frame.with_columns(gone.alias("kind"))
    scores = champion.score(frame)
    losses = champion.loss(1.0 - current.labels, scores)
    flipped = np.where((current.frame["kind"] == "a").to_numpy(), losses, current.losses)
    broken = dataclasses.replace(current, frame=frame, scores=scores, losses=flipped)

    slices = examine(reference, broken, champion).evidence["slices"]

    found = {each["slice"]: each["verdict"] for each in slices}
    assert found["kind missing"] == "has no rows in the reference"


def test_what_chance_moves_in_small_samples_is_not_said_to_have_moved(planted):
    reference, current, champion = planted("binary", rows=300, seed=3)

    found = examine(reference, current, champion)

    verdicts = {each["verdict"] for each in found.evidence["columns"]}
    assert "moved no further than by chance" in verdicts
    assert verdicts <= {"moved no further than by chance", "did not move"}
    assert "Columns that moved" not in found.reason
