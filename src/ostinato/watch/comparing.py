"""Compare counts of a column in the same cells: how far apart, how sure, and what else changed.

In: cells, and rows per cell of a reference and of current rows. Out: figures by name. State: none.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.core.rng import stream
from ostinato.stats.cell_distances import cell_kolmogorov_smirnov, cell_wasserstein, wilson
from ostinato.stats.distances import Distance, cramers_v, jensen_shannon, psi
from ostinato.stats.value_distances import bridges
from ostinato.watch.cells import CategoryCells, Cells, NumberCells, mixed

FLOORS: Final = {
    "psi": 0.1,
    "js": 0.05,
    "ks": 0.05,
    "wasserstein": 0.1,
    "cramers_v": 0.1,
}
"""From where on a distance counts as drift: its lower bound must lie above. Customary values; PSI
above 0.1 is "some change", 0.05 of the others is about a tenth of a standard deviation."""

_DRAWS: Final = 199  # the smallest p-value is 1 / 200
_FEWEST: Final = 5.0  # rows in each sample; fewer tell nothing

Counts = NDArray[np.int64] | Floats


def chance() -> Floats:
    """Return what Wasserstein distances are judged by; the same at each call."""
    return bridges(stream(0, "watch/distances"), _DRAWS)


def distances(
    cells: Cells, reference: Counts, current: Counts, by_chance: Floats
) -> dict[str, Distance] | str:
    """Return the distances of known values, or why there are none.

    Parameters
    ----------
    cells
        Of the column.
    reference, current
        (cells,), rows of each.
    by_chance
        What `chance` returned.
    """
    first, second = (
        mixed(cells, np.asarray(each, dtype=np.float64)) for each in (reference, current)
    )
    for rows, whose in ((first.sum(), "the reference has"), (second.sum(), "there are")):
        if rows < _FEWEST:
            return f"{whose} {'only ' if rows else ''}{int(rows) or 'no'} known values"
    found = {
        "psi": psi(first, second),
        "js": jensen_shannon(first, second),
        "cramers_v": cramers_v(first, second),
    }
    if isinstance(cells, NumberCells):
        found["ks"] = cell_kolmogorov_smirnov(first, second)
        if cells.spread > 0.0:
            found["wasserstein"] = _moved(cells, first, second, by_chance)
    return found


def _moved(cells: NumberCells, first: Floats, second: Floats, by_chance: Floats) -> Distance:
    borders = np.array(cells.borders)
    # The outermost cells have no end: what lies there counts as lying at their last border.
    first, second = (
        np.concatenate([[each[:2].sum()], each[2:-2], [each[-2:].sum()]])
        for each in (first, second)
    )
    return cell_wasserstein(first, second, borders[1:-1], sd=cells.spread, bridges=by_chance)


def drifted(found: dict[str, Distance]) -> bool:
    """Say whether any distance surely lies above its floor."""
    return any(distance.low > FLOORS[name] for name, distance in found.items())


def shares(cells: Cells, counts: Counts) -> dict[str, tuple[float, float]]:
    """Return hits and rows of what can be wrong with values, by name."""
    rows = float(counts.sum())
    known = float(counts[: cells.missing].sum())
    found = {
        "missing": (float(counts[cells.missing]), rows),
        "unreadable": (float(counts[cells.missing + 1]), rows),
    }
    if isinstance(cells, CategoryCells):
        if not cells.crowded:
            found["new"] = float(counts[cells.new]), known
    elif cells.inside[0] < cells.inside[1]:
        found["out_of_range"] = float(counts[cells.outside].sum()), known
    return found


def told_share(name: str, hits: float, rows: float) -> dict[str, float | None]:
    """Return a share with its interval; None where there are no rows."""
    low, high = wilson(hits, rows)
    there = rows > 0.0
    return {
        name: hits / rows if there else None,
        f"{name}_low": low if there else None,
        f"{name}_high": high if there else None,
    }
