"""How far apart two samples are, how much of that is chance, and how much is surely there.

In: counts per bin of a reference and of a current sample (``value_distances`` takes values). Out:
per statistic an effect that does not depend on the sample size, what chance alone would give, a
lower bound and a p-value. State: none. A p-value says whether something moved, the effect whether
it matters: with a million rows every difference is significant. Rows count as independent.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, chdtri, chndtrinc

from ostinato.stats.arrays import FloatArray, as_floats

LEAST_EXPECTED = 5.0
"""Smallest expected count per bin; thinner ones are merged. Fewer break the chi-squared limit, more
blur the comparison."""

LEVEL = 0.05
"""Error rate of the lower bounds."""


@dataclass(frozen=True, slots=True)
class Distance:
    """A distance between two samples.

    Parameters
    ----------
    effect
        the distance as measured, >= 0; its unit depends on the statistic.
    by_chance
        what it would be on average if nothing had moved.
    low
        lower bound of the true distance at level 95 %; alert on this one.
    p
        chance of so large a distance if nothing had moved, in [0, 1].
    """

    effect: float
    by_chance: float
    low: float
    p: float

    @property
    def excess(self) -> float:
        """The distance beyond what chance gives; may be negative."""
        return self.effect - self.by_chance


def psi(reference: FloatArray, current: FloatArray) -> Distance:
    """Return the population stability index, in nats: sum (p - q) log(p / q).

    Parameters
    ----------
    reference, current
        (b,), rows per bin, >= 0, the same bins in the same order (neighbours are merged where
        fewer than five rows are expected).

    Raises
    ------
    ValueError
        when shapes differ, a count is negative or a sample is empty.

    Source: Yurdakul and Naranjo 2020, "Statistical properties of the population stability
    index": PSI n m / (n + m) is chi-squared with b - 1 degrees of freedom. Half a row is added to
    each bin, so that empty ones stay finite.

    Examples
    --------
    >>> moved = psi(np.array([500, 300, 200]), np.array([45, 30, 25]))
    >>> round(moved.effect, 3), round(moved.by_chance, 3), round(moved.p, 2)
    (0.017, 0.022, 0.46)
    """
    first, second = _merged(reference, current)
    effect = float(psi_of_shares(_shares(first + 0.5), _shares(second + 0.5)))
    return _from_chi2(effect, 1.0, first, second)


def psi_of_shares(p: FloatArray, q: FloatArray) -> FloatArray:
    """Return PSI of shares (..., b), each above 0."""
    effect: FloatArray = ((p - q) * np.log(p / q)).sum(axis=-1)
    return effect


def jensen_shannon(reference: FloatArray, current: FloatArray) -> Distance:
    """Return the Jensen-Shannon divergence, in bits, in [0, 1]; see ``psi`` for the counts.

    Source: Lin 1991. By Taylor expansion 8 log(2) JS n m / (n + m) is chi-squared with b - 1
    degrees of freedom. Half a row is added to each bin.
    """
    first, second = _merged(reference, current)
    effect = float(js_of_shares(_shares(first + 0.5), _shares(second + 0.5)))
    return _from_chi2(effect, 8.0 * math.log(2.0), first, second)


def js_of_shares(p: FloatArray, q: FloatArray) -> FloatArray:
    """Return the Jensen-Shannon divergence of shares (..., b), each above 0."""
    middle = 0.5 * (p + q)
    terms = p * np.log2(p / middle) + q * np.log2(q / middle)
    effect: FloatArray = np.maximum(0.5 * terms.sum(axis=-1), 0.0)
    return effect


def cramers_v(reference: FloatArray, current: FloatArray) -> Distance:
    """Return Cramer's V of bin and sample, in [0, 1], with the chi-squared test's p-value.

    V is computed as if both samples were of equal size: the plain one shrinks towards 0 where the
    reference is much larger. See ``psi`` for the counts.

    Source: Pearson 1900 (chi-squared = n m / (n + m) sum (p - q)^2 / pooled share); Cramer 1946.
    """
    first, second = _merged(reference, current)
    p, q, pooled = _shares(first), _shares(second), _shares(first + second)
    n, m = float(first.sum()), float(second.sum())
    sizes = n * m / (n + m)
    chi2 = sizes * float((np.square(p - q) / pooled).sum())
    df = p.size - 1
    chance = math.sqrt(df / (4.0 * sizes))
    effect = float(v_of_shares(p, q))
    low = effect * math.sqrt(_noncentrality(chi2, df) / chi2) if chi2 > 0.0 else 0.0
    return Distance(effect, chance, low, _tail(chi2, df))


def v_of_shares(p: FloatArray, q: FloatArray) -> FloatArray:
    """Return Cramer's V of shares (..., b) as of samples of equal size; p + q is above 0."""
    effect: FloatArray = np.sqrt(0.25 * (np.square(p - q) / (0.5 * (p + q))).sum(axis=-1))
    return effect


