"""Alarm rules that others use, each as (losses) -> indices of its alarms, restarted after each.

River's detectors run with their defaults, one event at a time, as they are used. The charts are the
ones people draw: a point per chunk, three sigmas of the reference. Chunks are what NannyML does by
default (its limits are the mean and three standard deviations of the reference's chunks).
"""

from __future__ import annotations

import importlib.util
import math

import numpy as np

RIVER = importlib.util.find_spec("river") is not None


def river_alarms(name: str, losses: np.ndarray, **settings: float) -> list[int]:
    """Event counts at which one of River's detectors says drift; it restarts itself."""
    detector, alarms = _river()[name](**settings), []
    for index, loss in enumerate(losses.tolist(), start=1):
        detector.update(loss)
        if detector.drift_detected:
            alarms.append(index)
    return alarms


def first_after(alarms: list[int] | np.ndarray, begun: int) -> float:
    """Events from `begun` to the first alarm after it; infinite when there is none."""
    late = [at for at in alarms if at > begun]
    return late[0] - begun if late else math.inf


def river_names(*, binary: bool = True) -> tuple[str, ...]:
    """Detectors to compare with; DDM takes errors of 0 or 1 only. None where River is missing."""
    if not RIVER:
        return ()
    return ("ADWIN", "PageHinkley", "DDM", "HDDM_A") if binary else ("ADWIN", "PageHinkley")


def _river() -> dict:
    from river import drift  # noqa: PLC0415 - an extra; the rows run without it

    return {
        "ADWIN": drift.ADWIN,
        "PageHinkley": drift.PageHinkley,
        "DDM": drift.binary.DDM,
        "HDDM_A": drift.binary.HDDMA,
    }


def chunk_alarms(reference: np.ndarray, losses: np.ndarray, size: int) -> np.ndarray:
    """Event counts at which a chunk's mean is above the reference mean by three of its sigmas.

    The sigma is that of the means of the reference's own chunks, so correlation is in it.
    """
    means = _means(reference, size)
    limit = means.mean() + 3.0 * means.std(ddof=1)
    return (np.flatnonzero(_means(losses, size) > limit) + 1) * size


def p_chart_alarms(rate: float, losses: np.ndarray, size: int) -> np.ndarray:
    """As `chunk_alarms` with the binomial sigma of textbooks, which knows no correlation."""
    limit = rate + 3.0 * np.sqrt(rate * (1.0 - rate) / size)
    return (np.flatnonzero(_means(losses, size) > limit) + 1) * size


def _means(values: np.ndarray, size: int) -> np.ndarray:
    whole = len(values) // size * size
    return values[:whole].reshape(-1, size).mean(axis=1)
