"""Calling the user's learner: with weights where it takes them, its failures as `LearnerError`."""

from __future__ import annotations

from typing import Any

import polars as pl

from ostinato.core.errors import ConfigError, LearnerError
from ostinato.core.records import Floats
from ostinato.learn.families import weights_argument


def weighted(learner: Any, method: str, weights: Floats | None) -> dict[str, Any]:
    """Return the argument that hands row weights to a method; empty where all weigh the same.

    Raises
    ------
    ConfigError
        If rows weigh differently and the learner takes no weights.
    """
    if weights is None:
        return {}
    argument = weights_argument(learner, method)
    if argument is None:
        name = type(learner).__qualname__
        raise ConfigError(
            f"{name} takes no row weights",
            found=f"weights from {weights.min():.3g} to {weights.max():.3g}",
            expected=f"a learner whose {method} takes sample_weight",
            hint='Take a window with equal weights, such as Last("60d"), or another learner.',
        )
    return {argument: weights}


def call(
    learner: Any, method: str, rows: Floats | pl.DataFrame, targets: Any, **arguments: Any
) -> None:
    """Call `fit` or `partial_fit`.

    Raises
    ------
    LearnerError
        If the learner raised anything, with its own error as the fact.
    """
    try:
        getattr(learner, method)(rows, targets, **arguments)
    except (Exception, SystemExit) as error:  # the user's code can do anything; the loop goes on
        hint = "Try the learner on these rows outside the loop; the champion stays meanwhile."
        if isinstance(rows, pl.DataFrame):
            hint = (
                "A pipeline gets the features as they are: begin it with a ColumnTransformer that"
                " codes text and fills missing values, or give the bare estimator, for which"
                " Ostinato does both."
            )
        raise LearnerError(
            f"{type(learner).__qualname__} raised in {method} on {len(rows)} rows",
            found=f"{type(error).__name__}: {error}",
            expected="a fitted estimator",
            hint=hint,
        ) from error
