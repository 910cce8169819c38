from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.ids import hash_keys, place
from ostinato.core.records import (
    FALLBACK_VERSION,
    ROLES,
    CandidateRejected,
    CandidateTrained,
    CasesNamed,
    LearningRequested,
    LossesObserved,
    Promoted,
    RolledBack,
    RolloutEnded,
    RowsMatured,
    TrainingFailed,
    ValidationSetRetired,
)
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS
from ostinato.learn.config import LearnConfig
from ostinato.learn.hard import KEEP, HardCases, never_trained
from ostinato.learn.line import UNDER_WAY, AnchorRule
from ostinato.learn.schedules import Schedule
from ostinato.learn.stage import start, step
from ostinato.learn.state import LearnState
from ostinato.learn.windows import Decayed, Expanding, Last, SinceChange


def begin(window=None, *, matured_days=100, champion="v0", **changes):
    fields = {
        "window": window if window is not None else Expanding(),
        "holdout_ns": 7 * DAY_NS,
        "embargo_ns": DAY_NS,
        "warm_start": False,
        "seed": 0,
        "data_from_ns": 0,
        "matured_to_ns": matured_days * DAY_NS,
        "loop": "flights",
        "never_trained": 0.1,
    }
    state = start(LearnConfig(**(fields | changes)))
    state.champion = champion
    return state


def asked(*, change_ns=None, now_ns=0):
    return LearningRequested(
        ts_event_ns=now_ns, ts_record_ns=now_ns, subject="t", reason="", change_ns=change_ns
    )


def order(state, *, now_ns=0, **request):
    return step(state, [asked(**request)], now_ns)[1]


def days(order):
    return [
        moment / DAY_NS
        for moment in (order.from_ns, order.to_ns, order.holdout_from_ns, order.matured_to_ns)
    ]


def observed(n, rng, *, offset=0):
    return LossesObserved(
        ts_event_ns=0,
        ts_record_ns=0,
        offsets=np.arange(offset, offset + n),
        times_ns=np.arange(n),
        unit_hashes=hash_keys(np.arange(offset, offset + n)),
        groups=np.zeros((n, 0), dtype=np.int32),
        versions=("v1", "v2"),
        answered=(np.arange(n) % 2).astype(np.int16),
        roles=np.zeros(n, dtype=np.int8),
        losses={"v1": rng.random(n), "v2": rng.random(n) + 5.0},
        matured_to_ns=n,
    )


def matured_up_to(matured_to_ns):
    empty = np.empty(0)
    return RowsMatured(
        ts_event_ns=0,
        ts_record_ns=0,
        offsets=empty.astype(np.int64),
        times_ns=empty.astype(np.int64),
        label_times_ns=empty.astype(np.int64),
        unit_hashes=empty.astype(np.uint64),
        groups=np.zeros((0, 0), dtype=np.int32),
        labels=empty,
        versions=(),
        answered=empty.astype(np.int16),
        roles=empty.astype(np.int8),
        scores={},
        signs=empty.astype(np.int8),
        matured_to_ns=matured_to_ns,
    )


def test_the_holdout_is_the_latest_stretch_and_the_embargo_lies_before_it():
    assert days(order(begin())) == [0, 92, 93, 100]


def test_the_holdout_is_at_most_a_fifth_of_the_span():
    assert days(order(begin(Last("10d")))) == [90, 97, 98, 100]


def test_the_embargo_is_never_longer_than_the_holdout():
    assert days(order(begin(embargo_ns=30 * DAY_NS))) == [0, 86, 93, 100]


def test_no_window_reaches_back_before_the_first_row():
    assert days(order(begin(Last("60d"), data_from_ns=95 * DAY_NS)))[0] == 95


def test_nothing_matured_gives_an_empty_and_not_a_negative_window():
    assert days(order(begin(matured_days=0))) == [0, 0, 0, 0]


def test_what_is_learned_begins_where_the_change_began():
    state = begin(SinceChange(minimum="5d"))

    assert days(order(state, change_ns=60 * DAY_NS))[0] == 60
    assert days(order(state, change_ns=99 * DAY_NS))[0] == 95


