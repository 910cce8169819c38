from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.snapshot import decode, encode
from ostinato.watch.answers import FALLBACK
from ostinato.watch.monitors.outputs import OutputDrift

FAST, SLOW = 10, 100


def monitor(task="binary", classes=2, **changes):
    return OutputDrift(task=task, classes=classes, fast_ns=FAST, slow_ns=SLOW, **changes)


def window(to_ns, count):
    """Times spread over the short window that ends there."""
    return np.linspace(to_ns - FAST, to_ns - 1, count).astype(np.int64)


@pytest.fixture
def scores(draw):
    return draw.beta(2, 5, 4_000)


@pytest.fixture
def known(made, scores):
    """A monitor whose champion v1 answered on ten long windows of validation rows."""
    watch = monitor()
    state = watch.begin()
    watch.take(state, made.evaluated("v1", np.linspace(0, 999, 4_000), scores), 0)
    return watch, state, watch.renew(state, "v1")


def test_the_reference_is_what_the_champion_answered_on_its_validation_rows(made, known, scores):
    _, _, reference = known

    assert [each.from_ns for each in reference] == list(range(0, 1_000, SLOW))
    found = sum(made.by_name(each)["output/score"].counts for each in reference)
    assert found.sum() == 4_000
    assert found.max() <= 1.1 * 4_000 / 40  # cells have about as many rows each
    positive = sum(made.by_name(each)["output/score:positive share"].counts for each in reference)
    assert positive.tolist() == [(scores < 0.5).sum(), (scores >= 0.5).sum()]
    missing = made.by_name(reference[0])["output/answers:missing"]
    assert missing.counts[1] == 0
    assert missing.rising


def test_scores_that_move_are_read_as_other_shares_of_the_same_cells(made, known, draw):
    watch, state, _ = known
    moved = draw.beta(5, 2, 300)
    for part in np.array_split(np.arange(300), 5):
        times = window(1_010, 300)[part]
        watch.take(state, made.predictions(times, {"v1": moved[part]}), 0)

    found = made.by_name(watch.read(state, 1_000, 1_010))
    details = watch.describe(state, 1_000, 1_100)

    assert found["output/score"].counts.sum() == 300
    assert found["output/score:positive share"].counts[1] == (moved >= 0.5).sum()
    assert found["output/score"].counts[-4:].sum() > 0.3 * 300  # a tenth of the reference is there
    assert details["output/score"]["psi_low"] > 1.0
    assert watch.describe(state, 1_000, 1_100) == {}


def test_scores_that_stay_are_no_distance_beyond_chance(made, known, draw):
    watch, state, _ = known
    watch.take(state, made.predictions(window(1_010, 500), {"v1": draw.beta(2, 5, 500)}), 0)
    watch.read(state, 1_000, 1_010)

    details = watch.describe(state, 1_000, 1_100)["output/score"]

    assert details["psi_low"] < 0.02
    assert details["rows"] == 500


def test_a_challenger_has_streams_and_a_reference_of_its_own_until_it_is_the_champion(made, known):
    watch, state, _ = known
    watch.take(state, made.evaluated("v2", np.arange(1_000), np.linspace(0.6, 0.9, 1_000)), 0)
    both = {"v1": np.full(50, 0.2), "v2": np.full(50, 0.7)}
    watch.take(state, made.predictions(window(1_010, 50), both), 0)
    first = watch.read(state, 1_000, 1_010)
    watch.take(state, made.predictions(window(1_020, 50), both), 0)
    second = watch.read(state, 1_010, 1_020)
    reference = watch.renew(state, "v2")
    watch.take(state, made.predictions(window(1_030, 50), both), 0)
    third = watch.read(state, 1_020, 1_030)

    assert {"output/score", "output/score [v2]"} <= made.by_name(first).keys()
    assert [list(made.by_name(each)) for each in first.references] == [
        ["output/score [v2]", "output/score:positive share [v2]"]
    ] * 10
    assert second.references == ()
    assert made.by_name(reference[0])["output/score"].counts.sum() == 100
    assert "output/score [v1]" in made.by_name(third)
    assert made.by_name(third.references[0])["output/score [v1]"].counts.sum() > 0


def test_a_champion_that_comes_back_is_compared_with_its_own_reference_again(made, known):
    watch, state, reference = known
    watch.take(state, made.evaluated("v2", np.arange(100), np.full(100, 0.7)), 0)
    watch.renew(state, "v2")
    for number in range(20):  # candidates that nobody hears of again
        watch.take(state, made.evaluated(f"c{number}", np.arange(9), np.full(9, 0.7)), 0)

    again = watch.renew(state, "v1")

    assert encode(list(again)) == encode(list(reference))
    assert len(state.versions) <= 10


def test_requests_without_an_answer_and_answers_of_the_fallback_are_counted(made, known):
    watch, state, _ = known
    scores = {"v1": np.array([np.nan, np.nan, 0.3, 0.4]), "fallback": np.array([0.5, np.nan, 1, 1])}
    record = made.predictions(
        window(1_010, 4), scores, answered=[1, 0, 0, 0], roles=[FALLBACK, 0, 0, 0]
    )
    watch.take(state, record, 0)

    found = made.by_name(watch.read(state, 1_000, 1_010))

    assert found["output/answers:missing"].counts.tolist() == [3, 1]
    assert found["output/answers:fallback"].counts.tolist() == [3, 1]
    assert found["output/score"].counts.sum() == 2
    assert not any("fallback]" in name for name in found)


