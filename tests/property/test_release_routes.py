"""Whatever the evidence, the routes stay sound and nothing is promoted without proof."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.core.ids import place
from ostinato.core.records import ROLES, CandidateAccepted, LossesObserved, PredictionsMade
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import HOUR_NS
from ostinato.release import BlueGreen, Canary, Immediate, ReleaseConfig, Shadow
from ostinato.release.stage import start, step

ROLLOUTS = (
    Immediate(min_samples=50, watch="9h", holdback=0.2),
    Shadow(over="2h", min_samples=50, watch="5h"),
    Canary(steps=[0.1, 0.6, 1.0], over="6h", min_samples=50, cap="20h", watch="9h", holdback=0.4),
    BlueGreen(warm="3h", min_samples=50, watch=None),
)


def accepted(version, now_ns):
    return CandidateAccepted(ts_event_ns=now_ns, ts_record_ns=now_ns, subject=version, reason="")


def named(routes):
    every = (routes.champion, routes.canary, routes.holdback, *routes.shadows)
    return tuple(dict.fromkeys(v for v in every if v is not None))


def served(routes, now_ns, rng, *, broken=None, bias=1.0, n=200, units=2**62):
    """Requests as `serve` answers them; `bias` multiplies the canary's share."""
    hashes = rng.integers(0, units, n).astype(np.uint64)
    roles = np.zeros(n, dtype=np.int8)
    if routes.canary is not None:
        share = routes.canary_share * bias
        roles[place(hashes, f"demo/canary/{routes.canary}") < share] = ROLES.index("canary")
    versions = named(routes)
    return PredictionsMade(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        offset=0,
        ids=np.arange(n),
        times_ns=np.full(n, now_ns - 1),
        unit_hashes=hashes,
        groups=np.zeros((n, 0), dtype=np.int32),
        versions=versions,
        answered=np.zeros(n, dtype=np.int16),
        roles=roles,
        scores={v: np.full(n, np.nan if v == broken else 0.5) for v in versions},
        epoch=routes.epoch,
    )


def observed(routes, now_ns, gain, rng):
    versions = named(routes)
    n = 700
    base = rng.uniform(0.5, 1.5, n)
    losses = {
        version: base - gain * place + rng.normal(0, 0.05, n) * (place > 0)
        for place, version in enumerate(versions)
    }
    answered = rng.integers(0, len(versions), n).astype(np.int16)
    roles = np.where(answered == 0, 0, 1).astype(np.int8)
    return LossesObserved(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        offsets=np.arange(n),
        times_ns=np.full(n, now_ns - 1),
        unit_hashes=np.arange(n, dtype=np.uint64),
        groups=np.zeros((n, 0), dtype=np.int32),
        versions=versions,
        answered=answered,
        roles=roles,
        losses=losses,
        matured_to_ns=now_ns,
    )


@st.composite
def histories(draw):
    return draw(
        st.lists(
            st.one_of(
                st.just(("accept", 0.0)),
                st.just(("fault", 0.0)),
                st.tuples(st.just("serve"), st.sampled_from([1.0, 1.0, 1.5])),
                st.tuples(st.just("rows"), st.sampled_from([-0.3, -0.01, 0.0, 0.01, 0.3])),
                st.tuples(st.just("wait"), st.floats(0.5, 30)),
            ),
            min_size=1,
            max_size=25,
        )
    )


