"""The choice: the fastest form that is proved to score as the original, else the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl
from threadpoolctl import threadpool_limits

from ostinato.core.records import Floats
from ostinato.learn.compiled.form import Form, Row, Scorer, Unsupported
from ostinato.learn.compiled.forms import forms_for
from ostinato.learn.compiled.original import original
from ostinato.learn.compiled.parity import Parity, compare, corner_rows, real_rows
from ostinato.learn.model import Model

TOLERANCE: Final = 1e-9
"""Largest difference of two scores. Smaller: refuses sums in another order; larger: may hide that a
row took another path through a small tree."""

ALONE_ROWS: Final = 16
"""Real and made rows that are also scored one by one. Smaller: a mistake of the way single rows
take could stay unseen; larger: the original is slow row by row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A trained model in the fastest form that reproduces it.

    Parameters
    ----------
    form
        ``"trees"``, ``"linear"``, ``"lightgbm"``, ``"onnx"`` or ``"original"``.
    exact
        Whether its scores were bit-equal to the original's on all rows compared.
    largest_difference
        Of two scores on those rows, relative to the original's where that is beyond 1.
    inline
        Whether it may score inside an event loop: native code, microseconds a row, cannot hang.
    reason
        One sentence: why this form, or why the original serves.
    features
        Names of the values of a row, in order.
    scorer
        What `score` calls.
    """

    form: str
    exact: bool
    largest_difference: float
    inline: bool
    reason: str
    features: tuple[str, ...]
    scorer: Scorer = field(repr=False)

    def score(self, rows: Sequence[Row]) -> Floats:
        """Score rows; safe to call from several threads at once.

        Parameters
        ----------
        rows
            n tuples of JSON values (float, int, bool, str, None) in the order of `features`.

        Returns
        -------
        numpy.ndarray
            As `Model.score`: (n,), or (n, classes) for multiclass.

        Raises
        ------
        DataError
            If a value cannot be read, or a row has not one value per feature.
        LearnerError
            If the original serves, or was asked for rows that the form leaves to it, and raised.
        """
        return self.scorer(rows)


def compile_model(model: Model, sample: pl.DataFrame, *, tolerance: float = TOLERANCE) -> Compiled:
    """Compile a model: try its forms from the fastest on, and prove each before it may serve.

    The proof compares with `Model.score` on real rows and on rows changed to reach corners:
    missing, unseen and infinite values, and the neighbours of split thresholds. A form whose
    library is not installed is left out.

    Parameters
    ----------
    model
        Trained.
    sample
        Real rows with at least the features; up to 4,096 are used.
    tolerance
        Largest difference of two scores, relative to the original's where that is beyond 1.

    Raises
    ------
    DataError
        If the sample lacks a feature.
    """
    asked = original(model)
    rows = real_rows(model.encoding, sample)
    refused = []
    for name, build in forms_for(model):
        try:
            form = build(model)
            proof = _proof(model, form, asked, rows)
        except Unsupported as no:
            refused.append(f"{name}: {no}")
            continue
        except Exception as error:  # noqa: BLE001 - libraries' insides change; the original serves
            refused.append(f"{name}: {type(error).__name__}: {error}")
            continue
        if proof.difference <= tolerance:
            return _compiled(model, form, proof, refused)
        refused.append(
            f"{name}: differs by {proof.difference:.2g} where {tolerance:.2g} is allowed"
        )
    why = "; ".join(refused) or f"no faster form of {model.name} is known"
    return Compiled(
        form="original",
        exact=True,
        largest_difference=0.0,
        inline=False,
        reason=f"the original serves: {why}",
        features=model.encoding.features,
        scorer=asked,
    )


def _proof(model: Model, form: Form, asked: Scorer, rows: Sequence[Row]) -> Parity:
    made = corner_rows(model.encoding, rows, form.corners)
    few = [*rows[:ALONE_ROWS], *made[:ALONE_ROWS]]
    with threadpool_limits(limits=1):  # sums in one order, and no waiting for busy cores
        many = compare(asked, form.score, [*rows, *made])
        alone = [compare(asked, form.score, [row]) for row in few]
    return Parity(
        rows=many.rows,
        difference=max(many.difference, *(one.difference for one in alone)),
        exact=many.exact and all(one.exact for one in alone),
    )


def _compiled(model: Model, form: Form, proof: Parity, refused: Sequence[str]) -> Compiled:
    told = "bit-equal" if proof.exact else f"within {proof.difference:.2g}"
    instead = f" ({'; '.join(refused)})" if refused else ""
    return Compiled(
        form=form.name,
        exact=proof.exact,
        largest_difference=proof.difference,
        inline=form.inline,
        reason=f"{form.name} reproduces {model.name} on {proof.rows} rows, {told}{instead}",
        features=model.encoding.features,
        scorer=form.score,
    )
