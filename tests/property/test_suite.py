"""Suites pass the tables that they came from, other draws of the same rows, and their own file."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ostinato as ost

ODD_TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = {
    "numbers": st.floats(width=64) | st.none(),
    "whole": st.integers(-(2**62), 2**62) | st.none(),
    "texts": ODD_TEXT | st.none(),
    "truths": st.booleans() | st.none(),
}


@st.composite
def tables(draw: Any) -> pl.DataFrame:
    rows = draw(st.integers(1, 200))
    names = draw(st.lists(ODD_TEXT, min_size=1, max_size=4, unique=True))
    columns = {}
    for name in names:
        kind = draw(st.sampled_from(sorted(VALUES)))
        few = draw(st.lists(VALUES[kind], min_size=1, max_size=8))
        dtype = {"numbers": pl.Float64, "whole": pl.Int64, "texts": pl.String}.get(kind, pl.Boolean)
        seed = draw(st.integers(0, 1000))
        picked = np.random.default_rng(seed).integers(0, len(few), rows)
        columns[name] = pl.Series([few[i] for i in picked], dtype=dtype)
    return pl.DataFrame(columns)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_any_table_passes_its_own_suite_and_the_suite_its_own_file(table):
    suite = ost.Suite.infer(table, at_ns=0)
    report = suite.check(table)
    assert not report.failures
    assert not report.warnings
    from ostinato.watch.suite.reading import parsed

    again = ost.Suite(**parsed(suite.to_text(), "the text"))
    assert again == suite
    assert again.to_text() == suite.to_text()


def world(seed: int, rows: int = 3000) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "a": np.where(rng.random(rows) < 0.05, np.nan, rng.lognormal(0, 1, rows)),
            "b": rng.poisson(0.2, rows),
            "c": rng.choice(
                list("abcdefgh"), rows, p=np.array([40, 30, 15, 8, 4, 2, 0.9, 0.1]) / 100
            ),
            "d": rng.random(rows) < 0.01,
            "e": rng.normal(size=rows),
            "y": rng.choice(["good", "bad"], rows, p=[0.97, 0.03]),
        }
    )


@pytest.mark.parametrize("seed", range(5))
@settings(max_examples=15, deadline=None)
@given(draw=st.integers(0, 10_000), share=st.floats(0.1, 1.0))
def test_draws_of_the_same_rows_pass(seed, draw, share):
    table = world(seed)
    suite = ost.Suite.infer(table, label="y")
    picked = np.random.default_rng(draw).permutation(table.height)[: int(share * table.height)]
    report = suite.check(table[np.sort(picked)])
    assert not report.failures
    assert not report.warnings


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 50),
    share=st.floats(0.35, 1.0),
    fault=st.sampled_from(["missing", "far", "new"]),
)
def test_planted_faults_of_any_larger_size_fail_what_is_about_them(seed, share, fault):
    table = world(seed)
    suite = ost.Suite.infer(table, label="y")
    hit = pl.Series(np.random.default_rng(seed).random(table.height) < share)
    planted = {
        "missing": (pl.lit(None, dtype=pl.Float64), "e"),
        "far": (pl.lit(1e6), "e"),
        "new": (pl.lit("strange"), "c"),
    }
    value, column = planted[fault]
    broken = table.with_columns(pl.when(hit).then(value).otherwise(pl.col(column)).alias(column))
    report = suite.check(broken)
    found = {(e.subject, e.test) for e in (*report.failures, *report.warnings)}
    assert (column, fault) in found
    if fault != "new" or share > 0.6:
        assert (column, fault) in {(e.subject, e.test) for e in report.failures}
