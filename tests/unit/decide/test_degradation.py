from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.decide import Degradation
from ostinato.decide.trigger import Reference, Seen
from ostinato.decide.watching import SEASONS, Watching, chart_line, season_bins

START_NS = 20_000 * DAY_NS
NOW = Seen(now_ns=10**30, last_request_ns=0, labels_since=0)


def errors(rng, n, rate):
    return (rng.random(n) < rate).astype(float)


def reference(rng, n=2000, rate=0.1):
    return Reference(times_ns=START_NS - np.arange(n)[::-1] * HOUR_NS, losses=errors(rng, n, rate))


def feed(trigger, state, make_losses, rng, *, rate, ticks, from_tick=0, rows=40):
    for tick in range(from_tick, from_tick + ticks):
        observed = make_losses(START_NS + tick * HOUR_NS, errors(rng, rows, rate))
        trigger.observe(state, observed, "v1")


@pytest.mark.parametrize("chart", ["e", "ewma", "cusum", "shewhart"])
@pytest.mark.parametrize("season", SEASONS)
def test_every_chart_sees_errors_double_and_stays_quiet_before(chart, season, make_losses):
    rng = np.random.default_rng(3)
    trigger = Degradation(chart=chart, season=season, tolerance=0.1)
    state = trigger.begin()
    trigger.renew(state, reference(rng, 5000))

    feed(trigger, state, make_losses, rng, rate=0.1, ticks=100)
    before = trigger.look(state, NOW)
    feed(trigger, state, make_losses, rng, rate=0.25, ticks=60, from_tick=100)

    assert before != "act"
    assert trigger.look(state, NOW) == "act"
    began_ns = trigger.explain(state, NOW).change_ns
    assert abs(began_ns - (START_NS + 100 * HOUR_NS)) <= 36 * HOUR_NS


def test_the_tolerance_decides_what_is_worth_an_alarm(make_losses):
    stances = {}
    for tolerance in (0.05, 1.5):
        rng = np.random.default_rng(5)
        trigger = Degradation(tolerance=tolerance)
        state = trigger.begin()
        trigger.renew(state, reference(rng))
        feed(trigger, state, make_losses, rng, rate=0.2, ticks=100)
        stances[tolerance] = trigger.look(state, NOW)

    assert stances == {0.05: "act", 1.5: "quiet"}


