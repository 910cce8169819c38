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
        policy=ost.Policy(triggers=[ost.Every("5d"), ost.DataQuality()]),
    )

    story.assert_calm_before()
    assert story.first("quality/heat:repeats") <= 0.5
    assert not {each for each in story.alarms() if "load" in each or each.startswith("label/")}
    assert story.causes() == ["data quality"]
    told = story.diagnosis()
    assert told["evidence"]["broken"][0]["column"] == "heat"
    assert told["evidence"]["broken"][0]["what"] == "stuck at 0.3"
    assert "repair the data" in told["evidence"]["action"]
    assert "More labels" not in told["reason"], "it is no fault of theirs"
    for each in story.kinds("diagnosis_made")[1:]:
        assert "quality" in each["evidence"]["action"]
    assert story.kinds("training_requested", before=True), "the schedule does train"
    assert story.kinds("training_requested") == story.kinds("promoted") == []
    held = [each["reason"] for each in story.kinds("trigger_changed")]
    assert any("Held back: the data are broken (quality/heat:repeats)" in each for each in held)
