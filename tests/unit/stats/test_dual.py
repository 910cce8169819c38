import numpy as np
import pytest

from ostinato.stats import DualEProcess, fixed_sample_size

Q, MARGIN = 0.06, 0.005


def world(rng, effect, n):
    u = rng.random(n)
    return np.where(u < (Q + effect) / 2, 1.0, np.where(u < Q, -1.0, 0.0))


def begin(**changes):
    settings = {"margin": MARGIN, "second_moment": Q, "cap": 29_678} | changes
    return DualEProcess.begin(**settings)


def verdicts(effect, runs=300):
    rng = np.random.default_rng(17)
    out = []
    for _ in range(runs):
        test = begin()
        while test.verdict == "undecided":
            test.update(world(rng, effect, 1000))
        out.append(test)
    return out


def share(tests, verdict):
    return np.mean([test.verdict == verdict for test in tests])


def test_a_candidate_worse_by_the_margin_is_rarely_promoted():
    assert share(verdicts(-MARGIN), "promote") <= 0.07


def test_a_candidate_that_is_as_good_is_rarely_aborted_and_mostly_promoted():
    tests = verdicts(0.0)

    assert share(tests, "abort") <= 0.07
    assert share(tests, "promote") > 0.7


def test_a_clearly_better_candidate_is_promoted_early():
    tests = verdicts(0.01)

    assert share(tests, "promote") > 0.95
    assert np.mean([t.promoted_at for t in tests]) < 0.25 * fixed_sample_size(MARGIN, Q)


def test_a_clearly_worse_candidate_is_aborted():
    assert share(verdicts(-0.02, runs=100), "abort") > 0.97


def test_without_proof_the_incumbent_is_kept_at_the_cap():
    test = begin(cap=50)

    test.update(np.zeros(49))
    assert test.verdict == "undecided"
    test.update(np.zeros(1))

    assert test.verdict == "keep"


def test_a_crossing_after_the_cap_does_not_count():
    late = np.concatenate([np.zeros(60), np.ones(500)])
    test, pieces = begin(cap=50), begin(cap=50)

    test.update(late)
    for d in late:
        pieces.update(np.array([d]))

    assert test.verdict == pieces.verdict == "keep"


def one_by_one(test, differences):
    p, a = np.zeros(test.bets.size), np.zeros(test.bets.size)
    harm, out = test.margin / test.scale, []
    for d in np.clip(differences, -test.scale, test.scale) / test.scale:
        p += np.log1p(test.bets * (d + harm))
        a += np.log1p(-test.bets * d)
        out.append((np.logaddexp.reduce(p), np.logaddexp.reduce(a)))
    return np.array(out) - np.log(test.bets.size)


@pytest.mark.parametrize("n", [1, 127, 128, 129, 5000, 9000])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_blocks_equal_the_plain_recursion(n, scale):
    rng = np.random.default_rng(n)
    differences = rng.normal(0.3 * scale, scale, n) * (rng.random(n) < 0.1)
    test = begin(margin=0.01 * scale, scale=scale, second_moment=0.05 * scale**2)

    test.update(differences)

    logs = one_by_one(test, differences)
    assert test.log_e_promote == pytest.approx(logs[-1, 0], rel=1e-9, abs=1e-9)
    assert test.log_e_abort == pytest.approx(logs[-1, 1], rel=1e-9, abs=1e-9)
    over = np.flatnonzero((logs >= np.log(20.0)).any(axis=1))
    crossed = max(test.promoted_at, test.aborted_at)
    assert crossed == (over[0] + 1 if over.size else -1)
    assert test.mean == pytest.approx(np.clip(differences, -scale, scale).mean())


def test_the_first_crossing_stands_whatever_follows():
    test = begin()

    test.update(np.concatenate([np.ones(200), -np.ones(4000)]))

    assert test.verdict == "promote"
    assert test.aborted_at == -1


def test_loss_units_do_not_matter():
    rng = np.random.default_rng(3)
    d = world(rng, -0.01, 3000)
    plain, cents = begin(), begin(margin=100 * MARGIN, scale=100.0, second_moment=Q * 1e4)

    plain.update(d)
    cents.update(100.0 * d)

    assert plain.log_e_abort == pytest.approx(cents.log_e_abort)
    assert plain.aborted_at == cents.aborted_at


def test_the_interval_covers_the_truth_at_every_look():
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(200):
        test, wrong = begin(), False
        test.update(world(rng, 0.01, 300))
        for _ in range(20):
            test.update(world(rng, 0.01, 300))
            low, high = test.interval()
            wrong |= not low <= 0.01 <= high
        missed += wrong

    assert missed / 200 <= 0.05
    assert begin().interval() == (-1.0, 1.0)


def test_the_fixed_sample_size_is_the_textbook_one():
    assert fixed_sample_size(0.005, 0.06) == pytest.approx(14_838, abs=1)
    with pytest.raises(ValueError, match="above 0"):
        fixed_sample_size(0.0, 0.06)


@pytest.mark.parametrize(
    "bad", [{"margin": 0.0}, {"margin": 2.0}, {"second_moment": 0.0}, {"alpha": 1.0}, {"cap": 0}]
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError):
        begin(**bad)


def test_missing_differences_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        begin().update(np.array([0.0, np.nan]))
