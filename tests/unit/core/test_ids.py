from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.core.ids import content_id, hash_keys, place

HASHES = """
import numpy as np
from ostinato.core.ids import content_id, hash_keys, place
keys = np.array(["a", "größer", "", "user/7"])
print(hash_keys(keys).tolist(), hash_keys(keys.astype(object)).tolist())
print(hash_keys(np.arange(3)).tolist(), place(hash_keys(keys), "canary").tolist())
print(content_id("t", {"b", "a", "c"}, {"x": 1.5}))
"""


def test_hashes_and_ids_are_the_same_in_every_process():
    printed = [
        subprocess.run(
            [sys.executable, "-c", HASHES],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    ]
    assert printed[0]
    assert len(set(printed)) == 1


def test_hashes_are_those_of_the_first_release():
    # Users stay in their arm over updates: these numbers must never change.
    assert hash_keys(np.array([0, 1])).tolist() == [16294208416658607535, 10451216379200822465]
    assert hash_keys(np.array(["a"])).tolist() == [4681665781835383343]
    assert place(hash_keys(np.array([0])), "canary").tolist() == [0.7456374699315943]


def test_integers_are_hashed_without_collisions():
    keys = np.concatenate([np.arange(-50_000, 50_000), [2**63 - 1, -(2**63)]])
    assert len(np.unique(hash_keys(keys))) == len(keys)


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.uint16, np.uint64])
def test_integers_of_any_width_hash_alike(kind):
    assert hash_keys(np.array([0, 7, 100], dtype=kind)).tolist() == [
        *hash_keys(np.array([0, 7, 100], dtype=np.int64)).tolist()
    ]


@given(st.lists(st.text()))
def test_strings_hash_one_by_one_as_they_do_together(keys):
    together = hash_keys(np.array(keys, dtype=object))
    assert together.dtype == np.uint64
    assert together.tolist() == [hash_keys(np.array([key], dtype=object))[0] for key in keys]
    assert len(set(together.tolist())) == len(set(keys))


def test_places_are_uniform():
    places = place(hash_keys(np.arange(200_000)), "canary")
    counts, _ = np.histogram(places, bins=50, range=(0, 1))
    chi_square = float(((counts - 4_000) ** 2 / 4_000).sum())
    assert places.min() >= 0.0
    assert places.max() < 1.0
    assert chi_square < 100  # 49 degrees of freedom: p < 1e-5 beyond


def test_units_of_a_small_share_stay_in_every_larger_one():
    hashes = hash_keys(np.array([f"user-{n}" for n in range(20_000)]))
    places = place(hashes, "canary")
    shares = [0.01, 0.05, 0.25, 1.0]
    arms = [set(np.flatnonzero(places < share)) for share in shares]
    assert all(small < large for small, large in pairwise(arms))
    for share, arm in zip(shares, arms, strict=True):
        assert len(arm) / 20_000 == pytest.approx(share, abs=0.01)


def test_place_of_a_unit_does_not_depend_on_who_comes_with_it():
    hashes = hash_keys(np.arange(100))
    together, alone = place(hashes, "canary"), place(hashes[42:43], "canary")
    assert together[42] == alone[0]


def test_places_under_two_salts_are_independent():
    hashes = hash_keys(np.arange(50_000))
    one, other = place(hashes, "canary"), place(hashes, "holdback")
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.02
    assert ((one < 0.1) & (other < 0.1)).mean() == pytest.approx(0.01, abs=0.003)


def test_content_id_tells_contents_and_their_order_apart():
    ids = {content_id("t", *parts) for parts in ([1, 2], [2, 1], [12], ["1", "2"], [[1, 2]])}
    assert len(ids) == 5
    assert all(found.startswith("t-") and len(found) == 14 for found in ids)


@pytest.mark.parametrize(
    "keys",
    [
        np.array([5, -7], dtype=object),
        np.array([np.int64(5), np.int8(-7)], dtype=object),
        np.array([5, -7], dtype=np.int16),
    ],
)
def test_integer_hashes_alike_in_any_array(keys):
    assert hash_keys(keys).tolist() == hash_keys(np.array([5, -7])).tolist()


def test_integer_hashes_alike_beside_other_keys():
    mixed = np.array([5, "5", None, 2**64 - 1, 2**70, True, -1], dtype=object)
    hashed = hash_keys(mixed)
    assert hashed[0] == hash_keys(np.array([5]))[0]
    assert hashed[1] == hash_keys(np.array(["5"]))[0]
    assert hashed[3] == hash_keys(np.array([2**64 - 1], dtype=np.uint64))[0]
    assert hashed.tolist() == [hash_keys(mixed[row : row + 1])[0] for row in range(len(mixed))]


def test_single_integer_hashes_without_a_warning():
    hashed = hash_keys(np.array(5))
    assert hashed == hash_keys(np.array([5]))[0]
    assert 0.0 <= place(hashed, "canary") < 1.0


def test_keys_that_look_alike_do_not_collide():
    keys = ["a", "a\0", "a\0\0", "", "\0", None, "None", "\ud800", "\ud801", "\ufffd", "5 "]
    hashed = hash_keys(np.array(keys, dtype=object))
    assert len(set(hashed.tolist())) == len(keys)


def test_no_keys_have_no_hashes():
    assert hash_keys(np.array([], dtype=object)).shape == (0,)
    assert hash_keys(np.array([], dtype=str)).dtype == np.uint64
