"""How well rows fit the plane on which a reference lies: whether columns still belong together.

In: rows of numbers. Out: the squared distance of each row from the plane. State: the plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ostinato.stats.arrays import FloatArray

KEPT = 0.65
"""Share of the variance that the plane holds. Less: distances are mostly noise of single columns;
more: what moves moves within the plane."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Centre and widths (d,) of the columns, and the directions (d, p) of the plane."""

    centre: FloatArray
    width: FloatArray
    axes: FloatArray

    @classmethod
    def fit(cls, rows: FloatArray) -> Plane:
        """Fit the plane to rows (n, d), n >= 2, finite.

        Source: Jolliffe 2002, Principal Component Analysis, section 2.3 (correlation matrix).
        """
        centre, width = rows.mean(axis=0), rows.std(axis=0)
        width = np.where(width > 0.0, width, np.inf)  # a constant column has no part in it
        scaled = (rows - centre) / width
        values, axes = np.linalg.eigh(scaled.T @ scaled / len(rows))
        values, axes = np.maximum(values[::-1], 0.0), axes[:, ::-1]
        total = float(values.sum())
        count = int(np.searchsorted(np.cumsum(values), KEPT * total)) + 1 if total else 0
        return cls(centre, width, np.ascontiguousarray(axes[:, :count]))

    def distances(self, rows: FloatArray) -> FloatArray:
        """Return the squared distance of each row, in variances of a column: (n,)."""
        scaled = (rows - self.centre) / self.width
        left = scaled - (scaled @ self.axes) @ self.axes.T
        found: FloatArray = np.einsum("ij,ij->i", left, left)
        return found
