"""What a compiled form is, and how a library's answer becomes a model's scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ostinato.core.records import Floats
from ostinato.learn.model import Model

Row = tuple[object, ...]
Scorer = Callable[[Sequence[Row]], Floats]
Link = Callable[[Floats], Floats]


class Unsupported(Exception):  # noqa: N818 - an answer ("not this form"), which nobody else sees
    """A form cannot reproduce a model; the text says why. `compile_model` takes the next form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One way to score rows, not yet proved against the original.

    Parameters
    ----------
    name
        ``"trees"``, ``"linear"``, ``"lightgbm"``, ``"onnx"``.
    inline
        Whether it may score inside an event loop.
    score
        From rows of JSON values to scores.
    corners
        Per feature, numbers at which the scores may jump (split thresholds); for the proof.
    """

    name: str
    inline: bool
    score: Scorer
    corners: tuple[Floats, ...]


def finisher(model: Model) -> Link:
    """Return the last step: from what an estimator answers to what `Model.score` returns.

    It takes (n,) predictions for regression, (n,) probabilities of the later class or (n, k)
    probabilities for classes.

    Raises
    ------
    Unsupported
        If the estimator keeps its classes in another order than 0, 1, ...
    """
    if model.task == "regression":
        return _same
    own = list(getattr(model.estimator, "classes_", range(len(model.seen))))
    if own != list(range(len(model.seen))):
        raise Unsupported(f"{model.name} keeps its classes in the order {own}")
    if model.task == "binary":
        return _last
    if model.seen == tuple(range(model.classes)):
        return _columns
    seen, width = list(model.seen), model.classes

    def spread(answer: Floats) -> Floats:
        ordered = np.zeros((len(answer), width))
        ordered[:, seen] = _columns(answer)
        return ordered

    return spread


def _same(answer: Floats) -> Floats:
    return answer


def _last(answer: Floats) -> Floats:
    return answer if answer.ndim == 1 else np.ascontiguousarray(answer[:, 1])


def _columns(answer: Floats) -> Floats:
    return answer if answer.ndim == 2 else np.column_stack((1.0 - answer, answer))
