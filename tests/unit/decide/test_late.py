from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.records import LabelsAwaited, LossesObserved, OutcomesRevealed
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.decide import AnyOf, Degradation, Every, any_of
from ostinato.decide.bind import bound, looks_early
from ostinato.decide.hazards import Level, Tally, allowed_hazards
from ostinato.decide.late import LateDegradation
from ostinato.decide.surroundings import Surroundings
from ostinato.decide.trigger import Reference, Seen

HORIZON = 30
FIRST = 20_000  # a Thursday
NEVER = np.iinfo(np.int64).max
OVERDUE = np.iinfo(np.int64).min


def usual(rng, day, n):
    """Delays in days."""
    return rng.exponential(7.0, n)


def weekdays_only(rng, day, n, times):
    """Labels of a weekend are entered on Monday morning."""
    known = times + (rng.exponential(7.0, n) * DAY_NS).astype(np.int64)
    weekday = (known // DAY_NS + 3) % 7
    monday = (known // DAY_NS + 7 - weekday) * DAY_NS + known % DAY_NS // 3
    return np.where(weekday >= 5, monday, known)


@dataclass
class Late:
    """Predictions and late labels of one champion, told to a trigger tick by tick."""

    rng: np.random.Generator
    rate: int = 5000
    wrong: object = staticmethod(lambda day: 0.02)
    known: object = None
    delay: object = staticmethod(usual)
    horizon_ns: int = HORIZON * DAY_NS
    negative: bool = False
    rows: list = field(default_factory=list)

    def day(self, day, n=None):
        """(times, label times, losses) of the predictions of a day; labels may never come."""
        n = self.rng.poisson(self.rate) if n is None else n
        times = (FIRST + day) * DAY_NS + np.sort(self.rng.integers(0, DAY_NS, n))
        if self.known is None:
            known = times + (self.delay(self.rng, day, n) * DAY_NS).astype(np.int64)
        else:
            known = self.known(self.rng, day, n, times)
        losses = (self.rng.random(n) < self.wrong(day)).astype(float)
        late = known - times > self.horizon_ns
        if self.negative:  # the label would have been 1: the answer was no, or was yes and wrong
            losses[late] = self.rng.random(int(late.sum())) < 0.01
        return times, np.where(late, NEVER, known), losses

    def reference(self, rows=20_000):
        days = -(-rows // self.rate)
        parts = [self.day(-40 - days + day, self.rate) for day in range(days)]
        times, known, losses = (np.concatenate(each) for each in zip(*parts, strict=True))
        came = known != NEVER
        if self.negative:
            known = np.where(came, known, times + self.horizon_ns)
            came = np.ones(len(known), dtype=bool)
        return Reference(
            times_ns=times[came],
            losses=losses[came],
            label_times_ns=known[came],
            unlabelled=int((~came).sum()),
            rows_per_day=came.mean() * self.rate,
        )

    def history(self, days):
        """All rows of the days, as (times, label times, losses)."""
        parts = [self.day(day) for day in range(days)]
        return tuple(np.concatenate(each) for each in zip(*parts, strict=True))


def awaited(now_ns, times):
    return LabelsAwaited(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        times_ns=times,
        versions=("v1",),
        answered=np.zeros(len(times), dtype=np.int16),
        roles=np.zeros(len(times), dtype=np.int8),
        scored={"v1": np.ones(len(times), dtype=bool)},
    )


def revealed(now_ns, times, known, losses):
    return OutcomesRevealed(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        times_ns=times,
        label_times_ns=known,
        versions=("v1",),
        answered=np.zeros(len(times), dtype=np.int16),
        roles=np.zeros(len(times), dtype=np.int8),
        losses={"v1": losses},
    )


def seen(now_ns):
    return Seen(now_ns=now_ns, last_request_ns=0, labels_since=1)


def tell(trigger, state, rows, days, *, hours=24, cuts=1, until=None, told_ns=None, on_tick=None):
    """Play ticks; return the stance after each, or that the outcomes alarm.

    `told_ns`: when each label is told, if not as soon as it is known.
    """
    times, known, losses = rows
    told_ns = known if told_ns is None else told_ns
    order = np.argsort(told_ns, kind="stable")
    stances, told, asked = [], 0, 0
    for tick in range(1, days * 24 // hours + 1):
        now_ns = FIRST * DAY_NS + tick * hours * HOUR_NS
        stop = int(np.searchsorted(times, now_ns))
        if stop > asked:
            trigger.foresee(state, awaited(now_ns, times[asked:stop]), "v1")
        asked = stop
        come = order[told : int(np.searchsorted(told_ns[order], now_ns, side="right"))]
        told += len(come)
        for part in np.array_split(come, cuts) if len(come) else []:
            trigger.foresee(state, revealed(now_ns, times[part], known[part], losses[part]), "v1")
        trigger.advance(state, now_ns)
        stances.append("alarm" if state[1].alarmed else trigger.look(state, seen(now_ns)))
        if on_tick is not None:
            state = on_tick(state)
        if until is not None and stances[-1] == until:
            break
    return stances


def late(**changes):
    settings = {"arl": 2.5e7, "season": "none", "late": "hazard"} | changes
    return LateDegradation(declared=Degradation(**settings), horizon_ns=HORIZON * DAY_NS)


def begun(trigger, reference):
    state = trigger.begin()
    trigger.renew(state, reference)
    return state


def test_a_rise_is_found_in_a_week_where_maturity_takes_a_month():
    delays, changes, change = [], [], 33
    for seed in range(5):
        world = Late(np.random.default_rng(seed), wrong=lambda day: 0.03 if day >= change else 0.02)
        reference = Late(np.random.default_rng(99 + seed), rate=5000).reference(100_000)
        trigger = late()
        state = begun(trigger, reference)
        stances = tell(trigger, state, world.history(change + 15), change + 15, until="alarm")
        delays.append(len(stances) - change)
        finding = trigger.explain(state, seen((FIRST + len(stances)) * DAY_NS))
        changes.append(finding.change_ns // DAY_NS - FIRST - change)

    # An ARL of 1e4 days; rows are mature after 30 days.
    assert state[1].worse.arl == pytest.approx(2 * 2.5e7 / reference.rows_per_day)
    assert min(delays) > 0
    assert np.median(delays) <= 8
    assert np.median(np.abs(changes)) <= 2


def test_nothing_happens_while_nothing_changes_however_the_labels_come():
    for settings in ({}, {"negative": True}):
        world = Late(np.random.default_rng(5), rate=1500, **settings)
        trigger = LateDegradation(
            declared=Degradation(arl=2e6, season="day_of_week"),
            horizon_ns=HORIZON * DAY_NS,
            negative=world.negative,
        )
        state = begun(trigger, world.reference(20_000))
        stances = tell(trigger, state, world.history(90), 90)
        assert "alarm" not in stances, settings
        assert state[1].changed_on is None


def test_labels_that_come_on_working_days_alone_are_no_change_of_the_labels():
    world = Late(np.random.default_rng(0), rate=3000, known=weekdays_only)
    trigger = late(arl=6e5)
    state = begun(trigger, world.reference(40_000))

    assert "alarm" not in tell(trigger, state, world.history(50), 50)
    assert (state[1].changed_on, state[1].better_on) == (None, None)


def test_labels_that_come_faster_are_a_warning_about_the_labels_that_is_taken_back():
    def faster(rng, day, n):
        return rng.exponential(7.0 if day < 10 else 4.0, n)

    world = Late(np.random.default_rng(3), delay=faster)
    trigger = late(arl=5e6)
    state = begun(trigger, Late(np.random.default_rng(4)).reference())
    rows = world.history(75)

    stances = tell(trigger, state, rows, 75)
    begins = stances.index("warn")
    during = [s for s in stances[begins:] if s == "warn"]

    assert "alarm" not in stances
    assert 11 <= begins <= 20
    assert HORIZON <= len(during) < 45  # hazards are learnt anew from whole cohorts
    assert stances[-5:] == ["quiet"] * 5
    assert state[1].worse is not None


@pytest.mark.parametrize(("share", "changed"), [(0.3, False), (0.45, False), (0.7, True)])
def test_a_little_evidence_on_good_outcomes_does_not_make_it_a_change_of_the_labels(share, changed):
    trigger = late(arl=1e6)  # 400 days: a hundredth of them is a healthy sum
    state = begun(trigger, Late(np.random.default_rng(4)).reference())
    outcomes = state[1]

    outcomes.better.log_e = share * np.log(outcomes.better.arl)  # of the way to the alarm

    assert outcomes.labels_changed() == changed


def test_while_it_warns_it_says_that_the_label_pipeline_changed():
    world = Late(np.random.default_rng(3), delay=lambda rng, day, n: rng.exponential(3.0, n))
    trigger = late(arl=5e6)
    state = begun(trigger, Late(np.random.default_rng(4)).reference())

    stances = tell(trigger, state, world.history(12), 12)
    finding = trigger.explain(state, seen((FIRST + 12) * DAY_NS))

    assert stances[-1] == "warn"
    assert "label pipeline changed" in finding.reason
    assert finding.change_ns is None


def test_no_process_is_said_to_begin_while_hazards_are_learnt_anew():
    def faster(rng, day, n):
        return rng.exponential(7.0 if day < 10 else 4.0, n)

    world = Late(np.random.default_rng(3), delay=faster)
    trigger = late(arl=5e6)
    state = begun(trigger, Late(np.random.default_rng(4)).reference())
    before, entries = trigger.registered(state), []

    def note(state):
        entries.append((state[1].worse is None, trigger.registered(state)))
        return state

    tell(trigger, state, world.history(60), 60, on_tick=note)
    gathering = [entry for gathers, entry in entries if gathers]

    assert len(gathering) >= HORIZON
    assert all(entry == before for entry in gathering)
    assert entries[-1][1]["outcomes"]["worse"] != before["outcomes"]["worse"]


def test_after_the_labels_settled_a_worse_model_is_still_found():
    def faster(rng, day, n):
        return rng.exponential(7.0 if day < 5 else 4.0, n)

    change = 50
    world = Late(
        np.random.default_rng(3), delay=faster, wrong=lambda day: 0.02 if day < change else 0.035
    )
    trigger = late(arl=5e6)
    state = begun(trigger, Late(np.random.default_rng(4)).reference())

    stances = tell(trigger, state, world.history(65), 65, until="alarm")

    assert stances[-1] == "alarm"
    assert change < len(stances) <= change + 10


def test_discrimination_lost_at_a_constant_rate_of_wrong_answers_is_seen_by_the_loss():
    def losses(rng, n, sharp):
        """Log losses of a rare class: never above one half, so 0/1 says nothing."""
        label = rng.random(n) < 0.03
        chance = np.where(label, 0.3, 0.02) if sharp else np.full(n, 0.03)
        chance = np.clip(chance * rng.uniform(0.7, 1.3, n), 0.001, 0.49)
        return np.where(label, -np.log(chance), -np.log1p(-chance))

    rng = np.random.default_rng(1)
    reference = Late(rng).reference()
    reference = Reference(
        times_ns=reference.times_ns,
        losses=losses(rng, len(reference.losses), sharp=True),
        label_times_ns=reference.label_times_ns,
        unlabelled=reference.unlabelled,
        rows_per_day=reference.rows_per_day,
    )
    world = Late(rng)
    times, known, _ = world.history(20)
    blunt = times // DAY_NS - FIRST >= 6
    found = np.where(blunt, losses(rng, len(times), False), losses(rng, len(times), True))
    trigger = late()
    state = begun(trigger, reference)

    stances = tell(trigger, state, (times, known, found), 20, until="alarm")

    assert stances[-1] == "alarm"
    assert 6 < len(stances) <= 14


@pytest.mark.parametrize("negative", [False, True])
def test_ticks_and_batches_make_no_difference_and_restarts_none_at_all(negative):
    world = Late(
        np.random.default_rng(7),
        rate=300,
        negative=negative,
        wrong=lambda day: 0.05 if day > 35 else 0.02,
        horizon_ns=5 * DAY_NS,
    )
    trigger = LateDegradation(
        declared=Degradation(arl=1e5, season="none"), horizon_ns=5 * DAY_NS, negative=negative
    )
    reference = world.reference(6000)
    times, known, losses = world.history(42)
    known = np.where((known == NEVER) & negative, times + world.horizon_ns, known)
    found = []
    for hours, cuts in ((24, 1), (1, 1), (24, 7), (168, 1)):
        state = begun(trigger, reference)
        tell(trigger, state, (times, known, losses), 42, hours=hours, cuts=cuts)
        found.append(state[1])
    again = begun(trigger, reference)
    kept = []

    def restarted(state):
        kept.append(decode(encode(state)))
        return kept[-1]

    tell(trigger, again, (times, known, losses), 42, on_tick=restarted)

    assert encode(kept[-1][1]) == encode(found[0])
    for other in found[1:]:
        assert other.day == found[0].day
        assert other.at_risk == found[0].at_risk
        if not negative:  # long ticks tell overdue labels of closed days later
            assert other.worse.log_e == pytest.approx(found[0].worse.log_e, rel=1e-9)
            assert other.worse.gains == pytest.approx(found[0].worse.gains, rel=1e-9)
    assert max(found[0].at_risk) - min(found[0].at_risk) <= trigger.ages


def test_days_without_predictions_or_labels_are_no_evidence():
    world = Late(np.random.default_rng(1), rate=200)
    trigger = late(arl=4000)
    state = begun(trigger, world.reference(5000))
    rows = world.history(3)

    stances = tell(trigger, state, rows, 600)

    assert set(stances[60:]) == {"quiet"}
    assert state[1].worse.n <= 3
    assert state[1].at_risk == {}


def test_a_clock_that_stands_still_closes_no_day():
    world = Late(np.random.default_rng(1), rate=200)
    trigger = late()
    state = begun(trigger, world.reference(5000))
    tell(trigger, state, world.history(4), 4)
    before = encode(state)

    for _ in range(5):
        trigger.advance(state, (FIRST + 4) * DAY_NS)

    assert encode(state) == before


def test_labels_that_stop_coming_are_no_alarm():
    world = Late(
        np.random.default_rng(1), delay=lambda rng, day, n: np.full(n, 99.0 if day > 5 else 2.0)
    )
    trigger = late(arl=1e6)
    state = begun(trigger, Late(np.random.default_rng(4)).reference())

    assert "alarm" not in tell(trigger, state, world.history(40), 40)[12:]


def test_an_overdue_label_that_means_no_is_judged_against_other_overdue_ones():
    """False alarms of the model show only when no label has come."""
    trigger = LateDegradation(
        declared=Degradation(arl=1e6, season="none"), horizon_ns=5 * DAY_NS, negative=True
    )
    world = Late(np.random.default_rng(1), rate=2000, negative=True, horizon_ns=5 * DAY_NS)
    state = begun(trigger, world.reference())
    times, known, losses = world.history(30)
    overdue = known == NEVER
    worse = overdue & (times // DAY_NS - FIRST >= 15)
    losses = np.where(worse, np.random.default_rng(2).random(len(times)) < 0.05, losses)
    known = np.where(overdue, times + 5 * DAY_NS, known)

    stances = tell(trigger, state, (times, known, losses), 30, until="alarm")

    assert stances[-1] == "alarm"
    assert 20 <= len(stances) <= 24


class Counting(LateDegradation):
    """Looks at the days before they are closed."""

    overdue: ClassVar = []

    def advance(self, state, now_ns):
        self.overdue.extend(float(day.overdue.sum()) for day in state[1].open.values())
        super().advance(state, now_ns)


@pytest.mark.parametrize("hours", [24, 72, 168])
def test_overdue_labels_count_however_long_a_tick_is(hours):
    """Rows of a tick are overdue together, when the last one is."""
    horizon_ns = 5 * DAY_NS
    trigger = Counting(
        declared=Degradation(arl=1e8, season="none"), horizon_ns=horizon_ns, negative=True
    )
    world = Late(np.random.default_rng(1), rate=500, negative=True, horizon_ns=horizon_ns)
    state = begun(trigger, world.reference())
    Counting.overdue.clear()
    times, known, losses = world.history(42)
    overdue = known == NEVER
    tick_ns = hours * HOUR_NS
    ends_ns = times + tick_ns - (times - FIRST * DAY_NS) % tick_ns
    told_ns = np.where(overdue, ends_ns + horizon_ns, known)
    rows = times, np.where(overdue, OVERDUE, known), losses
    tell(trigger, state, rows, 42, hours=hours, told_ns=told_ns)

    followed = overdue & (times // DAY_NS >= state[1].first_day)
    assert sum(Counting.overdue) == (followed & (told_ns <= (FIRST + 42) * DAY_NS)).sum()


def test_without_label_times_hazards_are_learnt_from_the_first_mature_cohorts():
    world = Late(
        np.random.default_rng(1),
        rate=1000,
        horizon_ns=5 * DAY_NS,
        wrong=lambda day: 0.06 if day >= 20 else 0.02,
    )
    reference = world.reference(20_000)
    trigger = LateDegradation(declared=Degradation(arl=1e6, season="none"), horizon_ns=5 * DAY_NS)
    state = begun(trigger, Reference(times_ns=reference.times_ns, losses=reference.losses))
    rows = world.history(30)
    early = trigger.registered(state)

    stances = tell(trigger, state, rows, 30, until="alarm")

    assert early["method"] == "mixture Shiryaev-Roberts e-detector"
    assert trigger.registered(state)["method"] == "age-hazard e-detector"
    assert 20 < len(stances) <= 25


@pytest.mark.parametrize("negative", [False, True])
def test_hazards_learnt_live_are_at_the_level_of_whole_cohorts(negative):
    """Where the delay goes with the loss, young cohorts alone would tell another level."""
    horizon, rate = 8, 3000
    rng = np.random.default_rng(3)

    def history(days, first=0):
        times, known, losses = [], [], []
        for day in range(first, first + days):
            n = rng.poisson(rate)
            made = (FIRST + day) * DAY_NS + np.sort(rng.integers(0, DAY_NS, n))
            bad = rng.random(n) < 0.04
            # Bad outcomes come soon, good ones late (never="negative": the most are overdue).
            waits = rng.exponential(np.where(bad, 1.5, 40.0 if negative else 4.0))
            late = waits > horizon
            come = np.where(late, horizon if negative else np.inf, waits)
            times.append(made)
            losses.append(bad.astype(float))
            known.append(
                np.where(np.isinf(come), NEVER, made + (np.minimum(come, 99) * DAY_NS).astype(int))
            )
        return np.concatenate(times), np.concatenate(known), np.concatenate(losses)

    trigger = LateDegradation(
        declared=Degradation(arl=1e8, season="none"),
        horizon_ns=horizon * DAY_NS,
        negative=negative,
    )
    times, known, losses = history(20, first=-40)
    state = begun(trigger, Reference(times_ns=times[known < NEVER], losses=losses[known < NEVER]))
    tally = None

    def watch(state):
        nonlocal tally
        tally = state[1].tally or tally
        return state

    stances = tell(trigger, state, history(40), 40, on_tick=watch)
    labelled = known < NEVER

    assert tally.mean_loss == pytest.approx(losses[labelled].mean(), rel=0.1)
    assert tally.rows_per_day == pytest.approx(rate * labelled.mean(), rel=0.05)
    assert state[1].worse is not None
    assert set(stances) == {"quiet"}


def test_allowed_hazards_of_long_horizons_bound_what_all_ages_reveal():
    """361 ages are told apart in steps of twelve."""
    rng = np.random.default_rng(2)
    n_ages, misses = 361, 0
    truth = np.where(np.arange(n_ages) == 0, 0.01, 0.0001)
    for _ in range(300):
        tally = Tally.empty(n_ages)
        tally.at_risk[:] = 600.0
        tally.losses[:] = tally.revealed[:] = rng.binomial(600, truth, (7, n_ages))
        allowed = allowed_hazards(tally, tolerance=0.0, season=np.ones(7), level=None)
        by_day = allowed.worse[:-1].reshape(7, n_ages).mean(axis=0)
        misses += truth.sum() > by_day.sum()

    # 2.3 % of 300 are 7, at most 15 but once in 500.
    assert misses <= 15


def test_a_level_known_from_few_rows_leaves_room_for_its_error():
    low, high = Level(0.02, 500).factors(0.04, 0.05)
    sure = Level(0.02, 10**7).factors(0.04, 0.05)

    error = np.sqrt(0.02 * 0.98 / 500)
    assert (low, high) == pytest.approx(
        ((0.02 - 2 * error + 0.001) / 0.04, (0.02 + 2 * error - 0.001) / 0.04)
    )
    assert sure == pytest.approx((0.5, 0.5))


def matured(now_ns, times, losses):
    n = len(times)
    return LossesObserved(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        offsets=np.arange(n),
        times_ns=times,
        unit_hashes=np.arange(n, dtype=np.uint64),
        groups=np.zeros((n, 0), dtype=np.int32),
        versions=("v1",),
        answered=np.zeros(n, dtype=np.int16),
        roles=np.zeros(n, dtype=np.int8),
        losses={"v1": losses},
        matured_to_ns=now_ns,
    )


def alarmed(**changes):
    """A trigger whose outcomes alarm about day 3, on day 5 or so: (trigger, state, now)."""
    world = Late(np.random.default_rng(1), wrong=lambda day: 0.08 if day >= 3 else 0.02)
    trigger = late(**changes)
    state = begun(trigger, Late(np.random.default_rng(4)).reference())
    stances = tell(trigger, state, world.history(14), 14, until="alarm")
    assert stances[-1] == "alarm"
    return trigger, state, (FIRST + len(stances)) * DAY_NS


def test_an_alarm_is_held_back_until_there_are_mature_rows_to_learn_from():
    trigger, state, now_ns = alarmed(reference_rows=500)
    before = np.full(3000, (FIRST + 2) * DAY_NS)
    since = np.full(400, (FIRST + 3) * DAY_NS + 5)

    trigger.observe(state, matured(now_ns, before, np.zeros(3000)), "v1")
    trigger.observe(state, matured(now_ns, since, np.zeros(400)), "v1")
    early, finding = trigger.look(state, seen(now_ns)), trigger.explain(state, seen(now_ns))
    trigger.observe(state, matured(now_ns, since[:100], np.zeros(100)), "v1")

    assert early == "held"
    assert "too few rows since then are mature" in finding.reason
    assert finding.evidence["mature"] == 400
    assert trigger.look(state, seen(now_ns)) == "act"
    assert trigger.explain(state, seen(now_ns)).change_ns == (FIRST + 3) * DAY_NS


def test_an_answered_alarm_begins_anew_and_asks_again_with_twice_the_rows():
    trigger, state, now_ns = alarmed(freeze="3d", reference_rows=500)
    since = np.full(600, (FIRST + 3) * DAY_NS + 5)
    trigger.observe(state, matured(now_ns, since, np.zeros(600)), "v1")
    before = trigger.registered(state)

    trigger.requested(state, now_ns)

    assert trigger.look(state, seen(now_ns)) == "quiet"
    assert trigger.registered(state) != before
    assert state[1].first_change_day == FIRST + 3
    assert state[1].wanted == 1200
    assert state[1].quiet_until_ns == now_ns + 3 * DAY_NS


def test_hazard_mode_is_chosen_where_labels_have_times_and_the_horizon_is_long():
    timed = Surroundings(horizon_ns=30 * DAY_NS, timed=True)
    delayed = Surroundings(horizon_ns=30 * DAY_NS)
    short = Surroundings(horizon_ns=DAY_NS, timed=True)

    assert isinstance(bound(Degradation(), timed), LateDegradation)
    assert isinstance(bound(Degradation(late="hazard"), delayed), LateDegradation)
    for loop, trigger in (
        (delayed, Degradation()),
        (short, Degradation()),
        (timed, Degradation(late="mature")),
        (timed, Degradation(chart="ewma")),
        (timed, Every("7d")),
    ):
        assert bound(trigger, loop) is trigger
    nested = bound(any_of(Every("7d"), Degradation()), timed)
    assert isinstance(nested, AnyOf)
    assert looks_early((nested,))
    assert not looks_early((bound(Degradation(), short), Every("7d")))


def test_hazard_mode_is_refused_where_there_is_no_whole_day_to_wait():
    with pytest.raises(ConfigError, match=r"contradicts Label\(horizon"):
        bound(Degradation(late="hazard"), Surroundings(horizon_ns=6 * HOUR_NS, timed=True))
    with pytest.raises(ConfigError, match=r"Degradation\(late=...\) is unknown"):
        Degradation(late="soon")


def test_a_label_that_comes_after_the_horizon_is_no_outcome():
    """It may be told while the youngest day it could belong to is not even open yet."""
    trigger = LateDegradation(declared=Degradation(arl=1e8, season="none"), horizon_ns=2 * DAY_NS)
    state = begun(trigger, Late(np.random.default_rng(2), rate=500).reference())
    made = np.full(40, FIRST * DAY_NS + DAY_NS // 2)
    before = np.full(40, FIRST * DAY_NS - DAY_NS // 2)  # the day that is left out
    trigger.foresee(state, awaited(FIRST * DAY_NS, before), "v1")
    trigger.foresee(state, awaited(FIRST * DAY_NS + DAY_NS, made), "v1")

    known = made + np.repeat([DAY_NS, 5 * DAY_NS], 20)
    trigger.foresee(state, revealed(known.max(), made, known, np.ones(40)), "v1")

    assert sum(float(day.counts.sum()) for day in state[1].open.values()) == 20.0
