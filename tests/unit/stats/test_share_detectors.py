"""The alarm: how rare for nothing, how soon for something."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.snapshot import decode, encode
from ostinato.stats.share_detectors import BETS, ShareEvidence


def fed(evidence, hits, tick):
    """Feed a stream (rows, features) to each feature; rows until its alarm, -1 where none came."""
    found = np.full(hits.shape[1], -1)
    for start in range(0, len(hits), tick):
        part = hits[start : start + tick]
        rows = np.full(hits.shape[1], len(part))
        evidence = evidence.updated(rows, part.sum(axis=0), at_ns=start + len(part))
        found[evidence.crossed & (found < 0)] = start + len(part)
    return found


def alone(streams, *, arl=1e6, **kwargs):
    """Streams of which each has the whole budget to itself."""
    return ShareEvidence.begin(streams, arl=arl / streams, **kwargs)


def test_one_row_at_a_time_it_is_the_recursion_of_shiryaev_and_roberts():
    rng = np.random.default_rng(0)
    hits = rng.random(300) < 0.02
    evidence = ShareEvidence.begin(1, tolerated=0.01)
    multiples, weights = BETS["above"]
    sr = np.zeros(len(multiples))

    for at, hit in enumerate(hits):
        evidence = evidence.updated(np.array([1]), np.array([int(hit)]), at_ns=at)
        shares = np.minimum(0.01 * np.array(multiples), 0.9)
        sr = (sr + 1.0) * (shares / 0.01 if hit else (1.0 - shares) / 0.99)

    assert evidence.log_e[0] == pytest.approx(np.log(np.array(weights) @ sr))


def test_half_a_percent_is_found_within_5000_rows_in_95_of_100_streams():
    hits = np.random.default_rng(1).random((12_000, 400)) < 0.005

    found = fed(alone(400), hits, tick=25)

    assert (found > 0).all()
    assert np.median(found) < 2_200
    assert np.quantile(found, 0.95) < 4_800  # 4,150 over 4,000 streams


def test_a_fault_on_all_rows_is_found_in_a_handful():
    found = fed(ShareEvidence.begin(20), np.ones((20, 20), dtype=bool), tick=1)

    assert found.max() <= 5


def test_alarms_are_rarer_than_promised_while_the_tolerated_share_differs():
    hits = np.random.default_rng(2).random((2_000, 1_000)) < 0.01

    found = fed(alone(1_000, tolerated=0.01, arl=2_000.0), hits, tick=10)

    # Of a mean of 2,000: cut at 2,000, an exponential keeps 1 - 1/e of it.
    assert np.where(found < 0, 2_000, found).mean() > (1.0 - np.exp(-1.0)) * 2_000


def test_the_budget_is_shared_so_that_more_features_alarm_no_sooner():
    counts = np.array([3] + [0] * 9)
    one = ShareEvidence.begin(1).updated(np.array([50]), counts[:1], at_ns=1)
    ten = ShareEvidence.begin(10).updated(np.full(10, 50), counts, at_ns=1)

    assert ten.log_e[0] == pytest.approx(one.log_e[0] - np.log(10.0))


def test_importance_moves_the_budget():
    evidence = ShareEvidence.begin(2, importance=np.array([3.0, 1.0]))

    assert evidence.budget.tolist() == [0.75, 0.25]


def test_the_evidence_of_two_workers_is_that_of_their_counts():
    first, second = np.array([30, 30]), np.array([20, 20])
    hits = np.array([2, 0]), np.array([1, 1])
    evidence = ShareEvidence.begin(2)

    together = evidence.updated(first + second, hits[0] + hits[1], at_ns=5)

    assert together.log_e[0] > together.log_e[1]
    swapped = evidence.updated(second + first, hits[1] + hits[0], at_ns=5)
    assert np.array_equal(together.log_sr, swapped.log_sr)


def test_a_tick_without_rows_of_a_feature_leaves_it_as_it_was():
    before = ShareEvidence.begin(2).updated(np.array([50, 50]), np.array([1, 1]), at_ns=1)

    after = before.updated(np.array([10, 0]), np.array([0, 0]), at_ns=2)

    assert after.log_e[1] == before.log_e[1]
    assert after.log_e[0] != before.log_e[0]


def test_the_beginning_of_a_fault_is_found():
    rng = np.random.default_rng(4)
    hits = np.concatenate([rng.random(20_000) < 0.0005, rng.random(3_000) < 0.02])
    evidence = ShareEvidence.begin(1)
    for start in range(0, len(hits), 50):
        part = hits[start : start + 50]
        evidence = evidence.updated(np.array([50]), np.array([int(part.sum())]), at_ns=start + 50)

    assert abs(int(evidence.began_ns[0]) - 20_000) <= 500


def test_below_is_shown_after_some_thousand_good_rows_and_not_while_the_fault_lasts():
    hits = np.random.default_rng(5).random((30_000, 20)) < 0.003
    hits[:, 0] = False

    found = fed(alone(20, side="below", arl=1e5), hits, tick=50)

    assert 3_000 < found[0] < 6_000
    assert (found[1:] == -1).all()


def test_restarting_one_feature_leaves_the_others():
    evidence = ShareEvidence.begin(2).updated(np.array([50, 50]), np.array([5, 5]), at_ns=1)

    again = evidence.restarted(np.array([True, False]), at_ns=9)

    assert np.isneginf(again.log_e[0])
    assert again.log_e[1] == evidence.log_e[1]
    assert again.began_ns.tolist()[0] == 9


def test_it_comes_back_from_a_snapshot():
    evidence = ShareEvidence.begin(3).updated(np.full(3, 50), np.array([0, 1, 9]), at_ns=7)

    again = decode(encode(evidence))

    step = (np.full(3, 20), np.array([1, 0, 2]))
    assert np.array_equal(
        again.updated(*step, at_ns=8).log_sr, evidence.updated(*step, at_ns=8).log_sr
    )


def test_what_was_fixed_before_is_told():
    told = ShareEvidence.begin(2).registered()

    assert told["tolerated"] == 1e-3
    assert told["budget"] == [0.5, 0.5]
    assert told["shares"] == pytest.approx([0.002, 0.005, 0.025, 0.25])


@pytest.mark.parametrize(
    "wrong",
    [
        {"features": 0},
        {"features": 1, "tolerated": 0.0},
        {"features": 1, "tolerated": 0.5},
        {"features": 1, "arl": 1.0},
        {"features": 2, "importance": np.array([1.0])},
        {"features": 2, "importance": np.array([1.0, 0.0])},
    ],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        ShareEvidence.begin(**wrong)
