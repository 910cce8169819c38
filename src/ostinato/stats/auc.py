"""How well a number tells two groups apart: the area under the ROC curve, with its error.

In: the number for the rows of either group. Out: an `Estimate`. State: none.
"""

from __future__ import annotations

import numpy as np

from ostinato.stats.arrays import FloatArray
from ostinato.stats.influence import Estimate, estimate


def auc(negatives: FloatArray, positives: FloatArray) -> Estimate:
    """Return the chance that a positive row has the larger number; ties count half.

    Parameters
    ----------
    negatives, positives
        (m,) and (n,), finite, in order of time, neither empty.

    Source: DeLong, DeLong, Clarke-Pearson 1988, Biometrics 44 (what each row adds), by sorting as
    in Sun and Xu 2014.

    Examples
    --------
    >>> auc(np.array([0.1, 0.2, 0.4]), np.array([0.3, 0.5])).value.__round__(3)
    0.833
    """
    beaten = _below(negatives, positives)
    beating = 1.0 - _below(positives, negatives)
    value = float(beaten.mean())
    return estimate(value, (beating - value) / negatives.size, (beaten - value) / positives.size)


def _below(others: FloatArray, values: FloatArray) -> FloatArray:
    # Share of the others below each value, ties by half.
    ordered = np.sort(others)
    low = np.searchsorted(ordered, values, side="left")
    high = np.searchsorted(ordered, values, side="right")
    share: FloatArray = 0.5 * (low + high) / others.size
    return share
