"""Trees of any library as flat arrays, and the walk through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.learn.compiled.dense import Dense
from ostinato.learn.compiled.form import Form, Link, Row, Unsupported
from ostinato.learn.compiled.kernels import CATEGORY, LEAF, SHIFT, walk_kernel
from ostinato.learn.compiled.rows import Coder
from ostinato.learn.encoding import Encoding

INLINE_STEPS_MAX: Final = 20_000
"""Steps of a row through all trees, some 10 ns each, up to which it may be scored in an event loop.
Larger: one row holds up all others for longer than most requests take."""
CACHED_NODES: Final = 200_000
"""Nodes that stay in a processor's cache (5 MB). Beyond, a step is counted as ten."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One tree. Node 0 is the root.

    Parameters
    ----------
    feature
        (nodes,): position of the column in the encoding; -1 in a leaf.
    threshold
        (nodes,): numbers up to here go to the left.
    left, right
        (nodes,): the children.
    flags
        (nodes,): see `ostinato.learn.compiled.kernels`.
    values
        (nodes, width): what a leaf adds to the sums, from column `first` on.
    first
        The first column.
    lefts
        Per node that splits categories, whether each code goes to the left.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    flags: Ints
    values: Floats
    first: int = 0
    lefts: dict[int, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grove:
    """All trees of a model, in the arrays that the walk takes, by the names they have there.

    `steps` is about how many nodes a row passes, in steps of 10 ns.
    """

    nodes: NDArray[np.int32]
    thresholds: Floats
    trees: NDArray[np.int32]
    bits: NDArray[np.uint32]
    values: Floats
    start: Floats
    options: int
    steps: float

    @classmethod
    def of(cls, trees: Sequence[Tree], start: Floats, *, options: int = 0) -> Grove:
        """Lay out trees one behind the other, in the order in which their leaves are added.

        Raises
        ------
        Unsupported
            If there is no tree.
        """
        if not trees:
            raise Unsupported("the model has no trees")
        sizes = [len(tree.feature) for tree in trees]
        roots = np.concatenate(([0], np.cumsum(sizes)[:-1]))
        nodes, values = _joined(trees, roots)
        words = [np.zeros(1, dtype=np.uint32)]
        place = 1
        for tree, root in zip(trees, roots, strict=True):
            for node, lefts in tree.lefts.items():
                words.append(_packed(lefts))
                nodes[root + node, 3] += place << SHIFT
                place += len(words[-1])
        return cls(
            nodes=nodes,
            thresholds=np.concatenate([t.threshold for t in trees]).astype(np.float64),
            trees=np.column_stack((roots, [tree.first for tree in trees])).astype(np.int32),
            bits=np.concatenate(words),
            values=values,
            start=np.ascontiguousarray(start, dtype=np.float64),
            options=options,
            steps=_steps(sizes),
        )

    def corners(self, features: int) -> tuple[Floats, ...]:
        """Return, per feature, the thresholds of its numeric splits."""
        feature, flags = self.nodes[:, 0], self.nodes[:, 3]
        numeric = (flags & (CATEGORY | LEAF)) == 0
        return tuple(np.unique(self.thresholds[(feature == j) & numeric]) for j in range(features))


def grove_form(grove: Grove, link: Link, encoding: Encoding) -> Form:
    """Return the form that codes rows, walks the trees and applies `link` to the (n, k) sums.

    Raises
    ------
    Unsupported
        If Numba is not installed.
    """
    kernel, coder = walk_kernel(), Coder(encoding)
    nodes, thresholds, trees, bits = grove.nodes, grove.thresholds, grove.trees, grove.bits
    values, start, options, width = grove.values, grove.start, grove.options, len(grove.start)
    expand = Dense(encoding.expansion) if encoding.expansion is not None else None

    def score(rows: Sequence[Row]) -> Floats:
        matrix = coder.matrix(rows) if expand is None else expand(coder.clean(rows))
        out = np.empty((len(rows), width))
        kernel(matrix, nodes, thresholds, trees, bits, values, start, options, out)
        return link(out)

    return Form(
        name="trees",
        inline=grove.steps <= INLINE_STEPS_MAX,
        score=score,
        corners=grove.corners(len(encoding.columns)) if expand is None else (),
    )


def _steps(sizes: Sequence[int]) -> float:
    # A balanced tree of n nodes is log2(n) deep; those that are not are seldom walked deep.
    steps = float(sum(1.0 + np.log2(size) for size in sizes))
    return steps if sum(sizes) <= CACHED_NODES else 10.0 * steps


def _joined(trees: Sequence[Tree], roots: Ints) -> tuple[NDArray[np.int32], Floats]:
    nodes, values, leaves = [], [], 0
    for tree, root in zip(trees, roots, strict=True):
        leaf = tree.feature < 0
        row, itself = leaves + np.cumsum(leaf) - 1, root + np.arange(len(leaf))
        feature = np.where(leaf, 0, tree.feature)
        left = np.where(leaf, itself, tree.left + root)
        right = np.where(leaf, itself, tree.right + root)
        flags = np.where(leaf, LEAF + (row << SHIFT), tree.flags)
        nodes.append(np.column_stack((feature, left, right, flags)))
        values.append(tree.values[leaf])
        leaves += int(leaf.sum())
    return np.concatenate(nodes).astype(np.int32), np.concatenate(values).astype(np.float64)


def _packed(lefts: NDArray[np.bool_]) -> NDArray[np.uint32]:
    padded = np.zeros(-(-len(lefts) // 32) * 32, dtype=bool)
    padded[: len(lefts)] = lefts
    return np.packbits(padded, bitorder="little").view("<u4").astype(np.uint32)
