"""Carry out an examination, given its rows: the part that live service and replay share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.records import Codes, Floats, Ints
from ostinato.core.watched import DiagnosisMade, ExaminationRequested
from ostinato.decide.actions import action_for
from ostinato.decide.examining import SCHEDULE
from ostinato.decide.standing_alarm import group_of
from ostinato.loop.loop import Loop
from ostinato.stats.metrics import metric_for
from ostinato.watch.examine import Champion, Sample, drawn, examine, row_keys
from ostinato.watch.examine.change import FEWEST
from ostinato.watch.examine.findings import Findings
from ostinato.watch.examine.sample import ROWS_MOST
from ostinato.watch.examine.verdict import TOLERANCE

Score = Callable[[pl.DataFrame], Floats]
"""The champion as a function of a table of features: (n,) or (n, k)."""


SCHEDULED_MOST: Final = 4_000
"""Rows of each side where no alarm asks. Fewer: small causes stay unseen; more: a loop that is well
spends its time on being examined."""


def chosen_rows(
    loop: Loop, order: ExaminationRequested, unit_hashes: NDArray[np.uint64], times_ns: Ints
) -> Ints:
    """Return which rows of many are examined: their places, in order of time.

    Parameters
    ----------
    loop
        Its name salts the draw.
    order
        After an alarm `sample.ROWS_MOST` rows are, else `SCHEDULED_MOST`.
    unit_hashes, times_ns
        (n,) of each row; the same live and in a replay, in whatever order.
    """
    keys = row_keys(unit_hashes, times_ns)
    most = SCHEDULED_MOST if order.subject == SCHEDULE else ROWS_MOST
    rows = drawn(keys, salt=f"{loop.name}/examination", most=most)
    in_time = np.lexsort((keys[rows], times_ns[rows]))
    chosen: Ints = rows[in_time]
    return chosen


def sample_of(
    loop: Loop,
    frame: pl.DataFrame,
    *,
    times_ns: Ints,
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
        What is asked; its evidence says what the policy does about a cause (``policy``). Where a
        slice alarms, its rows alone are examined: the mean of all may stay where it is.
    score
        The champion, to ask it again; None: it cannot be.
    now_ns
        When the result is known.
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
    group = group_of(order.subject)
    samples, few = _of_group(reference, current, group, group_names)
    found = examine(*samples, champion, tolerance=tolerance, salt=f"{loop.name}/examination")
    if group:
        found = replace(found, **_about(found, group, few))
    return DiagnosisMade(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=order.champion,
        reason=found.reason,
        evidence=found.evidence,
        request=order.request,
        cause=found.cause,
        action=action_for(found.cause, order.evidence["policy"]),
    )


def _of_group(
    reference: Sample, current: Sample, group: str, names: tuple[str, ...]
) -> tuple[tuple[Sample, Sample], str]:
    """Return the rows of a slice, if there are enough, or all rows, and why."""
    if group not in names:
        return (reference, current), f"{group} is no slice" if group else ""
    code = names.index(group)
    inside = [each.taken((each.groups == code).any(axis=1)) for each in (reference, current)]
    fewest = min(int(each.known.sum()) for each in inside)
    if fewest < FEWEST:
        few = f"{fewest} labelled rows of it, of {FEWEST} that are needed; all rows are examined"
        return (reference, current), few
    return (inside[0], inside[1]), ""


def _about(found: Findings, group: str, few: str) -> dict[str, Any]:
    """Say which slice was examined, or why it was not."""
    if few:
        unmeasured = {**found.evidence["unmeasured"], "slice": few}
        return {"evidence": {**found.evidence, "unmeasured": unmeasured}}
    return {
        "reason": f"Of {group}: {found.reason}",
        "evidence": {**found.evidence, "slice": group},
    }


def _loss(loop: Loop) -> Callable[[Floats, Floats], Floats]:
    return metric_for(loop.task, loop.metric).row_loss
