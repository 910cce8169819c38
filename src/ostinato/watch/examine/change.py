"""By how much the loss changed, and the parts of it: what broke, who came, what it means now.

In this order, so that each part is looked for in what the ones before it leave:

1. *data quality*: what broken values cost (`repair`);
2. *label shift*, where classes come in other shares and look as before (`classes`): the reference
   is given the current shares;
3. inputs and meaning on what both samples share (`stats.overlap`): *covariate shift*, *concept
   drift*, *unseen inputs*.

The parts add up to the change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core import rng as chance
from ostinato.core.records import Floats
from ostinato.stats.influence import Estimate, estimate
from ostinato.stats.overlap import FEWEST_EFFECTIVE, Parts, Side, decompose
from ostinato.watch.examine.classes import LabelShift, label_shift
from ostinato.watch.examine.classifier import FOLDS, expectations
from ostinato.watch.examine.codes import Coding
from ostinato.watch.examine.domain import APART, Told, distances, tell_apart
from ostinato.watch.examine.faults import Fault
from ostinato.watch.examine.repair import Repair, mend
from ostinato.watch.examine.sample import Champion, Sample, folds

FEWEST: Final = 100
"""Labelled rows that either sample needs. Fewer: no part would be told from chance."""

ALONE: Final = 0.9
"""Distance from which a column by itself tells the samples apart (a date, a counter): it is left
out where inputs are compared, as nothing would be left to compare."""

QUALITY, LABELS, COVARIATE, CONCEPT, UNSEEN = (
    "data quality",
    "label shift",
    "covariate shift",
    "concept drift",
    "unseen inputs",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Change:
    """The change in loss; `parts` add up to `total`.

    Parameters
    ----------
    before, now
        Mean losses of the two samples.
    total
        Their difference.
    parts
        By cause, in the order of `core.watched.CAUSES`' search.
    repairs
        Broken columns with their cost.
    shift
        Shares of classes; None where they cannot be compared.
    effective
        Effective rows on shared inputs.
    foreseen
        Whether there are no labels to tell: only what other inputs cost is estimated.
    unmeasured
        Why what could not be told.
    """

    before: float
    now: float
    total: Estimate
    parts: dict[str, Estimate]
    repairs: tuple[Repair, ...] = ()
    shift: LabelShift | None = None
    effective: float = 0.0
    foreseen: bool = False
    unmeasured: tuple[tuple[str, str], ...] = ()


def change_in_loss(
    reference: Sample,
    current: Sample,
    coding: Coding,
    faults: list[Fault],
    champion: Champion,
    told: Told,
    *,
    salt: str,
) -> Change:
    """Part the change in loss between two samples.

    Parameters
    ----------
    reference, current
        Rows with a loss, `FEWEST` or more.
    coding, faults, told
        Of the same rows.
    champion
        Whose losses they are.
    salt
        Names the random streams that draw values.
    """
    repairs, whole = mend(reference, current, faults, champion, salt=salt)
    notes = [
        (each.column, "is broken, and what that costs could not be measured")
        for each in repairs
        if each.cost is None
    ]
    costs = [each.cost for each in repairs if each.cost is not None]
    parts = {QUALITY: _sum(costs)} if costs else {}
    shift = _shift(reference, whole, repairs, champion)
    mass: Floats | None = None
    if isinstance(shift, str):
        notes.append((LABELS, shift))
    elif shift.holds:
        parts[LABELS] = shift.cost
        mass = reference.mass * shift.factors
    compared = _compare(reference, whole, coding, repairs, mass, told, salt)
    notes += compared.notes
    if compared.parts is not None:
        parts[COVARIATE] = compared.parts.seen
        parts[CONCEPT] = _less_sure(compared.parts.concept, sum(each.doubt for each in repairs))
        parts[UNSEEN] = compared.parts.unseen
    u, v = reference.mass / reference.mass.sum(), current.mass / current.mass.sum()
    before, now = float(u @ reference.losses), float(v @ current.losses)
    return Change(
        before=before,
        now=now,
        total=estimate(now - before, u * (before - reference.losses), v * (current.losses - now)),
        parts=parts,
        repairs=tuple(repairs),
        shift=None if isinstance(shift, str) else shift,
        effective=compared.effective,
        unmeasured=tuple(notes),
    )


def _sum(costs: list[Estimate]) -> Estimate:
    # Costs of several columns are measured on the same rows: their errors may all point one way.
    return Estimate(
        sum(each.value for each in costs),
        sum(each.error for each in costs),
        min(each.degrees for each in costs),
    )


def _shift(
    reference: Sample, whole: Sample, repairs: list[Repair], champion: Champion
) -> LabelShift | str:
    """Compare classes on rows that nothing is broken about: drawn values blur what scores tell."""
    if repairs:
        whole = whole.taken(~np.any([each.rows for each in repairs], axis=0))
        if len(whole) < FEWEST:
            return f"{len(whole):,} labelled rows without a fault, of {FEWEST} that are needed"
    return label_shift(reference, whole, champion)


def _less_sure(part: Estimate, doubt: float) -> Estimate:
    return Estimate(part.value, math.hypot(part.error, doubt), part.degrees)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    parts: Parts | None
    effective: float
    notes: list[tuple[str, str]]


def _compare(
    reference: Sample,
    current: Sample,
    coding: Coding,
    repairs: list[Repair],
    mass: Floats | None,
    told: Told,
    salt: str,
) -> _Compared:
    """Compare on the inputs that both samples have; on the champion's scores if there are none.

    `mass` is how much rows of the reference count; None: as ever.
    """
    codes, notes = _comparable(coding, repairs, salt)
    untouched = not repairs and not notes and mass is None
    samples = (reference, current)
    masses = (reference.mass if mass is None else mass, current.mass)
    found = told if untouched else tell_apart(codes, masses)
    parts = decompose(*_sides(samples, codes, masses, found))
    if found.auc.value <= APART and parts.effective >= FEWEST_EFFECTIVE:
        return _Compared(parts=parts, effective=parts.effective, notes=notes)
    notes.append(("inputs", "hardly any is in both samples; they are compared by score alone"))
    scores = _score_codes(reference, current)
    found = tell_apart(scores, masses)
    parts = decompose(*_sides(samples, scores, masses, found))
    if found.auc.value <= APART and parts.effective >= FEWEST_EFFECTIVE:
        return _Compared(parts=parts, effective=parts.effective, notes=notes)
    notes.append(("parts", "hardly any score is in both samples: nothing can be compared"))
    return _Compared(parts=None, effective=parts.effective, notes=notes)


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
