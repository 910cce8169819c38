import numpy as np
import pytest

from ostinato.stats.ppi import FusedSums, ppi_mean, ppi_of_sums
from ostinato.stats.ppi_stream import FusedStream

WORLDS = ("none", "covariate", "concept", "reversal")


def rows_of(rng, n, world):
    """Loss, calibrated guess of it that knows no concept shift, and the true chance of an error."""
    x = rng.normal(size=n) + (1.0 if world == "covariate" else 0.0)
    score = 1.0 / (1.0 + np.exp(-2.0 * x))
    truth = {"concept": 1.0 / (1.0 + np.exp(-0.8 * (x + 1.0))), "reversal": 1.0 - 0.8 * score}
    positive = truth.get(world, score)
    said = score > 0.5
    wrong = np.where(said, 1.0 - positive, positive)
    return (rng.random(n) < wrong).astype(float), np.minimum(score, 1.0 - score), wrong


def true_mean(world):
    return rows_of(np.random.default_rng(0), 400_000, world)[2].mean()


@pytest.mark.parametrize("world", WORLDS)
def test_the_interval_covers_the_truth_in_every_world_from_200_labels(world):
    rng = np.random.default_rng(1)
    truth, covered, guessed, wide, plain = true_mean(world), 0, 0, [], []
    for _ in range(500):
        loss, guess, _ = rows_of(rng, 2000, world)
        fused = ppi_mean(loss[:200], guess[:200], guess[200:])
        covered += fused.low <= truth <= fused.high
        guessed += abs(guess.mean() - truth) < 0.02
        wide.append(fused.se)
        plain.append(loss[:200].std(ddof=1) / np.sqrt(200))

    assert 0.93 <= covered / 500 <= 0.97
    assert np.mean(wide) <= 1.001 * np.mean(plain)
    # The guesses alone are right where P(y | x) did not change, and nowhere else.
    assert (guessed > 450) == (world in {"none", "covariate"})


def sums_of(loss, guess, rest):
    everything = np.concatenate([guess, rest])
    labelled = (np.ones(loss.size), loss, loss**2, guess, guess**2, loss * guess)
    all_rows = (np.ones(everything.size), everything, everything**2)
    return FusedSums(*(float(each.sum()) for each in labelled + all_rows))


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("n", "rows"), [(2, 50), (60, 700), (300, 300)])
def test_sums_over_rows_give_what_the_rows_give(world, n, rows):
    loss, guess, _ = rows_of(np.random.default_rng(9), rows, world)
    by_row = ppi_mean(loss[:n], guess[:n], guess[n:], alpha=0.1)

    by_sums = ppi_of_sums(sums_of(loss[:n], guess[:n], guess[n:]), alpha=0.1)

    for name in ("mean", "se", "low", "high", "lam", "rho"):
        expected = getattr(by_row, name)
        assert getattr(by_sums, name) == pytest.approx(expected, abs=1e-9, nan_ok=True), name
    assert (by_sums.n_labelled, by_sums.n) == (n, rows)


def test_sums_of_guesses_that_do_not_vary_are_not_believed():
    loss = np.array([0.0, 1.0, 1.0])

    fused = ppi_of_sums(sums_of(loss, np.full(3, 0.1), np.full(40, 0.1)))

    assert (fused.lam, fused.mean) == (0.0, pytest.approx(2.0 / 3.0))
    with pytest.raises(ValueError, match="2 to all rows"):
        ppi_of_sums(sums_of(loss[:1], loss[:1], loss))


def chosen_by_guess(rng, guess, share):
    chances = np.clip(np.sqrt(guess), 0.05, 1.0)
    chances = np.minimum(chances * share / chances.mean(), 1.0)
    return chances, rng.random(guess.size) < chances


