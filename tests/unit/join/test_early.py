from __future__ import annotations

import numpy as np

from ostinato.core.records import LabelsAwaited, RowsLabelled
from ostinato.core.snapshot import decode, encode
from ostinato.join.coverage import NO_LABEL

NAN = float("nan")


def told(joining):
    """(prediction time, label, label time) of every row told of, in order."""
    return [
        row
        for record in joining.out
        if isinstance(record, RowsLabelled)
        for row in zip(
            record.times_ns.tolist(),
            record.labels.tolist(),
            record.label_times_ns.tolist(),
            strict=True,
        )
    ]


def awaited(joining):
    return [t for r in joining.out if isinstance(r, LabelsAwaited) for t in r.times_ns.tolist()]


def test_nothing_is_told_early_unless_it_was_asked_for(join):
    joining = join()
    joining.tick(10, joining.predictions([1, 2], [1, 2]), joining.labels((1, 5, 1)))
    assert joining.out == []


def test_a_first_label_is_told_before_its_cohort_matures(join):
    joining = join(early=True)
    joining.tick(10, joining.predictions([1, 2], [1, 2], versions=("v1", "v2")))

    (labelled,) = joining.tick(20, joining.labels((2, 15, 1)))

    assert isinstance(labelled, RowsLabelled)
    assert (labelled.times_ns.tolist(), labelled.labels.tolist()) == ([2], [1.0])
    assert labelled.label_times_ns.tolist() == [15]
    assert {v: s.tolist() for v, s in labelled.scores.items()} == {"v1": [0.25], "v2": [1.25]}


def test_retries_repeats_and_revisions_are_told_once(join):
    joining = join(early=True)
    joining.tick(10, joining.predictions([1, 2, 1], [1, 2, 1]))
    joining.tick(12, joining.predictions([2], [2], offset=3))

    joining.tick(20, joining.labels((1, 15, 1), (1, 15, 1), (1, 16, 0)))
    joining.tick(30, joining.labels((1, 15, 1), (1, 25, NAN)))
    joining.tick(40, joining.labels((1, 35, 1)))

    assert awaited(joining) == [1, 2]
    assert told(joining) == [(1, 1.0, 15)]


def test_a_row_whose_first_label_was_withdrawn_before_it_came_is_told_by_the_next_one(join):
    joining = join(early=True)
    joining.tick(10, joining.predictions([1], [1]))
    joining.tick(20, joining.labels((1, 18, NAN)))
    joining.tick(30, joining.labels((1, 12, 1)))  # older than the withdrawal: never counts
    joining.tick(40, joining.labels((1, 35, 0)))
    assert told(joining) == [(1, 0.0, 35)]


def test_rows_are_told_in_the_order_of_their_labels_whatever_cohort_they_are_of(join):
    joining = join(early=True)
    joining.tick(10, joining.predictions([1, 2], [1, 2]))
    joining.tick(20, joining.predictions([3], [15], offset=2))

    joining.tick(30, joining.labels((3, 22, 0), (1, 25, 1), (2, 23, 0)))

    assert told(joining) == [(15, 0.0, 22), (2, 0.0, 23), (1, 1.0, 25)]


def test_a_label_held_for_its_prediction_is_told_with_it(join):
    joining = join(early=True)
    joining.tick(5, joining.labels((1, 4, 1)))
    made = joining.tick(10, joining.predictions([1], [3]))
    assert [type(record) for record in made[:2]] == [LabelsAwaited, RowsLabelled]


def test_an_overdue_label_that_means_no_is_told_when_the_row_matures_and_never_again(join):
    joining = join(early=True, never="negative")
    joining.tick(10, joining.predictions([1, 2, 3], [10, 10, 10]))
    joining.tick(50, joining.labels((1, 40, 1), (3, 40, NAN)))
    joining.tick(110)
    joining.tick(120, joining.labels((2, 115, 1)))
    assert told(joining) == [(10, 1.0, 40), (10, 0.0, NO_LABEL), (10, 0.0, NO_LABEL)]


def test_a_censored_row_is_told_when_its_label_comes_after_all(join):
    joining = join(early=True)
    joining.tick(10, joining.predictions([1], [10]))
    joining.tick(110)
    joining.tick(120, joining.labels((1, 115, 1)))
    assert told(joining) == [(10, 1.0, 115)]


def test_what_was_told_is_remembered_over_a_restart(join):
    joining = join(early=True)
    joining.tick(10, joining.predictions(list(range(300)), list(range(300))))
    joining.tick(310, joining.labels((0, 305, 1)))
    config = joining.state.config_
    joining.state = decode(encode(joining.state))
    joining.state.config_ = config

    joining.tick(320, joining.labels((0, 315, NAN)))
    joining.tick(330, joining.labels((0, 325, 1), (299, 326, 0)))

    assert told(joining) == [(0, 1.0, 305), (299, 0.0, 326)]


def test_which_version_scored_which_row_is_told(join):
    joining = join(early=True)
    made = joining.predictions([1, 2], [1, 2], versions=("v1", "v2"), classes=3)
    made.scores["v2"][0] = np.nan
    (told_of,) = joining.tick(10, made)
    assert {v: s.tolist() for v, s in told_of.scored.items()} == {
        "v1": [True, True],
        "v2": [False, True],
    }
