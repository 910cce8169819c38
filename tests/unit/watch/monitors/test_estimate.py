from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from ostinato.core.snapshot import decode, encode
from ostinato.stats.rows import brier, log_loss
from ostinato.watch.monitors.estimate import PerformanceEstimate

FAST, SLOW = 100, 400
START = 10 * SLOW
EXPLORE = 4
LATER = 7  # how long after its end the labels of a window are in


def monitor(task="binary", metric="log_loss", classes=2, **changes):
    return PerformanceEstimate(
        task=task, metric=metric, classes=classes, fast_ns=FAST, slow_ns=SLOW, **changes
    )


def rows_of(draw, count, *, moved=0.0, turned=False):
    """Labels and scores of a model that is a little too sure of itself."""
    inputs = draw.normal(moved, 1.0, count)
    chance = expit((0.1 if turned else 1.5) * inputs)
    return (draw.random(count) < chance).astype(float), expit(2.0 * inputs)


def begun(made, draw, watch, rows=4_000):
    """A champion v1 with ten long windows of validation rows."""
    state = watch.begin()
    labels, scores = rows_of(draw, rows)
    times = np.linspace(0, START - 1, rows)
    watch.take(state, made.evaluated("v1", times, scores, labels), 0)
    return state, watch.renew(state, "v1"), log_loss(labels, scores).mean()


def windows(start, count):
    """Times of rows over a long window."""
    return np.linspace(start, start + SLOW - 1, count).astype(np.int64)


def go_on(made, watch, state, start, labels, scores, *, roles=None, mature=True):
    """One long window: answers, labels of all of them, readings; what was told of it."""
    times = windows(start, len(labels))
    watch.take(state, made.predictions(times, {"v1": scores}, roles=roles), 0)
    readings = [watch.read(state, at, at + FAST) for at in range(start, start + SLOW, FAST)]
    details = watch.describe(state, start, start + SLOW)
    if mature:
        rows = made.matured(times, labels, {"v1": scores}, roles=roles, to_ns=start + SLOW)
        watch.take(state, rows, start + SLOW + LATER)
    return readings, details


def settled(watch, state, start):
    """What is told at the end of a long window of those before whose labels are in."""
    parts = [watch.read(state, at, at + FAST) for at in range(start, start + SLOW, FAST)]
    return [record for readings in parts for record in readings.records]


def test_the_reference_is_the_loss_on_validation_rows_window_by_window(made, draw):
    watch = monitor()
    _, reference, loss = begun(made, draw, watch)

    levels = [made.by_name(each)["estimate/log_loss"] for each in reference]

    assert len(levels) == 10
    assert sum(level.rows for level in levels) == 4_000
    assert np.mean([level.mean for level in levels]) == pytest.approx(loss, rel=0.02)
    assert levels[0].rising
    assert not levels[0].falling


def test_harder_inputs_are_expected_to_cost_what_labels_later_say(made, draw):
    watch = monitor()
    state, _, loss = begun(made, draw, watch)
    labels, scores = rows_of(draw, 1_200)
    harder = np.abs(scores - 0.5) < 0.3  # only those that it is unsure of
    readings, details = go_on(made, watch, state, START, labels[harder], scores[harder])
    true = log_loss(labels[harder], scores[harder]).mean()

    found = details["estimate/log_loss"]
    level = made.by_name(readings[1])["estimate/log_loss"]
    [record] = settled(watch, state, START + SLOW)

    assert true > 1.2 * loss
    assert level.mean == pytest.approx(true, rel=0.08)
    assert found["low"] <= true <= found["high"]
    assert found["roc_auc_low"] <= found["roc_auc"] <= found["roc_auc_high"] < 0.85
    assert record.realised.tolist() == [pytest.approx(true)]
    assert (record.low[0], record.high[0]) == pytest.approx((found["low"], found["high"]), abs=1e-4)
    assert record.covered.tolist() == [1.0]
    assert (record.rows[0], record.labelled[0]) == (harder.sum(), harder.sum())
    assert (record.told_ns[0], record.settled_ns[0]) == (START + SLOW, START + SLOW + LATER)