def test_a_daily_swing_is_no_alarm_with_its_season_and_one_without(make_losses):
    stances = {}
    for season in ("hour_of_day", "none"):
        rng = np.random.default_rng(8)
        trigger = Degradation(season=season, arl=1e4)
        state = trigger.begin()
        times = START_NS - np.arange(24_000)[::-1] * (HOUR_NS // 40)
        rates = np.where(times // HOUR_NS % 24 < 12, 0.04, 0.2)
        losses = (rng.random(len(times)) < rates).astype(float)
        trigger.renew(state, Reference(times_ns=times, losses=losses))
        for tick in range(1, 200):
            rate = 0.04 if (tick - 1) % 24 < 12 else 0.2
            observed = make_losses(START_NS + tick * HOUR_NS, errors(rng, 40, rate))
            trigger.observe(state, observed, "v1")
        stances[season] = trigger.look(state, NOW)

    assert stances["hour_of_day"] != "act"
    assert stances["none"] == "act"


def test_without_enough_validation_rows_the_first_live_rows_are_the_baseline(make_losses):
    rng = np.random.default_rng(1)
    trigger = Degradation(reference_rows=500)
    state = trigger.begin()
    trigger.renew(state, reference(rng, 499))

    feed(trigger, state, make_losses, rng, rate=0.1, ticks=12)
    waiting = trigger.explain(state, NOW)
    feed(trigger, state, make_losses, rng, rate=0.1, ticks=1, from_tick=12)

    assert waiting.evidence == {"rows": 480, "wanted": 500}
    assert state.baseline.n == 500
    assert state.chart.n == 20
    assert state.pending == []


def test_rows_give_the_same_state_one_by_one_and_in_batches(make_losses):
    rng = np.random.default_rng(2)
    losses = errors(rng, 900, 0.15)
    trigger = Degradation(season="none")
    states = []
    for size in (1, 7, 900):
        state = trigger.begin()
        for start in range(0, 900, size):
            trigger.observe(state, make_losses(START_NS, losses[start : start + size]), "v1")
        states.append(state)

    assert {state.chart.n for state in states} == {400}
    assert states[0].chart.log_e == pytest.approx(states[1].chart.log_e, rel=1e-9)
    assert states[0].chart.log_e == pytest.approx(states[2].chart.log_e, rel=1e-9)


def test_an_alarm_stands_until_it_is_answered_and_then_the_chart_rests(make_losses):
    rng = np.random.default_rng(4)
    trigger = Degradation(freeze="1d")
    state = trigger.begin()
    trigger.renew(state, reference(rng))
    feed(trigger, state, make_losses, rng, rate=0.4, ticks=30)
    feed(trigger, state, make_losses, rng, rate=0.1, ticks=30, from_tick=30)
    stood = trigger.look(state, NOW)

    trigger.requested(state, START_NS + 60 * HOUR_NS)
    seen_then = state.chart.n
    feed(trigger, state, make_losses, rng, rate=0.4, ticks=24, from_tick=60)
    rested = state.chart.n
    feed(trigger, state, make_losses, rng, rate=0.4, ticks=24, from_tick=84)

    assert stood == "act"
    assert rested == seen_then
    assert state.chart.n == seen_then + 24 * 40
    assert trigger.look(state, NOW) == "act"


def test_a_second_alarm_of_one_champion_is_about_the_first_change(make_losses):
    rng = np.random.default_rng(4)
    trigger = Degradation(freeze="1h")
    state = trigger.begin()
    trigger.renew(state, reference(rng))
    feed(trigger, state, make_losses, rng, rate=0.1, ticks=50)
    feed(trigger, state, make_losses, rng, rate=0.4, ticks=30, from_tick=50)
    first = trigger.explain(state, NOW).change_ns

    trigger.requested(state, START_NS + 80 * HOUR_NS)
    feed(trigger, state, make_losses, rng, rate=0.4, ticks=30, from_tick=82)

    assert trigger.look(state, NOW) == "act"
    assert trigger.explain(state, NOW).change_ns == first


def test_a_request_of_another_trigger_leaves_the_evidence_alone(make_losses):
    rng = np.random.default_rng(4)
    trigger = Degradation()
    state = trigger.begin()
    trigger.renew(state, reference(rng))
    feed(trigger, state, make_losses, rng, rate=0.13, ticks=20)
    gathered = state.chart.log_e

    trigger.requested(state, START_NS + 20 * HOUR_NS)

    assert state.chart.log_e == gathered
    assert state.quiet_until_ns is None


def test_a_new_champion_begins_with_a_clean_sheet(make_losses):
    rng = np.random.default_rng(4)
    trigger = Degradation()
    state = trigger.begin()
    trigger.renew(state, reference(rng))
    feed(trigger, state, make_losses, rng, rate=0.5, ticks=30)
    trigger.requested(state, START_NS + 30 * HOUR_NS)

    trigger.renew(state, None)

    assert state == trigger.begin() or encode(state) == encode(trigger.begin())


def test_levels_are_told_only_once_rows_were_seen(make_losses):
    rng = np.random.default_rng(3)
    trigger = Degradation(season="none")
    state = trigger.begin()
    trigger.renew(state, reference(rng))

    before = trigger.explain(state, NOW).evidence
    feed(trigger, state, make_losses, rng, rate=0.1, ticks=1)
    after = trigger.explain(state, NOW).evidence

    assert "expected_loss" not in before
    assert not any(isinstance(value, float) and np.isnan(value) for value in before.values())
    assert 0.08 < after["expected_loss"] < after["limit_loss"] < 0.15


def test_alarms_work_for_times_before_1970(make_losses):
    rng = np.random.default_rng(4)
    trigger = Degradation()
    state = trigger.begin()
    trigger.renew(state, reference(rng))
    for tick in range(40):
        observed = make_losses(-(10_000 * DAY_NS) + tick * HOUR_NS, errors(rng, 40, 0.5))
        trigger.observe(state, observed, "v1")
    first = trigger.explain(state, NOW).change_ns
    trigger.requested(state, -(10_000 * DAY_NS) + 40 * HOUR_NS)

    assert first < 0
    assert state.first_change_ns == first


def test_losses_that_hardly_vary_can_still_rise(make_losses):
    rng = np.random.default_rng(6)
    trigger = Degradation(season="none")
    state = trigger.begin()
    times = START_NS - np.arange(2000) * HOUR_NS
    trigger.renew(state, Reference(times_ns=times, losses=9.5 + rng.random(2000)))

    for tick in range(20):
        trigger.observe(state, make_losses(START_NS + tick * HOUR_NS, 9.5 + rng.random(40)), "v1")
    before = trigger.look(state, NOW)
    for tick in range(20, 120):
        trigger.observe(state, make_losses(START_NS + tick * HOUR_NS, 14.5 + rng.random(40)), "v1")

    assert before == "quiet"
    assert trigger.look(state, NOW) == "act"


def test_a_reference_without_any_loss_gives_a_baseline(make_losses):
    trigger = Degradation(season="none")
    state = trigger.begin()
    times = START_NS - np.arange(600) * HOUR_NS
    trigger.renew(state, Reference(times_ns=times, losses=np.zeros(600)))

    trigger.observe(state, make_losses(START_NS, np.zeros(100)), "v1")
    before = trigger.look(state, NOW)
    trigger.observe(state, make_losses(START_NS + HOUR_NS, np.ones(100)), "v1")

    assert (before, trigger.look(state, NOW)) == ("quiet", "act")


def test_rows_the_champion_did_not_score_are_left_out(make_losses):
    rng = np.random.default_rng(0)
    trigger = Degradation()
    state = trigger.begin()
    trigger.renew(state, reference(rng))

    trigger.observe(state, make_losses(START_NS, np.array([0.0, np.nan, 1.0])), "v1")
    trigger.observe(state, make_losses(START_NS, np.ones(9), version="v2"), "v1")

    assert state.chart.n == 2


def test_memory_follows_the_unrest_and_not_history(make_losses):
    rng = np.random.default_rng(9)
    trigger = Degradation()
    state = trigger.begin()
    trigger.renew(state, reference(rng))

    feed(trigger, state, make_losses, rng, rate=0.09, ticks=400)
    calm = len(state.marks)
    feed(trigger, state, make_losses, rng, rate=0.6, ticks=400, from_tick=400)

    assert calm < 400
    assert len(state.marks) < calm + 40


@pytest.mark.parametrize("chart", ["e", "ewma", "cusum", "shewhart"])
@pytest.mark.parametrize("referenced", [True, False])
def test_a_decoded_state_goes_on_like_the_one_it_was_taken_from(chart, referenced, make_losses):
    rng = np.random.default_rng(7)
    trigger = Degradation(chart=chart)
    state = trigger.begin()
    trigger.renew(state, reference(rng) if referenced else None)
    feed(trigger, state, make_losses, rng, rate=0.2, ticks=5)

    copy = decode(encode(state))
    for each in (state, copy):
        feed(trigger, each, make_losses, np.random.default_rng(1), rate=0.3, ticks=40, from_tick=5)

    assert encode(copy) == encode(state)


def test_seasons_are_those_of_utc():
    monday_three_ns = 4 * DAY_NS + 3 * HOUR_NS
    times = np.array([monday_three_ns, -HOUR_NS])  # the last hour of Wednesday, 1969-12-31

    bins = {season: season_bins(times, season).tolist() for season in SEASONS}

    assert bins == {
        "none": [0, 0],
        "hour_of_day": [3, 23],
        "day_of_week": [0, 2],
        "hour_of_week": [3, 2 * 24 + 23],
    }


def test_the_chart_line_is_in_units_of_the_loss(make_losses):
    rng = np.random.default_rng(0)
    trigger = Degradation(season="none", tolerance=0.0)
    state = trigger.begin()
    blank = chart_line(state)
    losses = 20.0 + rng.random(2000)
    trigger.renew(state, Reference(times_ns=START_NS - np.arange(2000), losses=losses))
    trigger.observe(state, make_losses(START_NS, losses[:40]), "v1")

    expected, limit, evidence, threshold = chart_line(state)

    assert np.isnan(blank).all()
    assert expected == pytest.approx(losses.mean())
    assert expected < limit < expected * 1.01
    assert evidence < threshold == pytest.approx(6)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("season", "moon"),
        ("chart", "pie"),
        ("tolerance", -0.1),
        ("tolerance", float("nan")),
        ("arl", 1.0),
        ("reference_rows", 10),
        ("freeze", "soon"),
    ],
)
def test_each_value_out_of_range_is_refused_by_name(field, value):
    with pytest.raises(ConfigError, match=r"Degradation\(") as caught:
        Degradation(**{field: value})
    assert field in str(caught.value)


