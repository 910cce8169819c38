"""Compare like with like: losses on inputs that both samples have, and what is left of the change.

Columns that tell the samples apart by themselves are left out. If the rest does so as well, the
champion's scores stand for the inputs: they are what it made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core import rng as chance
from ostinato.core.records import Floats
from ostinato.stats.overlap import FEWEST_EFFECTIVE, Parts, Side, decompose, shared_rows
from ostinato.watch.examine.classifier import FOLDS, expectations
from ostinato.watch.examine.codes import Coding
from ostinato.watch.examine.domain import APART, Told, distances, tell_apart
from ostinato.watch.examine.repair import Repair
from ostinato.watch.examine.sample import Sample, folds

ALONE: Final = 0.9
"""Distance from which a column tells the samples apart by itself (a date, a counter). Smaller: what
moved much is left out; larger: one column leaves nothing to compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Parts of a change on shared inputs; None: there are none. `effective` rows share them.

    `notes` say what was left out, and why.
    """

    parts: Parts | None
    effective: float
    notes: list[tuple[str, str]]


def compare(
    reference: Sample,
    current: Sample,
    coding: Coding,
    repairs: list[Repair],
    mass: Floats | None,
    told: Told,
    salt: str,
) -> Compared:
    """Compare on the inputs that both samples have; on the champion's scores if there are none.

    Parameters
    ----------
    reference, current
        Rows with a loss; broken values are mended.
    coding
        Of the same rows as they came.
    repairs
        What was broken.
    mass
        (n,) how much rows of the reference count; None: as ever.
    told
        What a classifier learned of the rows as they came.
    salt
        Names the random streams that draw values.
    """
    codes, notes = _comparable(coding, repairs, salt)
    untouched = not repairs and not notes and mass is None
    samples = (reference, current)
    masses = (reference.mass if mass is None else mass, current.mass)
    found = told if untouched else tell_apart(codes, masses)
    parts = _parts(samples, codes, masses, found)
    if parts is not None:
        return Compared(parts=parts, effective=parts.effective, notes=notes)
    notes.append(("inputs", "hardly any is in both samples; they are compared by score alone"))
    scores = _score_codes(reference, current)
    found = tell_apart(scores, masses)
    parts = _parts(samples, scores, masses, found)
    if parts is not None:
        return Compared(parts=parts, effective=parts.effective, notes=notes)
    notes.append(("overlap", "hardly any score is in both samples: nothing can be compared"))
    return Compared(parts=None, effective=_effective(masses, found), notes=notes)


def _parts(
    samples: tuple[Sample, Sample],
    codes: tuple[NDArray[Any], NDArray[Any]],
    masses: tuple[Floats, Floats],
    told: Told,
) -> Parts | None:
    """Return the parts of the change; None where the samples hardly share an input."""
    if told.auc.value > APART or _effective(masses, told) < FEWEST_EFFECTIVE:
        return None  # before anything is learned of the losses
    return decompose(*_sides(samples, codes, masses, told))


def _effective(masses: tuple[Floats, Floats], told: Told) -> float:
    return shared_rows(masses[0], told.reference, masses[1], told.current)


def _comparable(
    coding: Coding, repairs: list[Repair], salt: str
) -> tuple[tuple[NDArray[Any], NDArray[Any]], list[tuple[str, str]]]:
    """Return codes with broken values replaced, without columns that tell all by themselves."""
    q = coding.current.copy()
    for each in repairs:
        rng = chance.stream(0, f"{salt}/codes/{each.column}")
        rows = rng.integers(0, len(coding.reference), int(each.rows.sum()))
        for place in coding.place(each.column):
            q[each.rows, place] = coding.reference[rows, place]
    whole = Coding(
        columns=coding.columns,
        plain=coding.plain,
        reference=coding.reference,
        current=q,
        unmeasured={},
    )
    apart = distances(whole)
    kept = apart <= ALONE
    notes = [
        (column.name, "tells the samples apart by itself; it is left out of the comparison")
        for column, stays in zip(coding.columns, kept.tolist(), strict=True)
        if not stays
    ]
    return (coding.reference[:, kept], q[:, kept]), notes


def _score_codes(reference: Sample, current: Sample) -> tuple[Floats, Floats]:
    def wide(scores: Floats) -> Floats:
        return scores[:, None] if scores.ndim == 1 else scores

    return wide(reference.scores), wide(current.scores)


def _sides(
    samples: tuple[Sample, Sample],
    codes: tuple[NDArray[Any], NDArray[Any]],
    masses: tuple[Floats, Floats],
    told: Told,
) -> tuple[Side, Side]:
    reference, current = samples
    n = len(reference)
    values = np.concatenate([reference.losses, current.losses])
    weights = np.concatenate([each / each.sum() for each in masses]) * n
    fold = np.concatenate([folds(len(each), FOLDS) for each in samples])
    expected = expectations(np.concatenate(codes), values, np.maximum(weights, 1e-12), fold)
    return (
        Side(
            losses=reference.losses,
            chances=told.reference,
            expected=expected[:n],
            weights=masses[0],
        ),
        Side(
            losses=current.losses,
            chances=told.current,
            expected=expected[n:],
            weights=masses[1],
        ),
    )
