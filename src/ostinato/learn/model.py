"""A trained model: the encoding of its features and the estimator, as one immutable value."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from ostinato.core.errors import LearnerError, StoreError
from ostinato.core.records import Floats
from ostinato.learn.encoding import Encoding
from ostinato.learn.pickling import canonical_pickle

Task = Literal["binary", "multiclass", "regression"]
TASKS: Final = ("binary", "multiclass", "regression")

_OUTSIDE: Final = 1e-6  # a probability may lie so far outside 0..1: single precision rounds
_SUM_OFF: Final = 1e-3  # so far may the probabilities of a row miss 1 together


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Scores rows with a fitted estimator.

    Parameters
    ----------
    encoding
        How features become what the estimator takes.
    estimator
        Fitted; it knows classes as 0, 1, ... (positions in `seen`).
    task
        ``"binary"``, ``"multiclass"`` or ``"regression"``.
    classes
        How many classes the loop has (2 for binary, 0 for regression).
    seen
        Classes the training rows had, ascending; empty for regression.
    """

    encoding: Encoding
    estimator: Any
    task: Task
    classes: int
    seen: tuple[int, ...]

    def score(self, frame: pl.DataFrame) -> Floats:
        """Score rows.

        The features of a row are coded by themselves, so the score of a row does not depend on the
        rows beside it; only the last bits may differ with the size of the batch, where an
        estimator multiplies matrices.

        Parameters
        ----------
        frame
            n rows with at least the features.

        Returns
        -------
        numpy.ndarray
            float64. Binary: (n,), probability of class 1. Multiclass: (n, classes), in the loop's
            order, 0 for a class the training rows lacked. Regression: (n,), the prediction. NaN
            answers of the estimator are returned as they are; probabilities lie in 0..1.

        Raises
        ------
        DataError
            If the features cannot be read.
        LearnerError
            If the estimator raised, or answered with a wrong shape, something else than numbers
            or probabilities that are none.
        """
        rows = self.encoding.transform(frame)
        if frame.height == 0:
            return np.zeros((0, self.classes) if self.task == "multiclass" else 0)
        wanted = (frame.height,) if self.task == "regression" else (frame.height, len(self.seen))
        answer = self._ask(rows)
        if answer.shape != wanted:
            raise LearnerError(
                f"{self.name} answered with the wrong shape",
                found=f"{answer.shape} for {frame.height} rows",
                expected=str(wanted),
                hint=f"Check what {self._method} of {self.name} returns: one answer per row.",
            )
        return answer if self.task == "regression" else self._in_order(self._probable(answer))

    @property
    def name(self) -> str:
        """The estimator's class, for messages."""
        return type(self.estimator).__qualname__

    def to_bytes(self) -> bytes:
        """Write the model as bytes: the same training gives the same bytes."""
        return canonical_pickle(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """Read a model written by `to_bytes`.

        The bytes are a pickle, and reading a pickle runs code: load artifacts from your own
        registry only.

        Raises
        ------
        StoreError
            If the bytes do not hold a model, or need a library that is not installed.
        """
        try:
            model = pickle.loads(data)  # noqa: S301 - documented above
        except Exception as error:  # a damaged pickle can raise anything
            raise StoreError(
                "The model cannot be read",
                found=f"{type(error).__name__}: {error}",
                expected="bytes written by Model.to_bytes, with the same libraries installed",
                hint="Compare the installed versions with the libraries in the version's lineage.",
            ) from error
        if not isinstance(model, cls):
            raise StoreError(
                "The bytes hold no model", found=type(model).__qualname__, expected="Model"
            )
        return model

    @property
    def _method(self) -> str:
        return "predict" if self.task == "regression" else "predict_proba"

    def _ask(self, rows: Floats | pl.DataFrame) -> Floats:
        try:
            return np.asarray(getattr(self.estimator, self._method)(rows), dtype=np.float64)
        except (Exception, SystemExit) as error:  # the user's code can do anything; others serve
            raise LearnerError(
                f"{self.name} raised while it scored {len(rows)} rows",
                found=f"{type(error).__name__}: {error}",
                expected=f"numbers from {self._method}",
                hint="The rows are coded as in training; see the error above for what it refused.",
            ) from error

    def _probable(self, answer: Floats) -> Floats:
        """Check that classes got probabilities, or NaN; take rounding off their ends."""
        hint = f"Check what predict_proba of {self.name} returns, or calibrate it."
        wrong = (answer < -_OUTSIDE) | (answer > 1.0 + _OUTSIDE)  # infinite ones too, NaN not
        if wrong.any():
            raise LearnerError(
                f"{self.name} answered with numbers that are no probabilities",
                found=f"{answer[wrong][0]:g}, {int(wrong.any(axis=1).sum())} such rows of "
                f"{len(answer)}",
                expected="numbers from 0 to 1, or NaN",
                hint=hint,
            )
        sums = answer.sum(axis=1)
        off = np.abs(sums - 1.0) > _SUM_OFF
        if self.task == "multiclass" and off.any():
            raise LearnerError(
                f"{self.name} answered with probabilities that do not add up",
                found=f"a sum of {sums[off][0]:g}, {int(off.sum())} such rows of {len(answer)}",
                expected=f"rows that sum to 1, to within {_SUM_OFF:g}",
                hint=hint,
            )
        clipped: Floats = np.clip(answer, 0.0, 1.0)
        return clipped

    def _in_order(self, answer: Floats) -> Floats:
        # Columns come in the order of the estimator's own classes_, usually 0, 1, ...
        own = np.asarray(getattr(self.estimator, "classes_", range(len(self.seen))), dtype=np.int64)
        if self.task == "binary":
            return np.ascontiguousarray(answer[:, int(np.argmax(own))])
        ordered = np.zeros((len(answer), self.classes))
        ordered[:, np.asarray(self.seen)[own]] = answer
        return ordered
