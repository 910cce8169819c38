"""One request is assigned as a batch of them is, and one unit is the one of the history."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ostinato.core.ids import hash_key, hash_keys, hash_unit, place, place_one
from ostinato.core.records import Routes
from ostinato.replay.history import unit_hashes
from ostinato.serve.assign import (
    FALLBACK,
    assign,
    assign_one,
    fallback_propensity,
    probabilities,
    propensity,
    versions_of,
)

WHOLE = st.integers(-(2**63), 2**64 - 1)
TEXT = st.text()
KEYS = st.one_of(WHOLE, st.integers(), TEXT, st.none(), st.booleans())
SHARES = st.one_of(st.just(0.0), st.just(1.0), st.floats(0.0, 1.0))
ROUTES = st.builds(
    Routes,
    champion=st.just("v1"),
    canary=st.sampled_from([None, "v2", "v1"]),
    canary_share=SHARES,
    holdback=st.sampled_from([None, "v0", "v2"]),
    holdback_share=st.floats(0.0, 1.0, exclude_max=True),
    shadows=st.sampled_from([(), ("v3",), ("v2", "v0")]),
    explore_share=SHARES,
)


def listed(keys):
    found = np.empty(len(keys), dtype=object)
    found[:] = keys
    return found


@given(st.lists(KEYS, max_size=20))
def test_one_key_hashes_as_it_does_among_others(keys):
    assert [hash_key(key) for key in keys] == hash_keys(listed(keys)).tolist()


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1), st.lists(st.integers(0, 2**64 - 1)))
def test_one_integer_hashes_as_it_does_in_a_column(signed, unsigned):
    for keys, kind in ((signed, np.int64), (unsigned, np.uint64)):
        column = np.array(keys, dtype=kind)
        assert [hash_key(key) for key in keys] == hash_keys(column).tolist()
        assert [hash_key(key) for key in column] == hash_keys(column).tolist()


@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), st.text(max_size=8))
def test_one_key_has_the_place_it_has_among_others(hashes, salt):
    found = place(np.array(hashes, dtype=np.uint64), salt)
    assert [place_one(each, salt) for each in hashes] == found.tolist()


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), max_size=20))
def test_a_unit_that_counts_is_the_one_of_a_column_of_integers(units):
    assert [hash_unit(u) for u in units] == unit_hashes(pl.Series(units, dtype=pl.Int64)).tolist()


@given(st.lists(st.floats() | st.none(), max_size=20))
def test_a_unit_that_measures_is_the_one_of_a_column_of_floats(units):
    assert [hash_unit(u) for u in units] == unit_hashes(pl.Series(units, dtype=pl.Float64)).tolist()


@given(st.lists(TEXT.filter(lambda t: t.isprintable()) | st.none(), max_size=20))
def test_a_unit_with_a_name_is_the_one_of_a_column_of_text(units):
    assert [hash_unit(u) for u in units] == unit_hashes(pl.Series(units, dtype=pl.String)).tolist()


@given(st.lists(st.booleans() | st.none(), max_size=20))
def test_a_truth_value_is_the_unit_of_a_column_of_them(units):
    found = unit_hashes(pl.Series(units, dtype=pl.Boolean))
    assert [hash_unit(u) for u in units] == found.tolist()


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_whole_float_is_the_unit_of_the_integer(unit):
    assert hash_unit(float(unit)) == hash_unit(unit)


@given(ROUTES, st.lists(KEYS, max_size=30))
def test_one_request_gets_the_role_it_gets_among_others(routes, keys):
    found = assign(routes, hash_keys(listed(keys)), loop="demo")
    assert [assign_one(routes, hash_key(key), loop="demo") for key in keys] == found.tolist()


@given(ROUTES)
def test_one_request_knows_how_probable_its_role_was(routes):
    chances = probabilities(routes)
    if chances is None:
        assert propensity(routes, 0) == 1.0
        return
    assert [propensity(routes, role) for role in range(len(chances))] == chances.tolist()
    assert propensity(routes, FALLBACK) == 0.0


@given(ROUTES)
def test_whoever_falls_back_when_all_failed_was_sure_to(routes):
    assert abs(fallback_propensity(routes, versions_of(routes)) - 1.0) < 1e-12
    assert fallback_propensity(routes, ()) == 0.0
