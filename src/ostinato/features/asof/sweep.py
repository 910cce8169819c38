"""The passes that a tally needs: which aggregates share one, and what is made of its result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats, Ints
from ostinato.features.asof.groups import Groups, number
from ostinato.features.asof.parallel import Parts, run
from ostinato.features.machine import compiled
from ostinato.features.plan import NO_COLUMN, Output, Tally

Results = Iterator[tuple[Output, Floats]]
"""Outputs, and what each request of the groups gets."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sweep:
    """A tally's events and requests, ready to be passed through.

    Parameters
    ----------
    tally
        What is asked.
    groups
        Rows by key.
    values
        (m, C) by event of `groups`, a column for each value of the tally; NaN: missing.
    hashes, has
        (m, D) hashes, a column for each distinct value of the tally, and whether they are there.
    workers
        Threads.
    """

    tally: Tally
    groups: Groups
    values: Floats
    hashes: NDArray[np.uint64]
    has: NDArray[np.bool_]
    workers: int
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", self.groups.parts(self.workers))

    def results(self) -> Results:
        """Compute all outputs; those of one pass follow each other."""
        shared: dict[Any, list[Output]] = {}
        for output in self.tally.outputs:
            carry_out = _CARRY_OUT[output.kind]
            if output.column == NO_COLUMN:
                carry_out = _events
            one = output.kind if carry_out is _least else None
            window = None if carry_out is _distinct else (output.level, output.window_ns)
            shared.setdefault((carry_out, output.column, window, one), []).append(output)
        for (carry_out, *_), outputs in shared.items():
            yield from carry_out(self, outputs)

    def run(self, kernel: Callable[..., Any], output: Output, *arguments: Any) -> None:
        """Run a pass over all keys, with the window of an output."""
        rows = (self.groups.folded, self.groups.asked(self.edges(output), self.hop_ns(output)))
        run([(kernel, (*part, *rows, *arguments)) for part in self.parts], self.workers)

    def empty(self, *more: int) -> Floats:
        """Return room for a result."""
        return np.empty((*more, len(self.groups.requests)))

    def hop_ns(self, output: Output) -> int:
        """Return by how much the far edge of an output's window moves."""
        return self.tally.levels[output.level].hop_ns

    def edges(self, output: Output) -> Ints:
        """Return from when on events count, by request of the groups: the start of a tile."""
        lowest = np.iinfo(np.int64).min
        hop, window, asked = self.hop_ns(output), output.window_ns, self.groups.times_ns
        if window + hop > -lowest:
            return np.full(len(asked), lowest)
        edges: Ints = (np.maximum(asked, lowest + window + hop) - window) // hop * hop
        return edges


def _kernels(name: str) -> ModuleType:
    return compiled(f"ostinato.features.asof.{name}")


def _events(sweep: Sweep, outputs: Sequence[Output]) -> Results:
    counts = sweep.empty()
    sweep.run(_kernels("totals").count_events, outputs[0], counts)
    for output in outputs:
        if output.kind == "rate":
            yield output, counts * float(output.per_ns) / float(output.window_ns)
        else:
            yield output, counts


def _totals(sweep: Sweep, outputs: Sequence[Output]) -> Results:
    counts, sums, first = sweep.empty(), sweep.empty(), outputs[0]
    sweep.run(_kernels("totals").total, first, sweep.values, first.column, counts, sums)
    for output in outputs:
        if output.kind == "mean":
            with np.errstate(invalid="ignore"):
                yield output, sums / counts  # 0 / 0 is NaN: missing
        else:
            yield output, sums if output.kind == "sum" else counts


def _last(sweep: Sweep, outputs: Sequence[Output]) -> Results:
    found, first = sweep.empty(), outputs[0]
    sweep.run(_kernels("totals").take_last, first, sweep.values, first.column, found)
    yield from ((output, found) for output in outputs)


def _least(sweep: Sweep, outputs: Sequence[Output]) -> Results:
    found, first = sweep.empty(), outputs[0]
    sign = 1.0 if first.kind == "min" else -1.0
    sweep.run(_kernels("extremes").take_least, first, sweep.values, first.column, sign, found)
    yield from ((output, found) for output in outputs)


def _quantiles(sweep: Sweep, outputs: Sequence[Output]) -> Results:
    kernels, values, first = _kernels("ranks"), sweep.values, outputs[0]
    leaves = np.empty(len(values), dtype=np.int32)
    kernels.bucket_leaves(values, first.column, leaves)
    quantiles = np.array([output.quantile for output in outputs])
    found = sweep.empty(len(outputs))
    sweep.run(kernels.take_quantiles, first, leaves, quantiles, found)
    yield from zip(outputs, found, strict=True)


def _distinct(sweep: Sweep, outputs: Sequence[Output]) -> Results:
    column = outputs[0].column
    hashes = np.ascontiguousarray(sweep.hashes[:, column])
    there = np.ascontiguousarray(sweep.has[:, column])
    _, numbers, count = number(hashes, there)
    appeared = np.empty(count, dtype=np.uint64)
    appeared[numbers[there]] = hashes[there]
    order = np.argsort(appeared)
    places = np.full(count + 1, -1, dtype=np.int32)  # its end is where those without a value look
    places[order] = np.arange(count)
    leaves, unique = places[numbers], appeared[order]
    for output in outputs:
        found = sweep.empty()
        given = (leaves, unique, output.exact_to, found)
        sweep.run(_kernels("ranks").count_distinct, output, *given)
        yield output, found


def _decayed(sweep: Sweep, outputs: Sequence[Output]) -> Results:
    kernels, values, first = _kernels("decay"), sweep.values, outputs[0]
    weights, found = np.empty(len(values)), sweep.empty()
    kernels.weigh(sweep.groups.folded.times, sweep.hop_ns(first), 2.0, weights)
    sweep.run(kernels.take_decayed, first, values, first.column, weights, found)
    yield from ((output, found) for output in outputs)


_CARRY_OUT: Final[dict[str, Callable[[Sweep, Sequence[Output]], Results]]] = {
    "count": _totals,
    "sum": _totals,
    "mean": _totals,
    "min": _least,
    "max": _least,
    "last": _last,
    "rate": _events,
    "distinct": _distinct,
    "quantile": _quantiles,
    "decayed_mean": _decayed,
}
