"""A label pipeline breaks: every label says no, or most of them do not come."""

from __future__ import annotations

import numpy as np

import ostinato as ost


def test_labels_that_all_say_no_are_not_taken_for_a_worse_model(scene, play):
    world = scene()
    x = world.normal()
    labels = world.draw(1.5 * x)
    told = np.where(world.after, False, labels)

    story = play(
        world.table(x=x, label=told),
        features=["x"],
        policy=ost.Policy(triggers=[ost.Degradation(), ost.DataQuality()]),
        classes=[False, True],
    )

    story.assert_calm_before()
    assert story.first("label/label:one value") <= 1.5, "labels come a day late"
    assert not {each for each in story.alarms() if each.startswith(("drift/", "quality/"))}
    assert story.causes() == ["data quality"]
    diagnosis = story.diagnosis()
    assert "All labels are False: their source looks broken." in diagnosis["reason"]
    assert "concept drift" not in diagnosis["evidence"]["parts"]
    assert "holds learning back" in diagnosis["evidence"]["action"]
    assert story.kinds("training_requested") == story.kinds("promoted") == []
    held = [each["reason"] for each in story.kinds("trigger_changed")]
    assert any("Held back: the data are broken (label/label:one value)" in each for each in held)


def test_classes_that_come_in_other_shares_hold_nothing_back(scene, play):
    """As the one above, but the world has changed: many fewer cases, each as before."""
    world = scene(per_day=400)
    kept = np.ones(world.rows, dtype=bool)
    case = world.rng.random(world.rows) < 0.5
    kept[world.after & case] = world.rng.random(int((world.after & case).sum())) < 0.2
    x = world.normal() + np.where(case, 1.0, -1.0)

    story = play(
        world.table(x=x, label=case).filter(kept),
        features=["x"],
        policy=ost.Policy(triggers=[ost.Degradation(), ost.DataQuality()]),
    )

    assert "label/label" in story.alarms()
    assert story.causes() in ([], ["label shift"])
    assert not [each for each in story.kinds("trigger_changed") if "broken" in each["reason"]]


def test_labels_that_stop_coming_are_told_apart_from_a_worse_model(scene, play):
    world = scene()
    x = world.normal()
    labels = world.draw(1.5 * x)
    gone = world.after & (world.rng.random(world.rows) < 0.7)
    seen = [None if lost else bool(y) for lost, y in zip(gone, labels, strict=True)]

    story = play(
        world.table(x=x, label=seen),
        features=["x"],
        policy=ost.Policy(triggers=[ost.Every("5d"), ost.DataQuality()]),
    )

    story.assert_calm_before()
    assert {"label/label:missing", "label/label:per prediction"} <= story.alarms()
    assert story.first("label/label:missing") <= 3, "two days are the horizon"
    others = {each for each in story.alarms() if not each.startswith("label/")}
    assert others <= {"performance/labels:missing"}
    assert story.causes() == []
    held = [each["reason"] for each in story.kinds("trigger_changed")]
    assert any("Held back: the data are broken (label/label:" in each for each in held)
    assert story.kinds("promoted") == []
