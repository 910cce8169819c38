"""A linear model behind the usual preparation of a scikit-learn pipeline, as parts to fold.

What is understood: scalers and imputers of numbers, one-hot encoders of categories, a
`ColumnTransformer` of such. Each output column is followed back to the one feature it comes from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.learn.columns import CategoryColumn, Column
from ostinato.learn.compiled.coefficients import coefficients
from ostinato.learn.compiled.form import Form, Unsupported
from ostinato.learn.compiled.linear import CategoryPart, NumberPart, Part, linear_form
from ostinato.learn.compiled.original import original
from ostinato.learn.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class _Number:
    """(x - mean) / scale of the feature at `position`; `missing` where x is, NaN: not allowed."""

    position: int
    mean: float = 0.0
    scale: float = 1.0
    missing: float = math.nan

    def rescaled(self, mean: float, scale: float) -> _Number:
        if (self.mean, self.scale) == (0.0, 1.0):
            return replace(self, mean=mean, scale=scale, missing=(self.missing - mean) / scale)
        return replace(
            self,
            mean=self.mean + mean * self.scale,
            scale=self.scale * scale,
            missing=(self.missing - mean) / scale,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """The categories of the feature at `position`, missing ones replaced by `missing`."""

    position: int
    missing: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """`on` where the feature at `position` is `level`, `off` elsewhere.

    `known` has all levels, those without a column of their own too. `strict`: what is none of them
    is refused. `missing`: the level that missing values have.
    """

    position: int
    level: str | None
    known: tuple[str | None, ...]
    missing: str | None
    strict: bool
    off: float = 0.0
    on: float = 1.0

    def rescaled(self, mean: float, scale: float) -> _Level:
        return replace(self, off=(self.off - mean) / scale, on=(self.on - mean) / scale)


_Item = _Number | _Text | _Level


def folded_pipeline(model: Model) -> Form:
    """Fold a pipeline that ends in a linear model.

    Raises
    ------
    Unsupported
        If a step is not understood, or a feature is used in two ways.
    """
    columns, (*steps, (_, last)) = model.encoding.columns, model.estimator.steps
    items: Sequence[_Item] = [_beginning(i, column) for i, column in enumerate(columns)]
    for _, step in steps:
        items = _through(step, items)
    weights, start, link = coefficients(model, last)
    used: dict[int, list[tuple[_Item, Floats]]] = {i: [] for i in range(len(columns))}
    for item, weight in zip(items, weights, strict=True):
        used[item.position].append((item, weight))
        if isinstance(item, _Level):
            start = start + item.off * weight
    nothing = np.zeros(weights.shape[1])
    parts = [_part(column, used[i], nothing) for i, column in enumerate(columns)]
    return linear_form(model.encoding, parts, start, link, original(model))


def _part(column: Column, used: Sequence[tuple[_Item, Floats]], nothing: Floats) -> Part:
    if not isinstance(column, CategoryColumn):
        return _number_part(column, used, nothing)
    levels = [(item, weight) for item, weight in used if isinstance(item, _Level)]
    if len(levels) < len(used):
        raise Unsupported(f"{column.name!r} is not encoded")
    if not levels:
        return CategoryPart(levels={}, unseen=nothing, missing=nothing)
    first = levels[0][0]
    table = dict.fromkeys(first.known, nothing)
    for item, weight in levels:
        table[item.level] = table[item.level] + (item.on - item.off) * weight
    unseen = nothing + math.nan if first.strict else nothing
    return CategoryPart(
        levels={level: value for level, value in table.items() if level is not None},
        unseen=unseen,
        missing=table.get(first.missing, unseen),
    )


def _number_part(column: Column, used: Sequence[tuple[_Item, Floats]], nothing: Floats) -> Part:
    if len(used) > 1:
        raise Unsupported(f"{column.name!r} is used in two ways")
    item, weights = used[0] if used else (_Number(position=0, missing=0.0), nothing)
    assert isinstance(item, _Number), "numbers become no levels"
    return NumberPart(
        mean=item.mean,
        scale=item.scale,
        missing=item.missing,
        limit=math.inf,
        weights=weights,
        flags=nothing,
    )


def _beginning(position: int, column: Column) -> _Item:
    if isinstance(column, CategoryColumn):
        return _Text(position=position)
    return _Number(position=position)


def _through(step: Any, items: Sequence[_Item]) -> list[_Item]:
    name = type(step).__name__
    if step == "passthrough" or step is None:
        return list(items)
    if step == "drop":
        return []
    if name not in _STEPS or type(step).__module__.split(".", 1)[0] != "sklearn":
        raise Unsupported(f"its step {name} is not understood")
    return _STEPS[name](step, items)


def _pipeline(step: Any, items: Sequence[_Item]) -> list[_Item]:
    for _, inner in step.steps:
        items = _through(inner, items)
    return list(items)


def _columns(step: Any, items: Sequence[_Item]) -> list[_Item]:
    if step.transformer_weights:
        raise Unsupported("its columns are weighted")
    indices: Mapping[str, Iterable[int]] = step._transformer_to_input_indices  # noqa: SLF001 - proved
    return [
        item
        for name, inner, _ in step.transformers_
        for item in _through(inner, [items[i] for i in indices[name]])
    ]


def _scaled(items: Sequence[_Item], means: Any, scales: Any) -> list[_Item]:
    means = np.zeros(len(items)) if means is None else means
    scales = np.ones(len(items)) if scales is None else scales
    found: list[_Item] = []
    for item, mean, scale in zip(items, means, scales, strict=True):
        if isinstance(item, _Text):
            raise Unsupported("a scaler gets text")
        found.append(item.rescaled(float(mean), float(scale)))
    return found


def _standard(step: Any, items: Sequence[_Item]) -> list[_Item]:
    return _scaled(items, step.mean_ if step.with_mean else None, step.scale_)


def _robust(step: Any, items: Sequence[_Item]) -> list[_Item]:
    return _scaled(items, step.center_, step.scale_)


def _largest(step: Any, items: Sequence[_Item]) -> list[_Item]:
    return _scaled(items, None, step.scale_)


def _between(step: Any, items: Sequence[_Item]) -> list[_Item]:
    if step.clip:
        raise Unsupported("a scaler clips")
    return _scaled(items, -step.min_ / step.scale_, 1.0 / step.scale_)


def _imputed(step: Any, items: Sequence[_Item]) -> list[_Item]:
    if step.add_indicator or len(step.statistics_) != len(items):
        raise Unsupported("an imputer adds columns")
    found: list[_Item] = []
    for item, value in zip(items, step.statistics_, strict=True):
        if isinstance(item, _Level):
            raise Unsupported("an imputer gets levels")
        if isinstance(item, _Text):
            found.append(replace(item, missing=item.missing or str(value)))
        else:
            filled = float(value) if math.isnan(item.missing) else item.missing
            if math.isnan(filled):
                raise Unsupported("an imputer drops a column")
            found.append(replace(item, missing=filled))
    return found


def _levels(step: Any, items: Sequence[_Item]) -> list[_Item]:
    if step._infrequent_enabled:  # noqa: SLF001 - proved
        raise Unsupported("an encoder puts rare categories together")
    found: list[_Item] = []
    for number, (item, categories) in enumerate(zip(items, step.categories_, strict=True)):
        if not isinstance(item, _Text):
            raise Unsupported("an encoder gets numbers")
        dropped = None if step.drop_idx_ is None else step.drop_idx_[number]
        known = tuple(_name(category) for category in categories)
        found += [
            _Level(
                position=item.position,
                level=level,
                known=known,
                missing=item.missing,
                strict=step.handle_unknown == "error",
            )
            for index, level in enumerate(known)
            if index != dropped
        ]
    return found


_STEPS: Final[Mapping[str, Callable[[Any, Sequence[_Item]], list[_Item]]]] = {
    "ColumnTransformer": _columns,
    "MaxAbsScaler": _largest,
    "MinMaxScaler": _between,
    "OneHotEncoder": _levels,
    "Pipeline": _pipeline,
    "RobustScaler": _robust,
    "SimpleImputer": _imputed,
    "StandardScaler": _standard,
}


def _name(category: object) -> str | None:
    return category if isinstance(category, str) else None
