"""Fixed-sample comparison of two models on the same rows, and of many slices at once.

In: paired differences, or block means, or p-values. Out: an estimate with its bounds, draws, or
which slices to reject. No state. For sets that are looked at once; streams use ``dual``.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtrit

from ostinato.stats.arrays import BoolArray, FloatArray
from ostinato.stats.confidence import normal_quantile


@dataclass(frozen=True, slots=True)
class PairedResult:
    """Mean paired difference with its bounds.

    Parameters
    ----------
    n
        rows.
    mean
        mean difference; positive favours the candidate when it is incumbent minus candidate.
    low, high
        one-sided bounds at level 1 - alpha each (together an interval at 1 - 2 alpha);
        infinite for n < 2.
    se
        standard error of the mean; infinite for n < 2.
    smallest_visible
        effect that this sample would show with 80 % probability.
    """

    n: int
    mean: float
    low: float
    high: float
    se: float
    smallest_visible: float


def paired(differences: FloatArray, alpha: float = 0.05) -> PairedResult:
    """Estimate the mean of paired differences.

    Parameters
    ----------
    differences
        (n,), loss of the incumbent minus loss of the candidate per row; finite.
    alpha
        error rate of each bound, in (0, .5).

    Raises
    ------
    ValueError
        when alpha is out of range or a difference is not finite.

    Source: Student 1908 (t quantile with n - 1 degrees of freedom); smallest visible effect
    (z_alpha + z_.8) se.

    Examples
    --------
    >>> result = paired(np.array([0.0, 1.0, 0.0, 1.0]))
    >>> result.mean, round(result.low, 3), round(result.high, 3)
    (0.5, -0.179, 1.179)
    """
    if not 0.0 < alpha < 0.5:
        raise ValueError(f"alpha must be in (0, .5), it was {alpha}")
    n = differences.size
    mean = float(differences.mean()) if n else 0.0
    if not math.isfinite(mean):
        raise ValueError("differences must be finite")
    if n < 2:
        return PairedResult(n, mean, -math.inf, math.inf, math.inf, math.inf)
    se = float(differences.std(ddof=1)) / math.sqrt(n)
    reach = float(stdtrit(n - 1, 1.0 - alpha)) * se
    visible = (normal_quantile(1.0 - alpha) + normal_quantile(0.8)) * se
    return PairedResult(n, mean, mean - reach, mean + reach, se, visible)


def one_sided_p(mean: float, se: float) -> float:
    """Return the p-value of "the true mean is at most zero", normal approximation.

    Parameters
    ----------
    mean
        estimate.
    se
        its standard error, >= 0; at 0 the answer is 0 for a positive mean and 1 otherwise.
    """
    if se == 0.0:
        return 0.0 if mean > 0.0 else 1.0
    return float(ndtr(-mean / se))


def block_bootstrap_mean(
    values: FloatArray,
    weights: FloatArray,
    *,
    block_len: int,
    draws: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Draw the weighted mean of a time series with runs of neighbours kept together.

    Parameters
    ----------
    values
        (b,), one value per consecutive time block (say the mean difference of each day).
    weights
        (b,), >= 0, how much each counts (say its rows); the sum must be above 0.
    block_len
        time blocks that stay together, in [1, b]; cover the memory of the series. Too short
        understates the spread, too long leaves few distinct draws.
    draws
        number of draws, >= 1.
    rng
        source of randomness.

    Returns
    -------
    FloatArray
        (draws,), NaN where only blocks of weight 0 were drawn.

    Raises
    ------
    ValueError
        when lengths differ, there is no weight or block_len is out of range.

    Source: circular block bootstrap, Politis and Romano 1992.
    """
    b = values.size
    if values.shape != weights.shape or not b or not weights.sum() > 0.0:
        raise ValueError("values and weights must have one equal length and some weight")
    if not 1 <= block_len <= b or draws < 1:
        raise ValueError(f"block_len must be in [1, {b}], it was {block_len}; draws {draws}")
    runs = -(-b // block_len)
    starts = rng.integers(0, b, size=(draws, runs))
    drawn = (starts[:, :, None] + np.arange(block_len)).reshape(draws, -1)[:, :b] % b
    mass = weights[drawn]
    total = mass.sum(axis=1)
    out = np.full(draws, np.nan)
    np.divide((mass * values[drawn]).sum(axis=1), total, out=out, where=total > 0.0)
    return out


def benjamini_hochberg(pvalues: FloatArray, q: float) -> BoolArray:
    """Say which hypotheses to reject so that the expected share of false ones is at most q.

    Parameters
    ----------
    pvalues
        (m,), in [0, 1]; may be empty.
    q
        false discovery rate, in (0, 1).

    Returns
    -------
    BoolArray
        (m,), True is rejected.

    Raises
    ------
    ValueError
        when a p-value is outside [0, 1] or NaN.

    Source: Benjamini and Hochberg 1995, JRSSB 57, procedure (1).

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.001, 0.04, 0.2]), 0.1).tolist()
    [True, True, False]
    """
    if not ((pvalues >= 0.0) & (pvalues <= 1.0)).all():
        raise ValueError("pvalues must be in [0, 1]")
    m = pvalues.size
    ranked = np.sort(pvalues)
    passed = np.flatnonzero(ranked <= q * np.arange(1, m + 1) / max(m, 1))
    if not passed.size:
        return np.zeros(m, dtype=np.bool_)
    rejected: BoolArray = pvalues <= ranked[passed[-1]]
    return rejected
