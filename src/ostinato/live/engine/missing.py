"""The share of answered rows that lack a computed feature, beside that of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ostinato.features.missing import MissingCounts, compare_missing
from ostinato.live.published import MissingStatus

TrainedOn = Callable[[str], Mapping[str, float]]
"""Returns the share missing by feature of the rows that a version was trained on."""


class MissingWatch:
    """Counts since a champion serves, in this life of the engine; it decides nothing.

    Parameters
    ----------
    names
        Of the values of a served row, in order.
    computed
        Those of features that are computed.
    trained_on
        What a version was trained on.
    """

    def __init__(
        self, names: Sequence[str], computed: Sequence[str], trained_on: TrainedOn
    ) -> None:
        self.trained_on = trained_on
        self._places = {name: names.index(name) for name in computed}
        self._champion: str | None = None
        self._trained: Mapping[str, float] = {}
        self._served = MissingCounts()

    def take(self, champion: str | None, rows: Sequence[tuple[Any, ...]]) -> None:
        """Count rows that were answered while a version was the champion."""
        if not self._places or champion is None or not rows:
            return
        if champion != self._champion:
            self._champion, self._served = champion, MissingCounts()
            self._trained = self.trained_on(champion)
        missing = {
            name: sum(1 for row in rows if row[place] is None)
            for name, place in self._places.items()
        }
        self._served += MissingCounts(rows=len(rows), missing=missing)

    def moved(self) -> tuple[MissingStatus, ...]:
        """Return the features whose share moved beyond doubt, the largest first."""
        return tuple(
            MissingStatus(
                feature=each.feature,
                trained=each.trained,
                served=each.served,
                rows=self._served.rows,
            )
            for each in compare_missing(self._trained, self._served)
            if each.moved
        )
