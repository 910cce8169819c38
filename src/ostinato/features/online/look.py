# mypy: allow-untyped-defs
# ruff: noqa: ANN001, ANN201, ANN202, PLR0917 - Numba finds the types of what it compiles
"""Looking up: all windows of a key, from its newest tile back.

The outputs of a cell stand in order of their windows, so that each tile is met once for all of
them. Every function here but the first reads one kind of cell; a `ring` is given as
(at, size, head, count, words).
"""

from __future__ import annotations

import math

from ostinato.features.online.kernel import kernel
from ostinato.features.online.layout import (
    AT,
    BUCKETS,
    CELLS,
    CELLS_END,
    DECAYED,
    DEFAULT,
    DISTINCT,
    EVENTS,
    FEATURE,
    HOP,
    KEY,
    KIND,
    LAST,
    LEVELS,
    LEVELS_END,
    LIMIT,
    MAX,
    MIN,
    OUTPUTS,
    OUTPUTS_END,
    PRESENT,
    RING,
    SUM,
    TILE_WORDS,
)
from ostinato.features.online.numbers import (
    decayed,
    extremes,
    latest,
    numbers_of_events,
    sums,
)
from ostinato.features.online.rings import read_state
from ostinato.features.online.sketches import different, quantiles
from ostinato.features.online.table import find_slot


@kernel
def look(
    tallies,
    levels,
    cells,
    outputs,
    numbers,
    table,
    pool,
    keys,
    there,
    times,
    hashes,
    counts,
    found,
):
    """Compute all windowed features of some requests.

    Parameters
    ----------
    tallies, levels, cells, outputs, numbers
        The layout.
    table, pool
        The state, only read.
    keys, there
        (n, keys) hash of each key, and whether it is there.
    times
        (n,) when the requests are.
    hashes, counts
        Room to work in, see `sketches`.
    found
        (n, features), filled; NaN where missing.

    Returns
    -------
    int
        How many values are missing.
    """
    floats = pool.view(found.dtype)
    missing = 0
    for row in range(len(times)):
        values = found[row]
        for tally in range(len(tallies)):
            key = tallies[tally, KEY]
            slot = find_slot(table, pool, tally, keys[row, key]) if there[row, key] else -1
            for level in range(tallies[tally, LEVELS], tallies[tally, LEVELS_END]):
                at, state = -1, 0
                if slot >= 0:
                    at, state = (
                        pool[slot + levels[level, RING]],
                        pool[slot + levels[level, RING] + 1],
                    )
                size, head, count = read_state(state)
                ring = (at, size, head, count, levels[level, TILE_WORDS])
                when = (times[row], levels[level, HOP])
                for cell in range(levels[level, CELLS], levels[level, CELLS_END]):
                    span = slice(cells[cell, OUTPUTS], cells[cell, OUTPUTS_END])
                    mine, told = outputs[span], numbers[span]
                    if there[row, key]:
                        _look_at(
                            pool,
                            floats,
                            ring,
                            cells[cell],
                            when,
                            mine,
                            told,
                            values,
                            hashes,
                            counts,
                        )
                    else:
                        for output in range(len(mine)):
                            values[mine[output, FEATURE]] = math.nan
        for output in range(len(outputs)):
            feature = outputs[output, FEATURE]
            if math.isnan(values[feature]):
                values[feature] = numbers[output, DEFAULT]
                missing += math.isnan(values[feature])
    return missing


@kernel
def _look_at(pool, floats, ring, cell, when, outputs, numbers, values, hashes, counts):
    """Fill in the outputs of a cell."""
    kind, where = cell[KIND], cell[AT]
    if kind in (EVENTS, PRESENT):
        numbers_of_events(pool, ring, where, when, outputs, numbers, values)
    elif kind == SUM:
        sums(pool, ring, where, when, outputs, values)
    elif kind == MIN:
        extremes(pool, floats, ring, where, when, outputs, values, 1.0)
    elif kind == MAX:
        extremes(pool, floats, ring, where, when, outputs, values, -1.0)
    elif kind == LAST:
        latest(pool, floats, ring, where, when, outputs, values)
    elif kind == DECAYED:
        decayed(pool, ring, where, when, outputs, values)
    elif kind == DISTINCT:
        different(pool, ring, where, when, outputs, values, cell[LIMIT], hashes)
    elif kind == BUCKETS:
        quantiles(pool, ring, where, when, outputs, numbers, values, counts)
