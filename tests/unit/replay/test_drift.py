"""The drift test sees changes nearly to the end of the history, and none where there is none."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato.replay import drift
from ostinato.replay.drift import LOOKS, find_drift
from ostinato.replay.history import make_history


def drift_of(make_loop, table, seed=0):
    loop = make_loop(features=["x0", "x1"], slices=[])
    return find_drift(loop, make_history(loop, table, start=None, end=None), seed=seed)


def turned(rows, *, change, seed=0):
    """The first feature's meaning turns round at a share of the history."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2))
    slope = np.where(np.arange(rows) < rows * change, 1.5, -1.5)
    y = rng.random(rows) < 1 / (1 + np.exp(-slope * x[:, 0]))
    return pl.DataFrame(
        {
            "at": pl.Series(np.arange(rows) * 600).cast(pl.Int64),
            "x0": x[:, 0],
            "x1": x[:, 1],
            "y": y.astype(np.int64),
        }
    )


@pytest.mark.parametrize("change", [0.5, 0.78, 0.84, 0.88, 0.93])
def test_a_change_is_seen_up_to_the_last_twentieth(change, make_loop):
    found = drift_of(make_loop, turned(13_000, change=change))
    assert found.found
    assert found.gain > 0.05


def test_a_change_in_the_last_twentieth_is_not_seen_and_that_is_said(make_loop):
    found = drift_of(make_loop, turned(13_000, change=0.97))
    assert not found.found
    assert found.blind == LOOKS[-1].judged


def test_with_few_rows_the_late_looks_are_left_out_and_that_is_said(make_loop):
    found = drift_of(make_loop, turned(6_000, change=2.0))
    assert found.pairs > 0
    assert found.blind == LOOKS[0].judged


def test_too_few_rows_tell_nothing(make_loop):
    found = drift_of(make_loop, turned(1_000, change=0.5))
    assert (found.found, found.pairs) == (False, 0)


def test_the_looks_share_one_error_rate():
    assert sum(look.alpha for look in LOOKS) == pytest.approx(0.05)


def test_where_pairs_differ_by_chance_alone_one_world_in_twenty_is_called_changed(
    make_loop, monkeypatch
):
    rng = np.random.default_rng(5)
    monkeypatch.setattr(drift, "_loss", lambda *_: 1.0 + 0.05 * rng.normal())
    loop = make_loop(features=["x0", "x1"], slices=[])
    history = make_history(loop, turned(12_200, change=2.0), start=None, end=None)
    wrong = sum(find_drift(loop, history, seed=seed).found for seed in range(1000))
    # 4.9 % of three looks; 2.5 % with two-sided bounds, 10 % with normal quantiles for six pairs.
    assert 30 <= wrong <= 70


def test_still_worlds_are_called_still(make_loop):
    # Small ones, which have rows for the first look alone: 2.5 % of them are called changing.
    found = [
        drift_of(make_loop, turned(3_200, change=2.0, seed=seed), seed=seed) for seed in range(15)
    ]
    assert all(each.pairs and each.blind == LOOKS[0].judged for each in found)
    # More happen in 6 of a thousand; were two fifths called changing, in 97 of a hundred.
    assert sum(each.found for each in found) <= 2
