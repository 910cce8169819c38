"""What loss is normal at this hour: a shrunk seasonal profile with an upper bound.

In: past losses and the season bin of each. Out: the baseline an event of a bin is allowed, as
the e-detector takes it. State: one line per bin; built once, never updated.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ostinato.stats.arrays import FloatArray

HIGHEST = 0.999
"""Largest baseline. The e-detector needs it below 1; at 1 nothing could ever be worse."""


@dataclass(slots=True)
class SeasonalBaseline:
    """Expected loss per season bin, and the upper bound that counts as normal.

    Parameters
    ----------
    expected
        (bins,), shrunk mean loss, r_b.
    standard_error
        (bins,), uncertainty of r_b, see ``fit``.
    upper
        (bins,), r_b + 2 se_b + tolerance * r_b, within [3 / (n + 1), .999].
    mean
        mean loss over all rows.
    n
        rows it was built from.
    """

    expected: FloatArray
    standard_error: FloatArray
    upper: FloatArray
    mean: float
    n: int

    @classmethod
    def fit(
        cls,
        losses: FloatArray,
        bins: npt.NDArray[np.integer],
        n_bins: int,
        *,
        k: float = 200.0,
        tolerance: float = 0.05,
    ) -> "SeasonalBaseline":
        """Build the profile from past rows.

        The standard error is that of the shrunk estimate, w mean_b + (1 - w) mean with
        w = n_b / (n_b + k): the noise of the bin's own mean, w^2 v_b / n_b, plus what shrinking
        may distort, (1 - w)^2 (t2 + v / n). Here v_b is the variance inside the bin (pooled with
        weight k), v the variance of all rows and t2 the variance between the bins beyond what
        noise explains. A bin never seen so carries the spread between bins as its error. The
        lower limit of the bound is the rule of three: after n rows without loss, 3 / n is still
        possible.

        Parameters
        ----------
        losses
            (n,), in [0, 1], n >= 1.
        bins
            (n,), season bin in [0, n_bins).
        n_bins
            number of bins: 168 for the hour of the week, 24 for the hour of the day, 1 for none.
        k
            rows of the overall mean that are mixed into each bin; larger trusts the season less.
        tolerance
            relative degradation nobody wants to be called for; 0 alarms on estimation error.

        Raises
        ------
        ValueError
            when there are no rows, lengths differ or a bin is out of range.

        Source: shrinkage as in James and Stein 1961; t2 by the method of moments (DerSimonian
        and Laird 1986, eq. 8).
        """
        if not losses.size or losses.shape != bins.shape:
            raise ValueError(f"need as many bins as losses, at least one: {losses.size} losses")
        if bins.min() < 0 or bins.max() >= n_bins:
            raise ValueError(f"bins must be in [0, {n_bins}): {bins.min()} to {bins.max()}")
        n = losses.size
        mean, variance = float(losses.mean()), float(losses.var())
        rows = np.bincount(bins, minlength=n_bins).astype(np.float64)
        some = np.maximum(rows, 1.0)
        own = np.bincount(bins, weights=losses, minlength=n_bins) / some
        scatter = np.bincount(bins, weights=np.square(losses - own[bins]), minlength=n_bins)
        inside = (scatter + k * variance) / np.maximum(rows + k, 1.0)
        between = spread_between(own, rows, inside, mean)
        weight = rows / np.maximum(rows + k, 1.0)
        expected = weight * own + (1.0 - weight) * mean
        error = np.sqrt(
            np.square(weight) * inside / some + np.square(1.0 - weight) * (between + variance / n)
        )
        upper = np.clip(
            expected * (1.0 + tolerance) + 2.0 * error, min(3.0 / (n + 1), HIGHEST), HIGHEST
        )
        return cls(expected, error, upper, mean, n)

    @property
    def highest(self) -> float:
        """Largest baseline of any bin: the ``m_max`` of the e-detector."""
        return float(self.upper.max())

    def at(self, bins: npt.NDArray[np.integer]) -> FloatArray:
        """Return the upper bound for each event, (n,), from its bin, (n,)."""
        allowed: FloatArray = self.upper[bins]
        return allowed

    def expected_at(self, bins: npt.NDArray[np.integer]) -> FloatArray:
        """Return the expected loss for each event, (n,), from its bin, (n,)."""
        expected: FloatArray = self.expected[bins]
        return expected


def spread_between(own: FloatArray, rows: FloatArray, inside: FloatArray, mean: float) -> float:
    """Variance of the means of bins beyond sampling noise; 0 when noise explains all of it.

    Parameters
    ----------
    own, rows, inside
        (bins,), mean, rows and variance inside each bin.
    mean
        over all rows.

    Source: method of moments, DerSimonian and Laird 1986, eq. 8.
    """
    total = rows.sum()
    spread = float((rows * np.square(own - mean)).sum())
    noise = float((inside * (1.0 - rows / total))[rows > 0].sum())
    scale = float(total - np.square(rows).sum() / total)
    return max((spread - noise) / scale, 0.0) if scale > 0.0 else 0.0
