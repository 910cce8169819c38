from __future__ import annotations

import pytest

from ostinato.core.records import OperatorActed
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.decide.alarm_facts import alarm_facts


def act(what, subject="", *, who="ana", act_id="a1", until_ns=None):
    return OperatorActed(
        ts_event_ns=0,
        ts_record_ns=0,
        subject=subject,
        reason="the tariff changed",
        act=what,
        who=who,
        act_id=act_id,
        until_ns=until_ns,
    )


@pytest.fixture
def alarmed(world, alarm_rule, make_window):
    """Three alarms stand."""
    loop = world(alarms=alarm_rule("inputs", share=0.9))
    names = ("drift/temp", "drift/wind", "drift/rain @origin=JFK [v1]")
    found = {name: (0.3 - 0.01 * at, 0.0, 6.0) for at, name in enumerate(names)}
    loop.tick(make_window(loop.now_ns + DAY_NS, found), hours=24)
    loop.made.clear()
    return loop


def refusals(made):
    return [record.reason for record in made if record.kind == "act_refused"]


def test_an_alarm_is_acknowledged_by_its_name_and_once(alarmed):
    (done,) = alarmed.tick(act("acknowledge", "drift/temp"))
    assert (done.kind, done.subject, done.who, done.act_id) == (
        "alarm_acknowledged",
        "drift/temp",
        "ana",
        "a1",
    )
    assert done.reason == "the tariff changed"
    assert alarmed.state.alarms.standing["drift/temp"].acknowledged_by == "ana"
    again = alarmed.tick(act("acknowledge", "drift/temp", who="bo", act_id="a2"))
    assert refusals(again) == ["drift/temp is acknowledged already, by ana."]


def test_a_star_acknowledges_all_that_fit_and_brackets_mean_themselves(alarmed):
    exact = alarmed.tick(act("acknowledge", "drift/rain @origin=JFK [v1]"))
    assert [record.subject for record in exact] == ["drift/rain @origin=JFK [v1]"]
    rest = alarmed.tick(act("acknowledge", "drift/*", act_id="a2"))
    assert [record.subject for record in rest] == ["drift/temp", "drift/wind"]


def test_what_was_told_with_others_is_acknowledged_with_them(alarmed, make_window):
    slices = {"drift/temp @origin=LGA": (0.3, 0.0, 6.0)}
    alarmed.tick(make_window(alarmed.now_ns + DAY_NS, slices), hours=24)
    (refused,) = refusals(alarmed.tick(act("acknowledge", "drift/temp @origin=LGA")))
    assert "told with other alarms of inputs" in refused
    alarmed.tick(act("acknowledge", "drift/temp*", act_id="a2"))
    assert alarmed.state.alarms.standing["drift/temp @origin=LGA"].acknowledged_by == "ana"


def test_what_does_not_stand_cannot_be_acknowledged(alarmed, world):
    (refused,) = refusals(alarmed.tick(act("acknowledge", "drift/tem")))
    assert refused.startswith("No alarm drift/tem stands. There stand drift/temp,")
    unwatched = world()
    (refused,) = refusals(unwatched.tick(act("acknowledge", "*"), hours=0))
    assert "no monitors" in refused


def test_a_silence_lasts_until_it_ends_and_alarms_go_on(alarmed, make_window):
    until = alarmed.now_ns + 3 * DAY_NS
    (done,) = alarmed.tick(act("silence", "drift/*", until_ns=until))
    assert (done.kind, done.subject, done.until_ns) == ("alarms_silenced", "drift/*", until)

    def silenced():
        facts = alarm_facts(alarmed.state.alarms, alarmed.state.config_.alarms, alarmed.now_ns)
        return {row["stream"]: row["silenced"] for row in facts["standing"]}, facts["silences"]

    standing, patterns = silenced()
    assert all(standing.values())
    assert list(patterns) == ["drift/*"]
    new = make_window(alarmed.now_ns + DAY_NS, {"drift/rain": (0.3, 0.0, 6.0)})
    assert [record.kind for record in alarmed.tick(new, hours=24)] == ["alarm_raised"]
    alarmed.tick(hours=72)
    standing, patterns = silenced()
    assert not any(standing.values())
    assert patterns == {}


def test_a_silence_can_be_ended_and_only_an_open_one(alarmed):
    until = alarmed.now_ns + 3 * DAY_NS
    alarmed.tick(act("silence", "drift/*", until_ns=until))
    (done,) = alarmed.tick(act("unsilence", "drift/*", act_id="a2"))
    assert (done.kind, done.until_ns) == ("alarms_silenced", done.ts_event_ns)
    (refused,) = refusals(alarmed.tick(act("unsilence", "drift/*", act_id="a3")))
    assert refused == "'drift/*' is not silenced. There are none."


@pytest.mark.parametrize(
    ("subject", "until_h", "why"),
    [("", 5, "which alarms"), ("*", None, "until when"), ("*", -5, "is not after now")],
)
def test_a_silence_without_a_pattern_or_an_end_is_refused(alarmed, subject, until_h, why):
    until_ns = None if until_h is None else alarmed.now_ns + until_h * HOUR_NS
    (refused,) = refusals(alarmed.tick(act("silence", subject, until_ns=until_ns)))
    assert why in refused
    assert alarmed.state.alarms.silences == {}