def total_variation(
    reference: FloatArray, current: FloatArray, *, rng: np.random.Generator, draws: int = 1000
) -> Distance:
    """Return the share of rows that would have to change bin, in [0, 1]; see ``psi``.

    Parameters
    ----------
    reference, current
        (b,), rows per bin.
    rng, draws
        source of randomness, and number of samples drawn from the pooled shares to learn what
        chance gives; the smallest p-value is 1 / (draws + 1).

    Source: .5 sum |p - q|; parametric bootstrap, Efron and Tibshirani 1993, chapter 16. The lower
    bound takes off what noise reaches in 95 % of draws (triangle inequality).
    """
    first, second = _merged(reference, current)
    effect = 0.5 * float(np.abs(_shares(first) - _shares(second)).sum())
    pooled = _shares(first + second)
    n, m = round(float(first.sum())), round(float(second.sum()))
    apart = rng.multinomial(n, pooled, draws) / n - rng.multinomial(m, pooled, draws) / m
    return from_draws(effect, 0.5 * np.abs(apart).sum(axis=1))


def from_draws(effect: float, draws: FloatArray, *, slack: float = 0.0) -> Distance:
    """Judge a distance by what it was in draws (d,) where nothing had moved.

    Parameters
    ----------
    slack
        how far ``effect`` may be off because it was computed from approximations, >= 0.
    """
    sure = max(effect - slack, 0.0)
    p = (1.0 + float((draws >= sure).sum())) / (draws.size + 1.0)
    low = max(sure - float(np.quantile(draws, 1.0 - LEVEL)), 0.0)
    return Distance(effect, float(draws.mean()), low, p)


def _from_chi2(effect: float, factor: float, first: FloatArray, second: FloatArray) -> Distance:
    # factor * effect * sizes is chi-squared if nothing moved, else about noncentral chi-squared.
    n, m, df = float(first.sum()), float(second.sum()), first.size - 1
    per_unit = factor * n * m / (n + m)
    chi2 = effect * per_unit
    return Distance(effect, df / per_unit, _noncentrality(chi2, df) / per_unit, _tail(chi2, df))


def _tail(chi2: float, df: int) -> float:
    return float(chdtrc(df, chi2)) if df else 1.0


def _noncentrality(chi2: float, df: int) -> float:
    # Smallest noncentrality under which so large a value is not yet unlikely.
    if not df or chi2 <= float(chdtri(df, LEVEL)):
        return 0.0
    return float(chndtrinc(chi2, df, 1.0 - LEVEL))


def _shares(counts: FloatArray) -> FloatArray:
    shares: FloatArray = counts / counts.sum()
    return shares


def _merged(reference: FloatArray, current: FloatArray) -> tuple[FloatArray, FloatArray]:
    # Neighbouring bins are joined until each expects enough rows of both samples.
    first, second = as_floats(reference), as_floats(current)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"need the same bins twice: {first.shape} and {second.shape}")
    if not ((first >= 0.0).all() and (second >= 0.0).all() and first.sum() and second.sum()):
        raise ValueError("counts must be at least 0, and some row in each sample")
    total = first + second
    smaller = min(float(first.sum()), float(second.sum())) / float(total.sum())
    starts, open_count = [0], 0.0
    for place, count in enumerate(total * smaller):  # as many bins as a person would look at
        if open_count >= LEAST_EXPECTED:
            starts.append(place)
            open_count = 0.0
        open_count += float(count)
    if open_count < LEAST_EXPECTED and len(starts) > 1:
        starts.pop()
    return np.add.reduceat(first, starts), np.add.reduceat(second, starts)
