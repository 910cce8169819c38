"""Make `RowsMatured` records out of cohorts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from ostinato.core.records import Floats, Ints, Record, RowsMatured
from ostinato.join.state import Cohort


def matured_rows(cohorts: Sequence[Cohort], matured_to_ns: int, now_ns: int) -> list[Record]:
    """Put cohorts that matured together into as few records as their versions allow."""
    return [
        _rows(list(run), matured_to_ns, now_ns)
        for _, run in groupby(cohorts, key=lambda cohort: cohort.versions)
    ]


def _rows(run: list[Cohort], matured_to_ns: int, now_ns: int) -> RowsMatured:
    first = run[0]
    offsets = np.concatenate([np.arange(c.offset, c.offset + len(c.labels)) for c in run])
    return RowsMatured(
        ts_event_ns=run[-1].last_ns,
        ts_record_ns=now_ns,
        offsets=offsets,
        times_ns=np.concatenate([c.times_ns for c in run]),
        label_times_ns=np.concatenate([c.label_times_ns for c in run]),
        unit_hashes=np.concatenate([c.unit_hashes for c in run]),
        groups=np.concatenate([c.groups for c in run]),
        labels=np.concatenate([c.labels for c in run]),
        versions=first.versions,
        answered=np.concatenate([c.answered for c in run]),
        roles=np.concatenate([c.roles for c in run]),
        scores={v: np.concatenate([c.scores[v] for c in run]) for v in first.versions},
        signs=np.ones(len(offsets), dtype=np.int8),
        matured_to_ns=matured_to_ns,
    )


def revised_rows(
    cohort: Cohort, at: Ints, old_labels: Floats, matured_to_ns: int, now_ns: int
) -> RowsMatured:
    """Take rows of a matured cohort back with their old label and give them with the new one."""
    twice = np.concatenate([at, at])
    return RowsMatured(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        offsets=cohort.offset + twice,
        times_ns=cohort.times_ns[twice],
        label_times_ns=cohort.label_times_ns[twice],
        unit_hashes=cohort.unit_hashes[twice],
        groups=cohort.groups[twice],
        labels=np.concatenate([old_labels, cohort.labels[at]]),
        versions=cohort.versions,
        answered=cohort.answered[twice],
        roles=cohort.roles[twice],
        scores={v: scores[twice] for v, scores in cohort.scores.items()},
        signs=np.concatenate([np.full(len(at), -1), np.ones(len(at))]).astype(np.int8),
        matured_to_ns=matured_to_ns,
        revision=True,
    )
