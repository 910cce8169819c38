"""Confidence sequences: intervals that stay valid however often one looks."""

import math
from statistics import NormalDist

WARM_UP = 200
"""Events before an asymptotic interval may be read. Fewer: the normal limit is not yet good and
the promised coverage fails; more: clear cases wait for nothing."""


def normal_quantile(level: float) -> float:
    """Quantile of the standard normal distribution; level in (0, 1)."""
    return NormalDist().inv_cdf(level)


def asymptotic_radius(n: float, sd: float, alpha: float, *, tightest_at: int) -> float:
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
    theory and asymptotic confidence sequences", Annals of Statistics, eq. 3: the normal mixture
    for the variance n sd^2.
    """
    return sub_gaussian_radius(n, sd, alpha, tightest_at=tightest_at)


def sub_gaussian_radius(n: float, sigma: float, alpha: float, *, tightest_at: int) -> float:
    """Half the width of a confidence sequence for the mean of sub-Gaussian values.

    Exact at every n: no warm-up, no estimate. For values in [a, b], sigma = (b - a) / 2 will do
    (Hoeffding), but where they vary less ``betting.BettingMean`` is far tighter.

    Parameters
    ----------
    n
        observations, >= 1.
    sigma
        known scale: E exp(u (x - mean)) <= exp(u^2 sigma^2 / 2) given the past; >= 0.
    alpha
        error rate, in (0, 1), over both sides.
    tightest_at
        sample size where the sequence should be tightest; >= 1.

    Returns
    -------
    float
        radius in the unit of ``sigma``.

    Source: Robbins 1970; Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform, nonparametric,
    nonasymptotic confidence sequences", Annals of Statistics 49, eq. 14 (two-sided normal mixture):
    sigma sqrt(2 (n r2 + 1) / (n2 r2) log(sqrt(n r2 + 1) / alpha)).
    """
    r2 = _mixture_variance(alpha, tightest_at)
    grown = n * r2 + 1.0
    log_alpha = math.log(alpha)
    return sigma * math.sqrt(2.0 * grown / (n * n * r2) * (0.5 * math.log(grown) - log_alpha))


def one_sided_radius(n: int, sd: float, alpha: float, *, tightest_at: int) -> float:
    """Distance from the mean to a lower (or upper) asymptotic confidence sequence of it.

    Parameters
    ----------
    n, sd
        observations, >= 1, and their standard deviation, >= 0.
    alpha
        error rate of that one side, in (0, .5).
    tightest_at
        sample size where the bound should be tightest; >= 1.

    Returns
    -------
    float
        distance in the unit of ``sd``; about what ``asymptotic_radius`` gives for 2 alpha.

    Source: Waudby-Smith et al. 2024, Annals of Statistics, section on one-sided sequences: the
    mixture over positive effects only,
    sd sqrt(2 (n r2 + 1) / (n2 r2) log(1 + sqrt(n r2 + 1) / (2 alpha))), r2 as for 2 alpha.
    """
    r2 = _mixture_variance(2.0 * alpha, tightest_at)
    grown = n * r2 + 1.0
    level = math.log1p(math.sqrt(grown) / (2.0 * alpha))
    return sd * math.sqrt(2.0 * grown / (n * n * r2) * level)


def _mixture_variance(alpha: float, tightest_at: int) -> float:
    # Nearly the variance for which the radius at ``tightest_at`` is smallest: with x = n r2 the
    # optimum solves x - log(1 + x) = -2 log alpha (Waudby-Smith et al. 2024, appendix on tuning).
    both = -2.0 * math.log(alpha)
    return (both + math.log(1.0 + both)) / tightest_at


def sample_sd(n: int, total: float, squares: float) -> float:
    """Standard deviation from a count, a sum and a sum of squares; 0 for n < 2."""
    if n < 2:
        return 0.0
    return math.sqrt(max(squares - total * total / n, 0.0) / (n - 1))
