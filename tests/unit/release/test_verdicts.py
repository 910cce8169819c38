"""A verdict rests on what holds at the moment it is taken, not on what once held."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.release import Canary, Shadow

RNG = np.random.default_rng


def hours(loop, rng, count, gain, n=400, sd=0.1):
    for _ in range(count):
        base = rng.uniform(0.5, 1.5, n)
        loop.show({"v1": base, "v2": base - gain + rng.normal(0.0, sd, n)})


def evidence(loop):
    return loop.state.rollout.proof.evidence(loop.state.config_.rollout.terms)


@pytest.mark.parametrize(("later", "promoted"), [(-0.05, False), (0.05, True)])
def test_three_good_hours_do_not_promote_what_is_worse_by_the_margin_since(later, promoted, world):
    loop, rng = world(Canary(over="24h", min_samples=500)), RNG(0)
    base = rng.uniform(0.5, 1.5, 3000)
    loop.evaluate("v2", base, base + rng.normal(0.0, 0.1, 3000))
    loop.accept("v2")

    hours(loop, rng, 3, 0.05)
    proved = evidence(loop)["log_e_promote"]
    hours(loop, rng, 22, later)

    assert proved >= np.log(20)
    assert ("promoted" in loop.kinds()) == promoted


@pytest.mark.parametrize("abort_null", ["average", "daily"])
def test_a_bad_first_hour_does_not_abort_what_is_better_on_average_since(abort_null, world):
    loop, rng = world(Shadow(over="40h", min_samples=600, abort_null=abort_null)), RNG(0)
    loop.accept("v2")

    hours(loop, rng, 1, 0.0, n=100)  # the burn-in
    hours(loop, rng, 1, -0.1, n=150)
    harm = evidence(loop)["log_e_abort"]
    hours(loop, rng, 3, 0.15, n=150)

    assert harm >= np.log(20)
    assert loop.state.rollout is not None
    assert loop.state.rollout.proof.rows >= 600
    assert evidence(loop)["gain"] > 0
    assert evidence(loop)["log_e_abort"] < np.log(20)
