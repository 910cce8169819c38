"""Rows kept to find a cause: the last that differed, of each feature, and the last of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.features.parity.differ import EQUAL, Classes, Measure
from ostinato.features.parity.sample import plain
from ostinato.stats.arrays import BoolArray, IntArray

KEPT: Final = 256
"""Rows kept of each kind. Fewer: causes on a part of the rows are missed. More: memory, and each
recomputation takes longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRow:
    """One sampled request.

    Parameters
    ----------
    time_ns
        of the request.
    at_ns
        of the tick in which it was compared.
    row
        what the caller needs to compute its features again: plain values, for instance its inputs.
    served, recomputed
        value of each feature, None where missing.
    equal
        whether each feature was the same.
    """

    time_ns: int
    at_ns: int
    row: tuple[Any, ...]
    served: tuple[Any, ...]
    recomputed: tuple[Any, ...]
    equal: tuple[bool, ...]


@dataclass(slots=True)
class KeptRows:
    """Bounded memory of sampled rows.

    Parameters
    ----------
    names
        of the features.
    limit
        rows kept of each kind, >= 1.
    recent
        last rows, whatever they showed.
    wrong
        last rows on which a feature differed, by its name.
    """

    names: tuple[str, ...]
    limit: int = KEPT
    recent: list[KeptRow] = field(default_factory=list)
    wrong: dict[str, list[KeptRow]] = field(default_factory=dict)

    def keep(
        self,
        served: pl.DataFrame,
        recomputed: pl.DataFrame,
        *,
        measures: Mapping[str, Measure],
        classes: Classes,
        times_ns: IntArray,
        rows: Sequence[tuple[Any, ...]],
        at_ns: int,
    ) -> None:
        """Keep the rows of one tick that will be of use; all as in `compare`."""
        equal = classes == EQUAL
        chosen = self._of_use(equal)
        sides = [_values(frame[chosen], self.names, measures) for frame in (served, recomputed)]
        for place, (at, first, second) in enumerate(zip(chosen, *sides, strict=True)):
            kept = KeptRow(
                time_ns=int(times_ns[at]),
                at_ns=at_ns,
                row=rows[at],
                served=first,
                recomputed=second,
                equal=tuple(equal[at].tolist()),
            )
            if place >= len(chosen) - self.limit:
                self.recent.append(kept)
            for name, same in zip(self.names, kept.equal, strict=True):
                if not same:
                    self.wrong.setdefault(name, []).append(kept)
        self._cut()

    def of(self, name: str, *, since_ns: int) -> list[KeptRow]:
        """Return rows to judge a cause of a feature on, in order of their time.

        Those that differed in ticks after ``since_ns``, and the last ones that did not.
        """
        j = self.names.index(name)
        wrong = [row for row in self.wrong.get(name, []) if row.at_ns > since_ns]
        right = [row for row in self.recent if row.equal[j]]
        return sorted(wrong + right, key=lambda row: row.time_ns)

    def forget(self, name: str) -> None:
        """Drop the rows on which a feature differed."""
        self.wrong.pop(name, None)

    def _of_use(self, equal: BoolArray) -> list[int]:
        # The last rows of all, and of each feature the last that differ.
        found = np.zeros(len(equal), dtype=np.bool_)
        found[-self.limit :] = True
        for j in range(equal.shape[1]):
            found[np.flatnonzero(~equal[:, j])[-self.limit :]] = True
        return [int(at) for at in np.flatnonzero(found)]

    def _cut(self) -> None:
        del self.recent[: -self.limit]
        for rows in self.wrong.values():
            del rows[: -self.limit]


def _values(
    frame: pl.DataFrame, names: Sequence[str], measures: Mapping[str, Measure]
) -> list[tuple[Any, ...]]:
    columns = [plain(measures[name], frame[name]).to_list() for name in names]
    return list(zip(*columns, strict=True)) if columns else [()] * frame.height
