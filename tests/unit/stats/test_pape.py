import numpy as np
import pytest
from scipy.special import expit

from ostinato.stats.calibration import calibrate
from ostinato.stats.pape import density_ratio, pape
from ostinato.stats.sums import SCORE_BINS, score_bin

CENTRES = np.square(np.sin((np.arange(SCORE_BINS) + 0.5) * np.pi / (2.0 * SCORE_BINS)))


def test_weights_repair_a_calibration_where_rows_of_one_score_are_others_now():
    # The model does not know x2; today it is larger. Rows of one score come true more often now.
    draw = np.random.default_rng(1)

    def rows(count, shift):
        x1, x2 = draw.normal(size=count), draw.normal(shift, 1.0, count)
        labels = (draw.random(count) < expit(x1 + x2)).astype(float)
        return expit(0.8 * x1), labels, x2

    scores, labels, hidden = rows(40_000, 0.0)
    now, truth, _ = rows(40_000, 0.7)
    cells = score_bin(scores)
    ratio = np.exp(0.7 * hidden - 0.7**2 / 2.0)  # of the two normal densities

    found = pape(labels, cells, np.minimum(ratio, 20.0), CENTRES)
    plain = calibrate(
        np.bincount(cells, minlength=SCORE_BINS).astype(float),
        np.bincount(cells, labels, minlength=SCORE_BINS),
        CENTRES,
    )

    where = score_bin(now)
    assert found.calibration.rates[where].mean() == pytest.approx(truth.mean(), abs=0.01)
    assert abs(plain.rates[where].mean() - truth.mean()) > 0.1
    assert found.effective_rows < 40_000
    assert found.calibration.variances.mean() > plain.variances.mean()


def test_equal_weights_are_the_plain_calibration():
    draw = np.random.default_rng(2)
    scores = draw.random(3_000)
    labels, cells = (draw.random(3_000) < scores).astype(float), score_bin(scores)
    rows = np.bincount(cells, minlength=SCORE_BINS).astype(float)

    found = pape(labels, cells, np.full(3_000, 7.0), CENTRES)

    plain = calibrate(rows, np.bincount(cells, labels, minlength=SCORE_BINS), CENTRES)
    assert found.calibration.rates == pytest.approx(plain.rates)
    assert found.effective_rows == pytest.approx(3_000)
    assert found.clipped == 0.0


def test_too_little_overlap_is_refused():
    weights = np.zeros(1_000)
    weights[:5] = 20.0

    found = pape(np.zeros(1_000), np.zeros(1_000, dtype=int), weights, CENTRES)

    assert found.calibration is None
    assert found.effective_rows == pytest.approx(5.0)
    assert found.clipped == pytest.approx(0.005)
    assert pape(np.empty(0), np.empty(0, dtype=int), np.empty(0), CENTRES).calibration is None


def test_density_ratios_are_odds_and_bounded():
    assert density_ratio(np.array([0.0, 0.5, 1.0]), 200, 100).tolist() == [0.0, 2.0, 20.0]
    with pytest.raises(ValueError, match="rows of both"):
        density_ratio(np.array([0.5]), 0, 1)
    with pytest.raises(ValueError, match="not negative"):
        pape(np.zeros(1), np.zeros(1, dtype=int), np.array([-1.0]), CENTRES)
