"""What the effect on a slice really is, when many slices were measured and most are small.

In: an estimate and its standard error per slice. Out: for each the distribution of its true
effect, learned from all of them. State: none. No shape is assumed for the effects: a normal prior
would pull one lone bad slice back into the crowd, just where it matters.
"""

from dataclasses import dataclass

import numpy as np

from ostinato.stats.arrays import FloatArray, as_floats

POINTS = 200
"""Effects that are told apart by default. Fewer blur the answer to the width of a step, more cost
time only."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """Effects of slices, each in the light of all others.

    Parameters
    ----------
    grid
        (g,), effects that are told apart, rising, in the unit of the estimates.
    prior
        (g,), share of slices with each effect; sums to 1.
    posterior
        (s, g), chance of each effect for each slice; rows sum to 1.
    """

    grid: FloatArray
    prior: FloatArray
    posterior: FloatArray

    @property
    def means(self) -> FloatArray:
        """Expected effect per slice, (s,)."""
        expected: FloatArray = self.posterior @ self.grid
        return expected

    def below(self, bar: float) -> FloatArray:
        """Chance that the effect lies below ``bar``, (s,), in [0, 1]."""
        chance: FloatArray = self.posterior[:, self.grid < bar].sum(axis=1)
        return np.minimum(chance, 1.0)


def npmle(
    estimates: FloatArray,
    errors: FloatArray,
    *,
    grid: FloatArray | None = None,
    iterations: int = 200,
) -> Shrunk:
    """Fit the distribution of effects over slices, and each slice's own within it.

    Parameters
    ----------
    estimates
        (s,), measured effect per slice, s >= 1; finite.
    errors
        (s,), its standard error, > 0; the estimate must be about normal, so leave out slices
        with less than some thirty rows.
    grid
        (g,), effects to tell apart; 200 from the smallest to the largest estimate when left out
        (the maximum likelihood has no mass elsewhere).
    iterations
        rounds of expectation and maximisation, >= 1. Fewer shrink less far from a uniform prior,
        many more let the prior fall into a few points.

    Returns
    -------
    Shrunk
        prior, and posterior per slice. With less than about twenty slices the prior is hardly
        known; read the raw estimates beside it.

    Raises
    ------
    ValueError
        when shapes differ or a value is out of range.

    Source: Kiefer and Wolfowitz 1956; Laird 1978 (the EM steps on a grid, w = L p / row sum,
    p = column mean of w); for slices of this kind Koenker and Mizera 2014.

    Examples
    --------
    >>> shrunk = npmle(np.array([-0.30, 0.01, -0.01, 0.02]), np.full(4, 0.02))
    >>> shrunk.means.round(2).tolist(), shrunk.below(-0.1).round(2).tolist()
    ([-0.3, 0.01, 0.01, 0.01], [1.0, 0.0, 0.0, 0.0])
    """
    x, se = as_floats(estimates), as_floats(errors)
    if x.shape != se.shape or x.ndim != 1 or not x.size or iterations < 1:
        raise ValueError(f"need one error per estimate, at least one: {x.shape} and {se.shape}")
    if not (np.isfinite(x).all() and np.isfinite(se).all() and (se > 0.0).all()):
        raise ValueError("estimates must be finite and errors finite and above 0")
    points = np.linspace(x.min(), x.max(), POINTS) if grid is None else np.sort(as_floats(grid))
    likelihood = _likelihood(x, se, points)
    prior = np.full(points.size, 1.0 / points.size)
    posterior = likelihood
    for _ in range(iterations):
        posterior = likelihood * prior
        posterior /= posterior.sum(axis=1, keepdims=True)
        prior = posterior.mean(axis=0)
    return Shrunk(points, prior, posterior)


def _likelihood(x: FloatArray, se: FloatArray, points: FloatArray) -> FloatArray:
    # Each row is scaled by its largest value, so that none vanishes far from the grid; the floor
    # keeps a row alive when the points near it have lost their mass.
    z = (x[:, None] - points) / se[:, None]
    log = -0.5 * np.square(z)
    log -= log.max(axis=1, keepdims=True)
    return np.exp(np.maximum(log, -600.0))
