"""A new fraud that the rules do not catch: labels come only of what was caught."""

from __future__ import annotations

import numpy as np
import polars as pl

import ostinato as ost
from ostinato.core.ids import hash_keys
from ostinato.serve.assign import explored

SHARE = 0.1


def world_of(scene, *, open_share):
    """Frauds by amount are caught; from the break on there are others by device, which are not."""
    world = scene(per_day=500, days=52)
    amount, device, case = world.normal(), world.normal(), np.arange(world.rows)
    by_amount = 2.0 * amount - 2.0
    fraud = world.draw(
        np.where(world.after, np.logaddexp(by_amount, 2.0 * device - 1.0), by_amount)
    )
    seen = amount > 0.8
    if open_share:
        seen = seen | explored(hash_keys(case), loop="scene", share=open_share)
    label = pl.Series(fraud).set(pl.Series(~seen), None)
    return world, world.table(amount=amount, device=device, case=case, label=label), fraud


def test_a_fraud_loop_that_only_sees_what_it_caught_is_called_blind(scene, play):
    world, table, fraud = world_of(scene, open_share=0.0)

    story = play(
        table,
        features=["amount", "device"],
        unit="case",
        policy=ost.Policy(triggers=[ost.Degradation()]),
    )

    # Most frauds are missed now, and the labels that come say that all is well ...
    missed = fraud & (table["label"].is_null().to_numpy())
    assert missed[world.after].mean() > 2 * missed[~world.after].mean()
    assert not {each for each in story.alarms() if each.startswith(("performance/", "quality/"))}
    assert story.kinds("learning_requested") == story.kinds("promoted") == []
    # ... which the loop does not believe.
    verdict = story.replay.verdicts["feedback"]
    assert verdict["verdict"] == "blind"
    assert "a model that misses cases will never learn of them" in verdict["text"]
    assert "Declare Label(selective=True), and explore" in verdict["action"]


def test_a_fraud_loop_that_explores_sees_what_it_missed_and_learns_it(scene, play):
    _, table, _ = world_of(scene, open_share=SHARE)

    story = play(
        table,
        features=["amount", "device"],
        unit="case",
        label=ost.Label("label", time="known", horizon="2d", selective=True),
        policy=ost.Policy(triggers=[ost.Degradation()], explore=SHARE, window=ost.SinceChange()),
    )

    story.assert_calm_before()
    assert "performance/log_loss" in story.alarms()
    assert story.causes() == ["concept drift"]
    (learning, *_) = story.kinds("learning_requested")
    assert "degradation" in learning["subject"]
    assert story.kinds("candidate_accepted"), "it proves itself on explored rows"
    verdict = story.replay.verdicts["feedback"]
    assert verdict["verdict"] == "distorted", "what the rules chose is still other than the rest"
    assert "Believe the estimate from explored rows" in verdict["action"]
