"""By how much the loss changed, and the parts of it: what broke, who came, what it means now.

In this order, so that each part is looked for in what the ones before it leave:

1. *data quality*: what broken values cost (`repair`);
2. *label shift*, where classes come in other shares and look as before (`classes`): the reference
   is given the current shares;
3. inputs and meaning on what both samples share (`stats.overlap`): *covariate shift*, *concept
   drift*, *unseen inputs*.

The parts add up to the change. Where all current labels say the same and those of the reference do
not, their source is broken: what would be concept drift is data quality.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.stats.influence import Estimate, estimate
from ostinato.watch.examine.classes import LabelShift, label_shift
from ostinato.watch.examine.codes import Coding
from ostinato.watch.examine.compare import compare
from ostinato.watch.examine.domain import Told
from ostinato.watch.examine.faults import Fault
from ostinato.watch.examine.repair import Repair, mend
from ostinato.watch.examine.sample import Champion, Sample

FEWEST: Final = 100
"""Labelled rows that either sample needs. Fewer: no part would be told from chance."""

_SOUND: Final = 0.5  # share of rows without a fault that can stand for all

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
        By cause, in the order in which they were looked for.
    repairs
        Broken columns with their cost.
    shift
        Shares of classes; None where they cannot be compared.
    inputs
        What other inputs cost, seen and unseen together; None: it could not be told.
    effective
        Effective rows on shared inputs.
    foreseen
        Whether there are no labels to tell: only what other inputs cost is estimated.
    only_label
        What all current labels say, where those of the reference differ; None: they do, too.
    unmeasured
        Why what could not be told.
    """

    before: float
    now: float
    total: Estimate
    parts: dict[str, Estimate]
    repairs: tuple[Repair, ...] = ()
    shift: LabelShift | None = None
    inputs: Estimate | None = None
    effective: float = 0.0
    foreseen: bool = False
    only_label: float | None = None
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
    costly = [each for each in repairs if each.matters]
    parts = {QUALITY: _sum(costly)} if costly else {}
    shift = _shift(reference, whole, costly, champion)
    mass: Floats | None = None
    if isinstance(shift, str):
        notes.append((LABELS, shift))
    elif shift.holds:
        parts[LABELS] = shift.cost
        mass = reference.mass * shift.factors
    compared = compare(reference, whole, coding, repairs, mass, told, salt)
    notes += compared.notes
    if compared.parts is not None:
        parts[COVARIATE] = compared.parts.seen
        parts[CONCEPT] = _less_sure(compared.parts.concept, _doubt(repairs))
        parts[UNSEEN] = compared.parts.unseen
    only = only_label(reference, whole)
    if only is not None and CONCEPT in parts:
        notes.append((CONCEPT, "all labels say the same, which tells nothing of what inputs mean"))
        parts[QUALITY] = _both(parts.get(QUALITY), parts.pop(CONCEPT))
    u, v = reference.mass / reference.mass.sum(), current.mass / current.mass.sum()
    before, now = float(u @ reference.losses), float(v @ current.losses)
    return Change(
        before=before,
        now=now,
        total=estimate(now - before, u * (before - reference.losses), v * (current.losses - now)),
        parts=parts,
        repairs=tuple(repairs),
        shift=None if isinstance(shift, str) else shift,
        inputs=None if compared.parts is None else compared.parts.inputs,
        effective=compared.effective,
        only_label=only,
        unmeasured=tuple(notes),
    )


_BY_CHANCE: Final = 1e-6  # chance of labels that all say the same, below which a source is broken


def only_label(reference: Sample, current: Sample) -> float | None:
    """Return what all current labels say, if labels of the reference make that no chance."""
    first = float(current.labels[0])
    if np.any(current.labels != first):
        return None
    alike = float(np.mean(reference.labels == first))
    return first if alike ** len(current) < _BY_CHANCE else None


def _both(one: Estimate | None, other: Estimate) -> Estimate:
    if one is None:
        return other
    return Estimate(
        one.value + other.value, one.error + other.error, min(one.degrees, other.degrees)
    )


def _sum(repairs: list[Repair]) -> Estimate:
    costs = [each.cost for each in repairs if each.cost is not None]
    # Costs of several columns are measured on the same rows: their errors may all point one way.
    return Estimate(
        sum(each.value for each in costs),
        sum(each.error for each in costs),
        min(each.degrees for each in costs),
    )


def _shift(
    reference: Sample, whole: Sample, repairs: list[Repair], champion: Champion
) -> LabelShift | str:
    """Compare classes, where most rows are sound on those: drawn values blur what scores tell."""
    if repairs:
        sound = ~np.any([each.rows for each in repairs], axis=0)
        if sound.mean() >= _SOUND and sound.sum() >= FEWEST:
            whole = whole.taken(sound)
    return label_shift(reference, whole, champion)


def _doubt(repairs: list[Repair]) -> float:
    """Return by how much faults make it unsure what inputs mean.

    A fault that does not surely cost is not mended: what it may cost looks like another meaning.
    """
    may = [each.cost for each in repairs if each.cost is not None and not each.matters]
    left = sum(max(each.value, 0.0) + each.error for each in may)
    return left + sum(each.doubt for each in repairs if each.matters)


def _less_sure(part: Estimate, doubt: float) -> Estimate:
    return Estimate(part.value, math.hypot(part.error, doubt), part.degrees)
