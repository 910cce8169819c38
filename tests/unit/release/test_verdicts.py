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


def ramp(world, seed, harm, hours=40):
    """A canary whose share rises as the night turns into day, and losses with it."""
    rng = RNG(seed)
    loop = world(Canary(over="24h", margin=0.1, min_samples=500), paired=False)
    loop.accept("v2")
    for hour in range(hours):
        if loop.state.rollout is None:
            break
        level, share = (0.3 if hour % 24 >= 12 else 0.2), loop.state.routes.canary_share
        roles = (rng.random(20_000) < share).astype(int)
        shown = {
            "v1": (rng.random(20_000) < level).astype(float),
            "v2": (rng.random(20_000) < level * (1 + harm)).astype(float),
        }
        loop.show(shown, (roles, roles), chances=np.where(roles, share, 1.0 - share))
    return loop


def test_a_share_that_rises_with_the_losses_is_no_harm(world):
    ends = [ramp(world, seed, 0.0) for seed in range(8)]

    ended = [loop.last("rollout_ended").outcome for loop in ends if "promoted" not in loop.kinds()]
    assert "aborted" not in ended


def test_under_a_rising_share_harm_still_aborts(world):
    ends = [ramp(world, seed, 0.3) for seed in range(3)]

    assert [loop.last("rollout_ended").outcome for loop in ends] == ["aborted"] * 3
