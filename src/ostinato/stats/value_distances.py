"""How far apart two samples of a number are: the largest difference of ranks, and the way moved.

In: sorted values of a reference and of a current sample, or what a sketch of them tells. Out: a
``Distance``. State: none.
"""

import math

import numpy as np
from scipy.special import kolmogi, kolmogorov

from ostinato.stats.arrays import FloatArray, as_floats
from ostinato.stats.distances import LEVEL, Distance, from_draws

_GRID = 512  # ranks on which the way moved is integrated: steps of a fifth of a percent


def kolmogorov_smirnov(reference: FloatArray, current: FloatArray) -> Distance:
    """Return the largest difference of the two distribution functions, in [0, 1].

    Parameters
    ----------
    reference, current
        (n,) and (m,), sorted values; ties make the test cautious.

    Raises
    ------
    ValueError
        when a sample is empty, not sorted or holds NaN.

    Source: Smirnov 1939; see ``ks_distance``.
    """
    first, second = _sorted(reference), _sorted(current)
    points = np.concatenate([first, second])
    below = np.searchsorted(first, points, side="right") / first.size
    apart = below - np.searchsorted(second, points, side="right") / second.size
    return ks_distance(float(np.abs(apart).max()), first.size, second.size)


def ks_distance(effect: float, n: int, m: int, *, slack: float = 0.0) -> Distance:
    """Judge a largest difference of two distribution functions.

    Parameters
    ----------
    effect
        the difference, in [0, 1].
    n, m
        sizes of the two samples.
    slack
        how far ``effect`` may be off because the functions are approximate, >= 0: the rank errors
        of two sketches, added.

    Source: Kolmogorov's distribution with the sample-size correction of Stephens 1970; the mean of
    that distribution is sqrt(pi / 2) log 2.
    """
    root = math.sqrt(n * m / (n + m))
    scale = root + 0.12 + 0.11 / root
    sure = max(effect - slack, 0.0)
    by_chance = math.sqrt(math.pi / 2.0) * math.log(2.0) / scale
    low = max(sure - float(kolmogi(LEVEL)) / scale, 0.0)
    return Distance(effect, by_chance, low, float(kolmogorov(scale * sure)))


def wasserstein(
    reference: FloatArray, current: FloatArray, *, rng: np.random.Generator, draws: int = 1000
) -> Distance:
    """Return how far values moved on average, in standard deviations of the reference.

    Parameters
    ----------
    reference, current
        (n,) and (m,), sorted values; the reference must vary.
    rng, draws
        see ``total_variation``.

    Source: int |F^-1 - G^-1|, Vallender 1974; see ``wasserstein_distance``.
    """
    first, second = _sorted(reference), _sorted(current)
    ranks = middle_ranks()
    return wasserstein_distance(
        np.quantile(first, ranks),
        np.quantile(second, ranks),
        n=first.size,
        m=second.size,
        sd=float(first.std()),
        bridges=bridges(rng, draws),
    )


def middle_ranks() -> FloatArray:
    """Return the ranks (g,) at which ``wasserstein_distance`` wants its quantiles."""
    ranks: FloatArray = (np.arange(_GRID) + 0.5) / _GRID
    return ranks


def bridges(rng: np.random.Generator, draws: int = 1000) -> FloatArray:
    """Draw (draws, g - 1) Brownian bridges between ``middle_ranks``.

    Many distances can be judged by the same ones; fewer draws make p-values coarser.
    """
    ranks = (np.arange(_GRID) + 1.0) / _GRID
    walks = np.cumsum(rng.normal(0.0, math.sqrt(1.0 / _GRID), (draws, _GRID)), axis=1)
    drawn: FloatArray = walks[:, :-1] - np.outer(walks[:, -1], ranks[:-1])
    return drawn


def wasserstein_distance(
    reference: FloatArray,
    current: FloatArray,
    *,
    n: int,
    m: int,
    sd: float,
    bridges: FloatArray,
    slack: float = 0.0,
) -> Distance:
    """Judge the distance of two sets of quantiles.

    Parameters
    ----------
    reference, current
        (g,), quantiles at ``middle_ranks``.
    n, m
        sizes of the two samples.
    sd
        standard deviation of the reference, > 0.
    bridges
        what ``bridges`` drew.
    slack
        how far ranks may be off, >= 0; costs slack times the range of the quantiles.

    Raises
    ------
    ValueError
        when ``sd`` is not above 0.

    Source: under no change sqrt(n m / (n + m)) (F - G) tends to a Brownian bridge in F, so the
    distance to int |bridge(F(x))| dx (del Barrio, Gine, Matran 1999).
    """
    if not sd > 0.0:
        raise ValueError(f"the reference must vary, its standard deviation was {sd}")
    both = np.sort(np.concatenate([reference, current])).reshape(-1, 2).mean(axis=1)
    effect = float(np.abs(reference - current).mean()) / sd
    reach = np.abs(bridges) @ np.diff(both) / (sd * math.sqrt(n * m / (n + m)))
    return from_draws(effect, reach, slack=slack * float(both[-1] - both[0]) / sd)


def _sorted(values: FloatArray) -> FloatArray:
    known = as_floats(values)
    if known.ndim != 1 or not known.size or not (known[:-1] <= known[1:]).all():
        raise ValueError("values must be one-dimensional, sorted, free of NaN and not empty")
    if np.isnan(known[-1]):
        raise ValueError("values must be one-dimensional, sorted, free of NaN and not empty")
    return known
