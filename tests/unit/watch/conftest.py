from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from ostinato.core.records import BucketClosed, LossesObserved, RowsMatured
from ostinato.watch import STAGE, WatchConfig
from ostinato.watch.state import WatchState

BUCKET, SETTLE = 100, 250
GROUPS = 5


def matured(draw, task, count, *, times, versions=("v1",), missing=0.0, unlabelled=0.0, offset=0):
    """Random matured rows; a share of scores and of labels is missing."""
    if task == "regression":
        labels = draw.normal(10, 3, count).round(3)
        scores = {v: labels + draw.normal(0, 1, count) for v in versions}
    elif task == "binary":
        scores = {v: draw.random(count).round(3) for v in versions}
        labels = (draw.random(count) < scores[versions[0]]).astype(np.float64)
    else:
        scores = {v: draw.dirichlet(np.ones(3), count) for v in versions}
        labels = draw.integers(0, 3, count).astype(np.float64)
    for values in scores.values():
        values[draw.random(count) < missing] = np.nan
    labels[draw.random(count) < unlabelled] = np.nan
    groups = np.stack([draw.integers(-1, 3, count), draw.integers(3, GROUPS, count)], axis=1)
    times = np.sort(np.asarray(times, dtype=np.int64))
    return RowsMatured(
        ts_event_ns=int(times[-1]),
        ts_record_ns=int(times[-1]),
        offsets=np.arange(offset, offset + count),
        times_ns=times,
        label_times_ns=times,
        unit_hashes=np.arange(count, dtype=np.uint64),
        groups=groups.astype(np.int32),
        labels=labels,
        versions=versions,
        answered=draw.integers(0, len(versions), count).astype(np.int16),
        roles=np.zeros(count, dtype=np.int8),
        scores=scores,
        signs=np.ones(count, dtype=np.int8),
        matured_to_ns=int(times[-1]),
    )


def only(rows, chosen, **changes):
    """Some of the rows, as a record of their own."""
    return replace(
        rows,
        offsets=rows.offsets[chosen],
        times_ns=rows.times_ns[chosen],
        label_times_ns=rows.label_times_ns[chosen],
        unit_hashes=rows.unit_hashes[chosen],
        groups=rows.groups[chosen],
        labels=rows.labels[chosen],
        answered=rows.answered[chosen],
        roles=rows.roles[chosen],
        scores={v: s[chosen] for v, s in rows.scores.items()},
        signs=rows.signs[chosen],
        **changes,
    )


def revised(rows, chosen, new_labels):
    """The record that takes rows back and gives them with new labels."""
    chosen = np.asarray(chosen)
    twice = only(rows, np.concatenate([chosen, chosen]), revision=True)
    return replace(
        twice,
        labels=np.concatenate([rows.labels[chosen], new_labels]),
        signs=np.repeat(np.array([-1, 1], dtype=np.int8), len(chosen)),
    )


@dataclass
class Watching:
    """A watch stage that keeps what came out."""

    state: WatchState
    losses: list[LossesObserved] = field(default_factory=list)
    closed: list[BucketClosed] = field(default_factory=list)

    matured = staticmethod(matured)
    only = staticmethod(only)
    revised = staticmethod(revised)

    def tick(self, *records):
        made = STAGE.step(self.state, records, 0)
        self.losses.extend(r for r in made if isinstance(r, LossesObserved))
        self.closed.extend(r for r in made if isinstance(r, BucketClosed))
        return made

    def buckets(self):
        """Closed buckets by start and version."""
        return {(closed.bucket_ns, closed.version): closed.table for closed in self.closed}


@pytest.fixture
def draw():
    return np.random.default_rng(11)


@pytest.fixture
def watching():
    def make(task="binary", metric=None, *, groups=GROUPS, guards=()):
        config = WatchConfig(
            task=task,
            metric=metric or {"regression": "mse"}.get(task, "log_loss"),
            classes={"regression": 0, "binary": 2, "multiclass": 3}[task],
            groups=groups,
            bucket_ns=BUCKET,
            settle_ns=SETTLE,
            guards=guards,
        )
        return Watching(STAGE.start(config))

    return make
