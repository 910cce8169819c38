from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.records import LabelsUnusable, RowsMatured
from ostinato.core.snapshot import encode
from ostinato.join.coverage import NO_LABEL

NAN = float("nan")


@pytest.mark.parametrize("ids", [[7, 8], ["a", "b"]])
def test_labels_find_their_predictions_by_id(join, ids):
    joining = join()
    joining.tick(10, joining.predictions(ids, [1, 2], offset=40))
    (matured,) = joining.tick(20, joining.labels((ids[1], 12, 1), (ids[0], 15, 0)))
    assert matured.offsets.tolist() == [40, 41]
    assert matured.labels.tolist() == [0.0, 1.0]
    assert matured.label_times_ns.tolist() == [15, 12]
    assert matured.signs.tolist() == [1, 1]
    assert matured.scores["v1"].tolist() == [0.25, 0.25]
    assert not matured.revision


def test_integer_and_text_ids_are_different_predictions(join):
    joining = join()
    joining.tick(1, joining.predictions([5], [1]), joining.predictions(["5"], [1], offset=1))
    joining.tick(2, joining.labels(("5", 2, 1), (5, 2, 0)))
    assert joining.rows() == {0: 0.0, 1: 1.0}


def test_label_of_the_same_tick_is_taken_whatever_comes_first(join):
    joining = join()
    joining.tick(9, joining.labels((1, 5, 1)), joining.predictions([1], [3]))
    assert joining.rows() == {0: 1.0}


def test_cohort_waits_for_its_last_label(join):
    joining = join()
    joining.tick(10, joining.predictions([1, 2], [1, 2]))
    assert joining.tick(20, joining.labels((1, 15, 1))) == []
    assert joining.tick(101) == []
    assert len(joining.tick(102)) == 1
    assert joining.rows()[0] == 1.0
    assert np.isnan(joining.rows()[1])


def test_quick_cohort_does_not_overtake_a_slow_one(join):
    joining = join()
    joining.tick(10, joining.predictions([1], [10]))
    joining.tick(20, joining.predictions([2], [20], offset=1))
    assert joining.tick(30, joining.labels((2, 30, 1))) == []
    (matured,) = joining.tick(40, joining.labels((1, 40, 0)))
    assert matured.offsets.tolist() == [0, 1]


def test_censored_label_is_unknown_and_has_no_time(join):
    joining = join(never="censored")
    joining.tick(10, joining.predictions([1], [10]))
    (matured,) = joining.tick(110)
    assert np.isnan(matured.labels[0])
    assert matured.label_times_ns[0] == NO_LABEL
    assert joining.state.counts == {"rows matured": 1, "labels overdue": 1}


def test_overdue_label_means_no_where_that_was_declared(join):
    joining = join(never="negative")
    joining.tick(10, joining.predictions([1, 2], [10, 10]))
    joining.tick(110, joining.labels((2, 50, 1)))
    assert joining.rows() == {0: 0.0, 1: 1.0}
    assert joining.state.counts["labels overdue"] == 1


def test_late_label_takes_the_row_back_and_gives_it_anew(join):
    joining = join()
    joining.tick(10, joining.predictions([1, 2], [10, 10], versions=("v1", "v2")))
    joining.tick(110, joining.labels((2, 50, 0)))
    (revision,) = joining.tick(120, joining.labels((1, 115, 1)))
    assert revision.revision
    assert revision.offsets.tolist() == [0, 0]
    assert revision.signs.tolist() == [-1, 1]
    assert np.isnan(revision.labels[0])
    assert revision.labels[1] == 1.0
    assert {v: s.tolist() for v, s in revision.scores.items()} == {
        "v1": [0.25] * 2,
        "v2": [1.25] * 2,
    }
    assert joining.rows() == {0: 1.0, 1: 0.0}


