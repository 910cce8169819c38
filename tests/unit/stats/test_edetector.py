import numpy as np
import pytest

from ostinato.stats import EDetector


def one_by_one(bets, losses, baselines):
    """Recursion of the paper, an event at a time: log E, and the change point as of each."""
    a, c = np.full(bets.size, -np.inf), np.zeros(bets.size)
    low_at = np.zeros(bets.size, dtype=int)
    log_e, changes = [], []
    for t, (loss, allowed) in enumerate(zip(losses, baselines, strict=True), 1):
        step = np.log1p(bets * (loss - allowed))
        a = np.logaddexp(0.0, a) + step
        c = np.maximum(c, 0.0) + step
        low_at[c <= 0.0] = t
        log_e.append(np.logaddexp.reduce(a) - np.log(bets.size))
        changes.append(low_at[np.argmax(c)])
    return np.array(log_e), np.array(changes)


@pytest.mark.parametrize(
    ("n", "rate", "m0"),
    [
        (1, 0.1, 0.1),
        (127, 0.1, 0.1),
        (128, 0.1, 0.1),
        (129, 0.02, 0.1),
        (1000, 0.2, 0.1),
        (3000, 0.5, 0.3),
        (700, 0.9, 0.8),
        (9000, 0.011, 0.01),
        (500, 1.0, 0.05),
        (400, 0.0, 0.5),
    ],
)
def test_blocks_equal_the_plain_recursion(n, rate, m0):
    rng = np.random.default_rng(n)
    losses = (rng.random(n) < rate).astype(float) * rng.choice([1.0, 0.7], n)
    baselines = m0 * rng.uniform(0.9, 1.1, n)
    detector = EDetector.begin(m0, arl=1e6, m_max=1.1 * m0)

    detector.update(losses, baselines)

    log_e, changes = one_by_one(detector.bets, losses, baselines)
    assert detector.log_e == pytest.approx(log_e[-1], rel=1e-9, abs=1e-9)
    assert detector.log_e_max == pytest.approx(max(log_e.max(), 0.0), rel=1e-9, abs=1e-9)
    if log_e.max() > 0.0:
        assert detector.n_at_max == log_e.argmax() + 1
    over = np.flatnonzero(log_e >= np.log(1e6))
    assert detector.crossed_at == (over[0] + 1 if over.size else -1)
    assert detector.change_point == changes[over[0] if over.size else -1]


def test_crossing_and_change_point_do_not_depend_on_batch_borders():
    rng = np.random.default_rng(7)
    losses = (rng.random(6000) < np.where(np.arange(6000) < 4000, 0.1, 0.18)).astype(float)
    allowed = np.full(6000, 0.105)
    whole = EDetector.begin(0.1, m_max=0.105)
    pieces = EDetector.begin(0.1, m_max=0.105)

    whole.update(losses, allowed)
    for cut in np.split(np.arange(6000), np.sort(rng.integers(0, 6000, 300))):
        pieces.update(losses[cut], allowed[cut])

    assert whole.crossed
    assert whole.warned
    assert (whole.crossed_at, whole.change_point) == (pieces.crossed_at, pieces.change_point)
    assert whole.log_e == pytest.approx(pieces.log_e, rel=1e-9)
    assert whole.n_at_max == pieces.n_at_max
    assert abs(whole.change_point - 4000) < 200


def test_a_rise_from_ten_to_fifteen_percent_is_found_within_a_thousand_events():
    rng = np.random.default_rng(8)
    delays = []
    for _ in range(60):
        detector = EDetector.begin(0.1, arl=1e6)
        rates = np.where(np.arange(9000) < 2000, 0.1, 0.15)
        detector.update((rng.random(9000) < rates).astype(float), np.full(9000, 0.1))
        delays.append(detector.crossed_at - 2000)

    assert min(delays) > 0
    assert np.median(delays) < 1000


def test_false_alarms_on_an_unchanged_stream_are_no_more_than_promised():
    rng = np.random.default_rng(9)
    arl, n, alarms = 20_000.0, 1_000_000, 0
    detector = EDetector.begin(0.1, arl=arl)
    losses = (rng.random(n) < 0.1).astype(float)
    for start in range(0, n, 500):
        detector.update(losses[start : start + 500], np.full(500, 0.1))
        if detector.crossed:
            alarms += 1
            detector.reset()

    # At most n / arl = 50 are expected; 70 leaves three standard deviations for chance.
    assert 5 <= alarms <= 70


def test_a_falling_loss_never_alarms():
    detector = EDetector.begin(0.2, arl=100.0)

    detector.update(np.zeros(50_000), np.full(50_000, 0.2))

    assert not detector.crossed
    assert detector.change_point == 50_000


def test_reset_forgets_the_evidence_and_keeps_the_count():
    detector = EDetector.begin(0.1, arl=1000.0)
    detector.update(np.ones(50), np.full(50, 0.1))
    fresh = EDetector.begin(0.1, arl=1000.0)

    detector.reset()
    assert (detector.crossed, detector.n, detector.change_point) == (False, 50, 50)
    detector.update(np.ones(50), np.full(50, 0.1))
    fresh.update(np.ones(50), np.full(50, 0.1))

    assert detector.log_e == fresh.log_e
    assert detector.crossed_at == fresh.crossed_at + 50
    assert detector.warn == 10.0


def test_evidence_beyond_what_a_float_holds_stays_finite():
    detector = EDetector.begin(0.01, arl=1e6)

    for _ in range(20):
        detector.update(np.ones(1000), np.full(1000, 0.01))
    log_e, _ = one_by_one(detector.bets, np.ones(20_000), np.full(20_000, 0.01))

    assert detector.log_e == pytest.approx(log_e[-1], rel=1e-9)


@pytest.mark.parametrize(
    ("losses", "baselines", "message"),
    [
        ([1.2], [0.1], "losses must be in"),
        ([np.nan], [0.1], "losses must be in"),
        ([0.5], [0.3], "baselines must be in"),
        ([0.5], [np.nan], "baselines must be in"),
        ([0.5, 0.5], [0.1], "shapes must agree"),
    ],
)
def test_values_that_would_void_the_promise_are_refused(losses, baselines, message):
    detector = EDetector.begin(0.1, m_max=0.2)

    with pytest.raises(ValueError, match=message):
        detector.update(np.array(losses), np.array(baselines))
    assert detector.n == 0


@pytest.mark.parametrize("bad", [{"m0": 0.0}, {"m0": 1.0}, {"m_max": 0.05}, {"arl": 1.0}])
def test_settings_out_of_range_are_refused(bad):
    settings = {"m0": 0.1, "m_max": 0.2, "arl": 1e6} | bad

    with pytest.raises(ValueError, match="must be"):
        EDetector.begin(settings.pop("m0"), **settings)
