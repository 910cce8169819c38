"""Tell the kernel of inputs as counts, exactly as a replay of the same rows does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ostinato.core.records import Record
from ostinato.core.watched import InputsSummarised
from ostinato.live.engine.feed import Turn
from ostinato.live.schema import InputSchema
from ostinato.loop.watching import Sights
from ostinato.replay.history import History
from ostinato.replay.inputs import Inputs
from ostinato.watch.summarise import Summariser


@dataclass(frozen=True, slots=True)
class InputsTold:
    """Summaries of what was served: a function of the history before the start and of the log.

    Parameters
    ----------
    history
        The rows before the start.
    schema
        What rows look like.
    sights
        Widths of windows.
    summariser
        What counts.
    """

    history: History
    schema: InputSchema
    sights: Sights
    summariser: Summariser

    def of(self, turn: Turn) -> list[Record]:
        """Summarise the rows of a tick; with the first one come those before the start."""
        if turn.tick == 0:
            return Inputs.of(self.history, self.sights).before(turn.now_ns)
        return [self._summary(turn)] if turn.requests else []

    def _summary(self, turn: Turn) -> InputsSummarised:
        rows = [row for each in turn.requests for row in each.rows]
        return self.summariser.count(
            self.schema.frame(rows).select(self.history.frame.columns),
            np.concatenate([each.answered.times_ns for each in turn.requests]),
            np.concatenate([each.answered.groups for each in turn.requests]),
            now_ns=turn.now_ns,
        )


def inputs_told(history: History, schema: InputSchema, sights: Sights | None) -> InputsTold | None:
    """Return what tells of inputs; None where they are not watched."""
    if sights is None or sights.grid is None:
        return None
    summariser = Summariser(sights.grid, sights.slice_groups, sights.fast_ns)
    return InputsTold(history, schema, sights, summariser)
