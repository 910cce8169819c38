"""A region turns round while the others get a little easier: the mean of all hardly moves."""

from __future__ import annotations

import numpy as np

import ostinato as ost


def test_a_subgroup_that_fails_under_a_steady_aggregate_is_found_and_learned_again(scene, play):
    world = scene(per_day=600)
    region = world.rng.choice(
        ["north", "south", "east", "west"], world.rows, p=[0.5, 0.2, 0.2, 0.1]
    )
    x = world.normal()
    turned = world.after & (region == "west")
    # What the west loses, the others win: they become easier to tell by as much.
    ease = np.where(world.after & (region != "west"), 1.35, 1.0)
    labels = world.draw(np.where(turned, -2.0 * x, 2.0 * x * ease))

    story = play(
        world.table(x=x, region=region, label=labels),
        features=["x", "region"],
        slices=["region"],
        policy=ost.Policy(triggers=[ost.SliceDegradation()], window=ost.SinceChange()),
    )

    assert "performance/log_loss" not in story.alarms()
    assert story.first("performance/log_loss @region=west") <= 6
    (diagnosis, *_) = story.kinds("diagnosis_made")
    assert diagnosis["evidence"]["cause"] == "concept drift"
    assert "west" in str(diagnosis["evidence"]["slices"])
    (learning, *_) = story.kinds("learning_requested")
    assert "region=west" in learning["reason"]