def play(config, history, seed, *, restart):
    """Run a history; with `restart` every state goes through its plain form."""
    rng = np.random.default_rng(seed)
    state, now_ns, count, seen = start(config), 0, 0, []
    for what, value in [("accept", 0.0), *history]:
        now_ns += int(value * HOUR_NS) if what == "wait" else HOUR_NS
        inbox = []
        if what == "accept":
            count += 1
            inbox.append(accepted(f"v{count}", now_ns))
        elif what == "fault" and state.routes.shadows:
            inbox.append(served(state.routes, now_ns, rng, broken=state.routes.shadows[0]))
        elif what == "serve":
            inbox.append(served(state.routes, now_ns, rng, bias=value))
        elif what == "rows":
            inbox.append(observed(state.routes, now_ns, value, rng))
        before = state.routes
        if restart:
            state = decode(encode(state))
            state.config_ = config
        seen.append((before, step(state, inbox, now_ns), state.routes))
    return seen


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ROLLOUTS), st.booleans(), histories(), st.integers(0, 2**20))
def test_the_routes_stay_sound_whatever_the_evidence(rollout, paired, history, seed):
    if isinstance(rollout, Shadow):
        paired = True  # the loop refuses the other
    config = ReleaseConfig(rollout=rollout, paired=paired, task="regression", metric="mae")

    seen = play(config, history, seed, restart=False)

    for before, made, after in seen:
        epochs = [record.routes.epoch for record in made if record.kind == "routes_changed"]
        assert epochs == list(range(before.epoch + 1, after.epoch + 1))
        assert after.champion is not None
        assert 0 <= after.canary_share <= 1
        assert 0 <= after.holdback_share < 1
        assert (after.canary is None) == (after.canary_share == 0)
        assert (after.holdback is None) == (after.holdback_share == 0)
        assert after.champion not in (after.canary, after.holdback, *after.shadows)
        assert len(set(after.shadows)) == len(after.shadows)
        if after.canary is not None:
            assert after.canary in after.shadows


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([r for r in ROLLOUTS if r.proves]), histories(), st.integers(0, 2**20))
def test_nothing_is_promoted_without_evidence_that_crossed(rollout, history, seed):
    config = ReleaseConfig(rollout=rollout, paired=True, task="regression", metric="mae")

    seen = play(config, history, seed, restart=False)

    for record in (record for _, made, _ in seen for record in made):
        if record.kind == "promoted" and record.previous is not None:
            assert record.evidence["rows"] >= rollout.min_samples
            assert record.evidence["log_e_abort"] < math.log(1 / rollout.beta)
        if record.kind == "rolled_back" and "log_e_abort" in record.evidence:
            assert record.previous != record.subject


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(ROLLOUTS), histories(), st.integers(0, 2**20))
def test_a_restart_between_any_two_steps_changes_nothing(rollout, history, seed):
    config = ReleaseConfig(rollout=rollout, paired=True, task="regression", metric="mae")

    once = play(config, history, seed, restart=False)
    again = play(config, history, seed, restart=True)

    texts = [
        [record.canonical() for _, made, _ in each for record in made] for each in (once, again)
    ]
    assert texts[0] == texts[1]


def test_promotion_needs_a_crossing_even_when_every_row_is_better():
    config = ReleaseConfig(
        rollout=Shadow(over="1h", min_samples=1), paired=True, task="regression", metric="mae"
    )

    seen = play(config, [("accept", 0.0), ("wait", 20.0), ("wait", 20.0)], 0, restart=False)

    assert seen[-1][2].champion == "v1"
    assert seen[-1][2].shadows == ("v2",)


@pytest.mark.parametrize("rollout", ROLLOUTS, ids=lambda r: type(r).__name__)
def test_a_clearly_better_candidate_gets_through_under_every_plan(rollout):
    config = ReleaseConfig(rollout=rollout, paired=True, task="regression", metric="mae")

    seen = play(config, [("accept", 0.0), *[("rows", 0.3)] * 9], 0, restart=False)

    assert any(after.champion == "v2" for _, _, after in seen)


RAMP = Canary(steps=[0.1, 0.5, 1.0], over="8h", min_samples=50, cap="24h", watch=None)


@settings(max_examples=8, deadline=None)
@given(st.sampled_from([0.6, 0.8, 1.25, 1.5]), st.integers(0, 2**20))
def test_a_router_that_favours_an_arm_freezes_the_rollout_for_good(bias, seed):
    config = ReleaseConfig(rollout=RAMP, paired=True, task="regression", metric="mae")
    rng = np.random.default_rng(seed)
    state, now_ns, made = start(config), 0, []
    for version in ("v1", "v2"):
        step(state, [accepted(version, now_ns)], now_ns)

    for hour in range(28):
        now_ns += HOUR_NS
        inbox = [served(state.routes, now_ns, rng, bias=bias, n=3000)]
        if hour > 14:  # evidence that would promote it
            inbox.append(observed(state.routes, now_ns, 0.3, rng))
        made += step(state, inbox, now_ns)

    kinds = [record.kind for record in made]
    assert "rollout_frozen" in kinds
    after = made[kinds.index("rollout_frozen") :]
    assert [r.outcome for r in after if r.kind == "rollout_ended"] == ["kept"]
    assert not [r for r in after if r.kind in ("promoted", "rollout_advanced")]
    assert state.routes.champion == "v1"


@settings(max_examples=8, deadline=None)
@given(st.integers(500, 2**40), st.integers(0, 2**20))
def test_a_fair_router_freezes_nothing_however_few_its_units(units, seed):
    config = ReleaseConfig(rollout=RAMP, paired=True, task="regression", metric="mae")
    rng = np.random.default_rng(seed)
    state, now_ns, made = start(config), 0, []
    for version in ("v1", "v2"):
        step(state, [accepted(version, now_ns)], now_ns)

    for _ in range(20):
        now_ns += HOUR_NS
        made += step(state, [served(state.routes, now_ns, rng, n=2000, units=units)], now_ns)

    assert "rollout_frozen" not in [record.kind for record in made]
