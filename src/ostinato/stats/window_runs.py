"""Evidence of windows, one after the other: gathered over the long ones, forgotten of the short.

In: log e-values per line and alternative. Out: the log of a stream's e-detector. State: a log per
line and alternative (`gathered`). Logs only, so that nothing overflows.
"""

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
    streams = len(live)
    found = np.full(streams, -np.inf)
    if not len(owner):
        return found
    flat = logs.reshape(len(logs), -1)
    line_top = flat.max(axis=1)
    top = np.full(streams, -np.inf)
    np.maximum.at(top, owner, line_top)
    finite = np.isfinite(top)
    if not finite.any():
        return found
    safe = np.where(finite, top, 0.0)
    sums = np.bincount(owner, np.exp(flat - safe[owner][:, None]).sum(axis=1), minlength=streams)
    found[finite] = safe[finite] + np.log(sums[finite]) - np.log(live[finite])
    return found
