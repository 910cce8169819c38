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

_RIDGE: Final = 1e-9
"""Added to the covariance, relative to the largest variance or squared estimate: twins (two
policies that did the same) would make it singular."""


@dataclass(frozen=True, slots=True)
class Shrunken:
    """Estimates after shrinkage.

    Parameters
    ----------
    mean
        (n,), what to believe of each, in the unit of the estimates.
    covariance
        (n, n), how unsure that is.
    common
        where all were drawn to.
    weight
        average share of an estimate's distance from the others that was kept, in [0, 1].
    """

    mean: FloatArray
    covariance: FloatArray
    common: float
    weight: float

    @property
    def spread(self) -> FloatArray:
        """(n,), standard deviation of each."""
        found: FloatArray = np.sqrt(np.maximum(np.diag(self.covariance), 0.0))
        return found


def shrink(estimates: FloatArray, covariance: FloatArray) -> Shrunken:
    """Draw estimates together by as much as their noise explains of their differences.

    The best of many estimates is mostly too good: it was picked for its luck too. With
    y ~ N(theta, S) and theta ~ N(mu 1, tau^2 I), mu unknown, W = (S + tau^2 I)^-1,

        mu    = 1'W y / 1'W 1
        theta = mu + tau^2 W (y - mu)
        V     = tau^2 I - tau^4 W + r r' / 1'W 1,   r = 1 - tau^2 W 1

    and tau is averaged over its likelihood (a flat prior on tau, from 0 to three times the
    root mean square distance of the estimates). One estimate alone stays as it is.

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

    Source: Efron and Morris 1975, JASA 70 (empirical Bayes); Lindley and Smith 1972, JRSSB 34
    (unknown mean); Gelman 2006, Bayesian Analysis 1 (flat prior on tau).

    Examples
    --------
    >>> found = shrink(np.array([3.0, 0.0, 0.0, 0.0]), np.eye(4))
    >>> found.mean.round(2).tolist()
    [2.09, 0.3, 0.3, 0.3]
    """
    n = estimates.size
    if not n or estimates.shape != (n,) or covariance.shape != (n, n):
        raise ValueError(f"shapes do not fit: {estimates.shape} and {covariance.shape}")
    if not (np.isfinite(estimates).all() and np.isfinite(covariance).all()):
        raise ValueError("estimates and covariance must be finite")
    scale = float(max(np.abs(covariance).max(), np.abs(estimates).max() ** 2))
    if n == 1 or scale == 0.0:
        return Shrunken(estimates.copy(), covariance.copy(), float(estimates.mean()), 1.0)
    noise = covariance + _RIDGE * scale * np.eye(n)
    reach = 3.0 * float(estimates.std())
    parts = [_given(float(tau), estimates, noise) for tau in np.linspace(0.0, reach, _GRID)]
    logs = np.array([part[0] for part in parts])
    likely = np.exp(logs - logs.max())
    likely /= likely.sum()
    means = np.array([part[1] for part in parts])
    mean: FloatArray = likely @ means
    off = means - mean
    within = np.einsum("g,gij->ij", likely, np.array([part[2] for part in parts]))
    return Shrunken(
        mean=mean,
        covariance=within + (likely[:, None] * off).T @ off,
        common=float(likely @ [part[3] for part in parts]),
        weight=float(likely @ [part[4] for part in parts]),
    )


def _given(
    tau: float, y: FloatArray, noise: FloatArray
) -> tuple[float, FloatArray, FloatArray, float, float]:
    # Log of the restricted likelihood of tau, then mean, covariance, centre and weight given it.
    n, square = y.size, tau * tau
    total = noise + square * np.eye(n)
    inverse = np.linalg.inv(total)
    mass = inverse.sum(axis=1)
    weight = float(mass.sum())
    centre = float(mass @ y) / weight
    off = y - centre
    log = -0.5 * (np.linalg.slogdet(total)[1] + np.log(weight) + off @ inverse @ off)
    rest = 1.0 - square * mass
    spread = square * np.eye(n) - square * square * inverse + np.outer(rest, rest) / weight
    kept = float(np.trace(square * inverse)) / n
    return float(log), centre + square * (inverse @ off), spread, centre, kept
