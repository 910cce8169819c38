from __future__ import annotations

import copy

import numpy as np
import pytest

from ostinato.core.records import (
    FeaturesCompared,
    OperatorActed,
    ParityCause,
)
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import HOUR_NS
from ostinato.decide import NewLabels
from ostinato.decide.parity import UNKNOWN, ParityRule, begin_parity, broken_parity, judge_parity

LATE = ParityCause(
    name="lag", parameter=24 * HOUR_NS, explained=0.98, text="The source is 1 d late."
)
RULE = ParityRule(features=("spent", "visits"), tolerated=1e-3, arl=1e6)


def compared(rows=100, differing=0, *, name="visits", at_ns=0, causes=None):
    one = np.array([1])
    return FeaturesCompared(
        ts_event_ns=at_ns,
        ts_record_ns=at_ns,
        features=(name,),
        rows=rows * one,
        missing_online=0 * one,
        missing_offline=differing // 2 * one,
        both_differ=(differing - differing // 2) * one,
        gap=2.0 * one,
        size=8.0 * one,
        effect=0.1 * one,
        effect_max=0.05 * one,
        dated=rows * one,
        ages_s=60.0 * one,
        causes=causes or {},
    )


def run(state, *records):
    return [made for record in records for made in judge_parity(state, RULE, record, 7)]


def test_rows_that_agree_change_nothing():
    state = begin_parity(RULE)

    assert run(state, *[compared() for _ in range(200)]) == []
    assert broken_parity(state, RULE) == ""


def test_as_many_differences_as_are_tolerated_change_nothing():
    state = begin_parity(RULE)

    assert run(state, *[compared(1000, 1) for _ in range(300)]) == []


def test_half_a_percent_is_found_with_its_share_and_its_interval():
    state = begin_parity(RULE)

    made = run(state, *[compared(200, 1) for _ in range(60)])

    (broken,) = made
    facts = broken.evidence
    assert (broken.kind, broken.subject, broken.cause) == ("parity_broken", "visits", "unknown")
    assert facts["rows"] <= 7000
    assert facts["low"] < 0.005 < facts["high"]
    assert facts["share"] == pytest.approx(0.005)
    assert facts["relative_size"] == pytest.approx(0.25)
    assert facts["newest_event_age_s"] == 60.0
    assert facts["since"] == "1970-01-01T00:00:00Z"
    assert facts["log_e"] >= np.log(1e6)


def test_the_cause_that_was_found_stands_in_the_reason_and_holds_learning_back():
    state = begin_parity(RULE)

    (broken,) = run(state, compared(100, 100, causes={"visits": LATE}))

    assert "The source is 1 d late." in broken.reason
    assert (broken.cause, broken.evidence["parameter"]) == ("lag", 24 * HOUR_NS)
    assert broken_parity(state, RULE) == "parity of visits is broken: The source is 1 d late"


def test_a_cause_that_is_found_later_is_told_once():
    state = begin_parity(RULE)
    run(state, compared(100, 100))

    made = run(state, *[compared(100, 100, causes={"visits": LATE}) for _ in range(3)])

    assert [(each.kind, each.cause) for each in made] == [("parity_broken", "lag")]
    assert made[0].evidence["rows"] == 100


def test_a_cause_is_not_taken_back_because_nothing_explains_more_rows():
    state = begin_parity(RULE)
    run(state, compared(100, 100, causes={"visits": LATE}))

    assert run(state, compared(100, 100, causes={"visits": UNKNOWN})) == []
    assert broken_parity(state, RULE).endswith("The source is 1 d late")


def test_a_copy_of_the_state_says_where_to_look_for_a_cause():
    state = begin_parity(RULE)

    trial = run(copy.deepcopy(state), compared(100, 100))

    assert [each.cause for each in trial] == [UNKNOWN.name]
    assert state.broken == {}


def test_parity_is_restored_once_enough_rows_agree_and_can_break_again():
    state = begin_parity(RULE)
    run(state, compared(100, 50))

    made = run(state, *[compared(500) for _ in range(80)])
    again = run(state, compared(100, 50))

    assert [each.kind for each in made] == ["parity_restored"]
    assert made[0].evidence["mismatches"] == 0
    assert made[0].evidence["rows"] >= 5_000
    assert [each.kind for each in again] == ["parity_broken"]
    assert again[0].evidence["rows"] == 100


def test_features_are_judged_one_by_one():
    state = begin_parity(RULE)

    made = run(state, compared(100, 100, name="spent"), compared(100, 0, name="visits"))

    assert [each.subject for each in made] == ["spent"]


def test_evidence_survives_a_snapshot():
    whole, parted = begin_parity(RULE), begin_parity(RULE)
    ticks = [compared(200, 1) for _ in range(40)]
    expected = run(whole, *ticks)

    first = run(parted, *ticks[:13])
    second = run(decode(encode(parted)), *ticks[13:])

    assert len(expected) == 1
    assert first + second == expected


# ---------------------------------------------------------------- inside the stage


def test_nothing_is_asked_for_while_parity_is_broken(world, make_losses):
    loop = world(NewLabels(10), parity=RULE)
    loop.tick(compared(100, 100, causes={"visits": LATE}))

    loop.tick(make_losses(loop.now_ns, np.zeros(20)))

    held = loop.made[-1]
    assert held.stance == "held"
    assert "parity of visits is broken: The source is 1 d late" in held.reason
    assert "learning_requested" not in loop.kinds()


def test_learning_goes_on_when_parity_is_restored(world, make_losses):
    loop = world(NewLabels(10), parity=RULE)
    loop.tick(compared(100, 100))
    loop.tick(make_losses(loop.now_ns, np.zeros(20)))

    loop.tick(*[compared(500) for _ in range(80)])

    assert "learning_requested" in loop.kinds()


def test_broken_parity_only_warns_where_the_loop_says_so(world, make_losses):
    rule = ParityRule(features=RULE.features, tolerated=1e-3, arl=1e6, hold=False)
    loop = world(NewLabels(10), parity=rule)
    loop.tick(compared(100, 100))

    loop.tick(make_losses(loop.now_ns, np.zeros(20)))

    assert "parity_broken" in loop.kinds()
    assert "Nothing is trained" not in loop.made[0].reason
    assert "learning_requested" in loop.kinds()


def test_not_even_a_first_champion_is_trained_on_what_is_not_served(world):
    loop = world(NewLabels(10), champion=None, parity=RULE)

    out = loop.tick(compared(100, 100))

    assert [each.kind for each in out] == ["parity_broken"]


def test_who_asks_for_a_training_is_told_what_holds_it_back(world):
    loop = world(NewLabels(10), parity=RULE)
    loop.tick(compared(100, 100, causes={"visits": LATE}))
    asked = OperatorActed(
        ts_event_ns=0, ts_record_ns=0, subject="", reason="", act="retrain", who="Ada", act_id="a1"
    )

    (refused,) = [each for each in loop.tick(asked) if each.kind == "act_refused"]

    assert "parity of visits is broken: The source is 1 d late" in refused.reason


def test_an_open_question_about_learning_lapses(world, make_losses):
    loop = world(NewLabels(10), parity=RULE)
    loop.state.autonomy = "suggest"
    loop.tick(make_losses(loop.now_ns, np.zeros(20)))

    loop.tick(compared(100, 100))

    assert loop.kinds().count("action_proposed") == 1
    assert loop.kinds().count("proposal_lapsed") == 1
