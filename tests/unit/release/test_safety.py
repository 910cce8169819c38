"""Guardrails, frozen rollouts, budgets of harm and of time, and what is registered beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ostinato.core.ids import hash_keys, place
from ostinato.core.records import ROLES, LatencyObserved
from ostinato.core.units import HOUR_NS, SECOND_NS
from ostinato.release import BlueGreen, Canary, Guardrail, Immediate, LatencyGuard, Shadow

RNG = np.random.default_rng
CANARY = {"steps": [0.05, 0.2, 1.0], "over": "4h", "min_samples": 300, "watch": "2d"}
NULLS = ("always", "average", "daily")


def losses(rng, n=400, **gains):
    base = rng.uniform(0.5, 1.5, n)
    found = {"v1": base}
    for version, gain in gains.items():
        found[version] = np.maximum(base - gain + rng.normal(0.0, 0.1, n), 0.0)
    return found


def errors(rng, n=400, **rates):
    return {version: (rng.random(n) < rate).astype(float) for version, rate in rates.items()}


def registered(loop):
    return [r for r in loop.made if r.kind == "evidence_registered"]


def test_a_further_metric_that_gets_worse_aborts_though_the_loops_own_gets_better(world):
    loop, rng = world(Canary(**CANARY, guardrails=[Guardrail("error_rate", margin=0.1)])), RNG(0)
    loop.accept("v2")

    for _ in range(8):
        shown = {"error_rate": errors(rng, v1=0.1, v2=0.4)}
        loop.show(losses(rng, v2=0.1), guards=shown)

    ended = loop.last("rollout_ended")
    assert ended.outcome == "aborted"
    assert ended.evidence["guardrail"] == "error_rate"
    assert ended.evidence["gain"] == pytest.approx(-0.3, abs=0.1)
    assert "error_rate worse by more than 10.0%" in ended.reason


def test_a_further_metric_within_its_margin_stops_nobody(world):
    loop, rng = world(Canary(**CANARY, guardrails=[Guardrail("error_rate", margin=0.5)])), RNG(0)
    loop.accept("v2")

    for _ in range(8):
        shown = {"error_rate": errors(rng, v1=0.2, v2=0.22)}
        loop.show(losses(rng, v2=0.1), guards=shown)

    assert loop.state.routes.champion == "v2"


def latency(loop, version, values, *, since_ns):
    return LatencyObserved(
        ts_event_ns=0,
        ts_record_ns=0,
        version=version,
        times_ns=since_ns + 120 * SECOND_NS + np.arange(len(values)),
        latencies_ms=values,
        replica_since_ns=since_ns,
    )


def test_a_slow_challenger_is_aborted_once_a_fresh_champion_shows_it(world):
    loop, rng = world(Canary(**CANARY, guardrails=[LatencyGuard(quantile=0.9)])), RNG(0)
    loop.accept("v2")
    fast, slow = rng.lognormal(2, 0.3, 4000), rng.lognormal(3, 0.3, 4000)

    old = loop.now_ns - HOUR_NS
    loop.tick(
        latency(loop, "v1", fast, since_ns=old), latency(loop, "v2", slow, since_ns=loop.now_ns)
    )
    alone = loop.state.rollout is not None
    loop.tick(latency(loop, "v1", fast, since_ns=loop.now_ns))

    assert alone
    assert loop.last("rollout_ended").outcome == "aborted"
    assert loop.last("rollout_ended").evidence["guardrail"] == "latency p90"


def units(share, n=6000, version="v2"):
    names = np.arange(n)
    mine = place(hash_keys(names), f"demo/canary/{version}") < share
    return names, np.where(mine, ROLES.index("canary"), 0)


def test_units_off_their_share_freeze_the_rollout_until_its_cap(world):
    loop, rng = world(Canary(**CANARY | {"cap": "20h"})), RNG(0)
    loop.accept("v2")
    names, roles = units(0.07)

    half = {"v1": np.full(6000, 0.5), "v2": np.full(6000, 0.5)}
    loop.serve(half, roles=roles, units=names)
    frozen = loop.kinds()
    for _ in range(22):
        loop.show(losses(rng, v2=0.2))

    assert frozen == ["rollout_advanced", "rollout_frozen"]
    assert loop.last("rollout_frozen").evidence["share_seen"] == pytest.approx(0.07, abs=0.01)
    assert loop.kinds() == [*frozen, "rollout_ended"]
    assert loop.last("rollout_ended").outcome == "kept"


def test_harm_still_aborts_a_frozen_rollout(world):
    loop, rng = world(Canary(**CANARY)), RNG(0)
    loop.accept("v2")
    names, roles = units(0.07)
    half = {"v1": np.full(6000, 0.5), "v2": np.full(6000, 0.5)}
    loop.serve(half, roles=roles, units=names)

    for _ in range(6):
        loop.show(losses(rng, v2=-0.5))

    assert loop.last("rollout_ended").outcome == "aborted"


def steady(loop, hours, n=100):
    """Traffic before any rollout."""
    for _ in range(hours):
        loop.serve({"v1": np.full(n, 0.5)})


@pytest.mark.parametrize(("budget", "goes_on"), [(1.0, False), (1000.0, True)])
def test_a_step_that_could_cost_more_than_the_budget_is_not_entered(budget, goes_on, world):
    plan = Canary(**CANARY | {"over": "20h", "cap": "3d", "margin": 0.001}, harm_budget=budget)
    loop, rng = world(plan), RNG(0)
    steady(loop, 30)
    loop.accept("v2")

    for _ in range(15):
        loop.show(losses(rng, n=200, v2=0.0))

    steps = [r for r in loop.made if r.kind in ("rollout_advanced", "rollout_held")]
    assert loop.kinds() == ["rollout_advanced", "rollout_advanced" if goes_on else "rollout_held"]
    assert [r.share for r in steps] == ([0.05, 0.2] if goes_on else [0.05, 0.05])
    facts = steps[1].evidence
    # 100 rows an hour, a fifth of them, for the 62 hours to the cap: no verdict may come before.
    assert facts["rows_expected"] == pytest.approx(1240, rel=0.05)
    assert (facts["harm_at_most"] <= budget) == goes_on
    assert facts["harm_budget"] == budget
    assert goes_on or ("stays at 5%" in steps[1].reason and steps[1].next_share == 0.2)


def test_the_wait_for_a_budget_is_said_once_and_ends_when_enough_is_known(world):
    plan = Canary(**CANARY | {"over": "20h", "cap": "6d", "margin": 0.002}, harm_budget=5.0)
    loop, rng = world(plan), RNG(0)
    steady(loop, 30)
    loop.accept("v2")

    for _ in range(60):
        loop.show(losses(rng, n=200, v2=0.004))
        if loop.state.rollout is None or loop.state.rollout.step == 1:
            break

    assert loop.kinds()[:3] == ["rollout_advanced", "rollout_held", "rollout_advanced"]
    assert loop.last("rollout_advanced").share == 0.2


def test_a_rollout_without_hope_of_rows_ends_at_once_and_says_what_to_change(world):
    loop, rng = world(Canary(**CANARY | {"cap": "2d"})), RNG(0)
    for _ in range(30):
        loop.show(losses(rng, n=5))

    out = loop.accept("v2")

    assert [record.kind for record in out] == ["rollout_ended"]
    assert out[0].outcome == "kept"
    # 5 an hour for 48 hours, less 100 for the burn-in.
    assert out[0].evidence["rows_expected"] == pytest.approx(140, abs=12)
    assert "and a verdict needs 300" in out[0].reason
    assert "a longer cap, or lower its min_samples" in out[0].reason
    assert loop.state.rollout is None
    assert loop.state.routes.canary is None


def test_a_rollout_begins_with_what_it_can_hope_to_show(world):
    loop, rng = world(Canary(**CANARY)), RNG(0)
    for _ in range(30):
        loop.show(losses(rng, n=50))
    shown = losses(rng, 2000, v2=0.0)
    loop.evaluate("v2", shown["v1"], shown["v2"])

    first, *_ = loop.accept("v2")

    assert first.kind == "rollout_advanced"
    assert first.evidence["rows_expected"] == pytest.approx(28 * 24 * 50, rel=0.1)
    assert first.evidence["rows_needed"] > 300
    assert 0 < first.evidence["smallest_harm"] < 0.01


def test_every_process_is_registered_before_its_first_row(world):
    plan = Canary(**CANARY, guardrails=[Guardrail("mape"), LatencyGuard()])
    loop, rng = world(plan), RNG(0)
    shown = losses(rng, 2000, v2=0.1)
    loop.evaluate("v2", shown["v1"], shown["v2"])

    out = loop.accept("v2")
    at_once = [r.process for r in out if r.kind == "evidence_registered"]
    for _ in range(12):
        loop.show(losses(rng, v2=0.1))

    assert at_once == [
        "promote",
        "abort",
        "guardrail: serving errors",
        "guardrail: mape",
        "guardrail: latency p99",
        "sample ratio",
    ]
    later = [r.process for r in registered(loop)[len(at_once) :]]
    assert later == [
        "sample ratio",
        "after promotion: abort",
        "after promotion: guardrail: serving errors",
        "after promotion: guardrail: mape",
    ]
    assert {r.subject for r in registered(loop)} == {"v2"}
    proof = loop.made[loop.kinds().index("rollout_advanced")]
    assert proof.evidence["rows"] == 0
    assert registered(loop)[0].evidence["alpha"] == 0.05


def test_a_process_that_waits_for_its_burn_in_is_registered_when_it_begins(world):
    loop, rng = world(Shadow(over="5h", guardrails=[Guardrail("error_rate")])), RNG(0)
    before = [r.process for r in loop.accept("v2") if r.kind == "evidence_registered"]
    shown = {"error_rate": errors(rng, v1=0.2, v2=0.2)}
    then = [r.process for r in loop.show(losses(rng, v2=0.1), guards=shown)]

    assert before == ["guardrail: serving errors"]
    assert then == ["promote or abort", "guardrail: error_rate"]


@pytest.mark.parametrize("null", NULLS)
@pytest.mark.parametrize("abort_null", NULLS)
def test_every_null_promotes_what_is_better_and_aborts_what_is_worse(null, abort_null, world):
    ends = []
    for gain in (0.2, -0.5):
        plan = Shadow(
            over="3h", min_samples=300, null=null, abort_null=abort_null, margin=0.1, cap="40d"
        )
        loop, rng = world(plan), RNG(0)
        shown = losses(rng, 2000, v2=gain)
        loop.evaluate("v2", shown["v1"], shown["v2"])
        loop.accept("v2")
        for _ in range(24 * 14):
            loop.show(losses(rng, 40, v2=gain))
            if loop.state.rollout is None:
                break
        ends.append(loop.kinds()[1])

    assert ends == ["promoted", "rollout_ended"]


@pytest.mark.parametrize("field", ["null", "abort_null"])
def test_an_unknown_null_is_refused_by_name(field):
    with pytest.raises(Exception, match=rf"Canary\({field}=\.\.\.\) is unknown"):
        Canary(**{field: "weekly"})


def test_days_need_a_validation_set_of_several_and_else_the_average_decides(world):
    for days, process in ((7, "abort"), (2, "promote or abort")):
        loop, rng = world(Immediate()), RNG(0)
        shown = losses(rng, 2000, v2=0.1)
        loop.state.config_ = world(Canary(**CANARY)).state.config_
        loop.evaluate("v2", shown["v1"], shown["v2"], days=days)
        loop.accept("v2")
        assert process in [r.process for r in registered(loop)]


def test_the_two_arms_are_wrong_at_most_as_often_as_they_say(world):
    wrong = {"promoted": 0, "aborted": 0}
    for seed in range(20):
        for name, harm in (("promoted", 0.1), ("aborted", 0.0)):
            rng = RNG(seed)
            loop = world(
                Canary(steps=[0.5, 1.0], over="1h", margin=0.1, min_samples=300), paired=False
            )
            loop.accept("v2")
            for _ in range(40):
                roles = (rng.random(1000) < 0.5).astype(int)
                base = (rng.random(1000) < 0.1).astype(float)
                other = (rng.random(1000) < 0.1 * (1 + harm)).astype(float)
                loop.show({"v1": base, "v2": other}, (roles, roles))
                if loop.state.rollout is None:
                    break
            ended = [r.outcome for r in loop.made if r.kind == "rollout_ended"]
            wrong["promoted"] += name == "promoted" and loop.state.routes.champion == "v2"
            wrong["aborted"] += name == "aborted" and ended == ["aborted"]

    assert wrong["promoted"] <= 4
    assert wrong["aborted"] <= 4


def test_without_pairs_each_guardrail_has_its_own_error_rate(world):
    plan = Canary(**CANARY, guardrails=[Guardrail("error_rate", beta=0.01)], beta=0.03)
    loop, rng = world(plan, paired=False), RNG(0)
    loop.accept("v2")

    for _ in range(2):
        roles = (rng.random(400) < 0.2).astype(int)
        shown = {"error_rate": errors(rng, v1=0.2, v2=0.2)}
        loop.show(losses(rng, v2=0.0), (roles, roles), guards=shown)

    alphas = {r.process: r.evidence["alpha"] for r in registered(loop) if "alpha" in r.evidence}
    assert alphas["promote or abort"] == 0.03  # both ways, so the smaller of the two
    assert alphas["guardrail: error_rate"] == 0.01


def test_a_plan_that_promotes_without_proof_registers_only_the_way_to_abort(world):
    loop, rng = world(BlueGreen(warm="5h", min_samples=300)), RNG(0)
    shown = losses(rng, 2000, v2=0.1)
    loop.evaluate("v2", shown["v1"], shown["v2"])
    loop.accept("v2")

    for _ in range(5):
        loop.show(losses(rng, v2=0.1))

    assert [r.process for r in registered(loop)][:2] == ["abort", "guardrail: serving errors"]
    assert loop.last("promoted").evidence["rows"] > 0
    assert "log_e_promote" not in loop.last("promoted").evidence


@pytest.mark.parametrize("null", NULLS)
def test_the_journal_holds_no_bound_that_is_not_known_yet(null, world):
    plan = Shadow(over="3d", min_samples=300, null=null, abort_null="daily", cap="40d")
    loop, rng = world(plan), RNG(0)
    shown = losses(rng, 2000, v2=0.1)
    loop.evaluate("v2", shown["v1"], shown["v2"])
    loop.accept("v2")
    proof = loop.state.rollout.proof

    for _ in range(60):
        loop.show(losses(rng, 40, v2=0.1))
        facts = proof.evidence(plan.terms)
        assert all(math.isfinite(f) for f in facts.values() if f is not None)
        assert (facts["low"] is None) == (null == "daily" and proof.tests["daily"].days.n < 2)
        assert facts["low"] is None or facts["low"] <= facts["gain"] <= facts["high"]
