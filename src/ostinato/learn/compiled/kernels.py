"""The inner loops: a walk through trees, a folded linear model, powers in single precision.

They are plain functions that Numba compiles with one fixed signature each. The machine code is
kept on disk (beside this file, or in the user's cache folder where this one is read-only), so that
a machine compiles once. Importing Numba takes about a second, hence it is done on first use.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np

from ostinato.learn.columns import NUMBER_MAX
from ostinato.learn.compiled.form import Unsupported

Kernel = Callable[..., None]

ZERO: Final = float(np.float32(1e-35))
"""LightGBM counts numbers this close to zero as zero (`kZeroThreshold` in its `meta.h`)."""

MISSING_LEFT: Final = 1
"""Flag of a node: rows that are missing go to the left."""
ZERO_MISSING: Final = 2
"""Flag of a node: zeros are missing."""
CATEGORY: Final = 4
"""Flag of a node: it sends some codes to the left."""
LEAF: Final = 8
"""Flag of a node: it is a leaf."""
SHIFT: Final = 4
"""Bits that flags take."""
TOGETHER: Final = 8
"""Trees walked in step. Smaller: waits longer for memory; larger: waits longer for the deepest."""

_WALK: Final = "(f8[:,::1],i4[:,::1],f8[::1],i4[:,::1],u4[::1],f8[:,::1],f8[::1],u1,f8[:,::1])"
_FOLD: Final = "(f8[:,::1],f8[:,::1],i8[::1],f8[:,::1],f8[:,::1],f8[:,::1],f8[::1],f8[:,::1])"

_SINGLE: Final = "(f8[:,::1],f8[:,::1])"

ROUND_ROWS: Final = 1
"""Option of a walk: features are read in single precision."""
ROUND_SUMS: Final = 2
"""Option of a walk: sums are kept in single precision."""
ROUND_ZEROS: Final = 4
"""Option of a walk: numbers as close to zero as `ZERO` are read as zero."""


@cache
def walk_kernel() -> Kernel:
    """Return the compiled `_walk`.

    Raises
    ------
    Unsupported
        If Numba is not installed.
    """
    return _compiled(_walk, _WALK)


@cache
def fold_kernel() -> Kernel:
    """Return the compiled `_fold`.

    Raises
    ------
    Unsupported
        If Numba is not installed.
    """
    return _compiled(_fold, _FOLD)


@cache
def single_kernel() -> Kernel:
    """Return the compiled `_single`.

    Raises
    ------
    Unsupported
        If Numba is not installed.
    """
    return _compiled(_single, _SINGLE)


def _compiled(function: Kernel, arguments: str) -> Kernel:
    try:
        numba: Any = importlib.import_module("numba")
    except ImportError as error:
        raise Unsupported("Numba is not installed (pip install 'ostinato[live]')") from error
    signature = f"void{arguments}"
    try:
        kernel: Kernel = numba.njit(signature, nogil=True, cache=True)(function)
    except RuntimeError:  # no folder to write to: neither beside this file nor in the user's cache
        kernel = numba.njit(signature, nogil=True)(function)
    return kernel


def _walk(rows, nodes, thresholds, trees, bits, values, start, options, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202, C901, PLR0912, PLR0917 - one loop
    """Add what the leaves say to `start`, tree by tree.

    Parameters
    ----------
    rows
        (n, features); rounded and cleaned in place.
    nodes
        (nodes, 4): feature, left child, right child, and flags with, from bit `SHIFT` on, an index.
        A leaf is its own child; its index is its row in `values`. That of a category is the first
        of its words in `bits`.
    thresholds
        (nodes,): numbers up to here go to the left.
    trees
        (trees, 2): the root, and the first column of `out` that the leaves add to.
    bits
        Words of 32 codes; 1 goes to the left.
    values
        (leaves, width): what a leaf adds.
    start
        (k,): where the sums begin.
    options
        `ROUND_ROWS`, `ROUND_SUMS`, `ROUND_ZEROS`.
    out
        (n, k): the sums.
    """
    # A step waits for memory and the processor guesses every second turn wrong, so that a few trees
    # are walked in step; one of them at a time takes 1.4 times as long.
    current = np.empty(TOGETHER, np.int64)
    count = trees.shape[0]
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            value = rows[i, j]
            if abs(value) > NUMBER_MAX:
                rows[i, j] = np.nan
            elif options & ROUND_ROWS:
                rows[i, j] = np.float64(np.float32(value))
            elif options & ROUND_ZEROS and abs(value) <= ZERO:
                rows[i, j] = 0.0
        for k in range(out.shape[1]):
            out[i, k] = start[k]
        for block in range(0, count, TOGETHER):
            size = min(TOGETHER, count - block)
            for t in range(size):
                current[t] = trees[block + t, 0]
            ended = 0
            while ended == 0:
                ended = LEAF
                for t in range(size):
                    node = current[t]
                    flags = nodes[node, 3]
                    value = rows[i, nodes[node, 0]]
                    if flags & CATEGORY and not np.isnan(value):
                        code = int(value)
                        word = bits[(flags >> SHIFT) + (code >> 5)]
                        left = np.int64((word >> np.uint32(code & 31)) & np.uint32(1))
                    elif flags & ZERO_MISSING and value == 0.0:
                        left = np.int64(flags & MISSING_LEFT)
                    else:
                        missing_left = np.int64(np.isnan(value)) & np.int64(flags & MISSING_LEFT)
                        left = np.int64(value <= thresholds[node]) | missing_left
                    current[t] = nodes[node, 2 - left]
                    ended &= flags
            for t in range(size):
                leaf = nodes[current[t], 3] >> SHIFT
                first = trees[block + t, 1]
                for k in range(values.shape[1]):
                    total = out[i, first + k] + values[leaf, k]
                    if options & ROUND_SUMS:
                        total = np.float64(np.float32(total))
                    out[i, first + k] = total


def _fold(rows, numbers, offsets, weights, flags, table, start, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled by its signature
    """Add what each feature contributes to `start`.

    Parameters
    ----------
    rows
        (n, features): numbers, and codes of categories.
    numbers
        (features, 4): mean, scale, the standardised value where it is missing, the largest one.
    offsets
        (features,): the first row of a category in `table`; -1 for a number.
    weights
        (features, k): per standardised number.
    flags
        (features, k): added where a number is missing.
    table
        (codes, k): what a category contributes.
    start
        (k,): the intercepts.
    out
        (n, k): the sums.
    """
    for i in range(rows.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = start[k]
        for j in range(rows.shape[1]):
            value = rows[i, j]
            if offsets[j] >= 0:
                for k in range(out.shape[1]):
                    out[i, k] += table[offsets[j] + int(value), k]
            elif abs(value) <= NUMBER_MAX:
                scaled = (value - numbers[j, 0]) / numbers[j, 1]
                limited = min(max(scaled, -numbers[j, 3]), numbers[j, 3])
                for k in range(out.shape[1]):
                    out[i, k] += limited * weights[j, k]
            else:
                for k in range(out.shape[1]):
                    out[i, k] += numbers[j, 2] * weights[j, k] + flags[j, k]


def _single(values, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - compiled by its signature
    """Write exp of values, taken in single precision by the C library; both (n, k)."""
    for i in range(values.shape[0]):
        for k in range(values.shape[1]):
            out[i, k] = np.float64(np.exp(np.float32(values[i, k])))
