"""Causes that show in the values alone: a default, a rounding, another row's value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.features.parity.differ import floats
from ostinato.features.parity.sample import Candidate, Fit, Sample
from ostinato.stats.arrays import FloatArray

# ---------------------------------------------------------------- default


def defaults(sample: Sample, declared: Any = None) -> Iterator[Candidate]:
    """Values replaced by a constant, or by nothing: where it was served or where it was recomputed.

    Parameters
    ----------
    declared
        default in the definition of the feature, if it has one.
    """
    usual = _usual(sample, declared)
    for constant in usual:
        yield _default("online", constant, sample, rank=0)
        yield _default("offline", constant, sample.swapped, rank=1)
    common = sample.of_wrong(sample.served).drop_nulls().mode().sort()
    if len(common) and common[0] not in usual:
        yield _default("online", common[0], sample, rank=90)


def _usual(sample: Sample, declared: Any) -> list[Any]:
    if sample.measure.numeric:
        return list(dict.fromkeys([declared, None, 0.0, -1.0]))
    texts = [declared, None, "", "0", "-1", "false"]
    return list(dict.fromkeys(None if text is None else str(text) for text in texts))


def _default(form: str, constant: Any, sample: Sample, *, rank: int) -> Candidate:
    values = pl.Series([constant], dtype=sample.served.dtype, strict=False)
    return Candidate(
        kind="default",
        form=form,
        parameter=constant,
        fit=sample.fit(values.new_from_index(0, len(sample.served))),
        rank=rank,
        detail="no value" if constant is None else f"the constant {constant!r}",
    )


# ---------------------------------------------------------------- rounding


def _decimals(places: int) -> Callable[[FloatArray], FloatArray]:
    return lambda x: np.round(x, places)


_ROUNDINGS: Final[dict[str, Callable[[FloatArray], FloatArray]]] = {
    "floats of 32 bits": lambda x: x.astype(np.float32).astype(np.float64),
    "floats of 16 bits": lambda x: x.astype(np.float16).astype(np.float64),
    **{f"{places} decimals": _decimals(places) for places in (6, 5, 4, 3, 2, 1)},
    "whole numbers": _decimals(0),
    "whole numbers, cut": np.trunc,
    "whole numbers, downwards": np.floor,
    "whole numbers, upwards": np.ceil,
}

_ARITHMETIC_RTOL: Final = 1e-6


def roundings(sample: Sample) -> Iterator[Candidate]:
    """Values that lost digits on the way, where they were served or where they were recomputed."""
    if not sample.measure.numeric:
        return
    for rank, (form, side) in enumerate((("online", sample), ("offline", sample.swapped)), 10):
        exact = floats(side.recomputed)
        for name, cut in _ROUNDINGS.items():
            fit = side.fit(cut(exact))
            if side is not sample:  # the digits that are there now do not tell what is touched
                fit = replace(fit, moved=fit.right)
            yield _rounding(form, name, fit, rank)
    near = replace(sample.measure, rtol=max(_ARITHMETIC_RTOL, sample.measure.rtol))
    fit = sample.fit(sample.recomputed, measure=near)
    fit = replace(fit, moved=fit.right)  # it may touch any row
    yield _rounding("arithmetic", "another arithmetic", fit, 12)


def _rounding(form: str, name: str, fit: Fit, rank: int) -> Candidate:
    return Candidate(kind="rounding", form=form, parameter=name, fit=fit, rank=rank, detail=name)


# ---------------------------------------------------------------- values of other rows

_BY_CHANCE: Final = 0.2  # of the rows, whose recomputed value is another row's as well


def swaps(sample: Sample) -> Iterator[Candidate]:
    """Values that belong to other rows of the sample.

    A feature of few different values matches by chance: then nothing can be said.
    """
    pool = sample.of_wrong(sample.recomputed).drop_nulls()
    if not len(pool) or pool.is_duplicated().sum() > _BY_CHANCE * len(pool):
        return
    served = sample.of_wrong(sample.served)
    right = len(sample.wrong) - sample.count
    fit = Fit(
        explained=int(served.is_in(pool.implode()).fill_null(value=False).sum()),
        wrong=sample.count,
        moved=right,
        right=right,
    )
    words = "values of other rows"
    yield Candidate(kind="wrong key", form="rows", parameter=words, fit=fit, rank=51, detail=words)
