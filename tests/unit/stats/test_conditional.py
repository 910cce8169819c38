import numpy as np
import pytest

from ostinato.stats.conditional import ConditionalBinomial


def canary_probability(risk, share):
    return share * risk / (share * risk + 1.0 - share)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
@pytest.mark.parametrize("risk", [1.0, 1.1, 2.0])
def test_evidence_equals_the_likelihood_ratio_error_by_error(share, risk):
    rng = np.random.default_rng(1)
    ours = rng.random(300) < 1.3 * share
    test = ConditionalBinomial.begin(risk=risk)
    batches = np.array_split(ours, 9)

    test.update([b.sum() for b in batches], [(~b).sum() for b in batches], share)

    q0, q = canary_probability(risk, share), canary_probability(test.risks, share)
    paths = np.zeros(q.size)
    for x in ours:
        paths += np.log(q / q0) if x else np.log((1 - q) / (1 - q0))
    assert test.log_e == pytest.approx(np.logaddexp.reduce(paths) - np.log(q.size), abs=1e-9)
    assert (test.n, test.canary) == (300, ours.sum())


def test_the_mean_factor_of_an_error_is_one_at_the_tolerated_risk_and_less_below():
    for share in (0.02, 0.4):
        means = []
        for risk in (1.1, 1.0, 0.5):
            q, mean = canary_probability(risk, share), 0.0
            for ours in (1, 0):
                test = ConditionalBinomial.begin(risk=1.1)
                test.update(ours, 1 - ours, share)
                mean += np.exp(test.log_e) * (q if ours else 1.0 - q)
            means.append(mean)

        assert means[0] == pytest.approx(1.0, rel=1e-12)
        assert means[2] < means[1] < means[0]


def run(rng, *, risk, share=0.05, base=0.02, requests=400_000, batch=100):
    """Canary requests until the crossing, or -1; the error rate swings by half over the day."""
    test, n = ConditionalBinomial.begin(), requests // batch
    rate = base * (1.0 + 0.5 * np.sin(2.0 * np.pi * np.arange(n) / 1000.0))
    ours = rng.binomial(batch, share, n)
    wrong, other = rng.binomial(ours, risk * rate), rng.binomial(batch - ours, rate)
    test.update(wrong, other, share)
    last = np.searchsorted(np.cumsum(wrong + other), test.crossed_at)
    return ours[: last + 1].sum() if test.crossed else -1


def test_a_canary_within_the_tolerance_is_rarely_aborted_whatever_the_season():
    rng = np.random.default_rng(2)

    wrong = np.mean([run(rng, risk=1.1) > 0 for _ in range(400)])

    assert wrong <= 0.06


def test_a_canary_that_errs_twice_as_often_is_caught_in_some_five_hundred_requests():
    rng = np.random.default_rng(3)

    needed = [run(rng, risk=2.0) for _ in range(200)]

    assert min(needed) > 0
    assert np.median(needed) < 570


def test_order_inside_a_batch_and_empty_batches_do_not_matter():
    shares = np.array([0.05, 0.05, 0.3])
    whole, single, gaps = (ConditionalBinomial.begin() for _ in range(3))

    whole.update(np.array([1, 2, 3]), np.array([10, 20, 4]), shares)
    for ours, theirs, share in ((1, 10, 0.05), (2, 20, 0.05), (3, 4, 0.3)):
        single.update(ours, theirs, share)
    gaps.update([3, 0, 3], [30, 0, 4], [0.05, 0.9, 0.3])
    gaps.update([], [], [])

    assert whole.log_e == pytest.approx(single.log_e, rel=1e-12)
    assert whole.log_e == pytest.approx(gaps.log_e, rel=1e-12)
    assert whole.n == single.n == gaps.n == 40


def test_a_crossing_stays_and_is_dated():
    test = ConditionalBinomial.begin()

    test.update([0, 6, 0], [1, 0, 5000], 0.05)

    assert test.crossed
    assert test.crossed_at == 7
    assert test.log_e < 0.0


@pytest.mark.parametrize(
    ("canary", "control", "share"),
    [
        ([-1], [0], [0.5]),
        ([1], [0], [0.0]),
        ([1], [0], [1.0]),
        ([np.nan], [0], [0.5]),
        ([1], [0], [np.nan]),
    ],
)
def test_values_that_would_void_the_promise_are_refused(canary, control, share):
    with pytest.raises(ValueError):
        ConditionalBinomial.begin().update(canary, control, share)


@pytest.mark.parametrize("bad", [{"risk": 0.9}, {"risk": np.nan}, {"beta": 0.0}, {"beta": 1.0}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="expected"):
        ConditionalBinomial.begin(**bad)