def test_every_policy_begins_with_the_same_first_champion():
    one = begin(Last("10d"), champion=None, holdout_ns=DAY_NS)
    two = begin(Decayed("5d"), champion=None, holdout_ns=30 * DAY_NS)

    first, second = order(one), order(two)

    assert days(first) == days(second) == [0, 92, 93, 100]
    assert first.half_life_ns is None
    assert first.seed == second.seed


def test_the_first_holdout_is_a_week_and_at_most_a_fifth_of_the_history():
    assert days(order(begin(matured_days=20, champion=None, holdout_ns=DAY_NS))) == [0, 15, 16, 20]


def test_from_the_second_training_on_the_policy_says_window_and_holdout():
    state = begin(Last("10d"), champion=None, holdout_ns=DAY_NS)
    first = order(state)
    step(
        state, [Promoted(ts_event_ns=0, ts_record_ns=0, subject="v1", reason="", previous=None)], 0
    )

    assert days(first)[2:] == [93, 100]
    assert days(order(state)) == [90, 98, 99, 100]


def test_what_matured_before_1970_is_matured():
    early, later = -3700 * DAY_NS, -3600 * DAY_NS
    state = begin(Last("10d"), matured_to_ns=early, data_from_ns=early - 50 * DAY_NS)

    before = days(order(state))
    step(state, [matured_up_to(later)], 0)

    assert before == [-3710, -3703, -3702, -3700]
    assert days(order(state))[3] == -3600


def test_a_state_that_never_started_knows_of_nothing_matured():
    assert LearnState().matured_to_ns is None


def test_labels_that_mature_move_the_window():
    state = begin(Last("10d"))

    step(state, [matured_up_to(120 * DAY_NS)], 0)

    assert days(order(state))[3] == 120


def test_equal_windows_give_equal_seeds_and_other_orders():
    one, two = begin(), begin()
    step(two, [asked()], 5)

    first, second = order(one, now_ns=0), order(two, now_ns=9)

    assert first.seed == second.seed
    assert first.request != second.request


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"window": Last("30d")}, {"window": Decayed("30d")}]
)
def test_other_seeds_and_windows_give_other_seeds(changes):
    assert order(begin(**changes)).seed != order(begin()).seed


def test_a_warm_start_continues_from_whoever_serves():
    state = begin(warm_start=True, champion=None)
    first = order(state)
    promoted = Promoted(ts_event_ns=0, ts_record_ns=0, subject="v1", reason="", previous=None)
    step(state, [promoted], 0)
    second = order(state)
    back = RolledBack(ts_event_ns=0, ts_record_ns=0, subject="v1", reason="", previous="v0")
    step(state, [back], 0)
    third = order(state)

    assert [o.warm_start_from for o in (first, second, third)] == [None, "v1", "v0"]
    assert [o.champion for o in (first, second, third)] == [None, "v1", "v0"]
    assert len({o.seed for o in (first, second, third)}) == 3


def test_without_warm_start_the_champion_is_named_and_not_continued():
    state = begin()
    step(
        state, [Promoted(ts_event_ns=0, ts_record_ns=0, subject="v1", reason="", previous=None)], 0
    )

    found = order(state)

    assert (found.champion, found.warm_start_from) == ("v1", None)


def test_the_hardest_rows_that_no_version_trains_on_are_kept_in_any_batches():
    rng = np.random.default_rng(0)
    whole, parts = begin(), begin()
    record = observed(20_000, rng)
    step(whole, [record], 0)
    for rows in np.array_split(np.arange(20_000), 37):
        part = LossesObserved(
            ts_event_ns=0,
            ts_record_ns=0,
            offsets=record.offsets[rows],
            times_ns=record.times_ns[rows],
            unit_hashes=record.unit_hashes[rows],
            groups=record.groups[rows],
            versions=record.versions,
            answered=record.answered[rows],
            roles=record.roles[rows],
            losses={version: values[rows] for version, values in record.losses.items()},
            matured_to_ns=0,
        )
        step(parts, [part], 0)

    held = never_trained(record.unit_hashes, loop="flights", share=0.1)
    answers = np.where(record.answered == 0, record.losses["v1"], record.losses["v2"])
    hardest = np.flatnonzero(held)[np.argsort(-answers[held])[:KEEP]]
    listed = step(whole, [asked()], 0)[0]
    assert listed.offsets.tolist() == sorted(hardest.tolist())
    assert sorted(parts.hard.offsets.tolist()) == listed.offsets.tolist()


