"""A label pipeline breaks: every label that comes says no."""

from __future__ import annotations

import numpy as np

import ostinato as ost


def test_a_broken_label_pipeline_is_not_taken_for_a_worse_model(scene, play):
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

    assert [name for name in story.alarms() if name.startswith("label/")]
    assert story.kinds("training_requested") == []
    assert story.kinds("promoted") == []
    assert story.cause() in ("label shift", "data quality")
    actions = [
        each["evidence"].get("action", each["reason"]) for each in story.kinds("diagnosis_made")
    ]
    assert any("label" in action for action in actions)


def test_labels_that_stop_coming_are_told_apart_from_a_worse_model(scene, play):
    world = scene()
    x = world.normal()
    labels = world.draw(1.5 * x)
    gone = world.after & (world.rng.random(world.rows) < 0.7)
    table = world.table(
        x=x, label=[None if g else bool(y) for g, y in zip(gone, labels, strict=True)]
    )

    story = play(table, features=["x"])

    assert [name for name in story.alarms() if name.startswith("label/")]
    assert "performance/log_loss" not in story.alarms()
