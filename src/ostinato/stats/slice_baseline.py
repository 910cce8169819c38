"""What loss is normal on a slice at this hour: each slice's own mean, drawn to that of all.

In: past losses, the slices of each and the seasonal profile of all. Out: the upper bound an event
of a slice is allowed, as an e-detector takes it. State: one line per slice; built once, never
updated.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import ndtr, ndtri

from ostinato.stats.arrays import FloatArray, IntArray
from ostinato.stats.seasonal import HIGHEST, SeasonalBaseline, spread_between

_ERRORS: Final = 2.0
"""Standard errors over its own mean that every slice is allowed at least, and the chance by which
all shrunken bounds hold together. Smaller: healthy slices alarm for a lucky reference; larger: a
small slice can double its loss unseen."""

_TINY: Final = 1e-12  # a reference without any loss still divides


@dataclass(slots=True)
class SliceBaseline:
    """Expected loss of each slice, and the upper bound that counts as normal.

    Parameters
    ----------
    rows
        (slices,), reference rows of each.
    expected
        (slices,), shrunk mean loss.
    center, margin
        (slices,), what the bound rests on and how far it lies above, at an average hour.
    season, season_margin
        (bins,), loss of a bin relative to the mean, and the relative error it may have.

    Source: see ``fit``.

    Examples
    --------
    >>> losses, slices = np.tile([0.0, 0.0, 0.0, 1.0], 400), np.repeat([[0], [1]], 800, axis=0)
    >>> bins = np.zeros(1600, dtype=np.int64)
    >>> overall = SeasonalBaseline.fit(losses, bins, 1)
    >>> found = SliceBaseline.fit(losses, slices, bins, overall, tolerance=0.0)
    >>> found.expected.round(2).tolist(), found.highest.round(2).tolist()
    ([0.25, 0.25], [0.28, 0.28])
    """

    rows: FloatArray
    expected: FloatArray
    center: FloatArray
    margin: FloatArray
    season: FloatArray
    season_margin: FloatArray

    @classmethod
    def fit(
        cls,
        losses: FloatArray,
        slices: IntArray,
        bins: IntArray,
        overall: SeasonalBaseline,
        *,
        k: float = 200.0,
        tolerance: float = 0.05,
    ) -> "SliceBaseline":
        """Build the bounds from past rows.

        The own mean y of a slice is its loss over what the season let expect. It is shrunk to r as
        in ``SeasonalBaseline.fit``, with the spread between the slices of its column as the error
        of shrinking, and the bounds of all slices are to hold together as surely as that of one
        season bin: z has the chance Phi(-2) / slices. The bound r (1 + tolerance) + z se_r serves
        where slices are alike. It is kept between y (1 + tolerance) + 2 se_y, as a lone slice that
        was bad from the start would alarm for ever were it drawn into the crowd, and
        y (1 + tolerance) + z se_y, which is as sure and lower where slices differ much. The error
        of the season is added in squares, and the rule of three is the lower limit.

        Parameters
        ----------
        losses
            (n,), in [0, 1], n >= 1.
        slices
            (n, columns), slice of each row in each column from 0, each with some row; -1: none.
        bins
            (n,), season bin of each row.
        overall
            seasonal profile of the same rows.
        k, tolerance
            as in ``SeasonalBaseline.fit``.

        Raises
        ------
        ValueError
            when shapes do not fit or no row is in a slice.

        Source: James and Stein 1961; Efron and Morris 1972, "Limiting the risk of Bayes and
        empirical Bayes estimators" (an estimate is not drawn away from its own value without
        limit); Bonferroni for the bounds together.
        """
        if slices.ndim != 2 or not (len(losses) == len(slices) == len(bins)):
            raise ValueError(f"shapes do not fit: {losses.shape}, {slices.shape}, {bins.shape}")
        if not slices.size or slices.max() < 0:
            raise ValueError("a row in a slice expected, there was none")
        season, season_margin = _season(overall)
        count = int(slices.max()) + 1
        found = {name: np.zeros(count) for name in ("rows", "own", "noise", "expected", "error")}
        for column in slices.T:
            here = column >= 0
            part = _column(losses[here], column[here], season[bins[here]], overall, losses, k)
            for name, values in part.items():
                found[name][np.unique(column[here])] = values
        z = -float(ndtri(ndtr(-_ERRORS) / count))
        grown = 1.0 + tolerance
        shrunk, own = found["expected"] * grown, found["own"] * grown
        alone, together = np.sqrt(found["noise"]), z * found["error"]
        bound = shrunk + together
        low, high = own + _ERRORS * alone, own + z * alone
        center = np.where((bound < low) | (bound > high), own, shrunk)
        margin = np.clip(bound, low, high) - center
        return cls(found["rows"], found["expected"], center, margin, season, season_margin)

    @property
    def highest(self) -> FloatArray:
        """Largest bound of each slice, (slices,): the ``m_max`` of its e-detector."""
        places = np.indices((self.rows.size, self.season.size)).reshape(2, -1)
        bounds = self.at(places[0], places[1]).reshape(self.rows.size, -1)
        highest: FloatArray = bounds.max(axis=1)
        return highest

    def at(self, slices: IntArray, bins: IntArray) -> FloatArray:
        """Return the upper bound for each event, (n,), from its slice and season bin, (n,) each."""
        center = self.center[slices]
        margin = np.hypot(self.margin[slices], center * self.season_margin[bins])
        bound = self.season[bins] * (center + margin)
        return np.clip(bound, np.minimum(3.0 / (self.rows[slices] + 1.0), HIGHEST), HIGHEST)

    def registered(self) -> dict[str, Any]:
        """Return what the bounds are made of, for the journal.

        The bound is season * (center + hypot(margin, center * season_margin)), in
        [3 / (rows + 1), .999].
        """
        return {
            "reference_rows": self.rows.tolist(),
            "expected": self.expected.tolist(),
            "center": self.center.tolist(),
            "margin": self.margin.tolist(),
            "season": self.season.tolist(),
            "season_margin": self.season_margin.tolist(),
        }


def _season(overall: SeasonalBaseline) -> tuple[FloatArray, FloatArray]:
    # One bin is the mean itself: its error is part of the error of each slice.
    if overall.expected.size == 1:
        return np.ones(1), np.zeros(1)
    expected = np.maximum(overall.expected, _TINY)
    return expected / max(overall.mean, _TINY), _ERRORS * overall.standard_error / expected


def _column(
    losses: FloatArray,
    slices: IntArray,
    season: FloatArray,
    overall: SeasonalBaseline,
    everything: FloatArray,
    k: float,
) -> dict[str, FloatArray]:
    # Of the slices that occur in one column, in their order. A row counts by what its hour expects.
    _, slices = np.unique(slices, return_inverse=True)
    rows = np.bincount(slices).astype(np.float64)
    if not rows.size:
        return {}
    mean, variance = overall.mean, float(everything.var())
    mass = np.maximum(np.bincount(slices, season), _TINY)
    own = np.bincount(slices, losses) / mass
    scatter = np.bincount(slices, np.square(losses - own[slices] * season))
    inside = (scatter + k * variance) / (rows + k)
    noise = inside * rows / np.square(mass)
    weight = mass / (mass + k)
    apart = spread_between(own, rows, inside, mean) + variance / everything.size
    return {
        "rows": rows,
        "own": own,
        "noise": noise,
        "expected": weight * own + (1.0 - weight) * mean,
        "error": np.sqrt(np.square(weight) * noise + np.square(1.0 - weight) * apart),
    }
