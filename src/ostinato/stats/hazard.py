"""What share of the awaited outcomes may be bad by age: an upper bound from matured rows.

In: per age, how many rows were still without an outcome and how many turned out bad. Out: the
allowed hazard per age, as ``CohortDetector`` takes it. State: none.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, ndtr

from ostinato.stats.arrays import FloatArray, as_floats

RISES = (0.05, 4.0)
"""Smallest and largest relative rise of the hazard that a component bets on. Smaller ones see
less and wait longer; larger ones are quicker for a disaster and useless otherwise."""

LEAST = 1e-12
"""Smallest allowed hazard. It only has to be above 0: one bad outcome counts (1 + rise) at most."""


def fit_hazards(
    bad_by_age: npt.ArrayLike,
    at_risk_by_age: npt.ArrayLike,
    *,
    spans: npt.ArrayLike | None = None,
    tolerance: float = 0.05,
    z: float = 2.0,
) -> FloatArray:
    """Return the allowed hazard per age: what was seen, its uncertainty and a tolerance.

    The allowed hazards up to each age add up to an upper bound of the cumulative hazard to that
    age. A bound per age would add up to far more (the errors of the ages are independent) and
    cost most of the power: with 60 days of 5,000 rows a rise of a quarter is seen after 17 days
    instead of 55. The detector needs the sum alone, weighted by the rows at risk: bounds for all
    sums to an age cover every mix in which older rows are no more than younger ones, a young
    system included.

    Parameters
    ----------
    bad_by_age
        (a,), rows that turned out bad at this age, of matured cohorts alone.
    at_risk_by_age
        (a,), rows without an outcome when this age began; 0 where nothing is known.
    spans
        (a,), how many ages of one hazard each entry adds up, >= 1; None: one each. The sums that
        are bounded are over the ages, so that such an entry counts so many times.
    tolerance
        relative rise nobody wants to be called for, >= 0; 0 relies on the bound alone.
    z
        normal quantile of the bound, > 0; 2 keeps 97.7 % of references valid without tolerance.

    Returns
    -------
    FloatArray
        (a,), in (0, 1]; 1 where nothing is known.

    Raises
    ------
    ValueError
        when shapes differ or a value is out of range.

    Source: cumulative hazard of Nelson 1969 and Aalen 1978; bound of a weighted sum of Poisson
    counts from the gamma distribution, Fay and Feuer 1997, section 3, which holds for few events.
    """
    found, risk = as_floats(bad_by_age), as_floats(at_risk_by_age)
    if found.shape != risk.shape or found.ndim != 1 or not ((found >= 0.0) & (found <= risk)).all():
        raise ValueError("bad_by_age and at_risk_by_age must agree, and 0 <= bad <= at risk")
    if not (tolerance >= 0.0 and z > 0.0):
        raise ValueError(f"tolerance must be at least 0 and z above 0: {tolerance}, {z}")
    span = np.ones(found.size) if spans is None else as_floats(spans)
    if span.shape != found.shape or not (span >= 1.0).all():
        raise ValueError(f"spans must be one per age, at least 1: {span}")
    known = risk > 0.0
    allowed = np.ones(found.size)
    hazard, weight, ages = found[known] / risk[known], span[known] / risk[known], span[known]
    bound = _upper_sums(ages * hazard, weight, float(ndtr(z)))
    step = np.maximum(np.diff(bound, prepend=0.0) / ages, np.maximum(hazard, LEAST))
    allowed[known] = np.minimum(step + tolerance * hazard, 1.0)
    return allowed


def _upper_sums(hazard: FloatArray, weight: FloatArray, level: float) -> FloatArray:
    # Upper bounds of the sums to each age, from the sums and their variances.
    largest = np.maximum.accumulate(weight)
    mean = np.cumsum(hazard) + largest
    variance = np.cumsum(hazard * weight) + np.square(largest)
    bound: FloatArray = variance / mean * gammaincinv(np.square(mean) / variance, level)
    return bound