@pytest.mark.parametrize("world", WORLDS)
def test_rows_labelled_with_unequal_chances_are_weighed_back(world):
    rng = np.random.default_rng(2)
    truth, covered, biased = true_mean(world), 0, []
    for _ in range(300):
        loss, guess, _ = rows_of(rng, 2000, world)
        chances, taken = chosen_by_guess(rng, guess, 0.12)
        fused = ppi_mean(loss[taken], guess[taken], guess[~taken], chances=chances[taken])
        covered += fused.low <= truth <= fused.high
        biased.append(loss[taken].mean() - truth)

    assert 0.925 <= covered / 300 <= 0.98
    assert abs(np.mean(biased)) > 0.01


@pytest.mark.parametrize(("n", "rest", "strength"), [(200, 5000, 0.8), (400, 800, 0.5)])
def test_estimates_equal_those_of_the_authors_own_package(n, rest, strength):
    oracle = pytest.importorskip("ppi_py")
    rng = np.random.default_rng(3)
    common = rng.normal(size=n + rest)
    guess = common + 2.0
    loss = strength * common + np.sqrt(1.0 - strength**2) * rng.normal(size=n + rest) + 1.0
    sample = loss[:n], guess[:n], guess[n:]

    for lam in (0.2, 0.9):
        fused = ppi_mean(*sample, lam=lam, alpha=0.1)
        theirs = lam * rest / (n + rest)
        low, high = oracle.ppi_mean_ci(*sample, alpha=0.1, lam=theirs)
        mean = oracle.ppi_mean_pointestimate(*sample, lam=theirs)
        assert fused.mean == pytest.approx(float(mean[0]), abs=1e-12)
        assert fused.high - fused.low == pytest.approx(float(high[0] - low[0]), rel=0.005)

    chosen = ppi_mean(*sample, alpha=0.1)
    low, high = oracle.ppi_mean_ci(*sample, alpha=0.1)
    assert (chosen.low, chosen.high) == pytest.approx((float(low[0]), float(high[0])), abs=0.006)
    assert chosen.rho == pytest.approx(np.corrcoef(loss[:n], guess[:n])[0, 1])

    weights = rng.uniform(0.5, 2.0, n)
    weighted = ppi_mean(*sample, chances=0.4 / weights, lam=0.7)
    everywhere = *sample[:2], guess
    mean = oracle.ppi_mean_pointestimate(*everywhere, lam=0.7, w=weights)
    assert weighted.mean == pytest.approx(float(mean[0]), abs=1e-12)


def test_guesses_that_tell_the_loss_are_worth_many_labels():
    rng = np.random.default_rng(4)
    guess = rng.random(4000)
    loss = guess + 0.05 * rng.normal(size=4000) + 0.3

    fused = ppi_mean(loss[:100], guess[:100], guess[100:])
    alone = ppi_mean(loss[:100], guess[:100], guess[100:], lam=0.0)

    assert fused.se < 0.25 * alone.se
    assert fused.lam > 0.95
    assert fused.mean == pytest.approx(loss.mean(), abs=4 * fused.se)


def test_guesses_that_say_nothing_or_the_contrary_are_not_believed():
    rng = np.random.default_rng(5)
    loss = (rng.random(300) < 0.3).astype(float)

    contrary = ppi_mean(loss, 1.0 - loss, np.full(900, 0.7))
    constant = ppi_mean(loss, np.full(300, 0.2), np.full(900, 0.2))

    assert contrary.lam == constant.lam == 0.0
    assert contrary.mean == constant.mean == pytest.approx(loss.mean())
    assert contrary.rho == pytest.approx(-1.0)
    assert np.isnan(constant.rho)


def correction_of(loss, guess, weights):
    """Offset and slope from the labelled rows so far, written plainly."""
    if (weights > 0).sum() < 30:
        return 0.0, 1.0
    mean_loss = np.average(loss, weights=weights)
    mean_guess = np.average(guess, weights=weights)
    variance = np.average(np.square(guess - mean_guess), weights=weights)
    together = np.average((loss - mean_loss) * (guess - mean_guess), weights=weights)
    lam = np.clip(together / variance, 0.0, 1.0)
    return mean_loss - lam * mean_guess, lam


