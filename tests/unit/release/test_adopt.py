"""The policy is changed while a rollout, or the watch over a promotion, is under way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ostinato.core.snapshot import decode, encode
from ostinato.release import Canary, Immediate
from ostinato.release.adopt import adopt

CANARY = Canary(steps=[0.05, 0.2, 1.0], over="4h", min_samples=300, watch="2d")


def run(loop, hours, gain, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(hours):
        base = rng.uniform(0.5, 1.5, 400)
        loop.show({"v1": base, "v2": np.maximum(base - gain + rng.normal(0.0, 0.1, 400), 0.0)})


def change(loop, rollout, **config):
    out = adopt(loop.state, replace(loop.state.config_, rollout=rollout, **config), loop.now_ns)
    loop.made += out
    return out


def kinds(records):
    return [record.kind for record in records]


def test_the_same_plan_goes_on_with_the_evidence_there_is(world):
    loop = world(CANARY)
    loop.accept("v2")
    run(loop, 1, gain=0.0)
    rows = loop.state.rollout.proof.rows

    out = change(loop, replace(CANARY))

    assert out == []
    assert loop.state.rollout.proof.rows == rows > 0


def test_another_margin_begins_the_proof_anew_and_the_journal_says_so(world):
    loop = world(CANARY)
    loop.accept("v2")
    run(loop, 1, gain=0.0)

    out = change(loop, replace(CANARY, margin=0.05))
    run(loop, 1, gain=0.0)

    assert kinds(out)[:2] == ["rollout_advanced", "routes_changed"]
    proof = loop.last("evidence_registered")
    assert loop.state.rollout.proof.rows <= 400
    assert all(r.restarted for r in loop.made[-3:] if r.kind == "evidence_registered")
    assert proof.restarted
    assert "void" in proof.reason


def test_the_challenger_never_gets_more_traffic_by_a_change_of_plan(world):
    loop = world(CANARY)
    loop.accept("v2")
    run(loop, 3, gain=0.0)
    share = loop.state.routes.canary_share

    change(loop, replace(CANARY, steps=[0.01, 0.1, 0.5, 1.0]))

    assert share == 0.2
    assert loop.state.routes.canary_share == 0.1
    assert loop.state.rollout.step == 1


def test_a_plan_without_steps_ends_the_rollout(world):
    loop = world(CANARY)
    loop.accept("v2")

    out = change(loop, Immediate())

    assert kinds(out) == ["rollout_ended", "routes_changed"]
    assert loop.state.rollout is None
    assert loop.state.routes.canary is None


def test_the_watch_over_a_promotion_begins_anew_and_ends_when_it_would_have(world):
    loop = world(Immediate(min_samples=300, watch="2d"))
    loop.accept("v2")
    run(loop, 2, gain=0.0)
    until_ns = loop.state.look_back_until_ns

    change(loop, Immediate(min_samples=300, watch="7d", margin=0.05))
    run(loop, 1, gain=0.0)

    assert loop.state.look_back.rows <= 400
    assert loop.state.look_back_until_ns == until_ns
    assert loop.last("evidence_registered").restarted


def test_a_policy_without_a_watch_sets_the_previous_champion_free(world):
    loop = world(Immediate(min_samples=300, watch="2d"))
    loop.accept("v2")

    out = change(loop, Immediate(min_samples=300, watch=None))

    assert loop.state.look_back is None
    assert kinds(out) == ["routes_changed"]
    assert loop.state.routes.shadows == ()


def test_another_share_to_explore_reaches_the_routes(world):
    loop = world(CANARY)

    out = change(loop, CANARY, explore=0.02)

    assert kinds(out) == ["routes_changed"]
    assert loop.state.routes.explore_share == 0.02


def test_a_restarted_rollout_survives_a_snapshot(world):
    loop = world(CANARY)
    loop.accept("v2")
    run(loop, 1, gain=0.0)
    change(loop, replace(CANARY, margin=0.05))

    again = decode(encode(loop.state))

    assert encode(again) == encode(loop.state)
    assert again.rollout.restarted