def test_rows_nobody_could_score_are_no_hard_cases():
    cases = HardCases()
    record = observed(100, np.random.default_rng(0))
    record.losses["v1"][:] = np.nan

    cases.take(record, loop="flights", share=1.0, explored=False)

    assert cases.offsets.tolist() == list(range(1, 100, 2))


def test_rows_that_the_loops_own_constant_answered_are_no_hard_cases():
    cases = HardCases()
    seen = observed(20, np.random.default_rng(0))
    seen = replace(
        seen,
        versions=("v1", FALLBACK_VERSION),
        losses={"v1": seen.losses["v1"]} | {"fallback": np.full(20, 9.0)},
    )
    cases.take(seen, loop="flights", share=1.0, explored=False)
    assert cases.offsets.tolist() == list(range(0, 20, 2))


def test_where_labels_are_selective_only_explored_rows_are_hard_cases():
    state = begin(never_trained=1.0, explored=True)
    record = observed(400, np.random.default_rng(0))
    record.roles[::8] = ROLES.index("explore")

    step(state, [record], 0)

    assert step(state, [asked()], 0)[0].offsets.tolist() == list(range(0, 400, 8))


def test_the_share_that_no_version_trains_on_depends_on_the_loop_and_the_unit_alone():
    hashes = hash_keys(np.arange(50_000))

    here = never_trained(hashes, loop="a", share=0.1)
    there = never_trained(hashes, loop="b", share=0.1)

    assert abs(here.mean() - 0.1) < 0.01
    assert abs((here & there).mean() - 0.01) < 0.003
    assert np.array_equal(here, place(hashes, "a/never-trained") < 0.1)


def named(source, *offsets):
    return CasesNamed(ts_event_ns=0, ts_record_ns=0, offsets=np.array(offsets), source=source)


def test_rows_that_people_named_are_never_pushed_out_by_worse_ones():
    state = begin(never_trained=1.0)
    step(state, [named("golden", 40_000, 3), named("review", 5, 3)], 0)

    step(state, [observed(5000, np.random.default_rng(0))], 0)

    listed = step(state, [asked()], 0)[0]
    assert {3, 5, 40_000} <= set(listed.offsets.tolist())
    assert KEEP + 1 <= len(listed.offsets) <= KEEP + 3
    assert listed.golden.tolist() == [3, 40_000]
    assert np.array_equal(listed.offsets, np.unique(listed.offsets))


def test_of_a_retired_set_the_worst_rows_go_and_the_named_ones_stay():
    state = begin(never_trained=1.0)
    step(state, [named("golden", 7), observed(400, np.random.default_rng(0))], 0)

    retired = ValidationSetRetired(
        ts_event_ns=0, ts_record_ns=0, subject="hard", reason="", until_ns=389
    )
    step(state, [retired], 0)

    assert step(state, [asked()], 0)[0].offsets.tolist() == [7, *range(390, 400)]


def test_another_set_that_is_retired_takes_nothing_from_the_hard_cases():
    state = begin(never_trained=1.0)
    step(state, [observed(400, np.random.default_rng(0))], 0)

    retired = ValidationSetRetired(
        ts_event_ns=0, ts_record_ns=0, subject="random", reason="", until_ns=389
    )
    step(state, [retired], 0)

    assert len(step(state, [asked()], 0)[0].offsets) == 400


def trained(order, version):
    return CandidateTrained(
        ts_event_ns=0,
        ts_record_ns=0,
        subject=version,
        reason="",
        request=order.request,
        artifact="",
    )


def promoted(version, *, previous=None, now_ns=0):
    return Promoted(
        ts_event_ns=now_ns, ts_record_ns=now_ns, subject=version, reason="", previous=previous
    )


def back(subject, previous):
    return RolledBack(ts_event_ns=0, ts_record_ns=0, subject=subject, reason="", previous=previous)


def learned(state, version, **request):
    """Order a training and let it become champion."""
    found = order(state, **request)
    step(state, [trained(found, version), promoted(version, previous=state.champion)], 0)
    return found


def test_updates_count_the_trainings_along_the_line_of_the_champion():
    schedules = {"C": Schedule(start=1.0, rises_over=1)}
    state = begin(champion=None, schedules=schedules)

    first, second = learned(state, "v1"), learned(state, "v2")
    rejected = order(state)
    step(state, [trained(rejected, "v3")], 0)
    third = learned(state, "v4")

    assert [o.updates for o in (first, second, rejected, third)] == [0, 1, 2, 2]
    assert [o.parameters["C"] for o in (second, rejected, third)] == [2.0, 3.0, 3.0]


