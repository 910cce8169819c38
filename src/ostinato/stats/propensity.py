"""What all rows would show, of the rows that chance chose: inverse-propensity estimates.

In: sums of weights w (one over the chance with which a row was chosen; 0 where it was not) and of
a value v, over rows. Out: estimates of the mean of v over all rows, and how far to trust the
weights. No state: sums of parts add up.
"""

import math
from dataclasses import dataclass

LEAST_WORTH = 200.0
"""Effective rows from which a weighted mean is worth reading. Fewer: its interval is not yet
what it says; more: small shares of exploration are never heard."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Mean of a value over all rows, told by rows that chance chose.

    `snips` is the self-normalised estimate with its 95 % interval, `ips` the plain one;
    `worth` the rows of equal weight that would say as much.
    """

    snips: float
    se: float
    low: float
    high: float
    ips: float
    worth: float


@dataclass(frozen=True, slots=True)
class WeightCheck:
    """The mean of the weights over all rows: it has to be 1 where propensities are what they say.

    `holds`: it is, within three standard errors.
    """

    mean: float
    se: float
    holds: bool


def estimate(
    *,
    weight: float,
    squares: float,
    total: float,
    crossed: float,
    squares_total: float,
    mean_weight: float,
) -> Estimate | None:
    """Estimate a mean from sums over the rows whose value is known; None where there are none.

    Parameters
    ----------
    weight, squares
        Sums of w and w^2.
    total, crossed, squares_total
        Sums of w v, w^2 v and w^2 v^2.
    mean_weight
        Mean of w over all rows, chosen or not, known or not.

    Source: Horvitz, Thompson 1952, JASA 47 (IPS; unknown values of chosen rows are taken to be like
    the known ones); Hajek 1971 and Swaminathan, Joachims 2015, NeurIPS (SNIPS); its variance by
    linearisation; effective rows (sum w)^2 / sum w^2, Kish 1965.
    """
    if not weight > 0:
        return None
    mean = total / weight
    apart = squares_total - 2.0 * mean * crossed + mean * mean * squares
    se = math.sqrt(max(apart, 0.0)) / weight
    return Estimate(
        snips=mean,
        se=se,
        low=mean - 1.96 * se,
        high=mean + 1.96 * se,
        ips=mean * mean_weight,
        worth=weight * weight / squares,
    )


def check_weights(*, rows: float, weight: float, squares: float) -> WeightCheck:
    """Check that weights are 1 in the mean over all rows, those of weight 0 among them; rows > 0.

    Examples
    --------
    A tenth of 1,000 rows was chosen, each with the chance of 1 in 10 that was logged:

    >>> check_weights(rows=1000, weight=100 / 0.1, squares=100 / 0.01).holds
    True
    >>> check_weights(rows=1000, weight=100 / 0.05, squares=100 / 0.0025).holds
    False
    """
    mean = weight / rows
    se = math.sqrt(max(squares / rows - mean * mean, 0.0) / rows)
    return WeightCheck(mean=mean, se=se, holds=abs(mean - 1.0) <= 3.0 * se)
