"""The losses a trigger may rest on: of a candidate when it was proved, of the champion later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ostinato.core.records import ROLES, CandidateEvaluated, LossesObserved
from ostinato.decide.trigger import Reference
from ostinato.stats.metrics import metric_for

_EXPLORE = ROLES.index("explore")
_SETS = ("recent", "random")  # the hard set was chosen for its losses and says nothing of the mean


def reference_of(evaluated: CandidateEvaluated, *, task: str, metric: str) -> Reference:
    """Return the finite losses of a candidate on its validation rows, in order of time."""
    row_loss = metric_for(task, metric).row_loss
    sets = [each for each in evaluated.sets if each.name in _SETS and len(each)]
    if not sets:
        return Reference(times_ns=np.empty(0, dtype=np.int64), losses=np.empty(0))
    times = np.concatenate([each.times_ns for each in sets])
    losses = np.concatenate([row_loss(each.labels, each.candidate) for each in sets])
    order = np.argsort(times, kind="stable")
    order = order[np.isfinite(losses[order])]
    return Reference(times_ns=times[order], losses=losses[order])


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
