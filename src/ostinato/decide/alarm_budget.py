"""Which streams are reported: error over patience, whatever their number."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.stats.many import e_d_bh

_LOG_MOST: Final = 700.0  # beyond it exp overflows; far above every threshold


def reported(
    log_e: Floats, *, streams: int, q: float, patience: float
) -> tuple[NDArray[np.bool_], float]:
    """Return which streams are to be reported now, and the log of the evidence that took.

    While nothing moves, at most `q` false reports come within the patience on average. For q below
    one it is e-d-BH that decides, so that many streams that moved together help each other; where
    more than one false report is allowed, its bound on their share means nothing, and each stream
    has to pass the threshold by itself.

    Parameters
    ----------
    log_e
        (n,), log of the e-detectors that are above nought; of all others the evidence counts as 0.
    streams
        How many there are in all, >= n.
    q
        False reports within the patience, > 0.
    patience
        In windows, > 0.

    Source: Dandapanthula and Ramdas 2025 (see `ostinato.stats.many.e_d_bh`); for q from 1 on
    Markov's inequality, stream by stream.

    Examples
    --------
    >>> found, _ = reported(np.log([1e6, 3e5, 9e4, 2.0]), streams=100, q=0.1, patience=300)
    >>> found
    array([ True,  True, False, False])
    """
    assert streams >= len(log_e), "there are as many streams as were measured, or more"
    if not len(log_e):
        return np.zeros(0, dtype=np.bool_), math.inf
    log_single = math.log(streams * patience / q)
    if q >= 1.0:
        return log_e >= log_single, log_single
    values = np.zeros(streams)
    values[: len(log_e)] = np.exp(np.minimum(log_e, _LOG_MOST))
    found = e_d_bh(values, q=q, patience=patience)[: len(log_e)]
    return found, log_single - math.log(max(int(found.sum()), 1))