def test_the_first_champion_is_learned_with_the_settings_of_the_learner_itself():
    plain = begin(champion=None)
    scheduled = begin(champion=None, schedules={"C": Schedule(start=9.0, rises_over=1)})

    first, same = order(scheduled), order(plain)
    again = learned(scheduled, "v1", change_ns=None)
    after_change = order(scheduled, change_ns=50 * DAY_NS)

    assert first.parameters == again.parameters == same.parameters == {}
    assert after_change.parameters == {"C": 9.0}


def test_a_rollback_brings_back_the_count_of_the_version_that_serves_again():
    state = begin(champion=None)
    for version in ("v1", "v2", "v3"):
        learned(state, version)

    step(state, [back("v3", "v2")], 0)

    assert order(state).updates == 2


def test_a_training_after_a_change_of_the_world_counts_from_zero():
    state = begin(champion=None)
    for version in ("v1", "v2", "v3"):
        learned(state, version)

    again = learned(state, "v4", change_ns=50 * DAY_NS)

    assert (again.updates, order(state).updates) == (0, 1)


def test_a_training_that_failed_counts_for_nothing():
    state = begin(champion=None)
    learned(state, "v1")
    failed = order(state)
    step(
        state,
        [
            TrainingFailed(
                ts_event_ns=0, ts_record_ns=0, subject="t", reason="", request=failed.request
            )
        ],
        0,
    )

    assert order(state).updates == 1
    assert failed.request not in state.line.pending


def test_the_anchor_is_the_first_champion_until_its_time_is_over():
    state = begin(champion=None, anchor=AnchorRule(every_ns=90 * DAY_NS))
    first = order(state)
    step(state, [promoted("v1")], 0)
    step(state, [promoted("v2", previous="v1", now_ns=DAY_NS)], DAY_NS)

    found = [order(state, now_ns=day * DAY_NS).anchor for day in (30, 89, 90, 120)]
    step(state, [promoted("v3", previous="v2", now_ns=130 * DAY_NS)], 130 * DAY_NS)
    later = [order(state, now_ns=day * DAY_NS).anchor for day in (179, 180)]

    assert first.anchor is None
    assert found == ["v1", "v1", "v2", "v2"]
    assert later == ["v2", "v3"]


def test_the_anchor_can_move_up_by_promotions():
    state = begin(champion=None, anchor=AnchorRule(promotions=2))
    found = []
    for version in ("v1", "v2", "v3", "v4", "v5"):
        learned(state, version)
        found.append(order(state).anchor)

    assert found == ["v1", "v1", "v3", "v3", "v5"]


def test_a_champion_that_was_taken_back_anchors_nothing():
    state = begin(champion=None, anchor=AnchorRule(promotions=1))
    learned(state, "v1")
    learned(state, "v2")
    before = order(state).anchor

    step(state, [back("v2", "v1")], 0)

    assert (before, order(state).anchor) == ("v2", "v1")


def test_without_the_gate_no_anchor_is_named():
    state = begin(champion=None)
    learned(state, "v1")

    assert order(state).anchor is None


def matures(state, days):
    step(state, [matured_up_to(days * DAY_NS)], 0)


def test_no_recent_holdout_reaches_back_to_what_the_champion_learned():
    state = begin(SinceChange(minimum="10d"), champion="v0")
    quick = learned(state, "v1", change_ns=95 * DAY_NS)
    matures(state, 102)

    after = order(state)

    assert days(quick) == [90, 97, 98, 100]
    assert days(after)[1:] == [97, 98, 102]


def test_a_longer_holdout_does_not_reach_back_into_what_the_first_champion_learned():
    state = begin(champion=None, holdout_ns=30 * DAY_NS, matured_days=200)
    first = learned(state, "v1")
    matures(state, 207)

    assert days(first)[1:] == [192, 193, 200]
    assert days(order(state))[1:] == [192, 193, 207]


