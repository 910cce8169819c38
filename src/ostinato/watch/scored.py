"""What is counted of the scores of a version: cells, positive answers, classes, confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.stats.rows import THRESHOLD
from ostinato.watch.answers import unscored
from ostinato.watch.borders import UNIT_BORDERS, cell_of, quantile_borders
from ostinato.watch.reading import Shares, Stream, two_cells


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCells:
    """How the scores of one version are counted; counts of several workers add up.

    Counts stand in one vector: the cells of the score (of the prediction, of the probability of
    the most probable class), then, of a binary task, the rows at or above the threshold, of a
    multiclass task the rows of each predicted class, and last the rows without a score.

    Parameters
    ----------
    task
        ``"binary"``, ``"multiclass"`` or ``"regression"``.
    classes
        Number of classes; 0 for regression.
    borders
        Borders of the cells, rising.
    """

    task: str
    classes: int
    borders: tuple[float, ...]

    @classmethod
    def fitted(
        cls, task: str, classes: int, scores: Floats, other: tuple[float, ...]
    ) -> ScoreCells:
        """Return cells with about as many of these scores each.

        Parameters
        ----------
        task, classes
            As above.
        scores
            (n,) or (n, k), of rows the version was not trained on; may be empty.
        other
            Borders to take where there are no scores.
        """
        return cls(task=task, classes=classes, borders=quantile_borders(_watched(scores)) or other)

    @property
    def width(self) -> int:
        """How many counts there are."""
        return len(self.borders) + 2 + self._further

    @property
    def _further(self) -> int:
        return {"binary": 1, "multiclass": self.classes}.get(self.task, 0)

    def count(self, scores: Floats, windows: Ints, size: int) -> Floats:
        """Count rows by window: (size, width).

        Parameters
        ----------
        scores
            (n,) or (n, k), NaN where the version did not score.
        windows
            (n,), the window of each row, in [0, size).
        size
            How many windows there are.
        """
        lost = unscored(scores)
        found = np.zeros((size, self.width))
        found[:, -1] = np.bincount(windows[lost], minlength=size)
        if lost.any():
            scores, windows = scores[~lost], windows[~lost]
        self._add(found, cell_of(_watched(scores), np.asarray(self.borders)), windows)
        first = len(self.borders) + 1
        if self.task == "binary":
            found[:, first] = np.bincount(windows, scores >= THRESHOLD, minlength=size)
        elif self.task == "multiclass":
            classes = np.minimum(scores.argmax(axis=1), self.classes - 1) if len(scores) else []
            self._add(found, np.asarray(classes, dtype=np.int64) + first, windows)
        return found

    def _add(self, found: Floats, columns: Ints, windows: Ints) -> None:
        flat = np.bincount(windows * self.width + columns, minlength=found.size)
        found += flat.reshape(found.shape)

    def rows(self, counts: Floats) -> float:
        """Return how many rows were scored."""
        return float(counts[: len(self.borders) + 1].sum())

    def readings(self, counts: Floats, version: str, floor: float) -> tuple[Shares, ...]:
        """Read the streams of a version off its counts; none where it scored no row."""
        rows, cells = self.rows(counts), counts[: len(self.borders) + 1]
        if not rows:
            return ()
        further = counts[len(self.borders) + 1 : -1]
        found: list[Shares] = []
        if self.borders:
            stream = Stream(family="output", subject=self.subject, version=version)
            found.append(Shares(stream=stream, counts=cells, floor=floor))
        if self.task == "binary":
            stream = Stream(
                family="output", subject="score", measure="positive share", version=version
            )
            positive = two_cells(rows, float(further[0]))
            found.append(Shares(stream=stream, counts=positive, floor=floor))
        elif self.task == "multiclass":
            stream = Stream(family="output", subject="class", version=version)
            found.append(Shares(stream=stream, counts=further, ordered=False, floor=floor))
        return tuple(found)

    @property
    def subject(self) -> str:
        """What the cells are of."""
        return {"binary": "score", "multiclass": "confidence"}.get(self.task, "prediction")


def borders_before(task: str, labels: tuple[float, ...]) -> tuple[float, ...]:
    """Return the borders for a version whose scores nobody has seen yet."""
    return labels if task == "regression" else UNIT_BORDERS


def _watched(scores: Floats) -> Floats:
    """Return the number whose cells are counted."""
    if scores.ndim == 1:
        return scores
    return scores.max(axis=1) if len(scores) else np.empty(0)
