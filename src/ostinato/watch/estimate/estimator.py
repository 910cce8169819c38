"""What an estimator of losses is, and which one a task has."""

from __future__ import annotations

from functools import cache
from typing import Final, Protocol

from ostinato.core.records import Floats
from ostinato.stats import rows
from ostinato.stats.cbpe import Estimate
from ostinato.stats.metrics import RowLoss, metric_for

MOST_CLASSES: Final = 60
"""Classes up to which a multiclass task is estimated. More: thousands of rates would be fitted,
most of them to a handful of rows."""

SUREST: Final = 4.0
"""Log loss from which on a row counts no more as evidence that the concept moved. Smaller: large
surprises say little; larger: one of them says more than hundreds of rows."""

_LOSSES: Final[dict[RowLoss, str]] = {
    rows.log_loss: "log_loss",
    rows.brier: "brier",
    rows.zero_one: "error_rate",
    rows.absolute: "mae",
    rows.squared: "mse",
    rows.absolute_percentage: "mape",
}


class Estimator(Protocol):
    """Guesses the loss of rows from their scores; all it knows stands in arrays.

    Contract
    --------
    Sums of several batches MUST add up. Nothing MUST be kept between calls. Scores have no NaN.
    """

    def nothing(self) -> Floats:
        """Return what is learned of no rows."""
        ...

    def learned(self, labels: Floats, scores: Floats, weights: Floats) -> Floats:
        """Return sums over labelled rows, each times its weight."""
        ...

    def fit(self, learned: Floats) -> Floats:
        """Return the guess that follows from what was learned."""
        ...

    def expected(self, guess: Floats, scores: Floats) -> tuple[Floats, Floats]:
        """Return the expected loss of each row, and its variance."""
        ...

    def said(self, scores: Floats) -> Floats:
        """Return sums over rows, of which `mean`, `error` and `metrics` are made."""
        ...

    def mean(self, guess: Floats, said: Floats) -> float:
        """Return the expected mean loss of rows."""
        ...

    def error(self, guess: Floats, said: Floats, other: Floats | None = None) -> float:
        """Return the variance of `mean` that comes from what is not known exactly.

        With `other`: that of the difference between the means of both.
        """
        ...

    def metrics(self, guess: Floats, said: Floats) -> dict[str, Estimate]:
        """Return the metrics that are expected of rows."""
        ...

    def surprises(self, guess: Floats, labels: Floats, scores: Floats) -> Floats:
        """Return how much more each row lost than was expected, in [-1, 1].

        Their mean is 0 while labels depend on scores as the guess has it.
        """
        ...


@cache
def loss_name(task: str, metric: str) -> str:
    """Return the name of the loss per row that decisions about a metric use."""
    return _LOSSES[metric_for(task, metric).row_loss]
