"""Confidence sequences: intervals that stay valid however often one looks."""

import math
from statistics import NormalDist

WARM_UP = 200
"""Events before an asymptotic interval may be read. Fewer: the normal limit is not yet good and
the promised coverage fails; more: clear cases wait for nothing."""


def normal_quantile(level: float) -> float:
    """Quantile of the standard normal distribution; level in (0, 1)."""
    return NormalDist().inv_cdf(level)


def asymptotic_radius(n: int, sd: float, alpha: float, *, tightest_at: int) -> float:
    """Half the width of an asymptotic confidence sequence for a mean.

    Valid at all sample sizes at once with probability about 1 - alpha; some 1.5 to 2 times as
    wide as a fixed-sample interval.

    Parameters
    ----------
    n
        observations, >= 1.
    sd
        their standard deviation, >= 0.
    alpha
        error rate, in (0, 1), over both sides.
    tightest_at
        sample size where the sequence should be tightest; >= 1.

    Returns
    -------
    float
        radius in the unit of ``sd``.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024, "Time-uniform central limit
    theory and asymptotic confidence sequences", Annals of Statistics, eq. 3 and its tuning:
    s sqrt(2 (n r2 + 1) / (n2 r2) log(sqrt(n r2 + 1) / alpha)),
    r2 = (-2 log alpha + log(1 - 2 log alpha)) / tightest_at.
    """
    log_alpha = math.log(alpha)
    r2 = (-2.0 * log_alpha + math.log(1.0 - 2.0 * log_alpha)) / tightest_at
    grown = n * r2 + 1.0
    return sd * math.sqrt(2.0 * grown / (n * n * r2) * (0.5 * math.log(grown) - log_alpha))


def sample_sd(n: int, total: float, squares: float) -> float:
    """Standard deviation from a count, a sum and a sum of squares; 0 for n < 2."""
    if n < 2:
        return 0.0
    return math.sqrt(max(squares - total * total / n, 0.0) / (n - 1))