def test_a_multiclass_version_is_watched_by_class_and_confidence(made, draw):
    watch = monitor("multiclass", 3)
    state = watch.begin()
    watch.take(state, made.evaluated("v1", np.arange(600), draw.dirichlet(np.ones(3), 600)), 0)
    reference = watch.renew(state, "v1")
    answers = draw.dirichlet([5, 1, 1], 90)
    watch.take(state, made.predictions(window(1_010, 90), {"v1": answers}), 0)

    found = made.by_name(watch.read(state, 1_000, 1_010))

    assert found["output/class"].counts.tolist() == np.bincount(answers.argmax(axis=1)).tolist()
    assert not found["output/class"].ordered
    assert found["output/confidence"].counts.sum() == 90
    assert made.by_name(reference[0])["output/class"].counts.size == 3


def test_a_regression_without_validation_rows_is_cut_where_the_labels_were(made):
    watch = monitor("regression", 0, label_borders=(1.0, 2.0))
    state = watch.begin()

    assert watch.renew(state, "v1") == ()
    watch.take(state, made.predictions(window(10, 4), {"v1": [0.5, 1.0, 1.5, 9.0]}), 0)
    assert made.by_name(watch.read(state, 0, 10))["output/prediction"].counts.tolist() == [1, 2, 1]


def test_what_cannot_be_measured_says_why(made):
    watch = monitor("regression", 0)
    state = watch.begin()
    watch.renew(state, "v1")

    assert dict(watch.read(state, 0, 10).unmeasured) == {
        "output/answers": "no request was answered in the window"
    }
    watch.take(state, made.predictions(window(20, 1), {"v1": [0.5]}), 0)
    assert (
        "no prediction and no label"
        in dict(watch.read(state, 10, 20).unmeasured)["output/prediction"]
    )
    watch.take(state, made.predictions(window(30, 2), {"v1": [np.nan, np.nan]}), 0)
    readings = watch.read(state, 20, 30)
    assert "scored none" in dict(readings.unmeasured)["output/prediction"]
    assert made.by_name(readings)["output/answers:missing"].counts.tolist() == [0, 2]


def test_constant_predictions_and_a_version_of_one_tick_leave_readings(made):
    watch = monitor("regression", 0)
    state = watch.begin()
    watch.take(state, made.evaluated("v1", np.arange(300), np.full(300, 4.0)), 0)
    reference = watch.renew(state, "v1")
    watch.take(state, made.predictions(window(1_010, 3), {"v1": [4.0, 4.0, 5.0]}), 0)
    watch.take(state, made.predictions([1_009], {"v1": [3.0], "v9": [7.0]}), 0)
    found = made.by_name(watch.read(state, 1_000, 1_010))
    later = watch.read(state, 1_010, 1_020)

    assert made.by_name(reference[0])["output/prediction"].counts.max() == 100
    assert sorted(found["output/prediction"].counts.tolist()) == [1, 1, 2]
    # Nothing is known of v9 from which its range could be cut.
    assert "output/prediction [v9]" not in found
    assert later.found == ()


def test_validation_rows_that_need_not_stand_for_all_requests_are_no_reference(made, scores):
    watch = monitor()
    state = watch.begin()
    times = np.arange(4_000)
    watch.take(state, made.evaluated("v1", times, scores, unlabelled=400), 0)
    assert watch.renew(state, "v1") == ()

    watch.take(state, made.evaluated("v2", times, scores, unlabelled=400, explored=True), 0)
    assert len(watch.renew(state, "v2")) == 40


def test_any_cut_into_ticks_and_any_snapshot_gives_the_same_readings(made, known, draw):
    watch, state, _ = known
    other = decode(encode(state))
    times, values = np.sort(draw.integers(1_000, 1_020, 3_000)), draw.random(3_000)
    watch.take(state, made.predictions(times, {"v1": values}), 0)
    for part in np.array_split(np.arange(3_000), 40):
        other = decode(encode(other))
        watch.take(other, made.predictions(times[part], {"v1": values[part]}), 0)

    for start in (1_000, 1_010):
        one, two = watch.read(state, start, start + 10), watch.read(other, start, start + 10)
        assert encode(one) == encode(two)
        assert one.found


def test_rows_that_come_late_count_in_the_next_window(made, known):
    watch, state, _ = known
    watch.read(state, 1_000, 1_010)
    watch.take(state, made.predictions([1_005, 1_012], {"v1": [0.1, 0.2]}), 0)

    found = made.by_name(watch.read(state, 1_010, 1_020))

    assert found["output/score"].counts.sum() == 2


def test_rows_never_trained_on_fill_up_a_short_reference(made, scores):
    watch = monitor()
    state = watch.begin()
    recent = made.evaluated("v1", np.linspace(4_000, 4_199, 1_000), scores[:1_000])
    aside = made.evaluated("v1", np.linspace(0, 4_099, 1_000), scores[1_000:2_000], name="random")
    watch.take(state, replace(recent, sets=recent.sets + aside.sets), 0)

    starts = [each.from_ns for each in watch.renew(state, "v1")]

    assert starts == list(range(1_400, 4_200, SLOW))


def test_validation_rows_that_a_candidate_could_not_score_are_no_reference(made, draw):
    watch = monitor("multiclass", 3)
    state = watch.begin()
    failed = made.evaluated("v1", np.arange(20), np.full(20, np.nan))
    rows = made.evaluated("v1", np.arange(300), draw.dirichlet(np.ones(3), 300), name="random")

    watch.take(state, replace(failed, sets=failed.sets + rows.sets), 0)

    assert len(watch.renew(state, "v1")) == 3
    watch.take(state, replace(failed, version="v2"), 0)
    assert watch.renew(state, "v2") == ()
