"""The labels of the history before the start, counted: what the first champion is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.watch.answers import windows_of
from ostinato.watch.label_cells import NO_LABEL, LabelCells
from ostinato.watch.past import MOST_WINDOWS


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelHistory:
    """Labels before the start, by long windows.

    Parameters
    ----------
    cells
        How they are counted, and from now on.
    starts_ns, counts
        Windows of matured predictions by the time of the prediction: start, and counts of `cells`.
    arrived_ns, asked, arrived
        Windows by the time labels came: start, how many predictions were made in it, and counts of
        the labels per cell of the target, (w, cells).
    """

    cells: LabelCells
    starts_ns: tuple[int, ...] = ()
    counts: tuple[Floats, ...] = ()
    arrived_ns: tuple[int, ...] = ()
    asked: tuple[float, ...] = ()
    arrived: tuple[Floats, ...] = ()


def label_history(
    cells: LabelCells,
    *,
    labels: Floats,
    times_ns: Ints,
    label_times_ns: Ints,
    matured_to_ns: int,
    start_ns: int,
    width_ns: int,
) -> LabelHistory:
    """Count the labels of a history as monitors count those that come.

    Parameters
    ----------
    cells
        How to count.
    labels
        (n,), class indices or targets; NaN where none ever came.
    times_ns
        (n,), times of the predictions, in order.
    label_times_ns
        (n,), when each label became known; at or after `start_ns` where it is not known yet.
    matured_to_ns
        Predictions up to here have matured at the start.
    start_ns
        When serving begins: nothing known later counts.
    width_ns
        Length of the windows. The first one is left out where it is not whole, and so is the last.
    """
    known = (label_times_ns < start_ns) & ~np.isnan(labels)
    told = np.where(known, labels, np.nan)
    delays = np.where(known, label_times_ns - times_ns, NO_LABEL)
    settled = times_ns <= matured_to_ns
    first_ns = int(times_ns[0]) if len(times_ns) else start_ns
    starts, counts = _counted(
        cells, told[settled], delays[settled], times_ns[settled], first_ns, width_ns
    )
    # Within a horizon of the first prediction labels of earlier ones are missing.
    steady_ns = first_ns + cells.horizon_ns
    arrived_ns, arrived = _counted(
        cells, labels[known], delays[known], label_times_ns[known], steady_ns, width_ns
    )
    asked = _rows_between(times_ns, arrived_ns, width_ns)
    return LabelHistory(
        cells=cells,
        starts_ns=tuple(starts),
        counts=tuple(counts),
        arrived_ns=tuple(arrived_ns),
        asked=tuple(asked),
        arrived=tuple(cells.target(each) for each in arrived),
    )


def _counted(
    cells: LabelCells, labels: Floats, delays: Ints, at_ns: Ints, first_ns: int, width_ns: int
) -> tuple[list[int], list[Floats]]:
    """Count rows by the whole windows that they fall into; the newest windows only."""
    if not len(at_ns):
        return [], []
    starts, windows = windows_of(at_ns, width_ns)
    counts = cells.count(labels, delays, windows, len(starts))
    last_ns = int(at_ns.max())
    whole = [
        place
        for place, start in enumerate(starts)
        if start >= first_ns and start + width_ns <= last_ns + 1
    ][-MOST_WINDOWS:]
    return [starts[place] for place in whole], [counts[place] for place in whole]


def _rows_between(times_ns: Ints, starts: list[int], width_ns: int) -> list[float]:
    first = np.searchsorted(times_ns, starts)
    after = np.searchsorted(times_ns, [start + width_ns for start in starts])
    rows: list[float] = (after - first).astype(np.float64).tolist()
    return rows