def test_the_track_record_tells_coverage_and_error(made, draw):
    watch = monitor()
    state, _, _ = begun(made, draw, watch)
    for number in range(12):
        start = START + number * SLOW
        _, details = go_on(made, watch, state, start, *rows_of(draw, 500, moved=0.05 * number))

    found = details["estimate/log_loss"]

    assert found["settled"] == 11.0
    assert found["coverage"] >= 0.8
    assert 0.0 < found["median_error"] < 0.05
    assert found["days_ahead"] == pytest.approx(LATER / 86_400e9)
    assert found["assumption"] == "holds so far"


def test_a_concept_that_turns_breaks_the_assumption_and_is_learned(made, draw):
    watch = monitor()
    state, _, _ = begun(made, draw, watch)
    told = []
    for number in range(12):
        start = START + number * SLOW
        rows = rows_of(draw, 500, turned=number >= 2)
        _, details = go_on(made, watch, state, start, *rows)
        told.append((details["estimate/log_loss"], log_loss(*rows).mean()))

    said = [each["assumption"].split(":")[0] for each, _ in told]
    assert said[:3] == ["holds so far"] * 3
    assert "broken" in said[3:5]
    wrong, right = told[2], told[-1]
    assert wrong[0]["high"] < 0.8 * wrong[1]  # labels were not there yet
    assert right[0]["estimate"] == pytest.approx(right[1], rel=0.15)
    assert watch.renew(state, "v1")  # the reference is what it was


def test_the_stream_does_not_move_with_the_calibration(made, draw):
    watch = monitor()
    state, _, _ = begun(made, draw, watch, rows=400)
    means = []
    for number in range(10):
        start = START + number * SLOW
        readings, _ = go_on(made, watch, state, start, *rows_of(draw, 400))
        means.append(np.mean([made.by_name(each)["estimate/log_loss"].mean for each in readings]))
    level = made.by_name(readings[0])["estimate/log_loss"]

    # Rates change from window to window; what all rows alike lose does not.
    assert np.std(means) < 1.5 * level.deviation / 20.0


def test_a_few_random_labels_repair_the_estimate(made, draw):
    watch = monitor(metric="brier")
    state, _, _ = begun(made, draw, watch)
    inside = []
    for number in range(20):
        start = START + number * SLOW
        labels, scores = rows_of(draw, 1_000, turned=number >= 8)
        true = brier(labels, scores).mean()
        labels[draw.random(1_000) > 0.2] = np.nan
        go_on(made, watch, state, start, labels, scores)
        [record] = settled(watch, state, start + SLOW)
        inside.append(record.fused_low[0] <= true <= record.fused_high[0])
        assert record.labelled[0] == (~np.isnan(labels)).sum()
        if number == 8:
            assert record.covered[0] == 0.0
            assert record.high[0] < true

    assert np.mean(inside) >= 0.85


def test_where_labels_are_selective_only_explored_rows_teach(made, draw):
    watch = monitor(explored=True)
    state, _, _ = begun(made, draw, watch)
    labels, scores = rows_of(draw, 1_000)
    roles = np.where(draw.random(1_000) < 0.2, EXPLORE, 0)
    labels[(roles == 0) & (scores < 0.5)] = np.nan  # they were turned away
    go_on(made, watch, state, START, labels, scores, roles=roles)

    [record] = settled(watch, state, START + SLOW)

    known = (roles == EXPLORE) & ~np.isnan(labels)
    assert record.labelled[0] == known.sum()
    assert record.realised[0] == pytest.approx(log_loss(labels[known], scores[known]).mean())


def test_where_answers_change_the_truth_a_version_learns_from_its_own_rows(made, draw):
    watch = monitor(own=True)
    state, _, _ = begun(made, draw, watch)
    labels, scores = rows_of(draw, 400)
    answered = np.arange(400) % 4 == 0
    both = {"v1": scores, "v2": scores}
    times = windows(START, 400)
    watch.take(state, made.predictions(times, both, answered=answered), 0)
    for at in range(START, START + SLOW, FAST):
        watch.read(state, at, at + FAST)
    watch.describe(state, START, START + SLOW)
    rows = made.matured(times, labels, both, to_ns=START + SLOW)
    watch.take(state, replace(rows, answered=answered.astype(np.int16)), START + SLOW + LATER)

    [record] = settled(watch, state, START + SLOW)

    assert record.labelled.tolist() == [300]
    assert record.rows.tolist() == [400]
    assert state.versions["v2"].learned[0].sum() == 100


