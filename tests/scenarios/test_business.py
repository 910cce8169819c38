"""The model gets better by its metric while what it is there for gets worse."""

from __future__ import annotations

import numpy as np

import ostinato as ost


def test_a_business_metric_that_falls_while_the_model_metric_rises_is_told(scene, play):
    world = scene()
    x = world.normal()
    # Clicks become easier to foresee, and are worth less.
    labels = world.draw(np.where(world.after, 3.0, 1.0) * x)
    worth = world.rng.gamma(2.0, np.where(world.after, 0.35, 0.5), world.rows)
    revenue = np.where(labels, worth, 0.0)

    story = play(
        world.table(x=x, label=labels, revenue=revenue),
        features=["x"],
        outcomes=[ost.Outcome("revenue", column="revenue", delay="1d")],
    )

    business = [name for name in story.alarms() if name.startswith("business/")]
    assert business
    told = " ".join(story.replay.alarms["stream"].to_list())
    assert "performance/log_loss " not in told
