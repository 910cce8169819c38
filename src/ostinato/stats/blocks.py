"""Products of many bets over many events, block by block: the inner loop of the e-processes.

In: what one unit of bet gains at each event. Out: the running product of each bet inside blocks of
events, and what e-detectors make of it. State: none. A block is short enough that its products
neither overflow nor vanish; a log per block then does the work of a log per event.
"""

import math

import numpy as np

from ostinato.stats.arrays import FloatArray, IntArray

_FEW = 12  # blocks from which a row of all blocks is long enough to be worth a call of its own


def products(gains: FloatArray, bets: FloatArray, width: int) -> FloatArray:
    """Return the running product of 1 + bet * gain inside each block.

    Parameters
    ----------
    gains
        (n,), n >= 1; bets * gains > -1.
    bets
        (k,).
    width
        events per block, >= 1; the block is as short as the batch where that is shorter.

    Returns
    -------
    FloatArray
        (width, blocks, k); the last product of the last block is repeated where events are missing.
    """
    width = min(width, gains.size)
    blocks = -(-gains.size // width)
    padded = np.zeros(blocks * width)
    padded[: gains.size] = gains
    rows = padded.reshape(blocks, width).T
    # The result lies in memory as the gains do: event by event where there are many blocks.
    product = (np.ascontiguousarray(rows) if blocks >= _FEW else rows)[:, :, None] * bets
    product += 1.0
    return accumulate(np.multiply, product)


def sums_before(product: FloatArray, lengths: IntArray) -> FloatArray:
    """Return the sum of 1 / product over the events of the block before each.

    Parameters
    ----------
    product
        (width, blocks, k), from ``products``.
    lengths
        (blocks,), events of each block; what only fills a block adds nothing.
    """
    earlier = np.empty_like(product)
    earlier[0] = 0.0
    np.divide(1.0, product[:-1], out=earlier[1:])
    if lengths.min() < len(product):
        earlier[np.arange(len(product))[:, None] >= lengths] = 0.0
    return accumulate(np.add, earlier)


def mixture(product: FloatArray, earlier: FloatArray, start: FloatArray) -> FloatArray:
    """Log of the evidence at each event of each block, (width, blocks).

    Parameters
    ----------
    product, earlier
        (width, blocks, k), from ``products`` and ``sums_before``; ``earlier`` is used up.
    start
        (blocks, k), log(1 + M) of each component before the block.
    """
    # Scaled by the largest component of each block against overflow.
    top = start.max(axis=1, keepdims=True)
    earlier *= np.exp(-top)
    earlier += np.exp(start - top)
    log_e: FloatArray = np.log(np.einsum("wbk,wbk->wb", earlier, product))
    log_e += top[:, 0] - math.log(product.shape[2])
    return log_e


def lowest_places(product: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the lowest product of each block and its last place, from 1; (blocks, k) each."""
    lowest: FloatArray = product.min(axis=0)
    # argmax finds the first True of the reversed rows.
    places: IntArray = len(product) - (product == lowest)[::-1].argmax(axis=0)
    return lowest, places


def accumulate(operation: np.ufunc, values: FloatArray) -> FloatArray:
    """Run an operation over the first axis of (width, blocks, k), in place."""
    # Row by row is twice as fast as ufunc.accumulate where rows are long, and slower where they
    # are short; both give the same bits.
    if values.shape[1] < _FEW:
        by_block = values.transpose(1, 0, 2)
        operation.accumulate(by_block, axis=1, out=by_block)
        return values
    for row in range(1, len(values)):
        operation(values[row], values[row - 1], out=values[row])
    return values
