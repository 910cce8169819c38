"""Is a share outside the band it should be in? An e-value of counts alone, valid at every look."""

from __future__ import annotations

import math

from scipy import special


def share_log_e(hits: int, rows: int, low: float, high: float) -> float:
    """Return the log of an e-value against "the chance of a hit is always in [low, high]".

    It is the mean of two, one against each side: the likelihood of the counts under a chance drawn
    uniformly from beyond the edge, over that at the edge. Where the chance of each row, given those
    before, is in the band, both are supermartingales: exp of the result ever exceeds 1/a with
    probability at most a. Counts of parts of the rows may be added up first.

    Parameters
    ----------
    hits, rows
        0 <= hits <= rows.
    low, high
        0 <= low <= high <= 1.

    Source: Ville 1939 (the bound); Robbins 1970, Ann. Math. Statist. 41, section 5 (the mixture).

    Examples
    --------
    >>> share_log_e(50, 1000, 0.0, 0.1) < 0 < math.log(1e6) < share_log_e(200, 1000, 0.0, 0.1)
    True
    """
    above = _log_beyond(hits, rows, high)
    below = _log_beyond(rows - hits, rows, 1 - low)
    return float(special.logsumexp([above, below])) - math.log(2)


def _log_beyond(hits: int, rows: int, edge: float) -> float:
    """Return the log e-value against "the chance is at most `edge`"."""
    if edge >= 1:
        return 0.0  # nothing is beyond: the e-value that is always 1
    a, b = hits + 1, rows - hits + 1
    beyond = float(special.betaincc(a, b, edge))
    if beyond == 0:
        return -math.inf
    at_edge = float(special.xlogy(hits, edge) + special.xlog1py(rows - hits, -edge))
    mixed = float(special.betaln(a, b)) + math.log(beyond) - math.log1p(-edge)
    return math.inf if at_edge == -math.inf else mixed - at_edge
