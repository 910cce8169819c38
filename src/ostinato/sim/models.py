"""The tiny models of the simulation: good ones, worse ones, and ones that break.

A model is a matrix of weights and a `flaw`. It is a linear least-squares fit in closed form, so
that a training takes microseconds and gives the same bytes everywhere on one machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from ostinato.core import snapshot
from ostinato.core.errors import LearnerError
from ostinato.core.records import Floats
from ostinato.sim.concept import Task

FLAWS: Final = ("", "much worse", "slightly worse", "raises", "nan", "length", "shape")
"""What can be wrong with a candidate; the last four break on some or all requests."""

_RIDGE: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyModel:
    """(FEATURES + 1, outputs) weights, for a task.

    The flaws that break show where the first feature is above `rare`; minus infinity: everywhere.
    """

    task: Task
    weights: Floats
    flaw: str = ""
    rare: float = float("-inf")

    def to_bytes(self) -> bytes:
        """Write the model down."""
        return snapshot.encode(self)

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote."""
        model: Self = snapshot.decode(data)
        return model

    def score(self, features: Floats) -> Floats:
        """Return (n,) or (n, classes) scores of (n, FEATURES) requests.

        Raises
        ------
        LearnerError
            Where the model is flawed in that way.
        """
        clean = self._clean(features)
        hit = features[:, 0] > self.rare
        if not hit.any():
            return clean
        match self.flaw:
            case "raises" | "shape":
                raise LearnerError(f"The model {self.flaw}", found="a request it cannot score")
            case "length":
                return clean[:-1]
            case "nan":
                clean[hit] = np.nan
        return clean

    def _clean(self, features: Floats) -> Floats:
        ones = np.ones((len(features), 1))
        # einsum sums in one order whatever the number of rows; a matrix product need not.
        raw = np.einsum("nf,fk->nk", np.hstack([features, ones]), self.weights)
        if self.flaw == "much worse":
            raw = 1.0 - raw  # what was likely is unlikely, what was high is low
        elif self.flaw == "slightly worse":
            raw = 0.9 * raw + 0.03
        scores: Floats = raw[:, 0]
        if self.task == "binary":
            scores = np.clip(scores, 0.02, 0.98)
        elif self.task == "multiclass":
            kept = np.clip(raw, 0.02, 1.0)
            scores = kept / kept.sum(axis=1, keepdims=True)
        return scores


def fit_tiny(task: Task, classes: int, features: Floats, labels: Floats) -> TinyModel:
    """Fit by ridge-regularised least squares.

    Raises
    ------
    LearnerError
        If there are fewer than ten rows.
    """
    if len(labels) < 10:
        raise LearnerError("Too few rows to learn from", found=len(labels), expected="10 or more")
    design = np.hstack([features, np.ones((len(features), 1))])
    target = labels[:, None]
    if task == "multiclass":
        target = (labels[:, None] == np.arange(classes)).astype(np.float64)
    gram = np.einsum("nf,ng->fg", design, design) + _RIDGE * np.eye(design.shape[1])
    right = np.einsum("nf,nk->fk", design, target)
    return TinyModel(task=task, weights=np.linalg.solve(gram, right))


class TinyClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """What the simulated loop declares as its learner, for classes."""

    def fit(self, features: Any, labels: Any) -> Self:
        """Fit on rows of FEATURES numbers and whole classes."""
        self.classes_ = np.unique(labels)
        task: Task = "multiclass" if len(self.classes_) > 2 else "binary"
        self.model_ = fit_tiny(task, len(self.classes_), np.asarray(features), np.asarray(labels))
        return self

    def predict_proba(self, features: Any) -> Any:
        """Return (n, classes) probabilities."""
        scores = self.model_.score(np.asarray(features))
        return np.column_stack([1 - scores, scores]) if scores.ndim == 1 else scores

    def predict(self, features: Any) -> Any:
        """Return the likeliest class."""
        return self.classes_[self.predict_proba(features).argmax(axis=1)]


class TinyRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """What the simulated loop declares as its learner, for numbers."""

    def fit(self, features: Any, labels: Any) -> Self:
        """Fit on rows of FEATURES numbers."""
        self.model_ = fit_tiny("regression", 0, np.asarray(features), np.asarray(labels))
        return self

    def predict(self, features: Any) -> Any:
        """Return (n,) numbers."""
        return self.model_.score(np.asarray(features))
