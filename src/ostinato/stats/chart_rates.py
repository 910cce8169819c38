"""Control limits of the classical charts for losses that are 0 or 1.

The increments of such a chart take two values, so that its run length can be computed instead of
taken from the normal distribution. Normal limits alarm far too often where losses are rare: of a
run length of 1e6 asked for, a rate of 2 % leaves the CUSUM 9 %, the EWMA 1 %.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.special import bdtrc

from ostinato.stats.arrays import FloatArray
from ostinato.stats.chart_limits import limit_for, run_lengths

NODES = 240
"""Points at which the run length is solved for. Fewer: a coarse grid blurs each step and biases the
run length; more: time grows with the square."""

_HALVINGS = 24  # of the bracket: limits are exact to a millionth
_LARGEST = 1e4  # standard deviations; no chart needs a limit near this


def shewhart_rate_limit(arl: float, *, batch: int, rate: float) -> float:
    """Limit of the batch mean in its standard errors: binomial tail at most batch / arl.

    Parameters
    ----------
    arl
        least run length in events; must be above 2 * batch.
    batch
        events per plotted point, >= 1.
    rate
        probability of a loss under no change, in (0, .5].

    Returns
    -------
    float
        half a loss below the smallest count whose tail is rare enough, so that rounding does not
        matter; the run length is the next above ``arl`` that counts allow.

    Raises
    ------
    ValueError
        when arl <= 2 * batch or the rate is out of its range.

    Source: Shewhart 1931 (p chart) with exact binomial probabilities.
    """
    _check(rate)
    if not arl > 2.0 * batch:
        raise ValueError(f"arl must be above 2 * batch = {2 * batch}, it was {arl}")
    # P(S >= count) for each count from 1; nothing is above the batch itself.
    tails = np.append(bdtrc(np.arange(batch), batch, rate), 0.0)
    count = 1 + int((tails <= batch / arl).argmax())
    return float((count - 0.5 - batch * rate) / math.sqrt(batch * rate * (1.0 - rate)))


@lru_cache(maxsize=64)
def cusum_rate_limit(arl: float, *, drift: float, rate: float) -> float:
    """Limit of the CUSUM of standardised losses for a wanted run length in events.

    Parameters
    ----------
    arl
        wanted run length, > 1.
    drift
        standard deviations subtracted from each value, > 0.
    rate
        probability of a loss under no change, in (0, .5].

    Raises
    ------
    ValueError
        when a value is out of its range, or a loss does not raise the statistic.

    Source: Brook and Evans 1972, Biometrika 59, with two-point increments; see ``run_length``.
    """
    loss = standardised(rate)[0]
    if not (arl > 1.0 and 0.0 < drift < loss):
        raise ValueError(f"arl above 1 and drift in (0, {loss}) expected: {arl}, {drift}")

    def length(limit: float) -> float:
        def move(nodes: FloatArray, z: float) -> FloatArray:
            return nodes + (z - drift)

        return run_length(move, rate=rate, low=0.0, limit=limit)

    return _limit(arl, length, loss - drift)


@lru_cache(maxsize=64)
def ewma_rate_limit(arl: float, *, weight: float, rate: float) -> float:
    """Limit of the EWMA of standardised losses for a wanted run length in events.

    Parameters
    ----------
    arl
        wanted run length, > 1.
    weight
        weight of the newest observation, in (0, 1).
    rate
        probability of a loss under no change, in (0, .5].

    Raises
    ------
    ValueError
        when a value is out of its range, or no limit gives such a run length.

    Source: as ``cusum_rate_limit``.
    """
    loss, none = standardised(rate)
    if not (arl > 1.0 and 0.0 < weight < 1.0):
        raise ValueError(f"arl above 1 and weight in (0, 1) expected: {arl}, {weight}")

    def length(limit: float) -> float:
        def move(nodes: FloatArray, z: float) -> FloatArray:
            return (1.0 - weight) * nodes + weight * z

        return run_length(move, rate=rate, low=none, limit=limit)

    return _limit(arl, length, weight * loss, highest=loss)


def run_length(
    move: Callable[[FloatArray, float], FloatArray], *, rate: float, low: float, limit: float
) -> float:
    """Average run length of a chart that starts at 0 and alarms at ``limit``.

    Parameters
    ----------
    move
        where the statistic goes from each of (n,) values after a standardised loss.
    rate
        probability of a loss, in (0, .5].
    low
        lowest value of the statistic, <= 0; what would go below stays there.
    limit
        > 0.

    Source: Brook and Evans 1972: L(w) = 1 + sum_z P(z) L(move(w, z)), L = 0 from the limit on,
    solved at evenly spaced nodes. Between them L is taken as linear (collocation), which keeps the
    mean of each step exact where rounding to the next node would shift it.
    """
    nodes = np.linspace(low, limit, NODES)
    spacing = nodes[1] - nodes[0]
    system = np.eye(NODES)
    for z, chance in zip(standardised(rate), (rate, 1.0 - rate), strict=True):
        targets = np.maximum(move(nodes, z), low)
        alive = np.flatnonzero(targets < limit)
        places = (targets[alive] - low) / spacing
        left = np.minimum(places.astype(np.int64), NODES - 2)
        system[alive, left] -= chance * (left + 1.0 - places)
        system[alive, left + 1] -= chance * (places - left)
    return float(np.interp(0.0, nodes, run_lengths(system)))


def standardised(rate: float) -> tuple[float, float]:
    """Return a loss and no loss, in standard deviations from their mean."""
    _check(rate)
    sd = math.sqrt(rate * (1.0 - rate))
    return (1.0 - rate) / sd, -rate / sd


def _check(rate: float) -> None:
    # Above one half an EWMA is soon as high as it can get, and its run length jumps.
    if not 0.0 < rate <= 0.5:
        raise ValueError(f"rate must be in (0, .5], it was {rate}")


def _limit(
    arl: float, length: Callable[[float], float], one: float, *, highest: float = _LARGEST
) -> float:
    # ``one`` is where a single loss takes the statistic. Where even a chart that alarms at the
    # first loss is slow enough, it is that chart.
    low = 0.5 * one
    if length(low) >= arl:
        return low
    high = low
    while high < highest:
        high = min(2.0 * high, highest)
        if length(high) >= arl:
            return limit_for(arl, length, 0.5 * high, high, halvings=_HALVINGS)
    raise ValueError(f"no limit gives arl {arl}")