def test_challengers_are_estimated_with_a_reference_of_their_own(made, draw):
    watch = monitor()
    state, _, _ = begun(made, draw, watch)
    labels, scores = rows_of(draw, 1_000)
    watch.take(state, made.evaluated("v2", np.arange(1_000), scores, labels), 0)
    both = {"v1": scores[:100], "v2": scores[:100], "fallback": np.full(100, 0.5)}
    watch.take(state, made.predictions(windows(START, 100), both), 0)

    readings = watch.read(state, START, START + FAST)

    assert list(made.by_name(readings)) == ["estimate/log_loss", "estimate/log_loss [v2]"]
    assert [list(made.by_name(each)) for each in readings.references] == [
        ["estimate/log_loss [v2]"]
    ] * 3
    assert watch.read(state, START + FAST, START + 2 * FAST).references == ()


def test_without_validation_rows_labels_that_come_teach(made, draw):
    watch = monitor()
    state = watch.begin()

    assert watch.renew(state, "v1") == ()
    readings, _ = go_on(made, watch, state, START, *rows_of(draw, 150))
    assert readings[0].found == ()
    assert "0 of 200 labelled rows" in dict(readings[0].unmeasured)["estimate/log_loss"]
    readings, _ = go_on(made, watch, state, START + SLOW, *rows_of(draw, 150))
    assert "150 of 200 labelled rows" in dict(readings[-1].unmeasured)["estimate/log_loss"]
    go_on(made, watch, state, START + 2 * SLOW, *rows_of(draw, 150))
    readings, _ = go_on(made, watch, state, START + 3 * SLOW, *rows_of(draw, 150))
    assert made.by_name(readings[0])["estimate/log_loss"].rows > 0


def test_a_regression_is_estimated_by_the_cells_of_its_prediction(made, draw):
    watch = monitor("regression", "rmse", 0)
    state = watch.begin()

    def numbers(count, wide=1.0):
        scores = draw.normal(0, wide, count)
        return scores + draw.normal(0, 0.2 + np.abs(scores)), scores

    labels, scores = numbers(3_000)
    watch.take(state, made.evaluated("v1", np.linspace(0, START - 1, 3_000), scores, labels), 0)
    reference = watch.renew(state, "v1")
    labels, scores = numbers(1_500, 1.4)
    readings, details = go_on(made, watch, state, START, labels, scores)

    before = np.mean([made.by_name(each)["estimate/mse"].mean for each in reference])
    level = made.by_name(readings[2])["estimate/mse"]
    assert level.mean > 1.3 * before
    assert details["estimate/mse"]["rmse"] == pytest.approx(np.sqrt(details["estimate/mse"]["mse"]))


def test_a_regression_without_validation_rows_says_so(made, draw):
    watch = monitor("regression", "mae", 0)
    state = watch.begin()
    watch.renew(state, "v1")
    same = np.full(500, 3.0)
    readings, details = go_on(made, watch, state, START, same, same)

    assert "too few validation rows" in dict(readings[0].unmeasured)["estimate/mae"]
    assert details == {}


def test_constant_targets_that_are_hit_are_expected_to_be(made):
    watch = monitor("regression", "mae", 0)
    state = watch.begin()
    same = np.full(400, 3.0)
    watch.take(state, made.evaluated("v1", np.arange(400), same, same), 0)
    watch.renew(state, "v1")
    readings, details = go_on(made, watch, state, START, same, same)
    [record] = settled(watch, state, START + SLOW)

    assert made.by_name(readings[0])["estimate/mae"].mean == 0.0
    assert details["estimate/mae"]["high"] == 0.0
    assert record.covered.tolist() == [1.0]


