import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from ostinato.stats.calibration import calibrate

CELLS = 20
CENTRES = (np.arange(CELLS) + 0.5) / CELLS


def counts(draw, true, rows):
    n = draw.multinomial(rows, np.full(CELLS, 1 / CELLS)).astype(float)
    return n, draw.binomial(n.astype(int), true).astype(float)


def test_many_rows_give_the_true_rates_whatever_their_shape():
    draw = np.random.default_rng(1)
    true = np.where(CENTRES < 0.5, 0.1, 0.3 + 0.4 * CENTRES)
    n, hits = counts(draw, true, 200_000)

    found = calibrate(n, hits, CENTRES)

    assert np.abs(found.rates - true).max() < 0.02
    assert np.sqrt(found.variances).max() < 0.01


def test_few_rows_leave_a_line_and_none_the_scores_themselves():
    draw = np.random.default_rng(2)
    true = expit(0.5 * logit(CENTRES) - 1.0)
    wrong = [np.abs(calibrate(*counts(draw, true, 200), CENTRES).rates - true) for _ in range(50)]
    raw = [np.abs(np.divide(*counts(draw, true, 200)[::-1]) - true) for _ in range(50)]

    assert np.mean(wrong) < 0.6 * np.mean(raw)
    nothing = calibrate(np.zeros(CELLS), np.zeros(CELLS), CENTRES)
    assert nothing.rates == pytest.approx(CENTRES, abs=1e-6)
    assert np.sqrt(nothing.variances[CELLS // 2]) > 0.1


@pytest.mark.parametrize("rows", [100, 1_000, 20_000])
def test_errors_of_a_mean_are_as_large_as_they_are_said_to_be(rows):
    draw = np.random.default_rng(3)
    true = expit(0.8 * logit(CENTRES) + 0.5)
    weights = draw.dirichlet(np.ones(CELLS))
    off, said = [], []
    for _ in range(300):
        found = calibrate(*counts(draw, true, rows), CENTRES)
        off.append(weights @ (found.rates - true))
        said.append(found.variance_of(weights))

    covered = np.mean(np.abs(off) <= 1.96 * np.sqrt(said))
    assert 0.9 <= covered <= 1.0
    assert np.sqrt(np.mean(said)) < 1.8 * np.std(off)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), min_size=1, max_size=12))
def test_rates_never_fall_and_lie_in_the_unit_interval(cells):
    n = np.array([rows for rows, _ in cells], dtype=float)
    hits = np.array([np.floor(rows * share) for rows, share in cells])
    centres = np.linspace(0.0, 1.0, len(cells))

    found = calibrate(n, hits, centres)

    assert (np.diff(found.rates) >= 0.0).all()
    assert ((found.rates > 0.0) & (found.rates < 1.0)).all()
    assert (found.variances > 0.0).all()
    # Pooling moves rows between cells, not their number.
    total = found.rates @ (n + 10.0)
    assert calibrate(n, hits, centres, prior=np.full(len(cells), 0.5)).rates @ (
        n + 10.0
    ) == pytest.approx(hits.sum() + 5.0 * len(cells), abs=1e-3)
    assert total > 0.0


def test_rows_of_one_class_do_not_send_the_line_away():
    found = calibrate(np.full(CELLS, 5.0), np.zeros(CELLS), CENTRES)

    assert (found.rates < 0.5).all()
    assert np.isfinite(found.variances).all()


def test_counts_that_are_none_are_refused():
    with pytest.raises(ValueError, match="not negative"):
        calibrate(np.array([-1.0]), np.array([0.0]), np.array([0.5]))
    with pytest.raises(ValueError, match="one count per cell"):
        calibrate(np.ones(2), np.ones(3), np.ones(3))
