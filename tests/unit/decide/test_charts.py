import numpy as np
import pytest

from ostinato.decide.charts import begin_chart
from ostinato.stats import SeasonalBaseline
from ostinato.stats.chart_limits import cusum_limit, ewma_limit
from ostinato.stats.chart_rates import cusum_rate_limit, ewma_rate_limit

LIMITS = {
    "cusum": (cusum_limit(1e5, drift=0.1), cusum_rate_limit(1e5, drift=0.1, rate=0.05)),
    "ewma": (ewma_limit(1e5, weight=0.02), ewma_rate_limit(1e5, weight=0.02, rate=0.05)),
}


def limit_for(name, losses):
    baseline = SeasonalBaseline.fit(losses, np.zeros(losses.size, dtype=np.int64), 1)
    return begin_chart(name, baseline, losses, arl=1e5).limit


@pytest.mark.parametrize("name", sorted(LIMITS))
@pytest.mark.parametrize("loss", [1.0, 0.5])
def test_losses_of_two_values_get_the_exact_limit_for_their_rate(name, loss):
    losses = np.tile(np.repeat([loss, 0.0], [1, 19]), 50)

    assert limit_for(name, losses) == LIMITS[name][1]


@pytest.mark.parametrize("name", sorted(LIMITS))
@pytest.mark.parametrize(
    "losses",
    [np.tile([1.0, 0.5, 0.0, 0.0], 200), np.tile([1.0, 1.0, 0.0], 300), np.zeros(600)],
    ids=["three values", "mostly lost", "none lost"],
)
def test_other_losses_get_the_normal_limit(name, losses):
    assert limit_for(name, losses) == LIMITS[name][0]
