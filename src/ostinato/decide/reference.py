"""The losses a trigger may rest on: of a candidate when it was proved, of the champion later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import (
    ROLES,
    CandidateEvaluated,
    Floats,
    Ints,
    LabelsAwaited,
    LossesObserved,
    ValidationSet,
)
from ostinato.core.units import DAY_NS
from ostinato.decide.trigger import Early, Reference
from ostinato.stats.metrics import metric_for
from ostinato.stats.rows import decision_cost

_EXPLORE = ROLES.index("explore")
_SETS = ("recent", "random")  # the hard set was chosen for its losses and says nothing of the mean


def reference_of(
    evaluated: CandidateEvaluated,
    *,
    task: str,
    metric: str,
    costs: tuple[float, float] | None = None,
) -> Reference:
    """Return the finite losses of a candidate on its validation rows, in order of time.

    `costs`: price of a false positive and of a false negative, where answers are priced by them.
    """
    row_loss = metric_for(task, metric).row_loss
    sets = [each for each in evaluated.sets if each.name in _SETS and len(each)]
    if not sets:
        return Reference(times_ns=np.empty(0, dtype=np.int64), losses=np.empty(0))
    times = np.concatenate([each.times_ns for each in sets])
    losses = np.concatenate([row_loss(each.labels, each.candidate) for each in sets])
    order = np.argsort(times, kind="stable")
    order = order[np.isfinite(losses[order])]
    return Reference(
        times_ns=times[order],
        losses=losses[order],
        label_times_ns=_label_times(sets, order),
        unlabelled=sum(each.unlabelled for each in sets),
        rows_per_day=_rows_per_day(sets),
        costs=None if costs is None else _costs(sets, costs)[order],
        groups=np.concatenate([each.groups for each in sets])[order],
    )


def _costs(sets: list[ValidationSet], costs: tuple[float, float]) -> Floats:
    return np.concatenate([decision_cost(s.labels, s.candidate, *costs) for s in sets])


def _label_times(sets: list[ValidationSet], order: Ints) -> Ints | None:
    found = [each.label_times_ns for each in sets if each.label_times_ns is not None]
    return np.concatenate(found)[order] if len(found) == len(sets) else None


def _rows_per_day(sets: list[ValidationSet]) -> float:
    """Labelled rows per day of the recent set; the random one holds a sample alone."""
    recent = [each for each in sets if each.name == _SETS[0]]
    if not recent:
        return float("nan")
    times = recent[0].times_ns
    return len(times) / max(int(times.max() - times.min()) / DAY_NS, 1.0)


def own_rows(early: Early, version: str) -> Early:
    """Leave a version only the rows it answered itself, as `own_losses` does."""
    if version not in early.versions:
        return early
    return _chosen(early, version, early.answered == early.versions.index(version))


def explored_rows(early: Early, version: str) -> Early:
    """Leave a version only the rows that chance let through, as `explored_losses` does."""
    return _chosen(early, version, early.roles == _EXPLORE)


def _chosen(early: Early, version: str, rows: NDArray[np.bool_]) -> Early:
    if version not in early.versions:
        return early
    if isinstance(early, LabelsAwaited):
        return replace(early, scored={version: early.scored[version] & rows})
    return replace(early, losses={version: np.where(rows, early.losses[version], np.nan)})


def own_losses(observed: LossesObserved, version: str) -> LossesObserved:
    """Leave a version only the rows it answered itself.

    Where acting on a prediction changes the label, the others hold what another version's answer
    brought about.
    """
    losses = observed.losses.get(version)
    if losses is None:
        return observed
    own = observed.answered == observed.versions.index(version)
    return replace(observed, losses={version: np.where(own, losses, np.nan)})


def explored_losses(observed: LossesObserved, version: str) -> LossesObserved:
    """Leave a version only the rows that chance let through.

    Where the answer decides whether a label comes, the others were chosen by the champion.
    """
    losses = observed.losses.get(version)
    if losses is None:
        return observed
    chosen = observed.roles == _EXPLORE
    return replace(observed, losses={version: np.where(chosen, losses, np.nan)})
