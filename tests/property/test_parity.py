"""Parity for all inputs: classes, totals, evidence and causes."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.features.parity import FeatureTotals, Scan, ShareEvidence, compare, find_cause
from ostinato.features.parity.differ import (
    EQUAL,
    MISSING_OFFLINE,
    MISSING_ONLINE,
    Measure,
)

NUMBERS = st.one_of(
    st.none(),
    st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf, 5e-324, 1e308, -1e308]),
    st.floats(),
)
COLUMNS = st.integers(0, 30).flatmap(
    lambda n: st.tuples(
        st.lists(NUMBERS, min_size=n, max_size=n), st.lists(NUMBERS, min_size=n, max_size=n)
    )
)
COUNTS = st.lists(
    st.integers(0, 40).flatmap(lambda rows: st.tuples(st.just(rows), st.integers(0, rows))),
    max_size=30,
)


def series(values):
    return pl.Series(values, dtype=pl.Float64)


@settings(deadline=None)
@given(COLUMNS)
def test_exchanging_the_sides_exchanges_the_classes(columns):
    served, recomputed = map(series, columns)
    there = Measure().classes(served, recomputed)
    back = Measure().classes(recomputed, served)

    assert ((there == EQUAL) == (back == EQUAL)).all()
    assert ((there == MISSING_ONLINE) == (back == MISSING_OFFLINE)).all()


@settings(deadline=None)
@given(COLUMNS)
def test_a_column_is_the_same_as_itself(columns):
    served = series(columns[0])

    assert Measure().same(served, served).all()


@settings(max_examples=40, deadline=None)
@given(COLUMNS, st.integers(0, 30))
def test_totals_of_two_parts_are_those_of_the_whole(columns, cut):
    served, recomputed = (pl.DataFrame({"x": series(values)}) for values in columns)

    whole = compare(served, recomputed).features[0].totals
    first = compare(served[:cut], recomputed[:cut]).features[0].totals
    second = compare(served[cut:], recomputed[cut:]).features[0].totals

    both = first.plus(second)
    assert (both.rows, both.mismatches) == (whole.rows, whole.mismatches)
    assert both.missing_online == whole.missing_online


@given(st.integers(0, 5_000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
@settings(max_examples=40, deadline=None)
def test_the_interval_holds_the_share_that_was_seen(counts):
    rows, hits = counts
    totals = FeatureTotals(rows=rows, both_differ=hits)

    low, high = totals.interval()

    assert 0.0 <= low <= high <= 1.0
    if rows:
        assert low <= totals.share <= high


@settings(deadline=None)
@given(COUNTS, st.sampled_from(["above", "below"]), st.floats(1e-4, 0.4))
def test_evidence_is_a_number_and_a_worse_row_never_lowers_it(counts, side, tolerated):
    evidence = ShareEvidence.begin(1, side=side, tolerated=tolerated)
    worse = evidence
    for at, (rows, hits) in enumerate(counts):
        more = min(hits + 1, rows)
        evidence = evidence.updated(np.array([rows]), np.array([hits]), at_ns=at)
        worse = worse.updated(np.array([rows]), np.array([more]), at_ns=at)

    assert not np.isnan(evidence.log_e).any()
    assert (evidence.log_cu >= 0.0).all()
    if side == "above":
        assert (worse.log_sr >= evidence.log_sr - 1e-9).all()


@given(COLUMNS, st.sampled_from([None, 0.0, 7.0]))
@settings(max_examples=60, deadline=None)
def test_any_two_columns_get_an_answer(columns, default):
    served, recomputed = map(series, columns)
    shifted = np.nan_to_num(recomputed.fill_null(0.0).to_numpy() * 0.5)

    cause = find_cause("x", served, recomputed, lambda variant: shifted, scan=Scan(default=default))

    assert 0.0 <= cause.share <= 1.0
    assert cause.rows == int((~Measure().same(served, recomputed)).sum())
    assert cause.text.startswith("x: ")
    assert not cause.known or cause.share >= 0.5