def test_the_stream_corrects_each_row_by_what_earlier_rows_told():
    rng = np.random.default_rng(6)
    loss, guess, _ = rows_of(rng, 400, "concept")
    chances = rng.uniform(0.1, 0.6, 400)
    taken = rng.random(400) < chances
    whole, pieces = FusedStream.begin(tightest_at=400), FusedStream.begin(tightest_at=400)
    told = np.where(taken, loss, np.nan)

    whole.update(told, guess, chances)
    for cut in np.split(np.arange(400), [1, 2, 90, 91, 300]):
        pieces.update(told[cut], guess[cut], chances[cut])

    weights, counted = taken / chances, []
    for row in range(400):
        offset, lam = correction_of(loss[:row], guess[:row], weights[:row])
        corrected = offset + lam * guess[row]
        counted.append(corrected + weights[row] * (loss[row] - corrected))
    assert whole.mean == pytest.approx(np.mean(counted), rel=1e-9)
    assert whole.squares == pytest.approx(np.square(counted).sum(), rel=1e-9)
    assert (whole.n, whole.n_labelled) == (pieces.n, pieces.n_labelled) == (400, taken.sum())
    assert whole.lam == pytest.approx(correction_of(loss, guess, weights)[1], rel=1e-9)
    assert pieces.mean == pytest.approx(whole.mean, rel=1e-12)
    assert pieces.squares == pytest.approx(whole.squares, rel=1e-12)


@pytest.mark.parametrize("world", WORLDS)
def test_the_stream_covers_the_truth_at_all_times_at_once(world):
    rng = np.random.default_rng(7)
    truth, missed, runs, width, at_end = true_mean(world), 0, 60, [], []
    for _ in range(runs):
        loss, guess, _ = rows_of(rng, 10_000, world)
        chances, taken = chosen_by_guess(rng, guess, 0.1)
        stream, outside = FusedStream.begin(tightest_at=5000), False
        for cut in np.split(np.arange(10_000), 25):
            stream.update(np.where(taken, loss, np.nan)[cut], guess[cut], chances[cut])
            low, high = stream.interval()
            outside |= not low <= truth <= high
        missed += outside
        width.append(high - low)
        at_end.append(stream.mean)

    # 5 % of 60 runs are 3; 10 leaves four standard deviations for chance.
    assert missed <= 10
    assert np.mean(at_end) == pytest.approx(truth, abs=0.01)
    assert np.mean(width) < 0.13


def test_the_stream_says_nothing_before_200_labels():
    stream = FusedStream.begin(tightest_at=1000)

    stream.update(np.tile([0.0, 1.0], 99), np.full(198, 0.5), 1.0)
    assert stream.interval() == (-np.inf, np.inf)
    stream.update(np.array([0.0, 1.0]), np.full(2, 0.5), 1.0)

    low, high = stream.interval()
    assert -1.0 < low < 0.5 < high < 2.0
    assert stream.registered() == {"tightest_at": 1000, "learned_from": 30}


def test_values_that_would_void_the_promise_are_refused():
    ones, half = np.ones(3), np.full(3, 0.5)
    for chances in (np.zeros(3), np.full(3, 1.1), np.full(3, np.nan), np.ones(2)):
        with pytest.raises(ValueError, match="chances"):
            ppi_mean(ones, half, half, chances=chances)
    with pytest.raises(ValueError, match="one guess per loss"):
        ppi_mean(ones[:1], half[:1], half)
    with pytest.raises(ValueError, match="finite"):
        ppi_mean(ones, np.array([0.5, np.nan, 0.5]), half)
    with pytest.raises(ValueError, match="lam in"):
        ppi_mean(ones, half, half, lam=1.5)
    stream = FusedStream.begin(tightest_at=10)
    for told, known, chance, message in (
        (ones, np.full(3, np.nan), 0.5, "guess per row"),
        (ones, half[:2], 0.5, "guess per row"),
        (ones, half, 0.0, "chances"),
        (np.full(3, np.inf), half, 0.5, "infinite"),
    ):
        with pytest.raises(ValueError, match=message):
            stream.update(told, known, chance)
    assert stream == FusedStream.begin(tightest_at=10)
    with pytest.raises(ValueError, match="tightest_at"):
        FusedStream.begin(tightest_at=0)
