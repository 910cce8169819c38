"""What other inputs are foreseen to cost, before labels tell.

Rows that the reference has labels for say what loss to expect of each input; the rows of now have
other inputs. That the same inputs mean the same is taken for granted, as in any estimate without
labels.
"""

from __future__ import annotations

import numpy as np

from ostinato.stats.influence import Estimate, estimate
from ostinato.watch.examine.change import COVARIATE, Change
from ostinato.watch.examine.classifier import FOLDS, expectations, expected_of
from ostinato.watch.examine.codes import Coding
from ostinato.watch.examine.faults import Fault
from ostinato.watch.examine.sample import Sample, folds


def foreseen_change(
    reference: Sample, current: Sample, coding: Coding, faults: list[Fault]
) -> Change:
    """Estimate the change in loss by other inputs alone.

    Parameters
    ----------
    reference
        Rows with a loss.
    current
        Rows of which few have one.
    coding, faults
        Of the same rows; broken columns are left out, since nobody knows what such rows lose.
    """
    broken = {fault.column for fault in faults}
    kept = np.array([column.source not in broken for column in coding.columns], dtype=np.bool_)
    codes = (coding.reference[:, kept], coding.current[:, kept])
    mass, fold = reference.mass, folds(len(reference), FOLDS)
    usual = expectations(codes[0], reference.losses, mass, fold)
    now = expected_of(codes[0], reference.losses, mass, codes[1])
    u, v = mass / mass.sum(), current.mass / current.mass.sum()
    before, level, then = (
        float(u @ reference.losses),
        float(u @ usual),
        float(v @ now),
    )
    moved = estimate(then - level, u * (level - usual), v * (now - then))
    # What is learned from the reference is unsure by as much as its own mean loss is.
    learned = estimate(0.0, u * (reference.losses - usual - (before - level)))
    error = float(np.hypot(moved.error, learned.error))
    change = Estimate(moved.value, error, min(moved.degrees, learned.degrees))
    told = sorted(broken)
    note = "is broken; what that costs is not known before labels come"
    return Change(
        before=before,
        now=before + change.value,
        total=change,
        parts={COVARIATE: change},
        foreseen=True,
        unmeasured=tuple((name, note) for name in told),
    )
