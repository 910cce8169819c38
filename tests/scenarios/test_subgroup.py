"""A region turns round while the others get easier: the mean of all hardly moves."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

import ostinato as ost

WEST = "performance/log_loss @region=west"


def test_a_subgroup_that_fails_under_a_steady_aggregate_is_found_and_learned_again(scene, play):
    world = scene(per_day=500, days=52)
    regions = ["north", "south", "east", "west"]
    region = world.rng.choice(regions, world.rows, p=[0.4, 0.25, 0.2, 0.15])
    x = world.normal()
    turned = world.after & (region == "west")
    # What the west loses, the others win.
    ease = np.where(world.after & (region != "west"), 2.2, 1.0)
    labels = world.draw(np.where(turned, -2.0 * x, 2.0 * x * ease))

    story = play(
        world.table(x=x, region=region, label=labels),
        features=["x", "region"],
        slices=["region"],
        learner=HistGradientBoostingClassifier(max_iter=25, max_depth=3, learning_rate=0.2),
        policy=ost.Policy(triggers=[ost.SliceDegradation(again="3d")], window=ost.SinceChange()),
    )

    story.assert_calm_before()
    assert story.first(WEST) <= 2
    assert {each for each in story.alarms() if each.startswith("performance/")} == {WEST}
    assert not {each for each in story.alarms() if each.startswith(("quality/", "drift/"))}
    assert story.causes() == ["concept drift"]
    told = story.diagnosis()
    assert told["evidence"]["slice"] == "region=west"
    assert told["reason"].startswith("Of region=west: The loss rose")
    assert "slice degradation" in told["evidence"]["action"]
    (learning, *_) = story.kinds("learning_requested")
    assert "region=west" in learning["reason"]
    assert story.kinds("promoted")
    assert story.resolved(WEST)
