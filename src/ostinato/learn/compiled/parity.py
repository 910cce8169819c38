"""The proof that a form scores as the original: on real rows, and on rows made to reach corners."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from ostinato.core.errors import InputError, LearnerError
from ostinato.core.records import Floats
from ostinato.learn.columns import NUMBER_MAX, CategoryColumn
from ostinato.learn.compiled.form import Row, Scorer
from ostinato.learn.encoding import Encoding, column_of

SAMPLE_ROWS: Final = 4_096
"""Real rows compared at most. Smaller: sees fewer paths; larger: a model takes longer to load."""
CORNERS_MAX: Final = 16_384
"""Made rows at most. Smaller: leaves out more thresholds; larger: as above."""
REFUSALS_MAX: Final = 50
"""Rows found that the original refuses, beyond which batches with more of them are left out.
Smaller: checks fewer of them; larger: each costs a dozen calls of an estimator that may be slow."""

_NUMBERS: Final = (
    None, math.nan, math.inf, -math.inf, 0.0, -0.0, 1, -1, True, False, 1e-36, -1e-36, 1e-35, 1e6,
    -1e6, 1e300, -1e300, NUMBER_MAX, float(np.nextafter(NUMBER_MAX, np.inf)), 2**63, 10**400,
)  # fmt: skip
_UNSEEN: Final = ("", " ", "never seen \N{GREEK SMALL LETTER ALPHA}", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How far a form is from the original.

    `difference` is the largest one of two scores, divided by the original's where that is beyond 1;
    infinite where shapes, missing scores or refusals differ.
    """

    rows: int
    difference: float
    exact: bool


def real_rows(encoding: Encoding, sample: pl.DataFrame) -> list[Row]:
    """Return rows of a table as tuples of Python values, evenly taken where there are many.

    Raises
    ------
    DataError
        If a feature is absent.
    """
    step = max(1, -(-sample.height // SAMPLE_ROWS))
    columns = [column_of(sample, name) for name in encoding.features]
    return pl.DataFrame(columns).gather_every(step).rows()


def corner_rows(encoding: Encoding, rows: Sequence[Row], corners: Sequence[Floats]) -> list[Row]:
    """Return real rows with one value changed: missing, unseen, infinite, beside a threshold.

    Parameters
    ----------
    encoding
        Says what each feature is.
    rows
        Real rows to change; without any, rows of missing values are.
    corners
        Per feature, numbers at which the scores may jump; or nothing.
    """
    nothing: Row = (None,) * len(encoding.columns)
    bases = list(rows) or [nothing]
    changes = list(_changes(encoding, corners))
    step = max(1, -(-len(changes) // CORNERS_MAX))
    made = [nothing]
    for number, (position, value) in enumerate(changes[::step]):
        base = bases[number % len(bases)]
        made.append((*base[:position], value, *base[position + 1 :]))
    return made


def compare(original: Scorer, form: Scorer, rows: Sequence[Row]) -> Parity:
    """Score rows both ways; rows that the original refuses must be refused."""
    worst, exact = 0.0, True
    for start, stop, expected in answers(original, rows):
        found = _answer(form, rows[start:stop])
        if expected is None or found is None or expected.shape != found.shape:
            same = expected is None and found is None
            worst, exact = (worst, exact) if same else (math.inf, False)
            continue
        worst = max(worst, _difference(expected, found))
        exact = exact and bool(np.array_equal(expected, found, equal_nan=True))
    return Parity(rows=len(rows), difference=worst, exact=exact)


def answers(scorer: Scorer, rows: Sequence[Row]) -> list[tuple[int, int, Floats | None]]:
    """Return the scores of runs of rows, from where to where; None for a row that is refused.

    One refused row refuses its whole batch, so that batches are halved until it is found, up to
    `REFUSALS_MAX` times.
    """
    pending, found, refused = [(0, len(rows))], [], 0
    while pending:
        start, stop = pending.pop()
        answer = _answer(scorer, rows[start:stop])
        if answer is not None or stop - start <= 1:
            found.append((start, stop, answer))
            refused += answer is None
        elif refused < REFUSALS_MAX:
            half = (start + stop) // 2
            pending += [(half, stop), (start, half)]
    return found


def _answer(scorer: Scorer, rows: Sequence[Row]) -> Floats | None:
    try:
        with np.errstate(all="ignore"):  # corners overflow; that is compared, not told
            return scorer(rows)
    except (InputError, LearnerError):
        return None


def _difference(expected: Floats, found: Floats) -> float:
    if not np.array_equal(np.isfinite(expected), np.isfinite(found)):
        return math.inf
    finite = np.isfinite(expected)
    if not np.array_equal(expected[~finite], found[~finite], equal_nan=True):
        return math.inf
    off = np.abs(expected[finite] - found[finite]) / np.maximum(1.0, np.abs(expected[finite]))
    return float(off.max(initial=0.0))


def _changes(encoding: Encoding, corners: Sequence[Floats]) -> Iterator[tuple[int, object]]:
    for position, column in enumerate(encoding.columns):
        if isinstance(column, CategoryColumn):
            yield from ((position, value) for value in (*column.vocabulary, *_UNSEEN))
            continue
        yield from ((position, value) for value in _NUMBERS)
        if corners:
            yield from ((position, value) for value in _beside(corners[position]))


def _beside(thresholds: Floats) -> list[float]:
    # In both precisions. LightGBM writes some thresholds as infinite.
    with np.errstate(over="ignore"):
        single = thresholds.astype(np.float32)
        values = [
            thresholds,
            np.nextafter(thresholds, np.inf),
            np.nextafter(thresholds, -np.inf),
            np.nextafter(single, np.float32(np.inf)).astype(np.float64),
            np.nextafter(single, np.float32(-np.inf)).astype(np.float64),
        ]
    return [float(value) for value in np.column_stack(values).ravel()]