def test_late_yes_corrects_an_assumed_no_and_a_late_no_changes_nothing(join):
    joining = join(never="negative")
    joining.tick(10, joining.predictions([1, 2], [10, 10]))
    joining.tick(110)
    made = joining.tick(120, joining.labels((1, 115, 1), (2, 116, 0)))
    assert [record.offsets.tolist() for record in made] == [[0, 0]]
    assert joining.rows() == {0: 1.0, 1: 0.0}
    assert joining.state.coverage.overdue == 0


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_last_label_by_label_time_wins_before_maturity(join, order, together):
    joining = join(classes=3)
    joining.tick(10, joining.predictions([1, 2], [10, 10]))
    rows = [(1, 20, 0), (1, 30, 1), (1, 40, 2)]
    batches = [[rows[k] for k in order]] if together else [[rows[k]] for k in order]
    for batch in batches:
        joining.tick(50, joining.labels(*batch))
    joining.tick(60, joining.labels((2, 60, 1)))
    assert joining.rows() == {0: 2.0, 1: 1.0}
    assert len(joining.state.history[0]) == 2


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
def test_last_label_by_label_time_wins_after_maturity(join, order):
    joining = join(horizon=20, revise=100, classes=3)
    joining.tick(10, joining.predictions([1], [10]))
    joining.tick(30)
    rows = [(1, 20, 0), (1, 30, 1), (1, 40, 2)]
    joining.tick(50, joining.labels(*(rows[k] for k in order)))
    assert joining.rows() == {0: 2.0}


def test_of_labels_of_one_moment_the_last_one_heard_wins(join):
    joining = join(classes=3)
    joining.tick(10, joining.predictions([1, 2], [10, 10]))
    joining.tick(20, joining.labels((1, 15, 0), (1, 15, 2), (1, 15, 1)))
    joining.tick(30, joining.labels((2, 15, 0)))
    assert joining.rows() == {0: 1.0, 1: 0.0}


def test_replaced_labels_are_kept_as_long_as_their_row(join):
    joining = join()
    joining.tick(10, joining.predictions([1], [10]), joining.labels((1, 11, 0)))
    joining.tick(20, joining.labels((1, 15, 1)))
    joining.tick(30, joining.predictions([2], [30], offset=1), joining.labels((2, 31, 0)))
    joining.tick(40, joining.labels((2, 35, 1)))
    assert joining.state.history == {0: [(0.0, 11)], 1: [(0.0, 31)]}
    joining.tick(160)
    assert joining.state.history == {1: [(0.0, 31)]}
    joining.tick(180)
    assert joining.state.history == {}


def test_revision_after_the_window_is_left_out_and_counted(join):
    joining = join(horizon=100, revise=50)
    joining.tick(10, joining.predictions([1], [10]), joining.labels((1, 11, 0)))
    joining.tick(159, joining.labels((1, 20, 1)))
    assert joining.rows() == {0: 1.0}
    joining.tick(160)
    joining.tick(170, joining.labels((1, 165, 0)))
    (report,) = joining.tick(270)
    assert joining.rows() == {0: 1.0}
    assert isinstance(report, LabelsUnusable)
    assert report.evidence == {"ids": ["1"], "rows": 1}
    assert joining.state.counts["labels without a prediction"] == 1


def test_repeated_label_changes_nothing(join):
    joining = join()
    joining.tick(10, joining.predictions([1], [10]))
    joining.tick(20, joining.labels((1, 15, 1), (1, 15, 1)))
    assert joining.tick(30, joining.labels((1, 15, 1))) == []
    assert joining.state.counts["labels repeated"] == 2
    assert joining.rows() == {0: 1.0}


def test_withdrawn_label_is_unknown_again(join):
    joining = join()
    joining.tick(10, joining.predictions([1, 2], [10, 10]))
    joining.tick(20, joining.labels((1, 15, 1), (2, 15, 1)))
    joining.tick(30, joining.labels((1, 25, NAN)))
    assert np.isnan(joining.rows()[0])
    assert joining.state.coverage.labelled == 1
    joining.tick(40, joining.labels((1, 20, 0)))
    assert np.isnan(joining.rows()[0])
    joining.tick(50, joining.labels((1, 45, 0)))
    assert joining.rows() == {0: 0.0, 1: 1.0}


def test_cohort_with_a_withdrawn_label_waits_for_another_one(join):
    joining = join()
    joining.tick(10, joining.predictions([1, 2], [10, 10]), joining.labels((1, 11, 1)))
    joining.tick(20, joining.labels((1, 12, NAN)))
    assert joining.tick(30, joining.labels((2, 13, 1))) == []
    assert len(joining.tick(40, joining.labels((1, 14, 0)))) == 1
    assert joining.rows() == {0: 0.0, 1: 1.0}


