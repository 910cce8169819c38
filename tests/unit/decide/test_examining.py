"""Causes are asked for after alarms, and now and then without one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, format_time
from ostinato.core.watched import CAUSES, DiagnosisMade
from ostinato.decide import DataQuality, Degradation, Drift, Every, any_of
from ostinato.decide.actions import action_for, policy_facts

LOUD = 6.0


@pytest.fixture
def loop(world, alarm_rule, make_window, make_losses):
    """A loop whose labels have matured `late` days ago."""

    def make(*triggers, late=0, every="7d", champion="v1"):
        every_ns = None if every is None else 7 * DAY_NS
        rule = alarm_rule("m", share=0.9, examine_ns=every_ns)
        made = world(*triggers, alarms=rule, champion=champion)

        def day(streams=(), *, family="drift", since_days=0, value=0.3):
            """Let a day pass; return what was asked for."""
            told = [make_losses(made.now_ns + DAY_NS, np.zeros(3))]
            told[0] = replace(told[0], matured_to_ns=made.now_ns + DAY_NS - late * DAY_NS)
            if streams:
                found = dict.fromkeys(streams, (value, 0.0, LOUD))
                told.append(
                    make_window(
                        made.now_ns + DAY_NS - since_days * DAY_NS,
                        found,
                        monitor="m",
                        family=family,
                    )
                )
            out = made.tick(*told, hours=24)
            return [record for record in out if record.kind == "examination_requested"]

        made.day = day
        made.answer = lambda cause="none found", **evidence: made.tick(
            diagnosis(made, cause, evidence), hours=0
        )
        return made

    return make


def diagnosis(loop, cause, evidence, *, subject="v1"):
    return DiagnosisMade(
        ts_event_ns=loop.now_ns,
        ts_record_ns=loop.now_ns,
        subject=subject,
        reason="",
        evidence=evidence,
        request=loop.state.examining.open,
        cause=cause,
        action="Nothing.",
    )


def test_an_alarm_that_says_that_something_moved_asks_why(loop):
    world = loop(Degradation())
    (asked,) = world.day(["performance/mae"], family="performance")
    assert (asked.subject, asked.champion) == ("performance/mae", "v1")
    assert asked.to_ns == world.now_ns
    assert asked.from_ns == world.now_ns - DAY_NS
    assert format_time(asked.from_ns) in asked.reason
    assert asked.evidence["policy"]["by_loss"] == ["degradation (e, tolerance 5%)"]
    assert world.state.examining.open == asked.request


@pytest.mark.parametrize("family", ["quality", "label", "output", "infrastructure", "business"])
def test_alarms_that_say_themselves_what_is_wrong_ask_nothing(loop, family):
    assert loop(every=None).day(["x/y"], family=family) == []


def test_drift_on_a_slice_of_what_has_drifted_anyhow_asks_nothing(loop):
    world = loop(every=None)
    assert world.day(["drift/a"])
    world.answer()
    assert world.day(["drift/a @k=1"]) == []
    assert [world.day() for _ in range(7)] == [[]] * 7
    assert len(world.day(["drift/b @k=1"])) == 1


def test_there_is_one_examination_at_a_time_and_per_long_window(loop, make_window):
    world = loop(every=None)
    assert len(world.day(["performance/mae"], family="performance")) == 1
    assert world.day(["estimate/mae"], family="estimate") == [], "one is under way"
    again = world.answer()
    assert [record.kind for record in again] == ["examination_requested"]
    assert again[0].subject == "estimate/mae"
    assert world.answer() == []
    burst = make_window(world.now_ns, {"drift/a": (0.3, 0.0, LOUD)}, monitor="m", family="drift")
    assert "examination_requested" not in [r.kind for r in world.tick(burst, hours=0)], "same day"
    assert len(world.day()) == 1


def test_alarms_of_a_family_that_was_examined_wait_for_seven_windows_unless_they_are_worse(
    loop,
):
    world = loop(every=None)
    assert world.day(["performance/a"], family="performance", value=0.1)
    world.answer()
    assert world.day(["performance/b"], family="performance", value=0.1) == []
    assert [world.day() for _ in range(5)] == [[]] * 5
    assert [asked.subject for asked in world.day()] == ["performance/b"]
    world.answer()
    assert world.day(["performance/c"], family="performance", value=0.1) == []
    assert world.day(["performance/a"], family="performance", value=3.0), "it became critical"


def test_where_drift_asks_for_a_model_each_column_is_examined(loop):
    world = loop(Drift(least=1), every=None)
    assert world.day(["drift/temp"])
    world.answer(columns=[{"column": "temp", "matters": False}])
    assert world.day(["drift/rain"])


def test_alarms_that_wait_are_examined_together(loop):
    world = loop(every=None)
    world.day(["estimate/a"], family="estimate")
    world.day(["performance/b"], family="performance", since_days=1)
    world.day(["performance/c"], family="performance")
    (asked,) = (r for r in world.answer() if r.kind == "examination_requested")
    assert asked.subject == "performance/b"
    assert asked.to_ns == world.now_ns
    assert asked.from_ns == world.now_ns - 3 * DAY_NS


def test_what_moved_before_labels_is_examined_once_more_when_they_are_there(loop):
    world = loop(every=None, late=2)
    (first,) = world.day(["drift/temp"])
    world.answer()
    assert world.day() == []
    (second,) = world.day()
    assert (second.from_ns, second.to_ns) == (first.from_ns, first.to_ns)
    world.answer()
    assert world.day() == world.day() == []


def test_an_alarm_of_an_hour_that_found_nothing_in_few_rows_is_examined_again_with_a_day(
    loop, make_window
):
    world = loop(every=None)
    hour = replace(
        make_window(
            world.now_ns, {"performance/a": (0.3, 0.0, LOUD)}, monitor="m", family="performance"
        ),
        from_ns=world.now_ns - DAY_NS // 24,
    )
    (first,) = (r for r in world.tick(hour, hours=0) if r.kind == "examination_requested")
    world.answer(unmeasured={"slices": "25 labelled rows now, of 400 that are needed"})
    asked = [*world.day(), *world.day()]

    assert [each.from_ns for each in asked] == [first.from_ns]
    assert asked[0].to_ns - first.from_ns >= DAY_NS
    world.answer(unmeasured={"slices": "all rows lose the same"})
    assert world.day() == world.day() == world.day() == []


def test_an_alarm_on_too_few_labels_is_examined_again_with_twice_the_time(loop):
    world = loop(every=None)
    (first,) = world.day(["performance/a"], family="performance")
    world.answer(unmeasured={"parts": "24 labelled rows in the current rows"})
    (second,) = world.day()
    assert second.from_ns == first.from_ns
    assert second.to_ns - second.from_ns == 2 * (first.to_ns - first.from_ns)
    world.state.examining.diagnosis = replace(
        world.state.examining.diagnosis, cause="concept drift"
    )
    world.answer(unmeasured={"all": "There are 3 rows in the current rows, of 20 that are needed."})
    assert world.day() == []
    (third,) = world.day()
    assert third.to_ns - third.from_ns == 4 * (first.to_ns - first.from_ns)
    assert world.state.examining.diagnosis.cause == "concept drift", "it stays known"
    world.answer()
    assert world.day() == world.day() == []


def test_too_few_labels_on_schedule_are_left_to_the_schedule(loop):
    world = loop()
    asked = [record for _ in range(7) for record in world.day()]
    assert [each.subject for each in asked] == ["schedule"]
    world.answer(unmeasured={"parts": "no labels"})
    assert world.day() == []


def test_with_labels_at_once_one_examination_is_enough(loop):
    world = loop(every=None)
    world.day(["drift/temp"])
    world.answer()
    assert world.day() == world.day() == []


def test_rows_are_examined_on_schedule_as_far_as_labels_have_matured(loop):
    world = loop(late=2)
    asked = [record for _ in range(6) for record in world.day()]
    assert asked == []
    (asked,) = world.day()
    assert asked.subject == "schedule"
    assert asked.to_ns == world.now_ns - 2 * DAY_NS
    assert asked.to_ns - asked.from_ns == 7 * DAY_NS
    world.answer()
    assert [record for _ in range(6) for record in world.day()] == []
    assert len(world.day()) == 1
    assert [r for _ in range(20) for r in loop(every=None).day()] == []


def test_a_new_champion_ends_what_was_wanted_and_known_of_the_old_one(loop, make_promoted):
    world = loop(every=None)
    world.day(["performance/a"], family="performance")
    world.day(["performance/b"], family="performance")
    world.tick(make_promoted("v2", previous="v1"))
    assert world.answer(cause="concept drift") == []
    assert world.state.examining.diagnosis is None, "it is about v1"
    assert world.day() == []


def test_the_last_diagnosis_is_kept_and_survives_a_snapshot(loop):
    world = loop(every=None)
    world.day(["drift/a", "drift/b"])
    rows = [
        {"column": "a", "change": 0.2, "low": 0.1, "high": 0.3, "matters": True},
        {"column": "b", "change": 0.0, "low": -0.1, "high": 0.1, "matters": False},
    ]
    world.answer(cause="covariate shift", columns=rows)
    found = world.state.examining.diagnosis
    assert (found.cause, found.harmless, found.made_ns) == ("covariate shift", ("b",), world.now_ns)
    assert decode(encode(world.state)).examining == world.state.examining


def test_nothing_is_examined_before_there_is_a_champion_or_without_monitors(loop, world):
    assert loop(every="7d", champion=None).day(["drift/temp"]) == []
    unwatched = world()
    assert "examination_requested" not in [r.kind for r in unwatched.tick(hours=24 * 20)]


# ---------------------------------------------------------------- what the loop will do


def facts(loop, **changes):
    state, config = loop.state, loop.state.config_
    return {**policy_facts(state, config, loop.now_ns), **changes}


def test_each_cause_has_an_action(loop):
    told = facts(loop(Degradation(), Drift(columns=["a"], least=1), DataQuality()))
    actions = {cause: action_for(cause, told) for cause in CAUSES}
    assert "degradation" in actions["concept drift"]
    assert "drift (1 of a)" not in actions["concept drift"], "it cannot see it"
    assert "drift (1 of a), degradation" in actions["covariate shift"]
    assert "holds learning back" in actions["data quality"]
    assert actions["none found"] == "Nothing is done on its account."


def test_what_keeps_the_loop_from_learning_is_said(loop):
    told = facts(loop(any_of(Degradation(), Every("7d"))))
    assert told["by_loss"] == ["degradation (e, tolerance 5%)"]
    assert told["by_time"] == ["every 7d"]
    cause = "concept drift"
    broken = {**told, "broken": "the data are broken (quality/a)"}
    assert "the data are broken (quality/a)" in action_for(cause, broken)
    assert "the data are broken (quality/a)" in action_for("none found", broken)
    assert "paused by ana" in action_for(cause, {**told, "paused": "ana"})
    assert "only observes" in action_for(cause, {**told, "autonomy": "observe"})
    assert "is asked first" in action_for(cause, {**told, "autonomy": "suggest"})
    assert "being trained" in action_for(cause, {**told, "busy": "a candidate is being trained"})
    assert "every 7d" in action_for(cause, {**told, "by_loss": []})
    assert "No trigger" in action_for(cause, {**told, "by_loss": [], "by_time": []})
    assert "no trigger is DataQuality" in action_for("data quality", told)
