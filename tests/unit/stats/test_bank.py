import numpy as np
import pytest

from ostinato.stats import DetectorBank, EDetector

MEANS = np.full(3, 0.1)


def test_a_table_with_gaps_equals_its_events_as_rows():
    rng = np.random.default_rng(1)
    losses = (rng.random((400, 3)) < 0.2).astype(float)
    losses[rng.random((400, 3)) < 0.4] = np.nan
    table, rows = DetectorBank.begin(MEANS, arl=1e4), DetectorBank.begin(MEANS, arl=1e4)

    table.update_table(losses, np.array([0.08, 0.1, 0.05]))
    moments, streams = np.nonzero(~np.isnan(losses))
    allowed = np.array([0.08, 0.1, 0.05])[streams]
    rows.update(streams, losses[moments, streams], allowed)

    assert np.array_equal(table.log_e, rows.log_e)
    assert np.array_equal(table.crossed_at, rows.crossed_at)
    assert table.n.tolist() == (~np.isnan(losses)).sum(axis=0).tolist()


def test_only_the_stream_that_got_worse_alarms_and_is_dated():
    rng = np.random.default_rng(2)
    bank = DetectorBank.begin(np.full(120, 0.1), arl=1e6)
    rates = np.full((3000, 120), 0.1)
    rates[1500:, 77] = 0.2

    for start in range(0, 3000, 50):
        bank.update_table(
            (rng.random((50, 120)) < rates[start : start + 50]).astype(float), np.array(0.1)
        )

    assert np.flatnonzero(bank.crossed).tolist() == [77]
    assert abs(bank.change_point[77] - 1500) < 150
    assert bank.warned[77]


def test_reset_forgets_one_stream_and_leaves_the_others():
    bank = DetectorBank.begin(MEANS, arl=1000.0)
    bank.update(np.repeat([0, 1], 20), np.ones(40), np.full(40, 0.1))
    single = EDetector.begin(0.1, arl=1000.0)
    single.update(np.ones(20), np.full(20, 0.1))
    single.reset()

    bank.reset(np.array([0]))
    bank.update(np.zeros(5, dtype=int), np.ones(5), np.full(5, 0.1))
    single.update(np.ones(5), np.full(5, 0.1))

    assert bank.crossed.tolist() == [False, True, False]
    assert bank.log_e[0] == pytest.approx(single.log_e, rel=1e-12)
    assert (bank.n[0], bank.change_point[0]) == (single.n, single.change_point)
    assert bank.n.tolist() == [25, 20, 0]


def test_long_evidence_stays_finite_for_uneven_streams():
    bank = DetectorBank.begin(np.array([0.01, 0.5]), arl=1e6)

    bank.update(
        np.repeat([0, 1], [20_000, 3]), np.ones(20_003), np.repeat([0.01, 0.5], [20_000, 3])
    )

    assert np.isfinite(bank.log_e).all()
    assert bank.n.tolist() == [20_000, 3]


@pytest.mark.parametrize(
    ("streams", "losses", "baselines", "message"),
    [
        ([3], [0.5], [0.1], "streams must be"),
        ([0], [1.5], [0.1], "losses must be"),
        ([0], [np.nan], [0.1], "losses must be"),
        ([0], [0.5], [0.2], "baselines must be"),
        ([0], [0.5], [np.nan], "baselines must be"),
        ([0, 1], [0.5], [0.1], "shapes must agree"),
    ],
)
def test_values_that_would_void_the_promise_are_refused(streams, losses, baselines, message):
    bank = DetectorBank.begin(MEANS)

    with pytest.raises(ValueError, match=message):
        bank.update(np.array(streams), np.array(losses), np.array(baselines))
    assert not bank.n.any()


def test_settings_and_tables_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="expected"):
        DetectorBank.begin(np.zeros(0))
    with pytest.raises(ValueError, match="m0 must be"):
        DetectorBank.begin(np.array([0.1, 0.0]))
    with pytest.raises(ValueError, match="expected"):
        DetectorBank.begin(MEANS).update_table(np.zeros((2, 2)), np.array(0.1))
