from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from ostinato.core.records import LabelsArrived, PredictionsMade, Record, RowsMatured
from ostinato.join import STAGE, JoinConfig
from ostinato.join.state import JoinState

NAN = float("nan")


def predictions(ids, times, *, offset=0, versions=("v1",), classes=0):
    size = len(ids)
    shape = (size, classes) if classes else (size,)
    return PredictionsMade(
        ts_event_ns=times[-1],
        ts_record_ns=times[-1],
        offset=offset,
        ids=np.array(ids),
        times_ns=np.array(times, dtype=np.int64),
        unit_hashes=np.arange(offset, offset + size, dtype=np.uint64),
        groups=np.full((size, 1), offset, dtype=np.int32),
        versions=versions,
        answered=np.zeros(size, dtype=np.int16),
        roles=np.zeros(size, dtype=np.int8),
        scores={v: np.full(shape, 0.25 + k) for k, v in enumerate(versions)},
        epoch=1,
    )


def labels(*rows):
    """Labels from (id, time, value) rows."""
    ids, times, values = zip(*rows, strict=True)
    keys = np.empty(len(ids), dtype=object)
    keys[:] = ids
    return LabelsArrived(
        ts_event_ns=0,
        ts_record_ns=0,
        ids=keys,
        times_ns=np.array(times, dtype=np.int64),
        values=np.array(values, dtype=np.float64),
    )


@dataclass
class Joining:
    """A join stage that is told ticks and keeps what came out."""

    state: JoinState
    out: list[Record] = field(default_factory=list)

    predictions = staticmethod(predictions)
    labels = staticmethod(labels)

    def tick(self, now_ns, *records):
        made = STAGE.step(self.state, records, now_ns)
        self.out.extend(made)
        return made

    def rows(self):
        """Net matured rows: offset to label, after every -1 took its row back."""
        net: dict[tuple[int, str], int] = {}
        for record in self.out:
            if isinstance(record, RowsMatured):
                for row in range(len(record)):
                    key = (int(record.offsets[row]), repr(float(record.labels[row])))
                    net[key] = net.get(key, 0) + int(record.signs[row])
        kept = {key: count for key, count in net.items() if count}
        assert set(kept.values()) <= {1}
        assert len({offset for offset, _ in kept}) == len(kept)
        return {offset: float(label) for offset, label in sorted(kept)}


@pytest.fixture
def join():
    def make(*, horizon=100, revise=50, never="censored", classes=2, early=False):
        config = JoinConfig(
            horizon_ns=horizon, revise_ns=revise, never=never, classes=classes, early=early
        )
        return Joining(STAGE.start(config))

    return make
