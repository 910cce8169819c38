import numpy as np
import pytest
from scipy.stats import binom

from ostinato.stats import CusumChart, EwmaChart, ShewhartChart
from ostinato.stats.chart_limits import cusum_limit, ewma_limit
from ostinato.stats.chart_rates import (
    cusum_rate_limit,
    ewma_rate_limit,
    run_length,
    shewhart_rate_limit,
    standardised,
)


def simulated(chart, rate, *, runs=800, seed=1):
    """Mean run length of the chart's recursion, many runs side by side."""
    rng = np.random.default_rng(seed)
    loss, none = standardised(rate)
    statistic, lengths = np.zeros(runs), np.zeros(runs)
    t, alive = 0, np.ones(runs, dtype=bool)
    while alive.any():
        z = np.where(rng.random(runs) < rate, loss, none)
        t += 1
        if isinstance(chart, CusumChart):
            statistic = np.maximum(statistic + z - chart.drift, 0.0)
        else:
            statistic = (1.0 - chart.weight) * statistic + chart.weight * z
        hit = alive & (statistic >= chart.limit)
        lengths[hit], alive = t, alive & ~hit
    return lengths.mean()


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("kind", ["cusum", "ewma"])
def test_the_run_length_on_zeros_and_ones_is_the_one_asked_for(kind, rate):
    sd = np.sqrt(rate * (1.0 - rate))
    if kind == "cusum":
        chart = CusumChart.begin(rate, sd, arl=500.0, shift=0.4, rate=rate)
    else:
        chart = EwmaChart.begin(rate, sd, arl=500.0, weight=0.05, rate=rate)

    # The standard error of the simulation is 3.5 %.
    assert simulated(chart, rate) == pytest.approx(500.0, rel=0.15)


def test_normal_limits_alarm_far_too_often_where_losses_are_rare():
    def cusum(nodes, z):
        return nodes + (z - 0.1)

    def ewma(nodes, z):
        return 0.98 * nodes + 0.02 * z

    low = standardised(0.02)[1]
    normal = cusum_limit(1e6, drift=0.1), ewma_limit(1e6, weight=0.02)
    exact = (
        cusum_rate_limit(1e6, drift=0.1, rate=0.02),
        ewma_rate_limit(1e6, weight=0.02, rate=0.02),
    )

    assert run_length(cusum, rate=0.02, low=0.0, limit=normal[0]) < 0.12e6
    assert run_length(ewma, rate=0.02, low=low, limit=normal[1]) < 0.02e6
    assert run_length(cusum, rate=0.02, low=0.0, limit=exact[0]) == pytest.approx(1e6, rel=0.01)
    assert run_length(ewma, rate=0.02, low=low, limit=exact[1]) == pytest.approx(1e6, rel=0.01)


def test_a_chart_that_alarms_at_the_first_loss_waits_one_over_the_rate():
    def cusum(nodes, z):
        return nodes + (z - 0.1)

    assert run_length(cusum, rate=0.01, low=0.0, limit=1e-3) == pytest.approx(100.0, rel=1e-6)
    first = cusum_rate_limit(50.0, drift=0.1, rate=0.01)
    assert 0.0 < first < standardised(0.01)[0] - 0.1


@pytest.mark.parametrize("rate", [0.002, 0.1, 0.5])
def test_the_shewhart_limit_is_the_first_count_whose_binomial_tail_is_rare_enough(rate):
    limit = shewhart_rate_limit(1e6, batch=500, rate=rate)
    losses = 500 * rate + limit * np.sqrt(500 * rate * (1.0 - rate))
    count = int(np.ceil(losses))

    assert count - losses == pytest.approx(0.5)
    assert binom.sf(count - 1, 500, rate) <= 500 / 1e6 < binom.sf(count - 2, 500, rate)


def test_a_shewhart_chart_of_losses_crosses_at_that_count():
    chart = ShewhartChart.begin(0.1, 0.3, arl=1e4, batch=100, rate=0.1)
    count = next(c for c in range(101) if binom.sf(c - 1, 100, 0.1) <= 0.01)

    chart.update(np.repeat([1.0, 0.0], [count - 1, 101 - count]))
    assert not chart.crossed
    chart.update(np.repeat([1.0, 0.0], [count, 100 - count]))

    assert chart.crossed_at == 200


def test_settings_without_a_limit_are_refused():
    for bad in (0.0, 0.6, np.nan):
        with pytest.raises(ValueError, match="rate"):
            cusum_rate_limit(1e4, drift=0.1, rate=bad)
    with pytest.raises(ValueError, match="drift"):
        cusum_rate_limit(1e4, drift=1.5, rate=0.5)
    with pytest.raises(ValueError, match="weight"):
        ewma_rate_limit(1e4, weight=1.0, rate=0.1)
    with pytest.raises(ValueError, match="no limit"):
        ewma_rate_limit(1e12, weight=0.9, rate=0.5)
    with pytest.raises(ValueError, match="2 \\* batch"):
        shewhart_rate_limit(100.0, batch=500, rate=0.1)
