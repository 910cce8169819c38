"""What the streams of one monitor say together about how much windows differ.

In: the overdispersion of each stream. Out: what is usual, and by how many windows that counts for
each. No state. One stream knows its spread from few windows; fifty that are alike know it well.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from scipy.special import polygamma, psi

from ostinato.stats.arrays import BoolArray, FloatArray

MOST: Final = 50.0
"""Windows, at most, for which the other streams count. More: a calm stream is believed to vary as
all others do; fewer: eight windows of fifty streams that are alike leave the spread half known, and
smaller moves unseen."""

FEWEST_STREAMS: Final = 5
"""Streams from which on they say something together: how much streams differ in their spread cannot
be told from fewer."""


@dataclass(slots=True)
class Common:
    """What each stream takes from all, fixed when its reference was complete; (streams,) each.

    Parameters
    ----------
    persistence
        Correlation of neighbouring windows, in [0, 1).
    alike
        Usual variance between windows, in units of that of a row.
    freedom
        Degrees of freedom for which it counts, >= 0.
    """

    persistence: FloatArray
    alike: FloatArray
    freedom: FloatArray

    @classmethod
    def nothing(cls, streams: int) -> "Common":
        """Return what streams know of which nothing is known."""
        return cls(*(np.zeros(streams) for _ in fields(cls)))

    def grown(self, streams: int) -> "Common":
        """Return it with streams added at the end."""
        more = Common.nothing(streams)
        names = [each.name for each in fields(self)]
        return Common(*(np.concatenate([getattr(self, n), getattr(more, n)]) for n in names))

    def kept(self, streams: BoolArray) -> "Common":
        """Return it for some streams alone."""
        return Common(*(getattr(self, each.name)[streams] for each in fields(self)))

    def tell(self, streams: BoolArray, persistence: float, alike: float, freedom: float) -> None:
        """Fix what some streams take from all, in place."""
        self.persistence[streams] = persistence
        self.alike[streams] = alike
        self.freedom[streams] = freedom

    def drawn(
        self, ratio: FloatArray, freedom: FloatArray, usual: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the overdispersion of each stream, drawn up to the usual one, and its freedom.

        It is never drawn down: a slice that is there on one weekday alone varies as no other stream
        does, and would alarm on what it always does.

        Parameters
        ----------
        ratio, freedom, usual
            (streams,), as found: see `usual_spread`.

        Source: posterior variance, Smyth 2004, Statistical Applications in Genetics and Molecular
        Biology 3, section 3.
        """
        prior = 1.0 + usual * self.alike
        both = freedom + self.freedom
        return np.maximum((freedom * ratio + self.freedom * prior) / both, ratio), both


def usual_spread(
    ratio: FloatArray, freedom: FloatArray, usual: FloatArray, sets: FloatArray
) -> tuple[float, float]:
    """Return the usual variance between windows, in units of that of a row, and its freedom.

    Parameters
    ----------
    ratio
        (streams,), overdispersion: variance of window means over that which rows alone would give.
    freedom
        (streams,), degrees of freedom of each, > 0.
    usual
        (streams,), rows of a typical window.
    sets
        (streams,), shares of each stream that its ratio is the mean of. Where there are several,
        a ratio is taken to vary by chance as if it had twice the freedom, so that streams count as
        different rather than alike.

    Source: Smyth 2004, section 6.2 (freedom of the prior from the variance of log variances, by the
    inverse of the trigamma function).
    """
    there = (ratio > 1e-6) & (freedom > 0.0)
    if int(there.sum()) < FEWEST_STREAMS:
        return 0.0, 0.0
    ratio, usual = ratio[there], np.maximum(usual[there], 1.0)
    alike = max(float((ratio - 1.0).sum() / usual.sum()), 0.0)
    half = 0.5 * freedom[there] * np.where(sets[there] > 1.0, 2.0, 1.0)
    logs = np.log(ratio / (1.0 + usual * alike)) - psi(half) + np.log(half)
    excess = float(logs.var(ddof=1) - polygamma(1, half).mean())
    # What is usual is their middle, where some vary much more than others.
    level = float(np.exp(logs.mean()))
    found = 2.0 * _inverse_trigamma(excess) if excess > 0.0 else MOST
    return max(alike, alike * level), min(found, MOST)


def _inverse_trigamma(value: float) -> float:
    """Source: Smyth 2004, appendix (Newton's method on 1 / trigamma, which is nearly linear)."""
    if value > 1e7:
        return 1.0 / float(np.sqrt(value))
    if value < 1e-6:
        return 1.0 / value
    y = 0.5 + 1.0 / value
    for _ in range(50):
        trigamma = float(polygamma(1, y))
        step = trigamma * (1.0 - trigamma / value) / float(polygamma(2, y))
        y += step
        if -step / y < 1e-8:
            break
    return y
