"""When two values are the same."""

from __future__ import annotations

import math

import polars as pl
import pytest

from ostinato.core.errors import ConfigError
from ostinato.features.parity.differ import CLASS_NAMES, Measure, measure_for


def names(measure, served, recomputed):
    return [CLASS_NAMES[code] for code in measure.classes(pl.Series(served), pl.Series(recomputed))]


def test_numbers_differ_beyond_the_tolerance_only():
    found = names(Measure(), [1.0, 1.0, 0.0], [1.0 + 5e-10, 1.0 + 5e-9, 1e-300])

    assert found == ["equal", "both_differ", "both_differ"]


def test_an_absolute_tolerance_adds_to_the_relative_one():
    measure = Measure(atol=0.01)

    assert names(measure, [0.0, 0.0], [0.01, 0.011]) == ["equal", "both_differ"]


def test_null_and_nan_are_both_missing_and_two_missing_values_are_the_same():
    found = names(Measure(), [None, math.nan, 1.0, math.nan], [2.0, 2.0, None, None])

    assert found == ["missing_online", "missing_online", "missing_offline", "equal"]


def test_an_infinite_value_is_the_same_as_itself_only():
    found = names(
        Measure(), [math.inf, math.inf, -math.inf, 1.0], [math.inf, 1.0, math.inf, math.inf]
    )

    assert found == ["equal", "both_differ", "both_differ", "both_differ"]


def test_text_is_compared_exactly():
    measure = Measure(kind="exact", rtol=0.0)

    found = names(measure, ["a", "a ", None, "x"], ["a", "a", "b", None])

    assert found == ["equal", "both_differ", "missing_online", "missing_offline"]


@pytest.mark.parametrize(
    ("served", "recomputed", "kind"),
    [
        (pl.Float64, pl.Float64, "float64"),
        (pl.Float32, pl.Float64, "float32"),
        (pl.Int64, pl.Float64, "float64"),
        (pl.Int32, pl.Int64, "exact"),
        (pl.Boolean, pl.Boolean, "exact"),
        (pl.String, pl.String, "exact"),
        (pl.Null, pl.Float64, "float64"),
        (pl.Null, pl.Null, "exact"),
    ],
)
def test_the_rule_follows_from_the_types(served, recomputed, kind):
    found = measure_for(pl.Series([], dtype=served), pl.Series([], dtype=recomputed))

    assert found.kind == kind


def test_integers_of_two_widths_are_the_same():
    served, recomputed = pl.Series([5], dtype=pl.Int8), pl.Series([5], dtype=pl.Int64)

    assert measure_for(served, recomputed).same(served, recomputed).all()


def test_a_value_that_passed_through_32_bits_is_the_same():
    exact = pl.Series([0.1, 1e6 + 0.1])
    short = exact.cast(pl.Float32)

    assert measure_for(short, exact).same(short, exact).all()
    assert not Measure().same(short, exact).any()


@pytest.mark.parametrize("wrong", [{"kind": "money"}, {"rtol": -1.0}, {"atol": math.nan}])
def test_a_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ConfigError):
        Measure(**wrong)
