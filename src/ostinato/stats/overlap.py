"""Why a loss changed between two samples: other inputs, inputs never seen, or another answer.

In: losses of a reference P and of a current sample Q, for each row the chance that it is of Q given
its inputs, and the loss that its inputs let expect. Out: the parts of the change, which add up to
it. State: none.

On inputs that both samples have, of density s ~ p q / (p + q), a loss is compared like with like:

    th1 = E_P l,  th2 = E_s E_P[l | x],  th3 = E_s E_Q[l | x],  th4 = E_Q l
    seen = th2 - th1,  concept = th3 - th2,  unseen = th4 - th3

The expected loss m(x) only takes off what a wrong chance would let through: with r = l - m and
w = pi (1 - pi), th2 = sum w m / sum w + sum_P pi r / sum_P pi, th3 likewise over Q with 1 - pi, so
that the error of `concept` is that of pi times that of m.

Source: Cai, Namkoong, Yadlowsky 2023, "Diagnosing model performance under distribution shift" (the
parts); Li, Morgan, Zaslavsky 2018, JASA 113 (overlap weights); Robinson 1988, Econometrica 56 and
Chernozhukov et al. 2018 (the product of errors).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ostinato.stats.arrays import BoolArray, FloatArray
from ostinato.stats.influence import Estimate, estimate

FEWEST_EFFECTIVE = 100.0
"""Effective rows on shared inputs that a comparison needs. Fewer: the parts hang on single rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One sample, rows in order of time.

    Parameters
    ----------
    losses
        (n,), finite.
    chances
        (n,), chance in (0, 1) that the row is of the current sample, given its inputs, if both
        samples were of equal weight; fitted on other rows.
    expected
        (n,), loss that its inputs let expect, whichever sample it is of; fitted on other rows.
    weights
        (n,), >= 0, some above 0.
    """

    losses: FloatArray
    chances: FloatArray
    expected: FloatArray
    weights: FloatArray


@dataclass(frozen=True, slots=True)
class Parts:
    """The change in loss and its parts; `seen` + `concept` + `unseen` = `total`.

    Parameters
    ----------
    total
        mean loss now less that of the reference.
    seen
        of inputs that both samples have, in other shares.
    concept
        of the same inputs with other outcomes.
    unseen
        of inputs that the reference hardly has.
    inputs
        of other inputs, `seen` and `unseen` together.
    effective
        effective rows on shared inputs, of the smaller sample; see `FEWEST_EFFECTIVE`.
    """

    total: Estimate
    seen: Estimate
    concept: Estimate
    unseen: Estimate
    inputs: Estimate
    effective: float


def decompose(reference: Side, current: Side) -> Parts:
    """Part the change in loss between two samples.

    Parameters
    ----------
    reference, current
        The samples; neither is empty.

    Returns
    -------
    Parts
        With errors that take chances and expected losses as given.
    """
    u, v = _shares(reference.weights), _shares(current.weights)
    a, b = _shares(u * reference.chances), _shares(v * (1.0 - current.chances))
    both_p = u * reference.chances * (1.0 - reference.chances)
    both_q = v * current.chances * (1.0 - current.chances)
    whole = float(both_p.sum() + both_q.sum())
    both_p, both_q = both_p / whole, both_q / whole
    base = float(both_p @ reference.expected + both_q @ current.expected)
    rest_p, rest_q = (
        reference.losses - reference.expected,
        current.losses - current.expected,
    )
    first, last = float(u @ reference.losses), float(v @ current.losses)
    left_p, left_q = float(a @ rest_p), float(b @ rest_q)
    # What each row moves th1 .. th4 by (infinitesimal jackknife of each weighted mean).
    base_p, base_q = both_p * (reference.expected - base), both_q * (current.expected - base)
    own_p, own_q = u * (reference.losses - first), v * (current.losses - last)
    at_p, at_q = a * (rest_p - left_p), b * (rest_q - left_q)
    return Parts(
        total=estimate(last - first, -own_p, own_q),
        seen=estimate(base + left_p - first, base_p + at_p - own_p, base_q),
        concept=estimate(left_q - left_p, -at_p, at_q),
        unseen=estimate(last - base - left_q, -base_p, own_q - at_q - base_q),
        inputs=estimate(last - first - left_q + left_p, at_p - own_p, own_q - at_q),
        effective=min(_effective(a), _effective(b)),
    )


def shared_rows(
    weights: FloatArray, chances: FloatArray, others: FloatArray, their_chances: FloatArray
) -> float:
    """Return the effective rows on shared inputs, of the smaller sample; see `Parts`.

    Parameters
    ----------
    weights, chances
        (n,), of the reference; as in `Side`.
    others, their_chances
        (m,), of the current sample.
    """
    here, there = weights * chances, others * (1.0 - their_chances)
    return min(_effective(_shares(here)), _effective(_shares(there)))


def calibrated(chances: FloatArray, current: BoolArray, weights: FloatArray) -> FloatArray:
    """Take from chances what they claim beyond what they know.

    A classifier that found nothing still spreads its chances a little, and that little is taken for
    a difference of inputs. Its log odds are stretched by the slope that fits rows it did not learn
    from: 0 where it knows nothing, at most 2.

    Parameters
    ----------
    chances
        (n,), in [0, 1], each made without its own row.
    current
        (n,), which rows are of the current sample.
    weights
        (n,), >= 0; both samples have the same sum.

    Source: Platt 1999 (scaling by maximum likelihood; Newton's steps).
    """
    clipped = np.clip(chances, 1e-4, 1.0 - 1e-4)
    odds = np.log(clipped / (1.0 - clipped))
    slope, shift = 1.0, 0.0
    target, share = current.astype(np.float64), weights / weights.sum()
    for _ in range(_STEPS):
        p = 1.0 / (1.0 + np.exp(-(slope * odds + shift)))
        gap, curve = share * (target - p), share * p * (1.0 - p)
        gradient = np.array([gap @ odds, gap.sum()])
        mixed = float(curve @ odds)
        hessian = np.array([[curve @ odds**2 + _RIDGE, mixed], [mixed, curve.sum() + _RIDGE]])
        step = np.linalg.solve(hessian, gradient)
        slope, shift = slope + float(step[0]), shift + float(step[1])
        slope = min(max(slope, 0.0), _STEEPEST)
        shift = min(max(shift, -_STEEPEST), _STEEPEST)
    found: FloatArray = 1.0 / (1.0 + np.exp(-(slope * odds + (shift if slope else 0.0))))
    return np.clip(found, 1e-3, 1.0 - 1e-3)


_STEPS = 12
_RIDGE = 1e-9
_STEEPEST = 2.0


def _shares(weights: FloatArray) -> FloatArray:
    shares: FloatArray = weights / weights.sum()
    return shares


def _effective(shares: FloatArray) -> float:
    return 1.0 / float(np.square(shares).sum())
