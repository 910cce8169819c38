import numpy as np
import polars as pl

from ostinato.features.missing import MissingCounts, compare_missing, count_missing


def test_null_and_nan_are_missing_and_parts_add_up() -> None:
    frame = pl.DataFrame({"a": [1.0, None, float("nan"), 2.0], "b": ["x", None, "y", "z"]})

    whole = count_missing(frame)

    assert whole == MissingCounts(rows=4, missing={"a": 2, "b": 1})
    assert count_missing(frame[:1]) + count_missing(frame[1:]) == whole
    assert MissingCounts() + whole == whole
    assert whole.shares() == {"a": 0.5, "b": 0.25}
    assert count_missing(frame.clear()).shares() == {"a": 0.0, "b": 0.0}


def test_a_share_that_moved_is_told_first() -> None:
    served = MissingCounts(rows=5000, missing={"same": 500, "more": 900, "fewer": 10})

    shifts = compare_missing({"same": 0.1, "more": 0.1, "fewer": 0.1}, served)

    assert [(s.feature, s.moved) for s in shifts] == [
        ("fewer", True),
        ("more", True),
        ("same", False),
    ]
    assert shifts[1].served == 0.18
    assert shifts[1].e_value > 1e6


def test_a_few_rows_show_nothing() -> None:
    [shift] = compare_missing({"a": 0.0}, MissingCounts(rows=3, missing={"a": 3}))

    assert not shift.moved


def test_a_feature_that_goes_missing_altogether_is_told_soon() -> None:
    [shift] = compare_missing({"a": 0.0}, MissingCounts(rows=10, missing={"a": 10}))

    assert shift.moved


def test_a_share_within_the_tolerance_is_not_told_however_often_one_looks() -> None:
    rng = np.random.default_rng(4)
    told = 0
    for _ in range(100):
        counts = MissingCounts()
        for hits in rng.binomial(50, 0.12, size=30):  # at the very edge
            counts += MissingCounts(rows=50, missing={"a": int(hits)})
            if compare_missing({"a": 0.1}, counts, alpha=0.05)[0].moved:
                told += 1
                break

    assert told <= 19  # mean at most 5: more than 19 once in a million
