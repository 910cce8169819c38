"""What is counted of labels: cells of the target, delays, and what cannot be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints
from ostinato.watch.borders import cell_of, quantile_borders
from ostinato.watch.reading import Shares, Stream, two_cells

NO_LABEL: Final = int(np.iinfo(np.int64).min)
"""Label time where there is none, as the join writes it."""

DELAY_BORDERS: Final = np.exp2(np.arange(-20, 53) / 2.0) * 1e9
"""Borders of delays in nanoseconds: half octaves from a millisecond to two years. Wider cells would
hide a delay that grows by a half, narrower ones split what is one delay in people's eyes."""

FURTHER: Final = 2 + len(DELAY_BORDERS) + 1 + 2
"""Counts beside the cells of the target: rows, labels that are not of a known class, delays by
cell, negative delays, delays of nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCells:
    """How labels are counted; counts of several workers add up.

    Counts stand in one vector: rows, rows whose label is of no known class (or infinite), the cells
    of the target, labels by cell of their delay, labels before their prediction, and labels at the
    very moment of it. Only labels that somebody told have a delay: not those that are overdue and
    mean no.

    Parameters
    ----------
    classes
        Number of classes; 0 for regression.
    borders
        Regression: borders of the cells of the target, rising.
    horizon_ns
        When a label is overdue.
    negative
        Whether an overdue label means class 0.
    """

    classes: int
    borders: tuple[float, ...]
    horizon_ns: int
    negative: bool = False

    @classmethod
    def fitted(cls, labels: Floats, *, classes: int, horizon_ns: int, negative: bool) -> LabelCells:
        """Return cells with about as many of these labels each; they may be of any classes."""
        borders = () if classes else quantile_borders(labels)
        return cls(classes=classes, borders=borders, horizon_ns=horizon_ns, negative=negative)

    @property
    def cells(self) -> int:
        """How many cells of the target there are."""
        return self.classes or len(self.borders) + 1

    @property
    def width(self) -> int:
        """How many counts there are."""
        return self.cells + FURTHER

    def known(self, labels: Floats) -> NDArray[np.bool_]:
        """Say which labels are of a known class, or finite numbers."""
        known: NDArray[np.bool_] = np.isfinite(labels)
        if self.classes:
            known &= (labels >= 0) & (labels < self.classes) & (labels == np.floor(labels))
        return known

    def count(self, labels: Floats, delays_ns: Ints, windows: Ints, size: int) -> Floats:
        """Count rows by window: (size, width).

        Parameters
        ----------
        labels
            (n,), NaN where there is none.
        delays_ns
            (n,), from the prediction to its label; `NO_LABEL` where nobody told one.
        windows
            (n,), the window of each row, in [0, size).
        size
            How many windows there are.
        """
        found = np.zeros((size, self.width))
        known = self.known(labels)
        found[:, 0] = np.bincount(windows, minlength=size)
        found[:, 1] = np.bincount(windows[~known & ~np.isnan(labels)], minlength=size)
        self._add(found, 2 + self._cell(labels[known]), windows[known])
        told = known & (delays_ns != NO_LABEL)
        if self.negative:  # what comes when it is overdue is not told: it came to mean no
            told &= delays_ns < max(self.horizon_ns, 1)
        delays, at = delays_ns[told], windows[told]
        first = 2 + self.cells
        later = delays > 0
        self._add(found, first + cell_of(delays[later], DELAY_BORDERS), at[later])
        found[:, -2] = np.bincount(at[delays < 0], minlength=size)
        found[:, -1] = np.bincount(at[delays == 0], minlength=size)
        return found

    def _cell(self, labels: Floats) -> Ints:
        return labels.astype(np.int64) if self.classes else cell_of(labels, np.array(self.borders))

    def _add(self, found: Floats, columns: Ints, windows: Ints) -> None:
        flat = np.bincount(windows * self.width + columns, minlength=found.size)
        found += flat.reshape(found.shape)

    # -- what the counts say

    def target(self, counts: Floats) -> Floats:
        """Return the rows per cell of the target."""
        return counts[2 : 2 + self.cells]

    def told(self, counts: Floats) -> float:
        """Return how many labels somebody told."""
        return float(counts[2 + self.cells :].sum())

    def only_class(self, counts: Floats) -> int | None:
        """Return the class of all labels, if there is only one."""
        return only_cell(self.target(counts)) if self.classes else None

    def of_target(self, stream: Stream, counts: Floats, floor: float) -> tuple[Shares, ...]:
        """Read how the labels are spread; nothing where there are none, or all targets are one."""
        cells = self.target(counts)
        if not cells.sum() or len(cells) < 2:
            return ()
        return (Shares(stream=stream, counts=cells, ordered=not self.classes, floor=floor),)

    def of_delays(
        self, subject: str, counts: Floats, *, floor: float, impossible: float
    ) -> tuple[Shares, ...]:
        """Read how late labels came, and which came when they cannot have come."""
        told, delays = self.told(counts), counts[2 + self.cells : -2]
        if not told:
            return ()
        early = np.concatenate([[counts[-2] + counts[-1]], delays])
        found = [Shares(stream=_stream(subject, "delay"), counts=early, floor=floor)]
        for measure, hits in (("negative delay", counts[-2]), ("no delay", counts[-1])):
            shares = Shares(
                stream=_stream(subject, measure),
                counts=two_cells(told, float(hits)),
                floor=impossible,
                rising=True,
            )
            found.append(shares)
        return tuple(found)

    def missing(self, subject: str, counts: Floats, floor: float) -> Shares:
        """Read the share of rows whose label nobody told."""
        rows = float(counts[0])
        return Shares(
            stream=_stream(subject, "missing"),
            counts=two_cells(rows, rows - self.told(counts)),
            floor=floor,
            rising=True,
        )


def only_cell(counts: Floats) -> int | None:
    """Return the cell that all rows are in, if there is one."""
    present = np.flatnonzero(counts)
    return int(present[0]) if present.size == 1 else None


def _stream(subject: str, measure: str) -> Stream:
    return Stream(family="label", subject=subject, measure=measure)
