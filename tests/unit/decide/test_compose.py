from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.decide import Degradation, Every, NewLabels, all_of, any_of
from ostinato.decide.compose import alone
from ostinato.decide.trigger import Seen

START_NS = 20_000 * DAY_NS


def seen(days, *, labels=0):
    return Seen(now_ns=START_NS + days * DAY_NS, last_request_ns=START_NS, labels_since=labels)


def test_any_of_acts_when_one_acts_and_gives_its_reason():
    trigger = any_of(Every("7d"), NewLabels(10))
    state = trigger.begin()

    assert trigger.look(state, seen(1, labels=5)) == "quiet"
    assert trigger.look(state, seen(1, labels=10)) == "act"
    assert trigger.explain(state, seen(1, labels=10)).reason == "10 new labels have matured."


def test_all_of_acts_when_all_act_and_names_what_is_missing():
    trigger = all_of(Every("7d"), NewLabels(10))
    state = trigger.begin()

    missing = trigger.explain(state, seen(7, labels=5))

    assert trigger.look(state, seen(7, labels=5)) == "quiet"
    assert missing.reason == "Not enough new labels yet."
    assert missing.evidence["every 7d"]["stance"] == "act"
    assert trigger.look(state, seen(7, labels=10)) == "act"


def test_an_alarm_waits_for_the_schedule_it_is_joined_with(make_losses):
    rng = np.random.default_rng(0)
    degradation = Degradation(season="none")
    trigger = all_of(Every("7d"), any_of(degradation, NewLabels(10**9)))
    state = trigger.begin()
    stances = []
    for day in range(1, 9):
        rate = 0.5 if day == 2 else 0.1
        for hour in range(24):
            losses = (rng.random(60) < rate).astype(float)
            at_ns = START_NS + day * DAY_NS + hour * HOUR_NS
            trigger.observe(state, make_losses(at_ns, losses), "v1")
        stances.append(trigger.look(state, seen(day)))

    finding = trigger.explain(state, seen(8))

    assert stances == ["quiet"] * 6 + ["act"] * 2
    assert abs(finding.change_ns - (START_NS + 2 * DAY_NS)) < DAY_NS
    trigger.requested(state, START_NS + 8 * DAY_NS)
    assert trigger.look(state, seen(8)) == "quiet"


def test_the_earliest_change_any_trigger_saw_is_given(make_losses):
    degradation = Degradation(season="none")
    trigger = any_of(Every("1d"), degradation)
    state = trigger.begin()
    for tick in range(60):
        losses = np.full(60, 0.1 if tick < 20 else 0.9)
        trigger.observe(state, make_losses(START_NS + tick * HOUR_NS, losses), "v1")

    finding = trigger.explain(state, seen(3))

    assert finding.reason == "The schedule (1d) is due."
    assert finding.change_ns is not None


def test_a_trigger_made_of_nothing_or_of_something_else_is_refused():
    with pytest.raises(ConfigError, match="AnyOf holds no trigger"):
        any_of()
    with pytest.raises(ConfigError, match="AllOf holds something that is not a trigger"):
        all_of(Every("1d"), "7d")
    with pytest.raises(ConfigError, match="not a trigger"):
        any_of(Degradation)


def test_the_same_trigger_twice_is_refused_since_the_journal_could_not_tell_them_apart():
    with pytest.raises(ConfigError, match="the same trigger twice"):
        any_of(Every("1d"), Every("1d"))


def test_only_triggers_that_can_ask_by_themselves_are_alone():
    each = (
        any_of(Every("1d"), any_of(NewLabels(5), Every("2d"))),
        all_of(Every("3d"), NewLabels(1)),
    )

    names = [trigger.name for trigger in alone(each)]

    assert names == ["every 1d", "5 new labels", "every 2d", "all of (every 3d, 1 new labels)"]