def test_label_before_its_prediction_is_kept(join):
    joining = join()
    joining.tick(5, joining.labels(("x", 3, 0), ("x", 2, 1), ("y", 1, 1)))
    joining.tick(10, joining.predictions(["x", "y"], [10, 10]))
    assert joining.rows() == {0: 0.0, 1: 1.0}
    assert joining.state.early == {}


def test_label_that_never_finds_a_prediction_is_dropped_at_the_horizon_and_reported_once(join):
    joining = join(horizon=100)
    joining.tick(5, joining.labels(("x", 3, 0)))
    joining.tick(50, joining.labels(("x", 40, 1), ("y", 40, 1)))
    assert joining.tick(104) == []
    (report,) = joining.tick(105)
    assert report.evidence == {"ids": ["x"], "rows": 1}
    assert joining.tick(150) == []
    assert joining.state.early == {}
    assert joining.state.counts == {"labels without a prediction": 2}


def test_labels_outside_the_known_classes_are_counted_and_reported_once(join):
    joining = join(classes=2)
    joining.tick(10, joining.predictions([1, 2], [10, 10]))
    (report,) = joining.tick(20, joining.labels((1, 15, 2), (1, 15, -1), (2, 15, 0.5), (1, 16, 1)))
    assert isinstance(report, LabelsUnusable)
    assert report.evidence == {"values": ["-1.0", "0.5", "2.0"], "rows": 3}
    assert joining.tick(30, joining.labels((2, 15, 7))) == []
    assert joining.state.counts["labels outside the known classes"] == 4
    joining.tick(40, joining.labels((2, 35, 0)))
    assert joining.rows() == {0: 1.0, 1: 0.0}


def test_target_of_a_regression_may_be_any_finite_number(join):
    joining = join(classes=0)
    joining.tick(10, joining.predictions([1, 2], [10, 10]))
    joining.tick(20, joining.labels((1, 15, -3.5), (2, 15, np.inf), (2, 14, 1e9)))
    assert joining.rows() == {0: -3.5, 1: 1e9}
    assert joining.state.counts["labels outside the known classes"] == 1


def test_retried_prediction_counts_once(join):
    joining = join()
    joining.tick(10, joining.predictions([1, 2, 1], [8, 9, 10]))
    joining.tick(20, joining.predictions([2, 3], [15, 16], offset=3))
    joining.tick(30, joining.predictions([3], [25], offset=5))
    joining.tick(40, joining.labels((1, 35, 0), (2, 35, 1), (3, 35, 1)))
    assert joining.rows() == {0: 0.0, 1: 1.0, 4: 1.0}
    assert joining.state.counts["predictions doubled"] == 3
    assert joining.state.counts["rows matured"] == 3


def test_id_may_be_used_again_when_its_first_prediction_is_forgotten(join):
    joining = join(horizon=100, revise=50)
    joining.tick(10, joining.predictions([1], [10]), joining.labels((1, 10, 0)))
    joining.tick(160)
    joining.tick(170, joining.predictions([1], [170], offset=9), joining.labels((1, 170, 1)))
    assert joining.rows() == {0: 0.0, 9: 1.0}


def test_cohorts_of_other_versions_or_score_shapes_come_in_records_of_their_own(join):
    joining = join(classes=3)
    joining.tick(10, joining.predictions([1], [10], classes=3))
    joining.tick(20, joining.predictions([2], [20], offset=1))  # the version failed: one NaN a row
    joining.tick(30, joining.predictions([3], [30], offset=2, classes=3, versions=("v1", "v2")))
    joining.tick(130)
    assert [tuple(r.scores["v1"].shape) for r in joining.out] == [(1, 3), (1,), (1, 3)]
    revised = joining.tick(135, joining.labels((1, 120, 1), (2, 120, 1), (3, 120, 2)))
    assert [r.offsets.tolist() for r in revised] == [[0, 0], [1, 1], [2, 2]]
    assert joining.rows() == {0: 1.0, 1: 1.0, 2: 2.0}


def test_revisions_of_several_cohorts_come_in_one_record(join):
    joining = join(horizon=20, revise=500)
    for row in range(4):
        joining.tick(row * 10, joining.predictions([row], [row * 10], offset=row))
    joining.tick(100)
    (revision,) = joining.tick(110, joining.labels((2, 50, 1), (0, 60, 0), (3, 70, 1)))
    assert revision.offsets.tolist() == [0, 2, 3] * 2
    assert revision.labels.tolist()[3:] == [0.0, 1.0, 1.0]
    assert revision.times_ns.tolist() == [0, 20, 30] * 2


