"""Control limits of the classical charts for a wanted average run length.

All three assume independent, standard normal increments. Losses are neither exactly, so treat
the run lengths as a guide; the e-detector's bound needs no such assumption.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from ostinato.stats.arrays import FloatArray
from ostinato.stats.confidence import normal_quantile

STATES = 101
"""States of the EWMA chain. Fewer: cells wider than one step of the chart and a biased run
length; more: time grows with the cube."""


def shewhart_limit(arl: float, *, batch: int) -> float:
    """Limit of the batch mean in its standard errors: tail probability batch / arl.

    Parameters
    ----------
    arl
        wanted run length in events; must be above 2 * batch.
    batch
        events per plotted point, >= 1.

    Raises
    ------
    ValueError
        when arl <= 2 * batch.

    Source: Shewhart 1931; the run length of independent points is geometric.
    """
    if not arl > 2.0 * batch:
        raise ValueError(f"arl must be above 2 * batch = {2 * batch}, it was {arl}")
    return normal_quantile(1.0 - batch / arl)


def cusum_run_length(limit: float, *, drift: float) -> float:
    """Average run length of a one-sided CUSUM, W = max(0, W + z - drift), alarm at ``limit``.

    Source: Siegmund 1985, "Sequential Analysis", eq. 2.57: with b = limit + 1.166 and D = -drift,
    (exp(-2 D b) + 2 D b - 1) / (2 D^2).
    """
    # exp of the run lengths asked for here stays far below overflow; cut for the root search.
    x = min(2.0 * drift * (limit + 1.166), 600.0)
    return (math.exp(x) - x - 1.0) / (2.0 * drift * drift)


def cusum_limit(arl: float, *, drift: float) -> float:
    """Limit of the CUSUM, in standard deviations, for a wanted run length in events.

    Raises
    ------
    ValueError
        when even limit 0 has a longer run length, or drift is not above 0.
    """
    if not drift > 0.0 or cusum_run_length(0.0, drift=drift) >= arl:
        raise ValueError(f"no limit gives arl {arl} with drift {drift}")
    # x - log1p(x + ...) grows like log(2 drift^2 arl), so this bracket always holds the root.
    high = math.log(4.0 * drift * drift * arl + 10.0) / drift
    return limit_for(arl, lambda limit: cusum_run_length(limit, drift=drift), 0.0, high)


def ewma_run_length(limit: float, *, weight: float) -> float:
    """Average run length of a one-sided EWMA, Z = (1 - weight) Z + weight z, alarm at ``limit``.

    Parameters
    ----------
    limit
        in standard deviations of one observation, > 0.
    weight
        weight of the newest observation, in (0, 1].

    Source: Brook and Evans 1972, Biometrika 59, section 2: cut [low, limit] into cells, each a
    state at its middle; the run length is (I - Q)^-1 1 at the state of 0. Below ``low`` (five
    standard deviations of Z) everything falls into the first cell.
    """
    low = -5.0 * ewma_sd(weight)
    edges = np.linspace(low, limit, STATES + 1)
    middle = 0.5 * (edges[1:] + edges[:-1])
    reached = ndtr((edges[None, :] - (1.0 - weight) * middle[:, None]) / weight)
    reached[:, 0] = 0.0
    return float(np.interp(0.0, middle, run_lengths(np.eye(STATES) - np.diff(reached, axis=1))))


def ewma_sd(weight: float) -> float:
    """Standard deviation of the EWMA in the long run, sqrt(weight / (2 - weight))."""
    return math.sqrt(weight / (2.0 - weight))


@lru_cache(maxsize=64)
def ewma_limit(arl: float, *, weight: float) -> float:
    """Limit of the EWMA, in standard deviations of one observation, for a wanted run length.

    Raises
    ------
    ValueError
        when the run length lies outside what limits of .5 to 6.5 standard deviations of the
        EWMA can give.
    """
    sd = ewma_sd(weight)

    def run_length(limit: float) -> float:
        return ewma_run_length(limit, weight=weight)

    low, high = 0.5 * sd, 6.5 * sd
    if run_length(low) >= arl or run_length(high) <= arl:
        raise ValueError(f"no limit gives arl {arl} with weight {weight}")
    return limit_for(arl, run_length, low, high)


def run_lengths(system: FloatArray) -> FloatArray:
    """Average run length from each state of a chart, (n,).

    Parameters
    ----------
    system
        (n, n), I - Q, where Q holds the chances to go from state to state without an alarm;
        changed in place.

    Source: Brook and Evans 1972, (I - Q)^-1 1. Elimination needs no pivots, as I - Q is an
    M-matrix. A linear algebra library would sum in an order that differs between machines, and
    would wait for threads where all processors are busy.
    """
    rows, columns = np.nonzero(system)
    lower, upper = int((rows - columns).max()), int((columns - rows).max())
    lengths = np.ones(len(system))
    for i in range(len(system) - 1):
        below, band = slice(i + 1, i + 1 + lower), slice(i, i + 1 + upper)
        factors = system[below, i] / system[i, i]
        system[below, band] -= factors[:, None] * system[i, band]
        lengths[below] -= factors * lengths[i]
    for i in range(len(system) - 1, -1, -1):
        after = slice(i + 1, i + 1 + upper)
        lengths[i] = (lengths[i] - (system[i, after] * lengths[after]).sum()) / system[i, i]
    return lengths


def limit_for(
    arl: float,
    run_length: Callable[[float], float],
    low: float,
    high: float,
    *,
    halvings: int = 40,
) -> float:
    """Halve a bracket until it holds the limit; the run length must grow with the limit."""
    # Importing scipy.optimize for this would cost every start of the program a third of a second.
    for _ in range(halvings):
        middle = 0.5 * (low + high)
        if run_length(middle) < arl:
            low = middle
        else:
            high = middle
    return high
