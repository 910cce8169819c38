"""What differs, by how much, and what it does to the score."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import DataError
from ostinato.features.parity import FeatureTotals, compare

SERVED = pl.DataFrame(
    {"a": [1.0, 2.0, None, 4.0], "b": ["x", "y", "z", None], "plain": [1.0, 1.0, 1.0, 1.0]}
)
RECOMPUTED = pl.DataFrame({"a": [1.0, 3.0, 5.0, None], "b": ["x", "q", "z", None]})


def score(frame):
    return (
        frame["a"].fill_null(0.0).to_numpy() * 10.0
        + (frame["b"] == "q").fill_null(False).to_numpy()
    )


def test_rows_are_counted_by_class_for_each_feature():
    found = compare(SERVED, RECOMPUTED)

    a, b = (feature.totals for feature in found.features)
    assert found.names == ("a", "b")
    assert (a.missing_online, a.missing_offline, a.both_differ, a.rows) == (1, 1, 1, 4)
    assert (b.missing_online, b.missing_offline, b.both_differ) == (0, 0, 1)
    assert found.classes[:, 0].tolist() == [0, 3, 1, 2]


def test_the_size_of_differences_is_told_over_numbers_that_differ():
    found = compare(SERVED, RECOMPUTED).features[0]

    assert found.totals.smape == pytest.approx(1.0 / 5.0)
    assert found.delta_quantiles == (-1.0,) * 7


def test_the_effect_on_the_score_is_told_for_each_feature_alone_and_for_all():
    found = compare(SERVED, RECOMPUTED, score=score)

    a, b = (feature.totals for feature in found.features)
    assert a.effect_mean == pytest.approx((10.0 + 50.0 + 40.0) / 4.0)
    assert a.effect_max == 50.0
    assert b.effect_mean == pytest.approx(0.25)
    assert found.effect_mean == pytest.approx((11.0 + 50.0 + 40.0) / 4.0)
    assert found.effect_max == 50.0


def test_only_rows_that_differ_are_scored():
    asked = []

    def counting(frame):
        asked.append(frame.height)
        return np.zeros(frame.height)

    compare(SERVED, RECOMPUTED, score=counting)

    assert asked == [3, 3, 1, 1, 3, 3]


def test_several_outputs_count_by_the_one_that_changes_most():
    def two(frame):
        a = frame["a"].fill_null(0.0).to_numpy()
        return np.stack([a, -3.0 * a], axis=1)

    found = compare(SERVED, RECOMPUTED.select("a"), score=two)

    assert found.effect_max == 15.0


def test_a_model_sees_the_types_that_it_was_served():
    types = []

    def look(frame):
        types.append(frame["a"].dtype)
        return np.zeros(frame.height)

    served = pl.DataFrame({"a": pl.Series([1, 2], dtype=pl.Int64)})
    compare(served, pl.DataFrame({"a": [1.0, 5.0]}), score=look)

    assert set(types) == {pl.Int64}


def test_without_a_score_the_effect_is_unknown_and_not_nothing():
    found = compare(SERVED, RECOMPUTED)

    assert math.isnan(found.effect_mean)
    assert math.isnan(found.features[0].totals.effect_mean)


def test_the_age_of_values_is_told_with_the_share_beyond_the_limit():
    times = np.array([100, 200, 300, 400])
    newest = {"a": np.array([90, 100, -1, 399])}

    found = compare(SERVED, RECOMPUTED, times_ns=times, newest_ns=newest, limit_ns=50)

    a, b = found.features
    assert a.staleness_quantiles_ns[3] == 10.0
    assert a.totals.stale_share == pytest.approx(1.0 / 3.0)
    assert b.staleness_quantiles_ns == ()
    assert math.isnan(b.totals.stale_share)


def test_the_table_begins_with_what_moves_the_score_most():
    table = compare(SERVED, RECOMPUTED.select("b", "a"), score=score).table()

    assert table["feature"].to_list() == ["a", "b"]
    assert table["share_low"][0] <= table["share"][0] <= table["share_high"][0]


def test_no_rows_are_no_error():
    found = compare(SERVED.clear(), RECOMPUTED.clear(), score=score)

    assert found.rows == 0
    assert math.isnan(found.features[0].totals.share)
    assert found.features[0].totals.interval() == pytest.approx((0.0, 1.0))


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="number of rows"):
        compare(SERVED, RECOMPUTED.head(2))
    with pytest.raises(DataError, match="never served"):
        compare(SERVED, RECOMPUTED.rename({"a": "c"}))
    with pytest.raises(DataError, match="times of the requests"):
        compare(SERVED, RECOMPUTED, newest_ns={"a": np.zeros(4, dtype=np.int64)})


def test_the_interval_of_a_share_covers_it_at_every_look():
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(60):
        hits = np.cumsum(rng.random(4_000) < 0.005)
        looks = range(199, 4_000, 950)
        bounds = [FeatureTotals(rows=n + 1, both_differ=int(hits[n])).interval() for n in looks]
        missed += any(not low <= 0.005 <= high for low, high in bounds)

    assert missed <= 12  # 3 expected at most


def test_totals_of_parts_are_the_totals_of_all():
    whole = compare(SERVED, RECOMPUTED, score=score).features[0].totals
    parts = [
        compare(SERVED[rows], RECOMPUTED[rows], score=score).features[0].totals
        for rows in ([0, 2], [1, 3])
    ]

    assert parts[0].plus(parts[1]) == whole
