"""The model gets better by its metric while what it is there for gets worse."""

from __future__ import annotations

import numpy as np

import ostinato as ost

AGAINST = "business/revenue:against log_loss"


def test_a_business_metric_that_falls_while_the_model_metric_rises_is_told(scene, play):
    world = scene(days=48)
    x = world.normal()
    # What is clicked turns round on day 23; the model that knows it serves from day 35 on.
    labels = world.draw(np.where(world.days < 23, 2.0, -2.0) * x)
    # What it gets clicked is worth less.
    revenue = world.rng.gamma(2.0, np.where(world.after, 0.5, 1.0), world.rows)

    story = play(
        world.table(x=x, label=labels, revenue=revenue),
        features=["x"],
        outcomes=[ost.Outcome(name="revenue", delay="1d")],
        policy=ost.policies.scheduled(
            "14d", window=ost.Last("10d"), holdout="1d", gates=[], rollout=ost.Immediate()
        ),
    )

    assert len(story.kinds("promoted")) >= 1
    assert {each for each in story.alarms() if each.startswith("business/")} == {
        "business/revenue",
        AGAINST,
    }
    assert story.first(AGAINST) <= 10
    assert not {each for each in story.alarms() if each.startswith(("performance/", "quality/"))}
    assert story.resolved("performance/log_loss"), "by the metric all is well again"
    verdict = story.replay.verdicts["business revenue"]
    assert verdict["verdict"] == "diverges"
    assert "The loss (log_loss) changed by -" in verdict["text"]
    assert "and revenue by -" in verdict["text"]
    assert "log_loss does not measure what revenue comes from" in verdict["action"]
    assert "Go back to the champion before" in verdict["action"]


def test_a_business_metric_that_falls_under_a_model_that_stays_good_is_told(scene, play):
    world = scene(days=52)
    x = world.normal()
    labels = world.draw(np.where(world.after, 3.0, 1.5) * x)
    revenue = world.rng.gamma(4.0, np.where(world.after, 0.12, 0.25), world.rows)

    story = play(
        world.table(x=x, label=labels, revenue=revenue),
        features=["x"],
        outcomes=[ost.Outcome(name="revenue", delay="1d")],
        policy=ost.Policy(triggers=[ost.Degradation(), ost.EstimatedDegradation()]),
    )

    story.assert_calm_before()
    assert story.alarms() == {"business/revenue"}
    assert story.first("business/revenue") <= 12
    assert story.causes() == []
    assert not [each for each in story.kinds("diagnosis_made") if "failing" in each["reason"]]
    assert story.kinds("learning_requested") == [], "a model can do nothing about it"
