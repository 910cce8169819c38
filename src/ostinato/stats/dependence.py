"""Losses that resemble their neighbours: how many to take together, and what they are worth.

In: losses in order of time, less what is usual at their hour. Out: a block length, and how many
dependent rows count for one independent one. No state. A sequential test that allows each loss a
mean given the past is upset by runs of errors that end by themselves; means over blocks are not.
"""

from typing import Final

import numpy as np

from ostinato.stats.arrays import FloatArray

ALIKE: Final = 0.1
"""Correlation of neighbouring blocks that is small enough. Smaller: longer blocks, later alarms;
larger: runs of errors that end by themselves are taken for a change."""

FEWEST_BLOCKS: Final = 50
"""Blocks that a correlation is judged on. With fewer it cannot be told from chance."""


def block_means(values: FloatArray, size: int) -> FloatArray:
    """Return the means of whole blocks of ``size`` neighbours, (n // size,); the rest is left."""
    whole = values.size // size * size
    means: FloatArray = values[:whole].reshape(-1, size).mean(axis=1)
    return means


def block_size(residuals: FloatArray, *, most: int = 256) -> int:
    """Return how many neighbours to take together so that blocks hardly resemble each other.

    Parameters
    ----------
    residuals
        (n,), losses less their expected value, in order of time.
    most
        largest block, >= 1.

    Returns
    -------
    int
        the smallest power of 2 at which the correlation of neighbouring block means is at most
        ``ALIKE``, or cannot be told from 0 at two standard errors; the largest one that leaves
        ``FEWEST_BLOCKS`` blocks where none is. 1 for independent losses.

    Source: batch means, Schmeiser 1982, "Batch size effects in the analysis of simulation output",
    Operations Research 30; standard error 1 / sqrt(n) of a correlation, Bartlett 1946.

    Examples
    --------
    >>> runs = np.repeat(np.tile([1.0, -1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0], 60), 8)
    >>> block_size(runs), block_size(np.tile([1.0, -1.0], 200))
    (8, 1)
    """
    size = 1
    while size * 2 <= most and residuals.size // (size * 2) >= FEWEST_BLOCKS:
        means = block_means(residuals, size)
        if neighbour_correlation(means) <= max(ALIKE, 2.0 / np.sqrt(means.size)):
            break
        size *= 2
    return size


def neighbour_correlation(values: FloatArray) -> float:
    """Return the correlation of each value with the next; 0 where nothing varies."""
    if not values.size or values.min() == values.max():
        return 0.0
    centred = values - values.mean()
    return float(centred[1:] @ centred[:-1]) / float(centred @ centred)


def design_effect(residuals: FloatArray, size: int) -> float:
    """Return how many rows count for one independent row in a mean, at least 1.

    Parameters
    ----------
    residuals
        (n,), losses less their expected value, in order of time.
    size
        block length from which on blocks count as independent, see ``block_size``.

    Source: variance of the block means times the length over the variance of the rows; Kish 1965,
    "Survey Sampling", section 8.2.
    """
    if size == 1 or residuals.min() == residuals.max():
        return 1.0
    return max(1.0, size * float(block_means(residuals, size).var() / residuals.var()))
