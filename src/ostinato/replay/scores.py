"""Answer for the models: scores of any version on any row, computed in blocks and kept a while.

A model's score of a row depends on the row alone, so asking for one hour's rows can score the
whole block they lie in. Blocks begin at fixed rows and have a fixed size whatever was asked, so
the numbers do not depend on who asked first, or on what follows in the data.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from ostinato.core.clock import Stopwatch
from ostinato.core.errors import LearnerError, LoopError
from ostinato.core.records import Floats, RequestsArrived
from ostinato.learn.model import Model

BLOCK: Final = 8192
"""Rows scored at once. Small blocks pay the estimator's fixed cost per call again and again; large
ones score rows that are never asked for."""

CACHE_BYTES: Final = 256 * 1024**2


@dataclass(slots=True)
class ModelScores:
    """Scores of all models of a run on one frame; shared by the policies of a comparison.

    `spent_seconds` is the processor time spent on scoring so far; a block that is held costs none.
    """

    frame: pl.DataFrame
    models: dict[str, Model] = field(default_factory=dict)
    blocks: OrderedDict[tuple[str, int], tuple[Floats, float]] = field(default_factory=OrderedDict)
    held_bytes: int = 0
    spent_seconds: float = 0.0
    exact: set[tuple[str, int]] = field(default_factory=set)

    def add(self, artifact: str, model: Model) -> None:
        """Make a model known under the hash of its artifact."""
        self.models[artifact] = model

    def range(self, artifact: str, start: int, stop: int) -> tuple[Floats, float]:
        """Return scores of rows [start, stop) and the seconds they stand for.

        Raises
        ------
        LearnerError
            If the model fails on these very rows.
        """
        pieces, seconds = [], 0.0
        for block in range(start // BLOCK, (stop - 1) // BLOCK + 1):
            low, high = max(start, block * BLOCK), min(stop, (block + 1) * BLOCK)
            scores, per_row = self._block(artifact, block, low, high)
            pieces.append(scores)
            seconds += per_row * (high - low)
        return (pieces[0] if len(pieces) == 1 else np.concatenate(pieces)), seconds

    def table(self, artifact: str, part: pl.DataFrame) -> Floats:
        """Return scores of the rows of any table of features; blocks are not kept for these."""
        return self._score(artifact, part)[0]

    def _block(self, artifact: str, block: int, low: int, high: int) -> tuple[Floats, float]:
        key = (artifact, block)
        first = block * BLOCK
        held = self.blocks.get(key)
        if held is not None:
            self.blocks.move_to_end(key)
        elif key not in self.exact:
            try:
                held = self._score_block(artifact, first)
            except LearnerError:
                # Some row of the block is bad, perhaps a later one: ask for these rows alone.
                self.exact.add(key)
            else:
                self._keep(key, held)
        if held is not None:
            return held[0][low - first : high - first], held[1]
        return self._score(artifact, self.frame[low:high])

    def _score_block(self, artifact: str, first: int) -> tuple[Floats, float]:
        part = self.frame[first : first + BLOCK]
        size = part.height
        if size < BLOCK:  # the last block is filled up, so that every call has the same shape
            part = pl.concat([part, part[[size - 1] * (BLOCK - size)]])
        scores, per_row = self._score(artifact, part)
        return scores[:size].copy(), per_row

    def _score(self, artifact: str, part: pl.DataFrame) -> tuple[Floats, float]:
        model = self.models.get(artifact)
        if model is None:
            raise LoopError("A version is asked to score before it is loaded", found=artifact)
        watch = Stopwatch()
        with watch, threadpool_limits(1):
            scores = model.score(part)
        self.spent_seconds += watch.cpu_seconds
        return scores, watch.cpu_seconds / max(part.height, 1)

    def _keep(self, key: tuple[str, int], held: tuple[Floats, float]) -> None:
        self.blocks[key] = held
        self.held_bytes += held[0].nbytes
        while self.held_bytes > CACHE_BYTES:
            _, (dropped, _) = self.blocks.popitem(last=False)
            self.held_bytes -= dropped.nbytes


@dataclass(slots=True)
class ReplayScorer:
    """The `Scorer` of one policy's run: versions by name, seconds spent on what was asked."""

    scores: ModelScores
    artifacts: dict[str, str] = field(default_factory=dict)
    predict_seconds: float = 0.0

    def score(self, version: str, requests: RequestsArrived) -> Floats:
        start = requests.offset
        found, seconds = self.scores.range(self.artifacts[version], start, start + len(requests))
        self.predict_seconds += seconds
        return found
