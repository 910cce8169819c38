from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.records import (
    CandidateEvaluated,
    LabelsArrived,
    PredictionsMade,
    RowsMatured,
    ValidationSet,
)

NO_LABEL = np.iinfo(np.int64).min


def predictions(times, scores, *, answered=None, roles=None):
    """Answers at these times; `scores` by version, the first one answers."""
    times = np.asarray(times, dtype=np.int64)
    count = len(times)
    zeros = np.zeros(count)
    return PredictionsMade(
        ts_event_ns=int(times[-1]) if count else 0,
        ts_record_ns=int(times[-1]) if count else 0,
        offset=0,
        ids=np.arange(count),
        times_ns=times,
        unit_hashes=zeros.astype(np.uint64),
        groups=np.zeros((count, 0), dtype=np.int32),
        versions=tuple(scores),
        answered=(zeros if answered is None else np.asarray(answered)).astype(np.int16),
        roles=(zeros if roles is None else np.asarray(roles)).astype(np.int8),
        scores={
            version: np.asarray(values, dtype=np.float64) for version, values in scores.items()
        },
        epoch=1,
    )


def evaluated(version, times, scores, labels=None, *, name="recent", unlabelled=0, explored=False):
    """A candidate with one validation set."""
    times, scores = np.asarray(times, dtype=np.int64), np.asarray(scores, dtype=np.float64)
    one = ValidationSet(
        name=name,
        times_ns=times,
        labels=np.zeros(len(times)) if labels is None else np.asarray(labels, dtype=np.float64),
        groups=np.zeros((len(times), 0), dtype=np.int32),
        candidate=scores,
        champion=None,
        unlabelled=unlabelled,
        explored=explored,
    )
    return CandidateEvaluated(
        ts_event_ns=0,
        ts_record_ns=0,
        version=version,
        sets=(one,),
        latency_ms_per_row=1.0,
        artifact_bytes=1,
    )


def matured(times, labels, scores, *, delays=0, roles=None, signs=None, to_ns=None):
    """Rows that matured; `delays` in nanoseconds."""
    times, labels = np.asarray(times, dtype=np.int64), np.asarray(labels, dtype=np.float64)
    count = len(times)
    return RowsMatured(
        ts_event_ns=0,
        ts_record_ns=0,
        offsets=np.arange(count),
        times_ns=times,
        label_times_ns=np.where(np.isnan(labels), NO_LABEL, times + delays),
        unit_hashes=np.zeros(count, dtype=np.uint64),
        groups=np.zeros((count, 0), dtype=np.int32),
        labels=labels,
        versions=tuple(scores),
        answered=np.zeros(count, dtype=np.int16),
        roles=np.zeros(count, dtype=np.int8) if roles is None else np.asarray(roles, dtype=np.int8),
        scores={
            version: np.asarray(values, dtype=np.float64) for version, values in scores.items()
        },
        signs=np.ones(count, dtype=np.int8) if signs is None else np.asarray(signs, dtype=np.int8),
        matured_to_ns=int(times[-1]) if to_ns is None else to_ns,
        revision=signs is not None,
    )


def labels_arrived(times, values, ids=None):
    """Labels that came at these times."""
    times = np.asarray(times, dtype=np.int64)
    return LabelsArrived(
        ts_event_ns=int(times[-1]),
        ts_record_ns=int(times[-1]),
        ids=np.arange(len(times)) if ids is None else np.asarray(ids),
        times_ns=times,
        values=np.asarray(values, dtype=np.float64),
    )


class Made:
    """Makers of records."""

    predictions = staticmethod(predictions)
    evaluated = staticmethod(evaluated)
    matured = staticmethod(matured)
    labels_arrived = staticmethod(labels_arrived)

    @staticmethod
    def by_name(readings):
        """Readings by the name of their stream."""
        return {reading.stream.name: reading for reading in readings.found}


@pytest.fixture
def made():
    return Made


@pytest.fixture
def draw():
    return np.random.default_rng(6)
