from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.records import LossesObserved
from ostinato.core.snapshot import decode, encode
from ostinato.core.watched import OutcomesJoined
from ostinato.watch.monitors.business import KEPT, Business

FAST, SLOW, ROWS = 100, 200, 200


def monitor(**changes):
    settings = {"outcome": "revenue", "metric": "mae", "tolerance": 0.05}
    return Business(**{**settings, "slow_ns": SLOW, **changes})


def joined(times, values, *, versions=("v1",), answered=None):
    return OutcomesJoined(
        ts_event_ns=0,
        ts_record_ns=0,
        name="revenue",
        times_ns=times,
        versions=versions,
        answered=np.zeros(len(times), dtype=np.int16) if answered is None else answered,
        values=values,
        settled_to_ns=int(times[-1]),
    )


def lost(times, losses):
    n = len(times)
    return LossesObserved(
        ts_event_ns=0,
        ts_record_ns=0,
        offsets=np.arange(n),
        times_ns=times,
        unit_hashes=np.zeros(n, dtype=np.uint64),
        groups=np.empty((n, 0), dtype=np.int32),
        versions=tuple(losses),
        answered=np.zeros(n, dtype=np.int16),
        roles=np.zeros(n, dtype=np.int8),
        losses=losses,
        matured_to_ns=0,
    )


@pytest.fixture
def live(draw):
    """Turn windows over: a version answers all, both score; means per window as given."""

    def turn(watch, state, window, *, version, outcome, losses):
        start = window * SLOW
        times = np.sort(draw.integers(start, start + SLOW, ROWS))
        watch.take(state, joined(times, draw.normal(outcome, 1.0, ROWS), versions=(version,)), 0)
        scored = {each: draw.gamma(4.0, mean / 4.0, ROWS) for each, mean in losses.items()}
        watch.take(state, lost(times, scored), 0)
        found, unmeasured = {}, {}
        for at in (start, start + FAST):
            readings = watch.read(state, at, at + FAST)
            found |= {each.stream.name: each for each in readings.found}
            unmeasured |= dict(readings.unmeasured)
        return found, unmeasured, watch.describe(state, start, start + SLOW)

    return turn


def promoted(watch, live, *, outcome, loss, windows=10):
    """Ten windows of v1 with revenue 10 and loss 1, then as many of v2 as given."""
    state = watch.begin()
    watch.renew(state, "v1")
    for window in range(10):
        live(watch, state, window, version="v1", outcome=10.0, losses={"v1": 1.0, "v2": loss})
    reference = watch.renew(state, "v2")
    for window in range(10, 10 + windows):
        told = live(watch, state, window, version="v2", outcome=outcome, losses={"v2": loss})
    return state, reference, told


def test_a_metric_that_improves_while_the_business_falls_is_told_of(live):
    watch = monitor()
    _, reference, (found, unmeasured, figures) = promoted(watch, live, outcome=8.0, loss=0.8)

    verdict = figures["business/verdict revenue"]
    assert verdict["verdict"] == "diverges"
    assert "does not measure what revenue comes from" in verdict["action"]
    assert verdict["metric_change"] == pytest.approx(-0.2, abs=0.04)
    assert verdict["outcome_change"] == pytest.approx(-0.2, abs=0.02)
    against = found["business/revenue:against mae"]
    assert against.mean == pytest.approx(-0.2, abs=0.03)
    assert (against.rising, against.falling, against.relative) == (False, True, False)
    earlier = [
        each.mean for r in reference for each in r.found if each.stream.measure == "against mae"
    ]
    assert len(earlier) == 10
    assert np.mean(earlier) == pytest.approx(0.0, abs=1e-3)
    assert not unmeasured


@pytest.mark.parametrize(
    ("outcome", "loss", "verdict"),
    [(8.0, 1.1, "worse"), (10.0, 0.8, "agrees"), (12.0, 0.8, "agrees")],
)
def test_other_changes_are_no_contradiction(live, outcome, loss, verdict):
    _, _, (found, unmeasured, figures) = promoted(monitor(), live, outcome=outcome, loss=loss)

    assert figures["business/verdict revenue"]["verdict"] == verdict
    assert ("business/revenue:against mae" in found) == (loss < 1)
    assert bool(unmeasured) == (loss > 1)


def test_what_is_better_when_it_is_less_falls_by_rising(live):
    watch = monitor(higher_is_better=False)
    _, _, (found, _, figures) = promoted(watch, live, outcome=12.0, loss=0.8)

    assert figures["business/verdict revenue"]["verdict"] == "diverges"
    assert found["business/revenue"].rising
    assert not found["business/revenue"].falling


def test_the_reference_is_what_the_champion_before_brought(live):
    _, reference, (found, _, _) = promoted(monitor(), live, outcome=8.0, loss=1.0)

    levels = [each for r in reference for each in r.found if each.stream.name == "business/revenue"]
    assert [round(each.mean) for each in levels] == [10] * 10
    assert found["business/revenue"].mean == pytest.approx(8.0, abs=0.3)


def test_an_outcome_belongs_to_the_version_that_answered():
    watch = monitor()
    state = watch.begin()
    watch.renew(state, "v1")
    times, answered = np.arange(FAST), (np.arange(FAST) % 2).astype(np.int16)
    watch.take(state, joined(times, answered * 3.0, versions=("v1", "v2"), answered=answered), 0)

    found = {each.stream.name: each.mean for each in watch.read(state, FAST, SLOW).found}

    assert found == {"business/revenue": 0.0, "business/revenue [v2]": 3.0}


def test_loss_and_outcome_are_correlated_window_by_window_with_their_lag(live, draw):
    watch = monitor()
    state = watch.begin()
    watch.renew(state, "v1")
    means = draw.uniform(0.5, 1.5, 30)
    for window in range(30):
        before = means[window - 1] if window else 1.0
        _, _, figures = live(
            watch,
            state,
            window,
            version="v1",
            outcome=10 - 5 * before,
            losses={"v1": means[window]},
        )

    told = figures["business/revenue"]
    assert told["correlation_best_lag"] == 1
    assert told["correlation_best"] < -0.9
    assert told["correlation_best_low"] < told["correlation_best"] < told["correlation_best_high"]
    assert -0.5 < told["correlation"] < 0.5


def test_without_outcomes_nothing_is_claimed_and_state_stays_bounded(live):
    watch = monitor()
    state = watch.begin()
    watch.renew(state, "v1")
    readings = watch.read(state, 0, FAST)
    figures = watch.describe(state, 0, FAST)

    assert not readings.found
    assert figures["business/verdict revenue"]["verdict"] == "unknown"
    for window in range(1, KEPT + 40):
        version = f"v{window // 7}"
        if window % 7 == 0:
            watch.renew(state, version)
        live(watch, state, window, version=version, outcome=1.0, losses={version: 1.0, "x": 1.0})
    assert max(len(each) for each in state.losses.values()) <= KEPT
    assert len(state.outcomes) <= 8
    assert encode(decode(encode(state))) == encode(state)
