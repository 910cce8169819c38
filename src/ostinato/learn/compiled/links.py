"""From sums to answers, by the very functions the libraries use."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit

from ostinato.core.records import Floats
from ostinato.learn.compiled.form import Link, Unsupported


def identity(sums: Floats) -> Floats:
    """Return the one column as it is."""
    return np.ascontiguousarray(sums[:, 0])


def logistic(sums: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) of the one column."""
    answer: Floats = expit(sums[:, 0])
    return answer


def half_logistic(sums: Floats) -> Floats:
    """Return 1 / (1 + exp(-2x)) of the one column."""
    answer: Floats = expit(2 * sums[:, 0])
    return answer


def exponential(sums: Floats) -> Floats:
    """Return exp(x) of the one column; infinite where it is too large."""
    with np.errstate(over="ignore"):
        answer: Floats = np.exp(sums[:, 0])
    return answer


def softmax(sums: Floats) -> Floats:
    """Return exp(x) by row, scaled to a sum of 1; the same steps as `sklearn.utils.extmath`."""
    shifted: Floats = sums - sums.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted


def one_against_rest(sums: Floats) -> Floats:
    """Return logistic probabilities by class, scaled to a sum of 1 (all alike where all are 0)."""
    answer: Floats = expit(sums)
    total = answer.sum(axis=1, keepdims=True)
    none = total[:, 0] == 0
    answer[none] = 1.0
    total[none] = answer.shape[1]
    answer /= total
    return answer


def sklearn_link(loss: Any) -> Link:
    """Return the inverse link of one of scikit-learn's losses.

    Raises
    ------
    Unsupported
        If it has another than those here.
    """
    name = type(loss.link).__name__
    known: dict[str, Link] = {
        "IdentityLink": identity,
        "LogitLink": logistic,
        "HalfLogitLink": half_logistic,
        "LogLink": exponential,
        "MultinomialLogit": softmax,
    }
    if name not in known:
        raise Unsupported(f"its loss has the link {name}")
    return known[name]
