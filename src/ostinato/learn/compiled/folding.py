"""A linear model on the one-hot style, as parts to fold."""

from __future__ import annotations

import numpy as np

from ostinato.core.records import Floats
from ostinato.learn.columns import CategoryColumn, Column
from ostinato.learn.compiled.coefficients import coefficients
from ostinato.learn.compiled.form import Form
from ostinato.learn.compiled.linear import CategoryPart, NumberPart, Part, linear_form
from ostinato.learn.compiled.original import original
from ostinato.learn.model import Model
from ostinato.learn.onehot import SPREAD_MAX, LevelBlock, NumberBlock


def folded_onehot(model: Model) -> Form:
    """Fold a linear model that gets standardised numbers and one column per level.

    Raises
    ------
    Unsupported
        If its link is none that can be reproduced.
    """
    assert model.encoding.expansion is not None, "the one-hot style has an expansion"
    weights, start, link = coefficients(model, model.estimator)
    parts, place = [], 0
    for block, column in zip(model.encoding.expansion.blocks, model.encoding.columns, strict=True):
        parts.append(_part(block, column, weights[place : place + block.width]))
        place += block.width
    return linear_form(model.encoding, parts, start, link, original(model))


def _part(block: NumberBlock | LevelBlock, column: Column, weights: Floats) -> Part:
    if isinstance(block, NumberBlock):
        standard = (block.median - block.mean) / block.scale
        return NumberPart(
            mean=block.mean,
            scale=block.scale,
            missing=min(max(standard, -SPREAD_MAX), SPREAD_MAX),
            limit=SPREAD_MAX,
            weights=weights[0],
            flags=weights[1] if block.flagged else np.zeros_like(weights[0]),
        )
    assert isinstance(column, CategoryColumn), "a level block is of a category column"
    nothing = np.zeros(weights.shape[1])
    return CategoryPart(
        levels=dict(zip(column.vocabulary, weights, strict=False)),
        unseen=weights[block.levels] if block.other else nothing,
        missing=weights[-1] if block.missing else nothing,
    )
