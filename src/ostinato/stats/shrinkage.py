"""Estimates of several things at once, drawn together: what is left of the best one's luck.

In: estimates and their covariance. Out: what to believe of each. No state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.stats.arrays import FloatArray

_GRID: Final = 60
"""Spreads tried, from none to three times what is seen. Fewer is coarse, more changes nothing."""

_TINY: Final = 1e-12  # of the largest squared distance: keeps logs finite where there is no noise


@dataclass(frozen=True, slots=True)
class Shrunken:
    """Estimates after shrinkage.

    Parameters
    ----------
    mean
        (n,), what to believe of each, in the unit of the estimates.
    spread
        (n,), how unsure that is: a standard deviation.
    common
        where all were drawn to.
    weight
        (n,), share of an estimate's distance from the common value that was kept, in [0, 1].
    """

    mean: FloatArray
    spread: FloatArray
    common: float
    weight: FloatArray


def shrink(estimates: FloatArray, covariance: FloatArray) -> Shrunken:
    """Draw estimates together by as much as their noise explains of their differences.

    The best of many estimates is mostly too good: it was picked for its luck too. What all have in
    common was not picked, so the mean y. of the estimates stays, and the distances are shrunken.
    With S the covariance, s_i^2 the variance of y_i - y. under it, true distances ~ N(0, tau^2),

        theta_i = y. + B_i (y_i - y.),   B_i = tau^2 / (tau^2 + s_i^2)
        V_i     = a_i' S a_i + (1 - B_i)^2 tau^2,   a_i = B_i e_i + (1 - B_i) 1 / n

    averaged over the likelihood of tau (a flat prior on tau, from 0 to three times the root mean
    square distance; the distances as if independent). One estimate alone stays as it is. Full use
    of S would extrapolate: estimates that share one noise, each in its own strength, would be led
    back to where that noise is zero.

    Parameters
    ----------
    estimates
        (n,), n >= 1; finite.
    covariance
        (n, n), of their errors; finite, symmetric.

    Returns
    -------
    Shrunken

    Raises
    ------
    ValueError
        when shapes do not fit or a value is not finite.

    Source: Efron and Morris 1975, JASA 70 (empirical Bayes, unequal variances); Lindley 1962,
    JRSSB 24, discussion (towards the mean); Gelman 2006, Bayesian Analysis 1 (flat prior on tau).

    Examples
    --------
    >>> found = shrink(np.array([3.0, 0.0, 0.0, 0.0]), np.eye(4))
    >>> found.mean.round(2).tolist()
    [2.08, 0.31, 0.31, 0.31]
    """
    n = estimates.size
    if not n or estimates.shape != (n,) or covariance.shape != (n, n):
        raise ValueError(f"shapes do not fit: {estimates.shape} and {covariance.shape}")
    if not (np.isfinite(estimates).all() and np.isfinite(covariance).all()):
        raise ValueError("estimates and covariance must be finite")
    common = float(estimates.mean())
    far = estimates - common
    reach = 3.0 * float(estimates.std())
    if reach == 0.0:
        own = np.sqrt(np.maximum(np.diag(covariance), 0.0))
        return Shrunken(estimates.copy(), own, common, np.ones(n))
    shared = covariance.mean(axis=0)
    noise = np.maximum(np.diag(covariance) - 2.0 * shared + shared.mean(), 0.0)
    taus = np.linspace(0.0, reach, _GRID)
    kept, likely = _over_taus(taus, far, noise)
    means = common + kept * far
    mean: FloatArray = likely @ means
    rest = 1.0 - kept
    within = (
        kept**2 * np.diag(covariance) + 2.0 * kept * rest * shared + rest**2 * shared.mean()
    ) + rest**2 * (taus**2)[:, None]
    variance = likely @ (within + (means - mean) ** 2)
    return Shrunken(mean, np.sqrt(np.maximum(variance, 0.0)), common, likely @ kept)


def _over_taus(
    taus: FloatArray, far: FloatArray, noise: FloatArray
) -> tuple[FloatArray, FloatArray]:
    # Per tau: the shares kept (g, n), and how likely it is (g,). A noise of zero keeps everything.
    total = taus[:, None] ** 2 + noise
    safe = np.maximum(total, _TINY * float((far**2).max()))
    kept = np.where(noise > 0.0, taus[:, None] ** 2 / safe, 1.0)
    logs = -0.5 * (np.log(safe) + far**2 / safe).sum(axis=1)
    likely = np.exp(logs - logs.max())
    return kept, likely / likely.sum()
