"""Carry out an examination, given its rows: the part that live service and replay share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.records import Codes, Floats, Ints
from ostinato.core.watched import DiagnosisMade, ExaminationRequested
from ostinato.loop.loop import Loop
from ostinato.loop.policy import Policy
from ostinato.stats.metrics import metric_for
from ostinato.watch.examine import Champion, Sample, drawn, examine, row_keys
from ostinato.watch.examine.verdict import TOLERANCE

Score = Callable[[pl.DataFrame], Floats]
"""The champion as a function of a table of features: (n,) or (n, k)."""


def chosen_rows(loop: Loop, unit_hashes: NDArray[np.uint64], times_ns: Ints) -> Ints:
    """Return which rows of many are examined: their places, at most 20,000, in order of time.

    Parameters
    ----------
    loop
        Its name salts the draw.
    unit_hashes, times_ns
        (n,) of each row; the same live and in a replay, in whatever order.
    """
    keys = row_keys(unit_hashes, times_ns)
    rows = drawn(keys, salt=f"{loop.name}/examination")
    order = np.lexsort((keys[rows], times_ns[rows]))
    chosen: Ints = rows[order]
    return chosen


def sample_of(
    loop: Loop,
    frame: pl.DataFrame,
    *,
    times_ns: Ints,
    unit_hashes: NDArray[np.uint64],
    labels: Floats,
    scores: Floats,
    groups: Codes,
    weights: Floats | None = None,
) -> Sample:
    """Make a sample of rows in the order of `chosen_rows`; see there and `Sample`."""
    loss = np.full(len(times_ns), np.nan)
    scored = np.isfinite(scores if scores.ndim == 1 else scores.sum(axis=1))
    known = scored & np.isfinite(labels)
    if known.any():
        loss[known] = _loss(loop)(labels[known], scores[known])
    return Sample(
        frame=frame,
        times_ns=times_ns,
        keys=row_keys(unit_hashes, times_ns),
        labels=labels,
        scores=scores,
        losses=loss,
        groups=groups,
        weights=weights,
    )


def examine_rows(
    loop: Loop,
    reference: Sample,
    current: Sample,
    order: ExaminationRequested,
    *,
    score: Score | None,
    now_ns: int,
    policy: Policy | None = None,
    classes: tuple[str, ...] = (),
    group_names: tuple[str, ...] = (),
) -> DiagnosisMade:
    """Examine rows as ordered.

    Parameters
    ----------
    loop
        Whose rows they are.
    reference
        Rows that the champion did not learn from, before the ones asked about; `sample_of`.
    current
        Matured rows of the time asked about.
    order
        What is asked.
    score
        The champion, to ask it again; None: it cannot be.
    now_ns
        When the result is known.
    policy
        The one in force; default: the loop's own.
    classes, group_names
        Names of classes and of slice groups, by their codes.
    """
    champion = Champion(
        version=order.champion,
        task=loop.task,
        loss=_loss(loop),
        score=score,
        classes=classes,
        group_names=group_names,
    )
    tolerance = TOLERANCE if loop.monitors is None else loop.monitors.loss_tolerance / 2.0
    found = examine(
        reference, current, champion, tolerance=tolerance, salt=f"{loop.name}/examination"
    )
    return DiagnosisMade(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=order.champion,
        reason=found.reason,
        evidence=found.evidence,
        request=order.request,
        cause=found.cause,
        action=action_for(found.cause, loop.policy if policy is None else policy),
    )


def _loss(loop: Loop) -> Callable[[Floats, Floats], Floats]:
    return metric_for(loop.task, loop.metric).row_loss


def action_for(cause: str, policy: Policy) -> str:
    """Say in a sentence what a loop under this policy does about a cause."""
    if cause == "none found":
        return "Nothing: the loop goes on as it is."
    learns = [type(each).__name__ for each in policy.triggers]
    if cause == "data quality":
        held = "DataQuality" in learns
        return _HELD if held else _NOT_HELD
    if not learns:
        return f"Nothing: this policy never learns anew. By hand: {_BY_HAND[cause]}"
    return f"The loop learns anew when its triggers ask ({', '.join(learns)}): {_LEARNS[cause]}"


_HELD: Final = (
    "Learning is held back until the values are whole again, so that no model learns them broken; "
    "repair the source."
)
_NOT_HELD: Final = (
    "Nothing by itself: repair the source. A model that is trained meanwhile learns the broken "
    "values; the trigger DataQuality would hold it back."
)
_BY_HAND: Final = {
    "concept drift": "retrain on rows since the change.",
    "covariate shift": "retrain, so that inputs weigh as they come now.",
    "label shift": "retrain, so that classes weigh as they come now.",
    "unseen inputs": "collect labels of the new inputs, then retrain.",
}
_LEARNS: Final = {
    "concept drift": "rows from before the change mislead it, rows since then teach it.",
    "covariate shift": "inputs then weigh as they come now.",
    "label shift": "classes then weigh as they come now.",
    "unseen inputs": "once there are labels of the new inputs.",
}
