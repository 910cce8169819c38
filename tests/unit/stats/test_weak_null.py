import itertools

import numpy as np
import pytest

from ostinato.stats.dual import fixed_sample_size
from ostinato.stats.weak_null import CENTRE, RANGE, WeakNullEProcess

Q, MARGIN = 0.06, 0.005


def world(rng, effect, n):
    u = rng.random(n)
    return np.where(u < (Q + effect) / 2, 1.0, np.where(u < Q, -1.0, 0.0))


def begin(**changes):
    settings = {"margin": MARGIN, "second_moment": Q, "cap": 29_678} | changes
    return WeakNullEProcess.begin(**settings)


def finished(effect, runs):
    rng = np.random.default_rng(21)
    out = []
    for _ in range(runs):
        test = begin()
        test.update(world(rng, effect, test.cap))
        out.append(test)
    return out


def share(tests, verdict):
    return np.mean([test.verdict == verdict for test in tests])


def one_by_one(test, differences):
    """The formula of the paper, an event at a time: log E+ and log E- after each."""
    total = spread = 0.0
    harm, out = test.margin / test.scale, []
    cost = (-np.log(1.0 - RANGE * test.bets) - RANGE * test.bets) / RANGE**2
    for i, d in enumerate(np.clip(differences / test.scale, -1.0, 1.0)):
        centre = min(max(total / i, -CENTRE), CENTRE) if i else 0.0
        spread += (d - centre) ** 2
        total += d
        plus = test.bets * (total + (i + 1) * harm) - cost * spread
        minus = -test.bets * total - cost * spread
        out.append((np.logaddexp.reduce(plus), np.logaddexp.reduce(minus)))
    return np.array(out) - np.log(test.bets.size)


@pytest.mark.parametrize("n", [1, 2, 500, 9000])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_pieces_equal_the_plain_formula(n, scale):
    rng = np.random.default_rng(n)
    differences = rng.normal(0.3 * scale, scale, n) * (rng.random(n) < 0.3)
    test = begin(margin=0.01 * scale, scale=scale, second_moment=0.2 * scale**2)

    for piece in np.array_split(differences, 7):
        test.update(piece)

    logs = one_by_one(test, differences)
    assert test.log_e_promote == pytest.approx(logs[-1, 0], rel=1e-9, abs=1e-9)
    assert test.log_e_abort == pytest.approx(logs[-1, 1], rel=1e-9, abs=1e-9)
    over = np.flatnonzero((logs >= np.log(20.0)).any(axis=1))
    assert max(test.promoted_at, test.aborted_at) == (over[0] + 1 if over.size else -1)
    assert test.mean == pytest.approx(np.clip(differences, -scale, scale).mean())


@pytest.mark.parametrize("values", [(-1.0, 1.0), (-1.0, 0.0, 1.0), (-0.2, 1.0)])
@pytest.mark.parametrize("plus", [True, False])
def test_the_mean_evidence_over_all_paths_is_at_most_one_under_the_null(values, plus):
    # Means that swing from event to event, but average to the boundary of the null at the end.
    harm, n = 0.1, 6
    centre = -harm if plus else 0.0
    swings = np.array([0.05, 0.05, -0.1, 0.09, -0.09, 0.0]) + centre
    expected = 0.0
    for path in itertools.product(range(len(values)), repeat=n):
        test = begin(margin=harm, second_moment=1.0)
        test.update(np.array([values[i] for i in path]))
        log_e = test.log_e_promote if plus else test.log_e_abort
        expected += np.exp(log_e) * np.prod(
            [chances(values, mean)[i] for i, mean in zip(path, swings, strict=True)]
        )

    assert 0.5 < expected <= 1.0


def chances(values, mean):
    """Probabilities over the outer values (the middle one gets .2) with the mean asked for."""
    middle = 0.2 if len(values) == 3 else 0.0
    low, high = values[0], values[-1]
    top = (mean - (1.0 - middle) * low) / (high - low)
    return (1.0 - middle - top, *([middle] if middle else []), top)


def test_a_candidate_worse_by_the_margin_is_rarely_promoted():
    assert share(finished(-MARGIN, 120), "promote") <= 0.06


def test_a_candidate_that_is_as_good_is_rarely_aborted_and_mostly_promoted():
    tests = finished(0.0, 120)

    assert share(tests, "abort") <= 0.06
    assert share(tests, "promote") > 0.65


def test_a_clearly_better_candidate_is_promoted_early_and_a_worse_one_aborted():
    better, worse = finished(0.01, 50), finished(-0.02, 50)

    assert share(better, "promote") > 0.95
    assert np.mean([t.promoted_at for t in better]) < 0.3 * fixed_sample_size(MARGIN, Q)
    assert share(worse, "abort") > 0.97


def test_an_effect_that_changes_its_sign_is_judged_by_its_average_so_far():
    # Better by day, worse by night, and worse by the margin on average over each whole day.
    rng = np.random.default_rng(22)
    effects = np.tile(np.repeat([-0.035, 0.025], 1000), 14)
    average = np.cumsum(effects) / np.arange(1, effects.size + 1)
    u = rng.random((120, effects.size))
    wrong = 0
    for row in u:
        test = begin()
        test.update(np.where(row < (Q + effects) / 2, 1.0, np.where(row < Q, -1.0, 0.0)))
        at = test.promoted_at
        wrong += at >= 0 and average[at - 1] <= -MARGIN

    assert wrong / 120 <= 0.05


def test_the_interval_covers_the_average_so_far_at_every_look():
    rng = np.random.default_rng(23)
    missed = 0
    for _ in range(200):
        test, wrong = begin(), False
        for day in range(20):
            test.update(world(rng, 0.02 if day % 2 else -0.02, 300))
            low, high = test.interval()
            wrong |= not low <= (0.0 if day % 2 else -0.02 / (day + 1)) <= high
        missed += wrong

    assert missed / 200 <= 0.05
    assert begin().interval() == (-1.0, 1.0)


def test_the_interval_is_what_the_evidence_cannot_rule_out():
    test = begin(alpha=0.025, beta=0.025, margin=0.02)
    test.update(world(np.random.default_rng(24), 0.0, 5000))
    low, high = test.interval(0.05)
    shifted = begin(alpha=0.025, beta=0.025, margin=0.02, cap=10_000)

    shifted.bets, shifted.margin = test.bets, -low
    shifted.update(world(np.random.default_rng(24), 0.0, 5000))

    assert high - low < 0.05
    assert shifted.log_e_promote == pytest.approx(np.log(40.0), rel=1e-6)


def test_without_proof_the_incumbent_is_kept_at_the_cap_and_late_crossings_do_not_count():
    test = begin(cap=50)

    test.update(np.zeros(49))
    assert test.verdict == "undecided"
    test.update(np.ones(500))

    assert test.verdict == "keep"


def test_loss_units_do_not_matter():
    d = world(np.random.default_rng(3), -0.01, 3000)
    plain, cents = begin(), begin(margin=100 * MARGIN, scale=100.0, second_moment=Q * 1e4)

    plain.update(d)
    cents.update(100.0 * d)

    assert plain.log_e_abort == pytest.approx(cents.log_e_abort)
    assert plain.aborted_at == cents.aborted_at


@pytest.mark.parametrize(
    "bad", [{"margin": 0.0}, {"margin": 2.0}, {"second_moment": 0.0}, {"alpha": 1.0}, {"cap": 0}]
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError):
        begin(**bad)


def test_missing_differences_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        begin().update(np.array([0.0, np.nan]))
