import numpy as np
import pytest

from ostinato.stats import CusumChart, EwmaChart, ShewhartChart
from ostinato.stats.chart_limits import cusum_limit, ewma_limit, shewhart_limit

KINDS = [
    lambda arl: ShewhartChart.begin(5.0, 2.0, arl=arl, batch=20),
    lambda arl: EwmaChart.begin(5.0, 2.0, arl=arl, weight=0.05),
    lambda arl: CusumChart.begin(5.0, 2.0, arl=arl, shift=0.5),
]
each_chart = pytest.mark.parametrize("make", KINDS, ids=["shewhart", "ewma", "cusum"])


@each_chart
def test_the_run_length_on_normal_values_is_the_one_asked_for(make):
    rng = np.random.default_rng(1)
    chart, lengths = make(500.0), []
    for _ in range(500):
        begun = chart.n
        while not chart.crossed:
            chart.update(rng.normal(5.0, 2.0, 500))
        lengths.append(chart.crossed_at - begun)
        chart.reset()

    # The standard error of the mean is about 500 / sqrt(500) = 4.5 %.
    assert 430 < np.mean(lengths) < 590


@each_chart
def test_a_shift_is_found_and_dated(make):
    rng = np.random.default_rng(2)
    chart = make(100_000.0)

    chart.update(rng.normal(5.0, 2.0, 1000))
    assert not chart.crossed
    chart.update(rng.normal(7.0, 2.0, 1000))

    assert 1000 < chart.crossed_at < 1100
    assert abs(chart.change_point - 1000) <= 40


@each_chart
def test_other_batch_borders_give_the_same_answer(make):
    rng = np.random.default_rng(3)
    values = rng.normal(5.3, 2.0, 900)
    means = rng.normal(5.0, 0.1, 900)
    whole, pieces, single = make(5000.0), make(5000.0), make(5000.0)

    whole.update(values, means)
    for cut in np.split(np.arange(900), [0, 3, 19, 20, 21, 600, 601]):
        pieces.update(values[cut], means[cut])
    for i in range(900):
        single.update(values[i : i + 1], means[i : i + 1])

    for other in (pieces, single):
        assert other.statistic == pytest.approx(whole.statistic, rel=1e-9)
        assert (other.n, other.crossed_at) == (whole.n, whole.crossed_at)
        assert other.change_point == whole.change_point


def test_statistics_equal_their_plain_recursions():
    rng = np.random.default_rng(4)
    values = rng.normal(5.0, 2.0, 30_000)
    shewhart, ewma, cusum = (make(1e6) for make in KINDS)
    z_mean = w = 0.0
    for z in (values - 5.0) / 2.0:
        z_mean = 0.95 * z_mean + 0.05 * z
        w = max(0.0, w + z - 0.25)

    for chart in (shewhart, ewma, cusum):
        chart.update(values)

    assert ewma.statistic == pytest.approx(z_mean, rel=1e-9)
    assert cusum.statistic == pytest.approx(w, rel=1e-9, abs=1e-9)
    assert shewhart.statistic == pytest.approx((values[-20:].mean() - 5.0) / 2.0 * np.sqrt(20))


@each_chart
def test_reset_starts_anew_and_keeps_the_count(make):
    chart = make(1000.0)
    chart.update(np.full(400, 9.0))
    assert chart.crossed

    chart.reset()

    assert (chart.crossed, chart.n, chart.change_point, chart.statistic) == (False, 400, 400, 0.0)


@each_chart
def test_missing_values_and_a_zero_spread_are_refused(make):
    chart = make(1000.0)

    with pytest.raises(ValueError, match="NaN"):
        chart.update(np.array([np.nan]))
    with pytest.raises(ValueError, match="sd must be above 0"):
        type(chart).begin(0.0, 0.0)
    chart.update(np.zeros(0))
    assert chart.n == 0


def test_limits_agree_with_published_tables():
    # Montgomery, table 9.3: one-sided CUSUM with k = .5, h = 4 has a run length of 336.
    assert cusum_limit(336.0, drift=0.5) == pytest.approx(4.0, abs=0.02)
    # A weight of 1 is a chart of single values: 1 / (1 - Phi(3)) = 740.8.
    assert ewma_limit(740.8, weight=0.999) == pytest.approx(3.0, abs=0.01)
    assert shewhart_limit(740.8, batch=1) == pytest.approx(3.0, abs=0.001)


def test_impossible_run_lengths_are_refused():
    with pytest.raises(ValueError, match="2 \\* batch"):
        shewhart_limit(100.0, batch=500)
    with pytest.raises(ValueError, match="no limit"):
        cusum_limit(1.0, drift=0.5)
    with pytest.raises(ValueError, match="no limit"):
        ewma_limit(1.0, weight=0.1)
