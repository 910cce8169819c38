"""The policy is changed while a rollout, or the watch over a promotion, is under way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ostinato.core.snapshot import decode, encode
from ostinato.core.units import HOUR_NS
from ostinato.release import Canary, Immediate, Shadow
from ostinato.release.adopt import adopt

CANARY = Canary(steps=[0.05, 0.2, 1.0], over="4h", min_samples=300, watch="2d")


def run(loop, hours, gain, seed=0, late=1):
    rng = np.random.default_rng(seed)
    for _ in range(hours):
        base = rng.uniform(0.5, 1.5, 400)
        other = np.maximum(base - gain + rng.normal(0.0, 0.1, 400), 0.0)
        loop.show({"v1": base, "v2": other}, late=late)


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
    again = [r for r in (*out, *loop.made[-3:]) if r.kind == "evidence_registered"]
    assert len(again) >= 3
    assert all(r.restarted for r in again)
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


def test_a_rollout_ends_where_the_new_plan_has_no_step_as_small(world):
    for first in (Canary(steps=[0.01, 1.0], over="4h"), Shadow(over="4h")):
        loop = world(first)
        loop.accept("v2")

        out = change(loop, Canary(steps=[0.5, 1.0], over="4h"))

        assert kinds(out) == ["rollout_ended", "routes_changed"]
        assert loop.last("rollout_ended").outcome == "kept"
        assert loop.state.routes.canary_share == 0


def test_another_plan_neither_thaws_a_rollout_nor_gives_it_more_time(world):
    loop = world(replace(CANARY, cap="20h"))
    loop.accept("v2")
    loop.state.rollout.frozen = True
    began_ns = loop.state.rollout.began_ns

    loop.tick(hours=12)
    change(loop, replace(CANARY, cap="20h", margin=0.05))

    assert loop.state.rollout.frozen
    assert loop.state.rollout.began_ns == began_ns
    loop.tick(hours=8)
    assert loop.last("rollout_ended").outcome == "kept"


def test_a_share_held_back_follows_the_policy(world):
    plan = Immediate(holdback=0.1, watch="1h")
    loop = world(plan)
    loop.accept("v2")

    more = change(loop, replace(plan, holdback=0.3))
    share = loop.state.routes.holdback_share
    change(loop, replace(plan, holdback=0.0))
    none = loop.state.routes
    change(loop, replace(plan, holdback=0.2))

    assert kinds(more)[0] == "routes_changed"
    assert share == 0.3
    assert (none.holdback, none.holdback_share) == (None, 0.0)
    assert loop.state.routes.holdback is None  # units that moved do not go back


def test_a_watch_that_waits_for_labels_counts_them_under_the_new_plan(world):
    loop = world(Immediate(min_samples=300, watch="2h"), horizon_ns=12 * HOUR_NS)
    loop.accept("v2")
    loop.tick(hours=3)

    change(loop, Immediate(min_samples=300, watch="2h", margin=0.02))
    run(loop, 1, gain=-0.3, late=3)

    assert loop.last("rolled_back").subject == "v2"
