"""Rows that wait to be summed up, in columns: many small records cost no more than a large one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]

BLOCK: Final = 65_536
"""Rows summed up at once. More take more memory while they wait; fewer cost time."""


@dataclass(slots=True)
class Pending:
    """Rows in the order they came; `blocks` gives them out.

    Where a block ends depends on the rows alone, and not on how they were cut into records, so
    that sums over blocks do not either.
    """

    pieces: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    rows: int = 0

    def add(self, columns: Columns, rows: int) -> None:
        """Take rows in; each time the same columns."""
        if rows:
            self.pieces.append(dict(columns))
            self.rows += rows

    def blocks(self, *, all_of_them: bool) -> Iterator[Columns]:
        """Give full blocks out, and with `all_of_them` what is left."""
        if self.rows < BLOCK and not (all_of_them and self.rows):
            return
        columns: dict[str, NDArray[Any]] = {
            name: np.concatenate([piece[name] for piece in self.pieces]) for name in self.pieces[0]
        }
        start, stop = 0, self.rows if all_of_them else self.rows // BLOCK * BLOCK
        while start < stop:
            end = min(start + BLOCK, stop)
            yield {name: values[start:end] for name, values in columns.items()}
            start = end
        left = self.rows - stop
        self.pieces = [{name: values[stop:] for name, values in columns.items()}] if left else []
        self.rows = left


@dataclass(slots=True)
class PendingBy:
    """Rows that wait, by key: a version, say."""

    parts: dict[str, Pending] = field(default_factory=dict)

    def add(self, key: str, columns: Columns, rows: int) -> None:
        """Take rows of a key in; each time the same columns."""
        self.parts.setdefault(key, Pending()).add(columns, rows)

    def full(self) -> bool:
        """Say whether a block is full."""
        return any(part.rows >= BLOCK for part in self.parts.values())

    def blocks(self, *, all_of_them: bool) -> Iterator[tuple[str, Columns]]:
        """Give full blocks out with their key, and with `all_of_them` what is left."""
        for key, part in self.parts.items():
            for block in part.blocks(all_of_them=all_of_them):
                yield key, block
        if all_of_them:
            self.parts = {}
