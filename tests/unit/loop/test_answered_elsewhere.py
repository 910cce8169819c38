"""What gateways answered leads to the decisions that scoring in the kernel leads to."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from ostinato.core.records import (
    FALLBACK_VERSION,
    Decision,
    PredictionsMade,
    RequestsAnswered,
    ServingFault,
)

TICKS = 40


class Faulty:
    """Version `vN` answers N, and every third version misses some rows."""

    def score(self, version, requests):
        number = float(version[1:])
        scores = np.full(len(requests), number)
        if number % 3 == 0:
            scores[::7] = np.nan
        return scores


class Dead:
    """Nothing answers."""

    def score(self, version, requests):
        return np.full(len(requests), np.nan)


def served_with(plan, scorer=None, fallback=None):
    serve = plan.stages["serve"]
    serve = replace(serve, scorer=scorer or serve.scorer, fallback=fallback)
    return replace(plan, stages=dict(plan.stages) | {"serve": serve})


def journal(made):
    return [r.canonical() for out in made for r in out if isinstance(r, Decision)]


def answered(made, faults):
    names = sorted({f.name for f in fields(PredictionsMade)} - {"seq"})
    return RequestsAnswered(faults=faults, **{name: getattr(made, name) for name in names})


def retold(numbers, made):
    """Put the answers of a run in place of its requests."""

    def told(tick):
        _, labels = numbers.arrivals(tick)
        faults = {r.subject: r.reason for r in made[tick] if isinstance(r, ServingFault)}
        answers = [answered(r, faults) for r in made[tick] if isinstance(r, PredictionsMade)]
        return [*answers, labels]

    return told


def test_the_journal_is_the_same_whoever_scored(numbers):
    plan = served_with(numbers.plan(), Faulty())
    _, here = numbers.play(plan, TICKS)
    _, there = numbers.play(plan, TICKS, told=retold(numbers, here))

    kinds = {r.kind for out in here for r in out}
    assert {"promoted", "serving_fault", "rolled_back"} <= kinds
    assert journal(there) == journal(here)


def test_a_restart_between_any_two_ticks_changes_nothing_of_it(numbers):
    plan = served_with(numbers.plan(), Faulty())
    _, here = numbers.play(plan, TICKS)
    _, there = numbers.play(plan, TICKS, told=retold(numbers, here), restart_at=range(1, TICKS))
    assert journal(there) == journal(here)


def test_the_losses_of_the_loops_own_answer_are_losses_of_the_answers(numbers):
    plan = served_with(numbers.plan(triggers=[]), Dead(), fallback=(0.5,))
    _, made = numbers.play(plan, TICKS)

    buckets = [r for out in made for r in out if r.kind == "bucket_closed"]
    first = {b.version: b.table["mae"][0] for b in buckets if b.bucket_ns == buckets[0].bucket_ns}

    assert first["answers"] == first[FALLBACK_VERSION]
    assert 1.4 < first["answers"] < 1.6  # labels are about 2, the answer is 0.5


def test_the_loops_own_answer_is_never_proved_released_or_watched(numbers):
    plan = served_with(numbers.plan(), Dead(), fallback=(0.5,))
    state, made = numbers.play(plan, TICKS)

    about = {r.subject for out in made for r in out if isinstance(r, Decision)}
    assert FALLBACK_VERSION not in about
    routes = state.stages["release"].routes
    assert FALLBACK_VERSION not in (routes.champion, routes.canary, *routes.shadows)
