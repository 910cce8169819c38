"""A sensor that freezes sends good-looking values; the loop must not learn from them."""

from __future__ import annotations

import numpy as np

import ostinato as ost


def test_a_frozen_sensor_is_named_and_nothing_is_learned_from_it(scene, play):
    world = scene()
    heat, load = world.normal(), world.normal()
    labels = world.draw(1.5 * heat - load)
    sent = np.where(world.after, 0.3, heat)

    story = play(
        world.table(heat=sent, load=load, label=labels),
        features=["heat", "load"],
        policy=ost.policies.scheduled("7d", triggers=[ost.Every("7d"), ost.DataQuality()]),
    )

    assert story.first("quality/heat:repeats") <= 1.1
    assert story.cause() == "data quality"
    assert story.kinds("training_requested") == []
    held = [each for each in story.kinds("trigger_changed") if "quality/heat" in each["reason"]]
    assert held
    assert not [name for name in story.alarms() if "load" in name]
