"""Triggers that look at the alarms of monitors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.records import AutonomySet, OperatorActed
from ostinato.core.units import DAY_NS
from ostinato.core.watched import DiagnosisMade, ReferenceRenewed
from ostinato.decide import (
    DataQuality,
    Drift,
    EstimatedDegradation,
    Every,
    SliceDegradation,
    all_of,
    any_of,
)
from ostinato.decide.bind import bound
from ostinato.decide.surroundings import Surroundings

LOUD = 6.0
FEATURES = ("temp", "wind", "rain")
SURROUNDINGS = Surroundings(
    horizon_ns=DAY_NS,
    columns=FEATURES,
    targets=("late",),
    grouped=("origin", "carrier"),
    families=("drift", "performance", "estimate", "quality", "label"),
)


@pytest.fixture
def loop(world, alarm_rule, make_window, make_losses):
    """A loop under triggers that are bound, with labels that matured; `alarm` raises alarms."""

    def make(*triggers, surroundings=SURROUNDINGS, **changes):
        fitted = [bound(trigger, surroundings) for trigger in triggers]
        made = world(*fitted, alarms=alarm_rule("m", share=0.9), **changes)
        made.tick(make_losses(made.now_ns, np.zeros(10)))
        made.made.clear()

        def alarm(*names, value=0.3, family=None, **fields):
            return made.tick(
                make_window(
                    made.now_ns + DAY_NS,
                    dict.fromkeys(names, (value, 0.0, LOUD if value else 0.0)),
                    monitor="m",
                    family=family or names[0].partition("/")[0],
                    **fields,
                ),
                hours=24,
            )

        made.alarm = alarm
        return made

    return make


def requests(made):
    return [record for record in made if record.kind == "learning_requested"]


def diagnosed(loop, *, harmless=(), harmful=()):
    """Answer the examination that is under way."""
    rows = [{"column": name, "matters": False} for name in harmless]
    rows += [{"column": name, "matters": True} for name in harmful]
    return DiagnosisMade(
        ts_event_ns=loop.now_ns,
        ts_record_ns=loop.now_ns,
        subject="v1",
        reason="",
        evidence={"columns": rows},
        request=loop.state.examining.open,
        cause="covariate shift",
        action="",
    )


# ---------------------------------------------------------------- drift


def test_drift_asks_for_a_model_when_enough_columns_have_drifted(loop):
    world = loop(Drift(relevant=False))
    assert not requests(world.alarm("drift/temp", "drift/temp @origin=JFK"))
    assert world.stances() == [], "two alarms on one column are one column"
    (asked,) = requests(world.alarm("drift/wind"))
    assert asked.subject == "drift (2 of temp, wind, rain, relevant or not)"
    assert "drift/temp" in asked.reason
    assert asked.evidence["count"] == 2
    assert asked.change_ns == min(a.since_ns for a in world.state.alarms.standing.values())


def test_what_was_asked_for_answers_the_alarms_that_stood(loop):
    world = loop(Drift(least=1, relevant=False))
    assert requests(world.alarm("drift/temp"))
    world.state.busy = ""
    world.tick(hours=72)
    assert world.stances()[-1] == "quiet", "the alarm stands, and is answered"
    assert requests(world.alarm("drift/wind")) == [], "no label has matured since"
    assert world.stances()[-1] == "held"


def test_an_alarm_that_still_stands_asks_once_more_after_a_while(loop, make_losses):
    world = loop(SliceDegradation(again="5d"))
    assert requests(world.alarm("performance/mae @origin=JFK"))
    world.state.busy = ""  # the candidate did not ship
    world.tick(make_losses(world.now_ns, np.zeros(10)))
    assert not requests(world.tick(hours=118))
    assert requests(world.tick(hours=1))
    once = loop(SliceDegradation(again=None))
    assert requests(once.alarm("performance/mae @origin=JFK"))
    once.state.busy = ""
    once.tick(make_losses(once.now_ns, np.zeros(10)))
    assert not requests(once.tick(hours=24 * 365))


def test_slices_that_follow_their_column_ask_for_no_second_model(loop, make_losses):
    world = loop(Drift(least=1, relevant=False))
    assert requests(world.alarm("drift/temp"))
    world.state.busy = ""
    world.tick(make_losses(world.now_ns, np.zeros(10)))
    assert not requests(world.alarm("drift/temp @origin=JFK"))
    assert requests(world.alarm("drift/wind @origin=JFK")), "of wind that is the first alarm"


def test_a_new_champion_answers_the_alarms_of_the_one_before(loop, make_promoted):
    world = loop(Drift(least=1, relevant=False), champion="v1", cooldown_ns=30 * DAY_NS)
    world.alarm("drift/temp")
    world.state.busy = ""
    assert world.stances()[-1] == "held"
    world.tick(make_promoted("v2", previous="v1"))
    assert world.stances()[-1] == "quiet"


def test_columns_that_do_not_matter_are_left_out_once_that_is_known(loop):
    world = loop(Drift(least=2))
    world.alarm("drift/temp", "drift/wind")
    assert world.stances() == ["warn"], "what they do to the loss is being examined"
    assert not requests(world.tick(diagnosed(world, harmless=["wind"], harmful=["temp"])))
    assert world.stances()[-1] == "warn", "a warning is taken back after a while"
    asked = requests(world.alarm("drift/rain"))
    assert not asked, "rain is examined first"
    found = diagnosed(world, harmless=["wind"], harmful=["temp", "rain"])
    (asked,) = requests(world.tick(found))
    assert [row["stream"] for row in asked.evidence["alarms"]] == ["drift/temp", "drift/rain"]


def test_an_examination_that_never_ends_is_not_waited_for(loop):
    world = loop(Drift(least=1))
    assert not requests(world.alarm("drift/temp"))
    assert not requests(world.tick(hours=23))
    assert requests(world.tick(hours=1))


def test_what_is_the_season_is_no_drift(loop):
    world = loop(Drift(least=1, relevant=False))
    world.alarm("drift/temp", details={"drift/temp": {"season_agrees": True}})
    assert world.state.alarms.standing
    assert world.stances() == []


def test_drift_can_be_a_share_of_the_columns_and_of_some_of_them(loop):
    assert bound(Drift(share=0.5), SURROUNDINGS).least == 2
    world = loop(Drift(columns=["wind"], least=1, relevant=False))
    assert not requests(world.alarm("drift/temp"))
    assert requests(world.alarm("drift/wind"))


# ---------------------------------------------------------------- slices and estimates


def test_a_slice_that_fails_asks_for_a_model(loop):
    world = loop(SliceDegradation())
    for other in ("performance/log_loss", "performance/log_loss @origin=JFK [v2]"):
        assert not requests(world.alarm(other))
    assert not requests(world.alarm("performance/labels:missing @origin=JFK"))
    assert not requests(world.alarm("performance/log_loss @origin=LGA", value=-0.3)), "it improved"
    (asked,) = requests(world.alarm("performance/log_loss @origin=JFK"))
    assert "origin=JFK" in asked.reason


@pytest.mark.parametrize(
    ("slices", "acts"),
    [
        (["origin"], True),
        (["carrier"], True),
        (["origin=JFK"], True),
        (["origin=JF"], False),
        (["carrier=AA"], True),
        (["carrier=A"], False),
    ],
)
def test_slices_are_named_by_column_or_value_in_pairs_too(loop, slices, acts):
    world = loop(SliceDegradation(slices=slices))
    assert bool(requests(world.alarm("performance/mae @origin=JFK, carrier=AA"))) is acts


def test_only_severe_failures_where_that_is_wanted(loop):
    world = loop(SliceDegradation(severity="critical"))
    assert not requests(world.alarm("performance/mae @origin=JFK", value=0.1))
    assert requests(world.alarm("performance/mae @origin=LGA", value=0.9))


def test_an_estimate_has_to_have_stood_for_as_long_as_wanted(loop):
    world = loop(EstimatedDegradation(after="2d"))
    assert not requests(world.alarm("estimate/log_loss"))
    assert not requests(world.tick(hours=47))
    assert requests(world.tick(hours=1))


def test_an_alarm_that_is_resolved_asks_for_nothing(loop):
    world = loop(EstimatedDegradation(after="2d"))
    world.alarm("estimate/log_loss")
    renewed = ReferenceRenewed(
        ts_event_ns=world.now_ns, ts_record_ns=world.now_ns, monitor="m", champion="v1"
    )
    world.tick(renewed)
    assert not requests(world.tick(hours=72))


# ---------------------------------------------------------------- data quality


def act(what, subject=""):
    return OperatorActed(
        ts_event_ns=0, ts_record_ns=0, subject=subject, reason="", act=what, who="ana", act_id=what
    )


def level(name):
    return AutonomySet(
        ts_event_ns=0, ts_record_ns=0, subject="demo", reason="", level=name, who="ana", act_id="l"
    )


def test_broken_data_hold_learning_back_until_they_are_repaired(loop, make_losses):
    world = loop(Every("2d"), DataQuality())
    held = world.alarm("quality/temp:missing")
    assert [r.stance for r in held if r.kind == "trigger_changed"] == ["held"]
    assert not requests(world.tick(make_losses(world.now_ns, np.zeros(10)), hours=24))
    said = [r for r in world.made if r.kind == "trigger_changed"][-1]
    assert said.subject == "every 2d"
    assert "the data are broken (quality/temp:missing)" in said.reason
    world.alarm("quality/temp:missing", value=0.0)
    assert requests(world.alarm("quality/temp:missing", value=0.0))
    back = [r for r in world.made if r.kind == "trigger_changed" and "quality" in r.subject][-1]
    assert back.stance == "quiet"


def test_inside_any_of_it_holds_back_the_others_and_all_other_triggers(loop):
    world = loop(any_of(Every("1d"), DataQuality()), Every("2d"))
    assert not requests(world.alarm("quality/temp:missing"))
    assert not requests(world.tick(hours=48))


@pytest.mark.parametrize(
    ("trigger", "name", "value", "holds"),
    [
        (DataQuality(), "quality/temp:missing", 0.1, False),
        (DataQuality(severity="warning"), "quality/temp:missing", 0.1, True),
        (DataQuality(columns=["wind"]), "quality/temp:missing", 0.9, False),
        (DataQuality(columns=["wind", "late"]), "label/late:missing", 0.9, True),
        (DataQuality(), "label/late:delay", 0.9, True),
        (DataQuality(), "label/late", 0.9, False),
        (DataQuality(), "label/late:arrived", 0.9, False),
        (DataQuality(), "label/late:one value", 0.9, True),
        (DataQuality(labels=False), "label/late:delay", 0.9, False),
        (DataQuality(), "drift/temp", 0.9, False),
        (DataQuality(after="2d"), "quality/temp:missing", 0.9, False),
    ],
)
def test_what_holds_learning_back_can_be_chosen(loop, trigger, name, value, holds):
    world = loop(Every("1d"), trigger)
    assert bool(requests(world.alarm(name, value=value))) is not holds


def test_people_cannot_have_a_model_trained_from_broken_data(loop):
    world = loop(DataQuality())
    world.alarm("quality/temp:missing")
    (refused,) = (r for r in world.tick(act("retrain")) if r.kind == "act_refused")
    assert "the data are broken" in refused.reason
    assert "acknowledge" in refused.reason
    world.tick(act("acknowledge", "quality/*"))
    (asked,) = requests(world.tick(act("retrain")))
    assert asked.subject == "operator"


def test_data_that_stay_as_they_are_hold_nothing_back_for_ever(loop):
    world = loop(Every("1d"), DataQuality(at_most="3d"))
    world.alarm("quality/temp:missing")
    assert not requests(world.tick(hours=71))
    assert requests(world.tick(hours=1))
    assert world.state.alarms.standing, "the alarm stands, and says so"
    forever = loop(Every("1d"), DataQuality(at_most=None))
    forever.alarm("quality/temp:missing")
    assert not requests(forever.tick(hours=24 * 365))


def test_a_question_that_is_open_lapses_when_the_data_break(loop):
    world = loop(Every("1d"), DataQuality())
    world.tick(level("suggest"), hours=24)
    assert world.state.wish is not None
    kinds = [record.kind for record in world.alarm("quality/temp:missing")]
    assert "proposal_lapsed" in kinds
    assert "action_proposed" not in kinds


def test_the_first_training_too_waits_for_repaired_data(loop):
    world = loop(DataQuality(), champion=None)
    world.state.busy, world.state.last_request_ns = "", None
    world.alarm("quality/temp:missing")
    assert not requests(world.made)
    world.alarm("quality/temp:missing", value=0.0)
    assert requests(world.alarm("quality/temp:missing", value=0.0))


# ---------------------------------------------------------------- declarations


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Drift(columns="temp"), "list of names"),
        (lambda: Drift(columns=[]), "list of names"),
        (lambda: Drift(least=0), "least"),
        (lambda: Drift(least=True), "least"),
        (lambda: Drift(share=0.0), "share"),
        (lambda: Drift(columns=["temp"]), "contradicts"),
        (lambda: Drift(after="soon"), "after"),
        (lambda: SliceDegradation(slices="origin"), "list of names"),
        (lambda: SliceDegradation(severity="info"), "warning, critical"),
        (lambda: EstimatedDegradation(after=""), "after"),
        (lambda: SliceDegradation(again="soon"), "again"),
        (lambda: DataQuality(severity="bad"), "severity"),
        (lambda: DataQuality(columns=[3]), "list of names"),
        (lambda: DataQuality(at_most="long"), "at_most"),
    ],
)
def test_values_out_of_range_are_refused(make, said):
    with pytest.raises(ConfigError, match=said):
        make()


@pytest.mark.parametrize(
    ("trigger", "changes", "said"),
    [
        (Drift(), {"families": ()}, "contradicts Loop\\(monitors=None\\)"),
        (DataQuality(), {"families": ("drift",)}, "contradicts Monitors\\(families"),
        (Drift(columns=["tmp"], least=1), {}, "tmp"),
        (Drift(least=4), {}, "more than the loop has features"),
        (SliceDegradation(), {"grouped": ()}, "contradicts Loop\\(slices"),
        (SliceDegradation(slices=["dest=JFK"]), {}, "dest"),
        (DataQuality(columns=["late", "tmp"]), {}, "tmp"),
        (all_of(Every("1d"), DataQuality()), {}, "for ever"),
        (any_of(Every("1d"), Drift(least=4)), {}, "features"),
    ],
)
def test_triggers_and_loop_must_not_contradict_each_other(trigger, changes, said):
    with pytest.raises(ConfigError, match=said):
        bound(trigger, replace(SURROUNDINGS, **changes))
