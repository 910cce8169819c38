"""Answers that wait to be counted: a tick has few rows, and to count them costs per call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import (
    FALLBACK_VERSION,
    ROLES,
    Floats,
    Ints,
    PredictionsMade,
    RowsMatured,
)

MOST_WAITING: Final = 1_024
"""Rows that wait to be counted. Fewer: counting costs more per row; more: the state is larger."""

FALLBACK: Final = ROLES.index("fallback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers of one set of versions, as in `PredictionsMade`, without ids and groups.

    Matured ones have `labels`, and the `signs` with which they count, as in `RowsMatured`.
    """

    times_ns: Ints
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    roles: NDArray[np.int8]
    scores: dict[str, Floats]
    labels: Floats = field(default_factory=lambda: np.empty(0))
    signs: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, dtype=np.int8))
    revision: bool = False

    def __len__(self) -> int:
        return len(self.times_ns)

    @property
    def models(self) -> tuple[str, ...]:
        """The versions that are models, not the constant answer of the loop."""
        return tuple(version for version in self.versions if version != FALLBACK_VERSION)

    def unanswered(self) -> NDArray[np.bool_]:
        """Say which requests got no score at all."""
        lost = np.stack([unscored(self.scores[version]) for version in self.versions])
        picked: NDArray[np.bool_] = lost[self.answered, np.arange(len(self))]
        return picked


@dataclass(slots=True)
class Waiting:
    """Answers to be counted, oldest first."""

    rows: int = 0
    batches: list[Answers] = field(default_factory=list)

    def add(self, made: PredictionsMade | RowsMatured) -> bool:
        """Keep answers; say whether it is time to count."""
        if len(made):
            self.rows += len(made)
            batch = Answers(
                times_ns=made.times_ns,
                versions=made.versions,
                answered=made.answered,
                roles=made.roles,
                scores=dict(made.scores),
            )
            if isinstance(made, RowsMatured):
                batch = replace(batch, labels=made.labels, signs=made.signs, revision=made.revision)
            self.batches.append(batch)
        return self.rows >= MOST_WAITING

    def drain(self) -> Iterator[Answers]:
        """Give the answers out, those of one layout together."""
        batches, self.batches, self.rows = self.batches, [], 0
        for _, run in groupby(batches, key=_layout):
            yield _together(list(run))


def unscored(scores: Floats) -> NDArray[np.bool_]:
    """Say which rows have no score: (n,) or (n, k) in, (n,) out."""
    lost: NDArray[np.bool_] = np.isnan(scores if scores.ndim == 1 else scores.sum(axis=1))
    return lost


def _layout(batch: Answers) -> Any:
    shapes = tuple(batch.scores[version].shape[1:] for version in batch.versions)
    return batch.versions, shapes, batch.revision


def _together(batches: list[Answers]) -> Answers:
    first = batches[0]
    if len(batches) == 1:
        return first
    return Answers(
        times_ns=np.concatenate([each.times_ns for each in batches]),
        versions=first.versions,
        answered=np.concatenate([each.answered for each in batches]),
        roles=np.concatenate([each.roles for each in batches]),
        scores={
            version: np.concatenate([each.scores[version] for each in batches])
            for version in first.versions
        },
        labels=np.concatenate([each.labels for each in batches]),
        signs=np.concatenate([each.signs for each in batches]),
        revision=first.revision,
    )


@dataclass(slots=True)
class WaitingRows:
    """Rows to be counted, as columns of equal length, oldest first."""

    rows: int = 0
    parts: list[tuple[NDArray[Any], ...]] = field(default_factory=list)

    def add(self, *columns: NDArray[Any]) -> bool:
        """Keep rows; say whether it is time to count."""
        if len(columns[0]):
            self.rows += len(columns[0])
            self.parts.append(columns)
        return self.rows >= MOST_WAITING

    def drain(self) -> tuple[NDArray[Any], ...]:
        """Give the columns out; empty where nothing waits."""
        parts, self.parts, self.rows = self.parts, [], 0
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def windows_of(times_ns: Ints, width_ns: int) -> tuple[list[int], Ints]:
    """Return the starts of the windows that rows fall into, and the place of each row's."""
    if len(times_ns):
        first = int(times_ns.min()) // width_ns
        if first == int(times_ns.max()) // width_ns:  # as most often
            return [first * width_ns], np.zeros(len(times_ns), dtype=np.int64)
    begun = times_ns // width_ns * width_ns
    if len(begun) and begun.min() == begun.max():  # as it is nearly always
        return [int(begun[0])], np.zeros(len(begun), dtype=np.int64)
    starts, windows = np.unique(begun, return_inverse=True)
    found: list[int] = starts.tolist()
    return found, windows
