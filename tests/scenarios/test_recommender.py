"""A recommender shows what was shown most: a few films get everything."""

from __future__ import annotations

import numpy as np

import ostinato as ost

FILMS = 40


def test_a_recommender_that_feeds_its_own_popularity_is_called_a_loop(scene, play):
    world = scene(per_day=400)
    day = world.days.astype(int)
    film, shown = np.zeros(world.rows, dtype=int), np.ones(FILMS)
    for each in range(day[-1] + 1):
        rows = np.flatnonzero(day == each)
        feeds = bool(world.after[rows[0]])
        share = shown**2.0 if feeds else np.ones(FILMS)
        film[rows] = world.rng.choice(FILMS, len(rows), p=share / share.sum())
        shown += feeds * np.bincount(film[rows], minlength=FILMS)
    taste = world.normal()
    labels = world.draw(taste + world.rng.normal(0.0, 0.5, FILMS)[film])

    story = play(
        world.table(taste=taste, film=[f"f{each:02d}" for each in film], label=labels),
        features=["taste", "film"],
        monitors=ost.Monitors(items="film"),
        policy=ost.Policy(triggers=[ost.Degradation(), ost.Drift(columns=["taste"], least=1)]),
    )

    story.assert_calm_before()
    assert story.first("feedback/film:exposures") <= 7
    told = story.replay.verdicts["film:exposures"]
    assert told["verdict"] == "loop"
    assert "they concentrate on fewer" in told["text"]
    assert "Explore a random share" in told["action"]
    assert "No sign of a feedback loop" not in story.replay.verdicts["feedback"]["text"]
    # The model is as good as ever: nothing says that it is not, and no other one takes its place.
    kinds = ("performance/", "estimate/", "quality/", "drift/taste")
    assert not {each for each in story.alarms() if each.startswith(kinds)}
    assert story.causes() == []
    assert story.kinds("learning_requested") == story.kinds("promoted") == []
