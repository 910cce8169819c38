from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.ids import hash_keys, place
from ostinato.core.records import ROLES, PredictionsMade
from ostinato.core.snapshot import decode, encode
from ostinato.release import ratio as module
from ostinato.release.ratio import Ratio

CANARY, FALLBACK = ROLES.index("canary"), ROLES.index("fallback")
HOLDBACK, EXPLORE = ROLES.index("holdback"), ROLES.index("explore")


def served(units, share=0.2, *, roles=None, epoch=3, **scores):
    hashes = hash_keys(np.asarray(units))
    n = len(hashes)
    if roles is None:
        roles = np.where(place(hashes, "demo/canary") < share, CANARY, 0)
    given = {"v1": np.full(n, 0.5), "v2": np.full(n, 0.5)} | scores
    return PredictionsMade(
        ts_event_ns=0,
        ts_record_ns=0,
        offset=0,
        ids=np.arange(n),
        times_ns=np.arange(n),
        unit_hashes=hashes,
        groups=np.zeros((n, 0), dtype=np.int32),
        versions=tuple(given),
        answered=np.zeros(n, dtype=np.int16),
        roles=np.asarray(roles, dtype=np.int8),
        scores=given,
        epoch=epoch,
    )


def count(found, *records):
    for record in records:
        found.count(record, "v1", "v2")
    return found


def begin(share=0.2):
    return Ratio.begin(share, epoch=3, steps=2)


def test_each_unit_counts_once_whenever_it_comes_again():
    found = count(begin(), served([1, 2, 2, 3, 1]), served([3, 4]))

    assert found.test.n == 4
    assert len(found.seen) == 4


def test_counts_do_not_depend_on_the_cut_nor_on_a_restart():
    once, cut = begin(), begin()
    units = np.random.default_rng(0).integers(0, 3000, 6000)

    count(once, served(units))
    for start in range(0, 6000, 700):
        cut = decode(encode(count(cut, served(units[start : start + 700]))))

    assert np.array_equal(once.test.counts, cut.test.counts)
    assert np.array_equal(once.seen, cut.seen)
    assert cut.test.log_e == pytest.approx(once.test.log_e)


def test_a_split_that_is_off_crosses_and_a_true_one_does_not():
    units = np.arange(20_000)

    assert count(begin(), served(units, 0.18)).test.crossed
    assert count(begin(), served(units, 0.22)).test.crossed
    assert not count(begin(), served(units, 0.2)).test.crossed


def test_routes_from_before_the_step_do_not_count():
    assert count(begin(), served([1, 2, 3], epoch=2)).test.n == 0
    assert count(begin(), served([1, 2, 3], epoch=4)).test.n == 3


def test_held_back_units_say_nothing_and_explored_ones_are_the_champions():
    roles = [HOLDBACK, EXPLORE, 0, CANARY]
    assert count(begin(), served([1, 2, 3, 4], roles=roles)).test.counts.tolist() == [2, 1]


def test_who_fell_back_belongs_to_the_version_that_failed_alone():
    nan = np.nan
    made = served(
        [1, 2, 3, 4],
        roles=[FALLBACK, FALLBACK, FALLBACK, FALLBACK],
        v1=np.array([nan, 0.5, nan, nan]),
        v2=np.array([0.5, nan, nan, 0.5]),
        v0=np.array([0.5, 0.5, 0.5, nan]),
    )

    assert count(begin(), made).test.counts.tolist() == [1, 1]


def test_memory_is_bounded_and_the_rest_is_still_counted_once(monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 500)
    found = begin()

    for start in range(0, 8000, 400):
        count(found, served(np.arange(start, start + 400)))
    n, size = found.test.n, len(found.seen)
    count(found, served(np.arange(8000)))

    assert size <= 500
    assert found.below < 0.2
    assert 500 < n < 3000
    assert found.test.n == n
    assert not found.test.crossed


def test_the_error_rate_is_shared_by_the_steps():
    name, facts = begin().registrations()[0]
    assert (name, facts["alpha"], facts["shares"]) == ("sample ratio", 5e-5, [0.8, 0.2])


def test_the_loops_own_answer_is_no_version_that_failed():
    nan = np.where(np.arange(100) < 50, np.nan, 0.5)
    roles = np.where(np.arange(100) < 50, FALLBACK, 0)
    unused = np.full(100, np.nan)
    plain = count(begin(), served(range(100), roles=roles, v2=nan))
    beside = count(begin(), served(range(100), roles=roles, v2=nan, fallback=unused))
    assert beside.evidence() == plain.evidence()
    assert plain.evidence()["units"] == 100
