"""Sums of rows by slice group and window: what monitors of rows count in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ostinato.core.records import Codes, Floats, Ints

Table = Floats
"""(measures, groups + 1) sums; place 0 is all rows, place g + 1 is group g."""


@dataclass(slots=True)
class Windows:
    """Tables of the windows that are not read yet: start, then key (a version), then table.

    Rows that come for a window after it was read are counted in `late` and left out.
    """

    tables: dict[int, dict[str, Table]] = field(default_factory=dict)
    read_to_ns: int = 0
    late: int = 0

    def add(
        self, key: str, times_ns: Ints, groups: Codes, values: Floats, *, count: int, width_ns: int
    ) -> None:
        """Add (measures, n) values of rows to the windows of their times.

        Parameters
        ----------
        groups
            (n, columns), -1 for none; codes from `count` on are left out.
        """
        if not len(times_ns):
            return
        starts = times_ns // width_ns * width_ns
        first, last = int(starts.min()), int(starts.max())
        if first == last and first >= self.read_to_ns:
            self._add(first, key, groups, values, count)
            return
        for start_ns in np.unique(starts).tolist():
            rows = starts == start_ns
            if start_ns < self.read_to_ns:
                self.late += int(rows.sum())
                continue
            self._add(start_ns, key, groups[rows], values[:, rows], count)

    def _add(self, start_ns: int, key: str, groups: Codes, values: Floats, count: int) -> None:
        tables = self.tables.setdefault(start_ns, {})
        table = tables.get(key)
        if table is None:
            table = tables[key] = np.zeros((len(values), count + 1))
        add_rows(table, groups, values)

    def pop(self, from_ns: int, to_ns: int) -> Iterator[tuple[str, Table]]:
        """Give the tables of [from_ns, to_ns) out, and forget them."""
        self.read_to_ns = to_ns
        for start_ns in sorted(start for start in self.tables if start < to_ns):
            tables = self.tables.pop(start_ns)
            if start_ns >= from_ns:
                yield from tables.items()


def add_rows(table: Table, groups: Codes, values: Floats) -> None:
    """Add (measures, n) values of rows, finite, to a table."""
    measures, width = table.shape
    codes = np.empty((len(groups), groups.shape[1] + 1), dtype=np.intp)
    codes[:, 0] = 0
    codes[:, 1:] = groups
    codes[:, 1:] += 1
    codes[:, 1:][(codes[:, 1:] <= 0) | (codes[:, 1:] >= width)] = width  # of no group
    places = codes + (np.arange(measures) * (width + 1))[:, None, None]
    weights = np.broadcast_to(values[:, :, None], places.shape)
    sums = np.bincount(places.ravel(), weights=weights.ravel(), minlength=measures * (width + 1))
    table += sums.reshape(measures, width + 1)[:, :width]


@dataclass(slots=True)
class WindowSums:
    """Sums of the windows that are not read yet, of rows without groups: start to (m,)."""

    sums: dict[int, Floats] = field(default_factory=dict)
    read_to_ns: int = 0

    def add(self, times_ns: Ints, values: Floats, *, width_ns: int) -> None:
        """Add (m, n) values of rows to the windows of their times, unless those are read."""
        starts = times_ns // width_ns * width_ns
        for start_ns in np.unique(starts).tolist():
            if start_ns < self.read_to_ns:
                continue
            part = values[:, starts == start_ns].sum(axis=1)
            before = self.sums.get(start_ns)
            self.sums[start_ns] = part if before is None else before + part

    def pop(self, from_ns: int, to_ns: int) -> Floats | None:
        """Give the sums of [from_ns, to_ns) out, and forget them; None where no row came."""
        self.read_to_ns = to_ns
        found: Floats | None = None
        for start_ns in sorted(start for start in self.sums if start < to_ns):
            part = self.sums.pop(start_ns)
            if start_ns >= from_ns:
                found = part if found is None else found + part
        return found
