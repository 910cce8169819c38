from __future__ import annotations

from dataclasses import replace
from math import log10

import numpy as np
import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.decide import Degradation
from ostinato.decide.bind import bound, looks_early
from ostinato.decide.by_slice import SlicedDegradation
from ostinato.decide.late import LateDegradation
from ostinato.decide.reference import reference_of
from ostinato.decide.slice_watch import LEAST_ROWS, SHARE
from ostinato.decide.surroundings import Surroundings
from ostinato.decide.trigger import Reference, Seen

START_NS = 20_000 * DAY_NS
NOW = Seen(now_ns=10**30, last_request_ns=0, labels_since=0)
ROWS = 250  # of a tick


def by_slice(slices, **settings):
    declared = Degradation(**{"by_slice": True, "season": "none", **settings})
    names = tuple(f"s={each}" for each in range(slices))
    return bound(declared, Surroundings(horizon_ns=HOUR_NS, slice_columns=2, group_names=names))


class Traffic:
    """Rows with an error rate per slice, hour by hour."""

    def __init__(self, seed, rates):
        self.rng, self.rates, self.ticks = np.random.default_rng(seed), np.asarray(rates), 0

    def rows(self, n):
        groups = self.rng.integers(0, len(self.rates), (n, 1)).astype(np.int32)
        return (self.rng.random(n) < self.rates[groups[:, 0]]).astype(float), groups

    def reference(self, n):
        losses, groups = self.rows(n)
        times = START_NS - np.arange(n)[::-1] * (HOUR_NS // ROWS)
        return Reference(times_ns=times, losses=losses, groups=groups)

    def tick(self, make_losses):
        losses, groups = self.rows(ROWS)
        self.ticks += 1
        return replace(make_losses(START_NS + self.ticks * HOUR_NS, losses), groups=groups)


def begun(trigger, traffic, reference_rows=25_000):
    state = trigger.begin()
    trigger.renew(state, traffic.reference(reference_rows))
    return state


def ticks_to_act(trigger, state, traffic, make_losses, most):
    for tick in range(1, most + 1):
        trigger.observe(state, traffic.tick(make_losses), "v1")
        if trigger.look(state, NOW) == "act":
            return tick
    return None


def test_a_slice_that_breaks_is_named_while_the_mean_of_all_hardly_moves(make_losses):
    ticks, findings = [], []

    for seed in range(5):
        for trigger in (by_slice(50), Degradation(season="none")):
            traffic = Traffic(seed, np.full(50, 0.1))
            state = begun(trigger, traffic)
            assert ticks_to_act(trigger, state, traffic, make_losses, 20) is None
            traffic.rates[7] = 0.4  # two rows in a hundred: the mean rises from .1 to .106
            ticks.append(ticks_to_act(trigger, state, traffic, make_losses, 60))
            findings.append(trigger.explain(state, NOW))

    assert max(ticks[::2]) <= 40  # 200 rows of the slice
    assert ticks[1::2] == [None] * 5
    for found in findings[::2]:
        assert found.reason.startswith("The loss is above its baseline on s=7 since about 2024-10-")
        assert list(found.evidence["slices"]["reported"]) == ["s=7"]
        assert abs(found.change_ns - (START_NS + 20 * HOUR_NS)) <= 24 * HOUR_NS


@pytest.mark.parametrize("spread", [0.0, 0.8])
def test_a_hundred_healthy_slices_stay_silent(spread, make_losses):
    rng = np.random.default_rng(6)
    traffic = Traffic(6, np.minimum(0.1 * np.exp(spread * rng.standard_normal(100)), 0.6))
    trigger = by_slice(100)
    state = begun(trigger, traffic, 30_000)

    found = ticks_to_act(trigger, state, traffic, make_losses, 50_000 // ROWS)

    evidence = trigger.explain(state, NOW).evidence["slices"]
    assert found is None
    assert evidence["watched"] == 100
    assert evidence["highest"]["log10_e"] < evidence["log10_e_act"] - 2  # no warning either


def test_the_false_alarms_of_slices_and_of_all_rows_share_what_the_run_length_allows():
    trigger = by_slice(4, arl=1e5)
    traffic = Traffic(0, np.full(4, 0.2))
    state = begun(trigger, traffic, 2000)

    registered = trigger.registered(state)

    overall, slices = registered["overall"]["arl"], registered["slices"]
    of_slices = slices["bank"]["arl"] / slices["columns"]
    assert 1 / overall + 1 / of_slices == pytest.approx(1 / 1e5)
    assert of_slices == pytest.approx(1e5 / SHARE)
    assert slices["names"] == ["s=0", "s=1", "s=2", "s=3"]
    assert len(slices["bank"]["bets"]) == len(slices["baseline"]["center"]) == 4


def ticks_to_alarm(slices, traffic, make_losses, most):
    """Feed the slices alone; return the ticks to their alarm, or `most`."""
    for tick in range(1, most + 1):
        told = traffic.tick(make_losses)
        bins = np.zeros(ROWS, dtype=np.int64)
        slices.take(told.losses["v1"], told.times_ns, bins, told.groups)
        if slices.alarmed:
            return tick
    return most


def test_slices_alarm_no_more_often_than_promised_though_all_lose_what_they_may(make_losses):
    # The bound itself as the rate of every slice: nothing but the run length keeps it silent.
    times = []
    for seed in range(30):
        traffic = Traffic(seed, np.full(20, 0.1))
        slices = begun(by_slice(20, arl=50.0), traffic, 6000)[1]
        traffic.rates = slices.baseline.highest
        times.append(ROWS * ticks_to_alarm(slices, traffic, make_losses, 100))

    assert np.mean(times) >= 50 / SHARE
    assert np.median(times) < 100 * ROWS  # the promise is of use: they do alarm


def test_of_the_slices_that_are_reported_hardly_any_is_healthy(make_losses):
    reported, healthy = 0, 0
    for seed in range(12):
        traffic = Traffic(seed, np.full(40, 0.1))
        slices = begun(by_slice(40, arl=1e4), traffic, 20_000)[1]
        traffic.rates[:8] = 0.5
        ticks_to_alarm(slices, traffic, make_losses, 100)
        codes = list(slices.changes())
        reported, healthy = reported + len(codes), healthy + sum(code >= 8 for code in codes)

    assert reported >= 12
    assert healthy == 0


def test_rows_give_the_same_alarm_one_by_one_and_in_batches(make_losses):
    traffic = Traffic(3, np.full(5, 0.1))
    trigger = by_slice(5, arl=1e3)
    before = begun(trigger, traffic, 2000)
    traffic.rates[2] = 0.6
    ticks = [traffic.tick(make_losses) for _ in range(4)]
    losses = np.concatenate([each.losses["v1"] for each in ticks])
    times = np.concatenate([each.times_ns for each in ticks])
    groups = np.concatenate([each.groups for each in ticks])

    states = []
    for size in (1, 7, 333, 1000):
        state = decode(encode(before))
        for start in range(0, 1000, size):
            part = slice(start, start + size)
            told = make_losses(START_NS, losses[part])
            told = replace(told, times_ns=times[part], groups=groups[part])
            trigger.observe(state, told, "v1")
        states.append(state)

    slices = [state[1] for state in states]
    assert slices[0].events < 1000  # it alarmed on the way
    for each in slices[1:]:
        assert each.events == slices[0].events
        assert each.changes() == slices[0].changes()
        assert each.reported.tolist() == [2]
        assert np.array_equal(each.low_ns, slices[0].low_ns)
        assert each.bank.log_e == pytest.approx(slices[0].bank.log_e, rel=1e-9)


def test_a_restart_after_any_tick_changes_nothing(make_losses):
    trigger = by_slice(10, arl=1e4)
    kept = []
    for restart in (False, True):
        traffic = Traffic(5, np.full(10, 0.1))
        state = begun(trigger, traffic, 4000)
        for tick in range(40):
            traffic.rates[4] = 0.1 if tick < 10 else 0.4
            trigger.observe(state, traffic.tick(make_losses), "v1")
            if restart:
                state = decode(encode(state))
        kept.append(encode(state))

    assert kept[0] == kept[1]
    assert state[1].alarmed


def test_an_alarm_stands_until_it_is_answered_and_then_slices_rest(make_losses):
    traffic = Traffic(8, np.full(20, 0.1))
    trigger = by_slice(20, freeze="1d")
    state = begun(trigger, traffic, 10_000)
    traffic.rates[3] = 0.5
    ticks_to_act(trigger, state, traffic, make_losses, 100)
    first = trigger.explain(state, NOW).change_ns
    overall_seen, begun_before = state[0].chart.n, trigger.registered(state)
    traffic.rates[3] = 0.1
    assert ticks_to_act(trigger, state, traffic, make_losses, 10) == 1  # it stands

    trigger.requested(state, START_NS + traffic.ticks * HOUR_NS)
    rests = replace(NOW, now_ns=START_NS + traffic.ticks * HOUR_NS + 1)
    assert trigger.look(state, rests) == "quiet"
    assert trigger.explain(state, rests).reason == "The alarm was answered; slices rest for 1d."
    taken = state[1].events
    for _ in range(23):
        trigger.observe(state, traffic.tick(make_losses), "v1")
    rested = state[1].events
    traffic.rates[3] = 0.5
    again = ticks_to_act(trigger, state, traffic, make_losses, 100)

    assert rested == taken
    assert again is not None
    assert trigger.explain(state, NOW).change_ns == first  # the same change, until a new champion
    assert state[0].chart.n > overall_seen  # the chart of all rows went on meanwhile
    assert trigger.registered(state) != begun_before


def test_where_all_rows_get_worse_the_overall_chart_gives_the_reason(make_losses):
    traffic = Traffic(9, np.full(20, 0.1))
    trigger = by_slice(20)
    state = begun(trigger, traffic, 10_000)
    traffic.rates[:] = 0.3
    ticks_to_act(trigger, state, traffic, make_losses, 50)

    found = trigger.explain(state, NOW)

    assert found.reason.startswith("The loss is above its baseline since about")
    assert found.evidence["arl"] == 1e6
    assert found.evidence["log10_e_act"] == pytest.approx(log10(1e6 / (1 - SHARE)))
    trigger.requested(state, START_NS + traffic.ticks * HOUR_NS)
    assert state[1].quiet_until_ns == state[0].quiet_until_ns  # one answer, one rest


def test_small_slices_and_rows_without_label_are_left_to_the_overall_chart(make_losses):
    rng = np.random.default_rng(10)
    trigger = by_slice(3)
    state = trigger.begin()
    groups = np.repeat([[0], [1], [-1]], [LEAST_ROWS, LEAST_ROWS - 1, 800], axis=0)
    losses = (rng.random(len(groups)) < 0.1).astype(float)
    times = START_NS - np.arange(len(groups))[::-1]
    trigger.renew(state, Reference(times_ns=times, losses=losses, groups=groups.astype(np.int32)))

    told = make_losses(START_NS, np.array([1.0, np.nan, 1.0, 0.0]))
    trigger.observe(state, replace(told, groups=np.array([[0], [0], [1], [9]])), "v1")

    assert state[1].codes.tolist() == [0]
    assert state[1].bank.n.tolist() == [1]
    assert state[0].chart.n == state[1].events == 3


def test_a_row_is_in_one_slice_of_each_column(make_losses):
    rng = np.random.default_rng(11)
    trigger = by_slice(4)
    state = trigger.begin()
    groups = np.column_stack([rng.integers(0, 2, 2000), rng.integers(2, 4, 2000)]).astype(np.int32)
    losses = (rng.random(2000) < 0.1).astype(float)
    times = START_NS - np.arange(2000)[::-1]
    trigger.renew(state, Reference(times_ns=times, losses=losses, groups=groups))

    told = make_losses(START_NS, np.zeros(3))
    trigger.observe(state, replace(told, groups=np.array([[0, 2], [1, 2], [0, 3]])), "v1")

    assert state[1].bank.n.tolist() == [2, 1, 2, 1]
    assert state[1].log10_act == pytest.approx(log10(2 * 1e6 / SHARE))


def test_without_enough_validation_rows_live_rows_are_the_baseline_of_slices_too(make_losses):
    traffic = Traffic(12, np.full(2, 0.1))
    trigger = by_slice(2, reference_rows=700)
    state = begun(trigger, traffic, 100)

    trigger.observe(state, traffic.tick(make_losses), "v1")
    waiting = trigger.explain(state, NOW).evidence
    for _ in range(2):
        trigger.observe(state, traffic.tick(make_losses), "v1")

    assert waiting == {"rows": 250, "wanted": 700}
    assert state[1].baseline.rows.sum() == 700
    assert state[1].bank.n.sum() == 50
    assert state[1].pending == []


def test_no_slice_with_enough_rows_leaves_the_overall_chart_alone(make_losses):
    traffic = Traffic(13, np.full(100, 0.1))
    trigger = by_slice(100)
    state = begun(trigger, traffic, 2000)

    trigger.observe(state, traffic.tick(make_losses), "v1")

    assert trigger.explain(state, NOW).evidence["slices"] == {"watched": 0}
    assert trigger.registered(state) == trigger.overall.registered(state[0])
    assert trigger.look(state, NOW) == "quiet"


def test_the_reference_of_a_candidate_carries_its_slices(make_evaluated):
    evaluated = make_evaluated("v1", np.array([0.0, 1.0, 1.0]))
    (recent,) = evaluated.sets
    groups = np.array([[0], [1], [2]], dtype=np.int32)
    shuffled = replace(recent, groups=groups, times_ns=recent.times_ns[::-1].copy())

    found = reference_of(replace(evaluated, sets=(shuffled,)), task="binary", metric="error_rate")

    assert found.groups.tolist() == [[2], [1], [0]]
    assert found.losses.tolist() == [1.0, 1.0, 0.0]


def test_a_new_champion_begins_with_slices_of_its_own(make_losses):
    traffic = Traffic(14, np.full(4, 0.1))
    trigger = by_slice(4)
    state = begun(trigger, traffic, 2000)
    traffic.rates[1] = 0.6
    ticks_to_act(trigger, state, traffic, make_losses, 100)

    trigger.renew(state, traffic.reference(2000))

    assert trigger.look(state, NOW) == "quiet"
    assert state[1].baseline.expected[1] > 0.4
    trigger.renew(state, None)
    assert state[1].bank is None


def test_slices_come_beside_the_chart_of_a_late_label_too():
    loop = Surroundings(horizon_ns=30 * DAY_NS, timed=True, slice_columns=2)

    found = bound(Degradation(by_slice=True, arl=1e5), loop)

    assert isinstance(found, SlicedDegradation)
    assert isinstance(found.overall, LateDegradation)
    assert found.overall.mature.arl == pytest.approx(2e5 / (1 - SHARE))
    assert looks_early((found,))
    assert found.name == "degradation (e, tolerance 5%, by slice)"
    plain = Degradation()
    assert bound(plain, replace(loop, timed=False)) is plain  # without slices nothing is added


def test_a_slice_acts_though_the_chart_by_age_finds_nothing(make_losses):
    loop = Surroundings(
        horizon_ns=5 * DAY_NS, timed=True, slice_columns=2, group_names=("a", "b", "c")
    )
    trigger = bound(Degradation(by_slice=True, season="none"), loop)
    traffic = Traffic(15, np.array([0.1] * 20))
    reference = traffic.reference(10_000)
    reference = replace(
        reference, label_times_ns=reference.times_ns + DAY_NS // 2, rows_per_day=6000.0
    )
    state = trigger.begin()
    trigger.renew(state, reference)
    traffic.rates[2] = 0.5

    ticks_to_act(trigger, state, traffic, make_losses, 100)
    now_ns = START_NS + traffic.ticks * HOUR_NS
    trigger.advance(state, now_ns)
    state = decode(encode(state))

    assert trigger.explain(state, NOW).reason.startswith("The loss is above its baseline on c ")
    assert set(trigger.registered(state)["overall"]) == {"method", "matured", "outcomes"}
    trigger.requested(state, now_ns)
    assert trigger.look(state, replace(NOW, now_ns=now_ns)) != "act"


def test_slices_are_refused_where_there_are_none_or_the_chart_cannot_share():
    with pytest.raises(ConfigError, match=r"contradicts Loop\(slices=...\)"):
        bound(Degradation(by_slice=True), Surroundings(horizon_ns=HOUR_NS))
    with pytest.raises(ConfigError, match=r"contradicts Degradation\(chart=...\)"):
        Degradation(by_slice=True, chart="ewma")
