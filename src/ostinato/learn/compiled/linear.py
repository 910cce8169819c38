"""Linear models folded: what each value of each feature contributes is worked out beforehand.

Standardised numbers keep their two steps (subtract the mean, divide by the spread), because folding
those into one factor loses digits where a mean is large; categories become a look-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.learn.columns import NUMBER_MAX, CategoryColumn
from ostinato.learn.compiled.form import Form, Link, Row, Scorer, Unsupported
from ostinato.learn.compiled.kernels import Kernel, fold_kernel
from ostinato.learn.compiled.rows import Coder, Codes
from ostinato.learn.encoding import Encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPart:
    """What a number contributes: `weights` times (x - mean) / scale, cut at +-limit.

    A missing one counts as the standardised value `missing`, plus `flags`. NaN there: the original
    refuses missing values, and is asked.
    """

    mean: float
    scale: float
    missing: float
    limit: float
    weights: Floats
    flags: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryPart:
    """What each category contributes, unseen text and missing values too; NaN as above."""

    levels: Mapping[str, Floats]
    unseen: Floats
    missing: Floats


Part = NumberPart | CategoryPart


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """All features in the arrays that `kernels.fold_kernel` takes, under the names it has there."""

    numbers: Floats
    offsets: NDArray[np.int64]
    weights: Floats
    flags: Floats
    table: Floats
    start: Floats

    @classmethod
    def of(cls, parts: Sequence[Part], start: Floats) -> Fold:
        """Lay out the parts, one per feature in the order of the encoding."""
        width, rows = len(start), 0
        numbers, offsets = np.zeros((len(parts), 4)), np.full(len(parts), -1)
        numbers[:, 1] = 1.0
        weights, flags = np.zeros((len(parts), width)), np.zeros((len(parts), width))
        tables = [np.zeros((0, width))]
        for j, part in enumerate(parts):
            if isinstance(part, NumberPart):
                numbers[j] = part.mean, part.scale, part.missing, part.limit
                weights[j], flags[j] = part.weights, part.flags
                continue
            offsets[j] = rows
            tables.append(np.vstack([*part.levels.values(), part.unseen, part.missing]))
            rows += len(tables[-1])
        return cls(
            numbers=numbers,
            offsets=offsets,
            weights=weights,
            flags=flags,
            table=np.ascontiguousarray(np.concatenate(tables)),
            start=np.ascontiguousarray(start, dtype=np.float64),
        )

    def sums(self, rows: Floats) -> Floats:
        """Return (n, k) sums of (n, features) numbers and codes, by NumPy: without Numba."""
        number = np.flatnonzero(self.offsets < 0)
        values, (mean, scale, missing, limit) = rows[:, number], self.numbers[number].T
        there = np.abs(values) <= NUMBER_MAX
        scaled = (np.where(there, values, 0.0) - mean) / scale
        scaled = np.where(there, np.clip(scaled, -limit, limit), missing)
        sums: Floats = self.start + scaled @ self.weights[number] + (~there) @ self.flags[number]
        category = np.flatnonzero(self.offsets >= 0)
        places = rows[:, category].astype(np.int64) + self.offsets[category]
        sums += self.table[places].sum(axis=1)
        return sums


def linear_form(
    encoding: Encoding, parts: Sequence[Part], start: Floats, link: Link, original: Scorer
) -> Form:
    """Return the form that codes rows, adds what they contribute and applies `link` to the sums.

    Where a sum is not finite the original answers, or says why it does not.
    """
    fitted = Fold.of(parts, start)
    coder = Coder(encoding, _codes(encoding, parts))
    add = _adder(fitted)

    def score(rows: Sequence[Row]) -> Floats:
        sums = add(coder.matrix(rows))
        if not np.isfinite(sums).all():
            return original(rows)
        return link(sums)

    # The original may take milliseconds: not inline where missing values alone bring that about.
    alone = not (np.isnan(fitted.table).any() or np.isnan(fitted.numbers).any())
    return Form(name="linear", inline=alone, score=score, corners=())


def _codes(encoding: Encoding, parts: Sequence[Part]) -> dict[str, Codes]:
    found = {}
    for column, part in zip(encoding.columns, parts, strict=True):
        if isinstance(part, CategoryPart) != isinstance(column, CategoryColumn):
            raise Unsupported(f"{column.name!r} is not used as what it is")
        if isinstance(part, CategoryPart) and isinstance(column, CategoryColumn):
            count = len(part.levels)
            known = {name: float(i) for i, name in enumerate(part.levels)}
            found[column.name] = Codes(column, {None: count + 1.0} | known, float(count))
    return found


def _adder(fitted: Fold) -> Link:
    try:
        kernel: Kernel = fold_kernel()
    except Unsupported:
        return fitted.sums
    numbers, offsets, weights = fitted.numbers, fitted.offsets, fitted.weights
    flags, table, start, width = fitted.flags, fitted.table, fitted.start, len(fitted.start)

    def add(rows: Floats) -> Floats:
        out = np.empty((len(rows), width))
        kernel(rows, numbers, offsets, weights, flags, table, start, out)
        return out

    return add
