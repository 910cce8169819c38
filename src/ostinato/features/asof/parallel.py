"""Compiled passes over parts of the keys at once, in threads: they hold no lock while they run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Final

import numpy as np

from ostinato.core.records import Ints

_PARTS_A_WORKER: Final = 4
"""Smaller: threads wait for the slowest; larger: passes begin anew more often."""

Parts = Sequence[tuple[int, int]]
"""(first, end) of ranges of keys."""

Pass = tuple[Callable[..., Any], tuple[Any, ...]]
"""A compiled function and its arguments."""


def cut(work: Ints, workers: int) -> Parts:
    """Cut keys into ranges of about the same work.

    Parameters
    ----------
    work
        (keys + 1,) not decreasing: the work of all keys before each.
    workers
        Threads; one gets a single range.

    Examples
    --------
    >>> cut(np.array([0, 90, 95, 100, 105, 110]), workers=1)
    [(0, 5)]
    >>> cut(np.array([0, 90, 95, 100, 105, 110]), workers=2)
    [(0, 1), (1, 3), (3, 5)]
    """
    keys = len(work) - 1
    wanted = 1 if workers == 1 else workers * _PARTS_A_WORKER
    marks = np.linspace(work[0], work[-1], wanted + 1)[1:-1]
    inner = np.searchsorted(work, marks)
    ends = sorted({0, *inner.tolist(), keys})
    return list(pairwise(ends))


def run(passes: Sequence[Pass], workers: int) -> None:
    """Run passes, some at once; what they return is dropped."""
    if workers == 1 or len(passes) == 1:
        for function, arguments in passes:
            function(*arguments)
        return
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(function, *arguments) for function, arguments in passes]:
            done.result()
