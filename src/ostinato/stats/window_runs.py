"""Evidence of windows, one after the other: gathered over the long ones, forgotten of the short.

In: log e-values per line and alternative. Out: the log of a stream's e-detector. State: a log per
line and alternative (`gathered`). Logs only, so that nothing overflows.
"""

import math

import numpy as np

from ostinato.stats.arrays import FloatArray, IntArray


def gathered(log_sr: FloatArray, log_e: FloatArray) -> FloatArray:
    """Return the logs of Shiryaev-Roberts statistics after one more window, M <- (M + 1) e.

    M less the number of windows is a supermartingale as long as e-values are at most 1 in
    expectation, given the past: M is at least A after A windows on average, or later. A stream that
    has no window is left as it was, which is valid too.

    Parameters
    ----------
    log_sr, log_e
        any shape, the same; -inf is a zero.

    Source: Shin, Ramdas and Rinaldo 2023, "E-detectors", NEJSDS, section 3.
    """
    found: FloatArray = np.logaddexp(0.0, log_sr) + log_e
    return found


def mixed(logs: FloatArray, owner: IntArray, live: FloatArray) -> FloatArray:
    """Return the log of the mean of the evidences of each stream; 0 evidences: -inf.

    Parameters
    ----------
    logs
        (lines, ...), evidences, -inf where there is none.
    owner
        (lines,), stream of each line, ascending.
    live
        (streams,), how many evidences each stream has, by which the sum is divided: fixed before
        the first window.

    Source: a mean of e-detectors of one past is one, however dependent they are; Vovk and Wang
    2021, Annals of Statistics 49.
    """
    found = np.full(len(live), -np.inf)
    flat = logs.reshape(len(logs), math.prod(logs.shape[1:]))
    told = np.flatnonzero(flat.max(axis=1, initial=-np.inf) > -np.inf)
    if not len(told):
        return found
    flat, owner = flat[told], owner[told]
    starts = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
    who, top = owner[starts], np.maximum.reduceat(flat.max(axis=1), starts)
    above = np.repeat(top, np.diff(np.append(starts, len(owner))))
    sums = np.add.reduceat(np.exp(flat - above[:, None]).sum(axis=1), starts)
    found[who] = top + np.log(sums) - np.log(live[who])
    return found
