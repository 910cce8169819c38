"""What windows have in common with their neighbours, and streams with each other."""

import math

import numpy as np
import pytest
from scipy.special import polygamma

from ostinato.stats.window_memory import (
    HIGHEST,
    PRIOR,
    Pairs,
    carried,
    inflation,
    joint_correlation,
    unbiased_scatter,
    worth,
)
from ostinato.stats.window_prior import MOST, Common, _inverse_trigamma, usual_spread


def wandering(draw, correlation, windows, streams):
    level = draw.normal(size=streams)
    found = []
    for _ in range(windows):
        step = draw.normal(size=streams)
        level = correlation * level + math.sqrt(1.0 - correlation**2) * step
        found.append(level)
    return np.array(found)


def correlations(values):
    """By `Pairs`, windows of one row each; values (windows, streams)."""
    streams = values.shape[1]
    pairs, everyone = Pairs.zeros(streams, streams), np.ones(streams, dtype=np.bool_)
    for window in values:
        pairs.add(np.arange(streams), np.ones(streams), window, everyone)
    return pairs.covariance(np.arange(streams), values.mean(axis=0)) / values.var(axis=0)


def test_covariances_of_neighbours_are_those_of_the_definition():
    values = wandering(np.random.default_rng(1), 0.5, 9, 4)

    found = correlations(values)

    centred = values - values.mean(axis=0)
    expected = (centred[1:] * centred[:-1]).mean(axis=0) / values.var(axis=0)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("windows", [8, 28])
def test_the_joint_correlation_is_free_of_the_bias_of_few_windows(correlation, windows):
    values = wandering(np.random.default_rng(2), correlation, windows, 200)

    found = joint_correlation(correlations(values), np.full(200, float(windows)))

    assert found == pytest.approx(correlation, abs=0.06)


def test_a_lone_stream_is_drawn_to_what_is_supposed():
    assert joint_correlation(np.zeros(0), np.zeros(0)) == PRIOR
    assert joint_correlation(np.array([0.9]), np.array([2.0])) == PRIOR
    assert 0.2 < joint_correlation(np.array([0.4]), np.array([8.0])) < 0.75
    assert joint_correlation(np.array([-0.9]), np.array([50.0])) == 0.0
    assert joint_correlation(np.array([0.99]), np.array([500.0])) == HIGHEST


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_dependent_windows_are_worth_fewer(correlation):
    draw, windows = np.random.default_rng(3), 12
    values = wandering(draw, correlation, windows, 20_000)
    r = np.array([correlation])
    many = np.array([float(windows)])

    raised = values.mean(axis=0).var() * windows
    scattered = values.var(axis=0, ddof=1)

    assert inflation(many, r)[0] == pytest.approx(raised, rel=0.05)
    assert unbiased_scatter(many, r)[0] == pytest.approx(1.0 / scattered.mean(), rel=0.03)
    # Twice the squared mean over the variance is the freedom of a chi-squared variable.
    freedom = 2.0 * scattered.mean() ** 2 / scattered.var()
    assert 0.35 * freedom < worth(many, r)[0] - 1.0 < 1.05 * freedom


def test_the_border_rises_after_a_window_beyond_it_and_never_falls():
    borders = np.array([[0.3, 0.9], [0.3, 0.9], [0.3, 0.9]])
    before = np.array([[0.5, 0.5], [0.1, 0.95], [np.nan, np.nan]])

    found = carried(before, borders, np.full(3, 0.5))

    assert found == pytest.approx(np.array([[0.1, 0.0], [0.0, 0.025], [0.0, 0.0]]))


def ratios(draw, streams, freedom, differ):
    own = np.exp(differ * draw.normal(size=streams))
    return own * draw.chisquare(freedom, streams) / freedom


def spread(ratio, freedom):
    streams = len(ratio)
    return usual_spread(ratio, np.full(streams, freedom), np.full(streams, 100.0), np.ones(streams))


def test_streams_that_are_alike_count_for_each_other():
    draw = np.random.default_rng(4)

    alike = spread(ratios(draw, 200, 7.0, 0.0) * 3.0, 7.0)
    different = spread(ratios(draw, 200, 7.0, 1.0) * 3.0, 7.0)
    few = spread(ratios(draw, 4, 7.0, 0.0), 7.0)

    assert alike[0] == pytest.approx(0.02, rel=0.15)
    assert alike[1] > 0.6 * MOST
    assert different[1] < 4.0
    assert few == (0.0, 0.0)


def test_a_stream_is_drawn_up_to_the_others_by_their_weight_and_never_down():
    common = Common.nothing(3)
    common.tell(np.array([True, True, False]), 0.1, 0.02, 21.0)

    ratio, freedom = common.drawn(np.array([1.0, 9.0, 9.0]), np.full(3, 7.0), np.full(3, 100.0))

    assert ratio == pytest.approx([(7 * 1 + 21 * 3) / 28, 9.0, 9.0])
    assert freedom.tolist() == [28.0, 28.0, 7.0]
    assert common.kept(np.array([False, False, True])).freedom.tolist() == [0.0]
    assert common.grown(1).persistence.tolist() == [0.1, 0.1, 0.0, 0.0]


@pytest.mark.parametrize("value", [1e-7, 0.01, 0.33, 5.0, 1e8])
def test_the_trigamma_function_is_inverted(value):
    assert polygamma(1, _inverse_trigamma(value)) == pytest.approx(value, rel=1e-4)
