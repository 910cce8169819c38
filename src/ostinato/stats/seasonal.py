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

_POOLED = 200.0  # rows of the overall variance mixed into that of a bin: small bins vary by chance
_LEAST = 1e-300  # keeps 0 / 0 out where no loss varies


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
        tolerance: float = 0.05,
        design_effect: float = 1.0,
    ) -> "SeasonalBaseline":
        """Build the profile from past rows.

        The expected loss of a bin is w mean_b + (1 - w) mean, with w = t2 / (t2 + noise_b): t2 is
        the variance between the bins beyond what noise explains, noise_b that of the bin's own
        mean, d v_b / n_b, with v_b the variance inside the bin (pooled with that of all rows) and d
        the design effect. So where no season shows all bins share one mean, known as well as all
        rows make it. The standard error is that of the shrunk estimate: the bin's noise, what
        shrinking may distort, (1 - w)^2 t2, the error of the overall mean, and the covariance of
        the two means. A bin never seen carries the spread between bins as its error. The lower
        limit of the bound is the rule of three: after n rows without loss, 3 / n is still possible.

        Parameters
        ----------
        losses
            (n,), in [0, 1], n >= 1.
        bins
            (n,), season bin in [0, n_bins).
        n_bins
            number of bins: 168 for the hour of the week, 24 for the hour of the day, 1 for none.
        tolerance
            relative degradation nobody wants to be called for; 0 alarms on estimation error.
        design_effect
            how many rows count for one independent row, >= 1 (``dependence.design_effect``): losses
            that resemble their neighbours tell less of the mean than their number says.

        Raises
        ------
        ValueError
            when there are no rows, lengths differ or a bin is out of range.

        Source: empirical Bayes shrinkage, Efron and Morris 1975, JASA 70; t2 by the method of
        moments (DerSimonian and Laird 1986, eq. 8).
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
        inside = design_effect * (scatter + _POOLED * variance) / (rows + _POOLED)
        between = spread_between(own, rows, inside, mean)
        noise, of_mean = inside / some, design_effect * variance / n
        weight = np.where(rows > 0, between, 0.0) / np.maximum(between + noise, _LEAST)
        expected = weight * own + (1.0 - weight) * mean
        rest = 1.0 - weight
        error = np.sqrt(
            np.square(weight) * noise
            + np.square(rest) * (between + of_mean)
            + 2.0 * weight * rest * inside / n
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