def test_a_run_length_the_chart_cannot_keep_is_refused_when_it_is_declared():
    with pytest.raises(ConfigError, match=r"Degradation\(arl=.*Degradation\(chart="):
        Degradation(chart="shewhart", arl=800)


def runs(rng, n, rate, memory):
    """Zeros and ones with this share of ones; each keeps the one before with a probability."""
    fresh, keep = rng.random(n) < rate, rng.random(n) < memory
    return fresh[np.maximum.accumulate(np.where(keep, 0, np.arange(n)))].astype(float)


def test_errors_that_come_in_runs_raise_no_alarm_unless_rows_are_taken_one_by_one():
    rng = np.random.default_rng(5)
    losses = runs(rng, 110_000, 0.1, 0.8)
    times = np.arange(len(losses)) * 60_000_000_000
    alarms = []
    for block in (None, 1):
        watching = Watching()
        watching.adopt(
            times[:10_000],
            losses[:10_000],
            season="hour_of_day",
            tolerance=0.05,
            chart="e",
            arl=1e6,
        )
        watching.block = block or watching.block
        alarms.append(0)
        for row in range(10_000, len(losses), 1_000):
            rows = slice(row, row + 1_000)
            watching.take(times[rows], losses[rows], season="hour_of_day")
            if watching.alarmed:
                alarms[-1] += 1
                watching.answered(0)

    assert alarms[0] == 0
    assert alarms[1] > 20