def test_odd_rows_do_no_harm(made, draw):
    watch = monitor("multiclass", "log_loss", 3)
    state = watch.begin()
    scores = draw.dirichlet(np.ones(3), 600)
    labels = draw.integers(0, 3, 600).astype(float)
    labels[:5] = [np.nan, 3.0, -1.0, 0.5, np.inf]  # beyond the known classes
    watch.take(state, made.evaluated("v1", np.arange(600), scores, labels), 0)
    watch.renew(state, "v1")
    scores[::2] = np.nan
    readings, details = go_on(made, watch, state, START, labels, scores)
    watch.take(state, made.predictions([START + SLOW], {"v1": scores[:1], "v9": scores[1:2]}), 0)
    one = watch.read(state, START + SLOW, START + SLOW + FAST)
    watch.take(state, made.matured([START], [0.0], {"v9": scores[1:2]}, to_ns=START + SLOW), 0)

    assert sum(made.by_name(each)["estimate/log_loss"].rows for each in readings) == 300
    assert details["estimate/log_loss"]["rows"] == 300.0
    assert "scored no request" in dict(one.unmeasured)["estimate/log_loss"]
    assert "labelled rows" in dict(one.unmeasured)["estimate/log_loss [v9]"]
    assert watch.read(state, START + SLOW + FAST, START + SLOW + 2 * FAST).found == ()


def test_labels_of_one_class_give_an_estimate_all_the_same(made, draw):
    watch = monitor()
    state = watch.begin()
    scores = draw.beta(1, 9, 400)
    watch.take(state, made.evaluated("v1", np.arange(400), scores, np.zeros(400)), 0)
    watch.renew(state, "v1")

    readings, details = go_on(made, watch, state, START, np.zeros(300), scores[:300])

    assert made.by_name(readings[0])["estimate/log_loss"].mean > 0.0
    assert "roc_auc" in details["estimate/log_loss"]


def test_more_classes_than_can_be_calibrated_are_not_estimated(made, draw):
    watch = monitor("multiclass", "log_loss", 61)
    state = watch.begin()
    scores = draw.dirichlet(np.ones(61), 10)
    watch.take(state, made.predictions(windows(START, 10), {"v1": scores}), 0)

    found = watch.read(state, START, START + FAST)

    assert "more than 60 classes" in dict(found.unmeasured)["estimate/log_loss"]
    assert watch.describe(state, START, START + SLOW) == {}


def test_state_is_bounded_and_goes_through_a_snapshot(made, draw):
    watch = monitor()
    state, _, _ = begun(made, draw, watch)
    labels, scores = rows_of(draw, 8)
    for number in range(410):  # windows whose labels never come
        start = START + number * SLOW
        go_on(made, watch, state, start, labels, scores, mature=False)
        if number % 140 == 0:
            state = decode(encode(state))
            watch.take(state, made.evaluated(f"c{number}", np.arange(8), scores, labels), 0)

    assert len(state.awaited) == 400
    assert len(state.versions) <= 10
    assert not state.open


def test_revised_labels_are_learned_but_do_not_settle_a_window_again(made, draw):
    watch = monitor()
    state, _, _ = begun(made, draw, watch)
    labels, scores = rows_of(draw, 300)
    go_on(made, watch, state, START, labels, scores)
    before = settled(watch, state, START + SLOW)
    learned = state.versions["v1"].learned.sum(axis=1)
    revision = made.matured(
        np.full(2, START), [0.0, 1.0], {"v1": np.full(2, 0.5)}, signs=[-1, 1], to_ns=START + SLOW
    )
    watch.take(state, revision, 0)
    after = settled(watch, state, START + 2 * SLOW)

    assert len(before) == 1
    assert after == []
    assert (state.versions["v1"].learned.sum(axis=1) - learned).tolist() == [0.0, 1.0]


def test_validation_rows_that_a_candidate_could_not_score_teach_nothing(made, draw):
    watch = monitor("multiclass", "log_loss", 3)
    state = watch.begin()
    failed = made.evaluated("v1", np.arange(20), np.full(20, np.nan))
    scores, labels = draw.dirichlet(np.ones(3), 300), draw.integers(0, 3, 300)
    rows = made.evaluated("v1", np.arange(300), scores, labels, name="random")

    watch.take(state, replace(failed, sets=failed.sets + rows.sets), 0)
    watch.take(state, replace(failed, version="v2"), 0)

    assert watch.renew(state, "v1")
    assert watch.renew(state, "v2") == ()
