"""How far a total concentrates on few of its parts: exposure on items, answers on classes."""

import math
from dataclasses import dataclass

import numpy as np

from ostinato.stats.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Concentration:
    """Of `parts` parts with anything at all: how unequal, and how many equal ones they are worth.

    `gini` is in [0, 1): 0 where all known parts are equal; `effective` is exp of the entropy, from
    1 to the number of parts, `se` its standard error as far as `rows` independent rows go.
    """

    parts: int
    rows: float
    gini: float
    effective: float
    se: float


def concentration(weights: FloatArray, *, rows: float) -> Concentration | None:
    """Measure how a total is spread over parts; None where there is no total.

    Parameters
    ----------
    weights
        (k,) >= 0: what each part has; parts with nothing count for the Gini coefficient.
    rows
        How many rows that is of, > 0.

    Source: Gini 1912; number of effective parts, Hill 1973, Ecology 54 (order 1); variance of the
    entropy of multinomial counts, (sum p log^2 p - H^2) / n, Basharin 1959, Theory of Probability
    and its Applications 4; of its exponential by the delta method.

    Examples
    --------
    >>> found = concentration(np.array([1.0, 1.0, 1.0, 1.0]), rows=4)
    >>> found.gini, found.effective
    (0.0, 4.0)
    """
    total = float(weights.sum())
    if not total > 0:
        return None
    ordered, count = np.sort(weights), len(weights)
    places = 2.0 * np.arange(1, count + 1) - count - 1
    shares = ordered[ordered > 0] / total
    logs = np.log(shares)
    entropy = -float(shares @ logs)
    spread = max(float(shares @ (logs * logs)) - entropy * entropy, 0.0)
    effective = math.exp(entropy)
    return Concentration(
        parts=len(shares),
        rows=rows,
        gini=float(places @ ordered) / (count * total),
        effective=effective,
        se=effective * math.sqrt(spread / rows),
    )