def test_the_embargo_keeps_its_length_where_the_champion_shortens_the_holdout():
    state = begin(SinceChange(minimum="10d"), embargo_ns=3 * DAY_NS, champion="v0")
    quick = learned(state, "v1", change_ns=95 * DAY_NS)
    matures(state, 101)

    assert days(quick)[1:] == [96, 98, 100]
    assert days(order(state))[1:] == [95, 98, 101]


def test_the_holdout_is_one_the_anchor_did_not_learn_from_either():
    state = begin(SinceChange(minimum="10d"), champion=None, anchor=AnchorRule(promotions=9))
    order(state)  # the first champion is another's
    step(state, [promoted("v0")], 0)
    state.anchor.version = None
    learned(state, "v1", change_ns=95 * DAY_NS)  # the anchor: up to day 98
    state.line.versions["v2"] = replace(state.line.versions["v1"], proved_from_ns=90 * DAY_NS)
    step(state, [promoted("v2", previous="v1")], 0)
    matures(state, 102)

    with_anchor = order(state)
    state.config_ = replace(state.config_, anchor=None)
    without = order(state)

    assert (with_anchor.champion, with_anchor.anchor) == ("v2", "v1")
    assert days(with_anchor)[2] == 98
    assert days(without)[2] == 95


def test_after_a_rollback_the_holdout_goes_by_what_the_version_before_learned():
    state = begin(SinceChange(minimum="10d"), champion=None)
    learned(state, "v1")
    learned(state, "v2", change_ns=95 * DAY_NS)
    matures(state, 102)
    before = days(order(state))[2]

    step(state, [back("v2", "v1")], 0)

    assert (before, days(order(state))[2]) == (98, 95)


def rejected(version):
    return CandidateRejected(ts_event_ns=0, ts_record_ns=0, subject=version, reason="")


def kept_out(version):
    return RolloutEnded(ts_event_ns=0, ts_record_ns=0, subject=version, reason="", outcome="kept")


def test_of_all_versions_only_those_are_remembered_that_can_still_serve():
    state = begin(champion=None, anchor=AnchorRule(promotions=1000))
    for number in range(300):
        for ending in (rejected, kept_out):
            name = f"{ending.__name__}{number}"
            step(state, [trained(order(state), name)], 0)
            step(state, [ending(name)], 0)
        learned(state, f"v{number}")
    step(state, [trained(order(state), "open")], 0)

    assert sorted(state.line.versions) == ["open", "v0", "v298", "v299"]
    assert state.line.pending == {}
    assert order(state).updates == 300
    step(state, [back("v299", "v298")], 0)
    assert sorted(state.line.versions) == ["open", "v0", "v298"]
    assert order(state).updates == 299


def test_orders_that_are_never_answered_do_not_pile_up():
    state = begin(champion=None)
    learned(state, "v1")
    found = [order(state, now_ns=number) for number in range(UNDER_WAY + 50)]

    answered, lost = found[-1], found[0]
    step(state, [trained(answered, "v2"), trained(lost, "late")], 0)

    assert len(state.line.pending) == UNDER_WAY - 1
    assert state.line.versions["v2"].updates == 2
    assert "late" not in state.line.versions


def test_versions_that_no_gate_hears_of_do_not_pile_up():
    state = begin(champion=None)
    learned(state, "v1")
    for number in range(UNDER_WAY + 50):
        step(state, [trained(order(state), f"w{number}")], 0)

    assert len(state.line.versions) == UNDER_WAY + 1
    assert order(state).updates == 1


def test_the_state_survives_its_plain_form():
    state = begin()
    step(state, [observed(9000, np.random.default_rng(0))], 0)
    copy = decode(encode(state))
    copy.config_ = state.config_

    more = observed(9000, np.random.default_rng(1), offset=9000)
    texts = [[r.request for r in step(each, [more, asked()], 7)] for each in (state, copy)]

    assert texts[0] == texts[1]
    assert encode(copy) == encode(state)
    assert copy.hard.losses.flags.writeable


def test_a_version_that_comes_back_is_only_judged_on_rows_after_it_came_back():
    state = begin(champion="v2", matured_days=100)
    back_ns = 97 * DAY_NS
    promoted = Promoted(
        ts_event_ns=back_ns, ts_record_ns=back_ns, subject="v0", reason="", previous="v2"
    )

    step(state, [promoted], back_ns)

    assert order(state, now_ns=101 * DAY_NS).holdout_from_ns == back_ns