def test_matured_up_to_a_moment_means_that_nothing_of_it_is_open(join):
    joining = join()
    joining.tick(10, joining.predictions([1, 2], [5, 10]))
    (first,) = joining.tick(10, joining.labels((1, 10, 1), (2, 10, 1)))
    assert first.matured_to_ns == 9  # more may come at 10
    joining.tick(20, joining.predictions([3], [20], offset=2))
    joining.tick(20, joining.predictions([4], [20], offset=3))
    (second,) = joining.tick(30, joining.labels((3, 25, 1)))
    assert second.matured_to_ns == 19
    (third,) = joining.tick(40, joining.labels((4, 35, 1)))
    assert third.matured_to_ns == 20


def test_predictions_before_1970_are_joined_as_others_are(join):
    joining = join()
    joining.tick(-900, joining.predictions([1, 2], [-1_000, -950]), joining.labels((1, -1, 1)))
    (matured,) = joining.tick(-850)
    assert matured.labels[0] == 1.0
    assert matured.matured_to_ns == -950
    joining.tick(-840, joining.labels((2, -845, 0), (1, -2, 0)))
    assert joining.rows() == {0: 1.0, 1: 0.0}


def test_records_given_out_do_not_change_afterwards(join):
    joining = join()
    joining.tick(10, joining.predictions([1], [10]), joining.labels((1, 10, 0)))
    (matured,) = joining.out
    joining.tick(20, joining.labels((1, 15, 1)))
    assert matured.labels.tolist() == [0.0]


def test_empty_records_are_taken(join):
    joining = join()
    empty = joining.predictions([1], [1])
    joining.tick(5, empty, joining.labels((1, 2, 1)))
    again = joining.predictions([1], [6], offset=1)
    assert joining.tick(7, again) == []
    assert joining.rows() == {0: 1.0}


def test_memory_does_not_grow_with_the_length_of_the_stream(join):
    joining = join(horizon=50, revise=50)
    sizes = {}
    draw = np.random.default_rng(3)
    for tick in range(1, 2_001):
        now, first = tick * 10, tick * 4
        ids = list(range(first, first + 4))
        late = [(int(i), now, 1) for i in draw.integers(max(first - 60, 0), first + 8, 6)]
        made = joining.tick(
            now, joining.predictions(ids, [now] * 4, offset=first), joining.labels(*late)
        )
        assert all(isinstance(record, RowsMatured | LabelsUnusable) for record in made)
        joining.out.clear()
        if tick in {20, 200, 2_000}:
            sizes[tick] = len(encode(joining.state))
    assert sizes[2_000] < 1.5 * sizes[20]
    assert len(joining.state.slots) == sum(len(c) for c in joining.state.cohorts) <= 4 * 11
    assert len(joining.state.labels.values) <= 512


def test_times_before_1970_mature_like_any_others(join):
    early = -300_000_000
    joining = join()
    fresh = joining.state.matured_to_ns

    joining.tick(early, joining.predictions(["a"], [early]), joining.labels(("a", early, 1.0)))
    joining.tick(early + 1)
    joining.tick(early + 200, joining.predictions(["b"], [early + 190], offset=1))
    matured = joining.tick(early + 400)

    assert fresh is None
    assert joining.rows()[0] == 1.0
    assert joining.state.matured_to_ns == matured[-1].matured_to_ns == early + 190


def test_how_probable_each_answer_was_stays_with_its_row(join):
    loop = join()
    first, second = loop.predictions(["a", "b"], [1, 2]), loop.predictions(["c"], [3], offset=2)
    doubled = loop.predictions(["b", "d"], [4, 5], offset=3)

    loop.tick(
        5,
        replace(first, propensities=np.array([0.2, 0.8])),
        second,
        replace(doubled, propensities=np.array([0.3, 0.7])),
    )
    loop.tick(6, loop.labels(*[(name, 6, 1.0) for name in "abcd"]))

    [rows] = [record for record in loop.out if isinstance(record, RowsMatured)]
    assert rows.propensities.tolist() == [0.2, 0.8, 1.0, 0.7]
