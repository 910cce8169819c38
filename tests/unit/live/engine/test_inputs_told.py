"""What monitors know beforehand, and how inputs are counted, is the same after every start."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from ostinato.core import snapshot
from ostinato.live.engine.bootstrap import open_folder
from ostinato.live.engine.feed import Feed, beginning
from ostinato.replay.inputs import inputs_of
from ostinato.replay.sights import sights_of
from ostinato.stores.eventlog_sqlite import SqliteEventLog


@pytest.fixture
def begun(make_play: Callable[..., Any]) -> Any:
    """A service that was told a few ticks."""
    play = make_play()
    with ExitStack() as stores:
        play.live_until(play.engine(stores), 6)
    return play


def test_windows_and_cells_are_those_of_a_replay_after_every_start(begun: Any) -> None:
    replayed = sights_of(begun.loop, begun.history)
    assert replayed is not None
    assert replayed.grid is not None
    for _ in range(2):
        found = open_folder(begun.layout).sights
        assert snapshot.encode(found) == snapshot.encode(replayed)
        assert found.grid.digest == replayed.grid.digest


def test_inputs_of_a_tick_are_counted_as_a_replay_counts_them(begun: Any) -> None:
    folder, history = open_folder(begun.layout), begun.history
    replayed = inputs_of(folder.sights, history)
    assert folder.inputs is not None
    assert replayed is not None
    with SqliteEventLog(begun.layout.events, readonly=True) as log:
        turns = list(Feed(folder.schema, beginning(folder.schema)).turns(log))
    before = replayed.before(turns[0].now_ns)
    assert snapshot.encode(folder.inputs.of(turns[0])) == snapshot.encode(before)
    row, counted = history.first, 0
    for turn in turns[1:]:
        rows = sum(len(each.answered) for each in turn.requests)
        found = folder.inputs.of(turn)
        expected = [replayed.tell(row, row + rows, turn.now_ns)] if rows else []
        assert snapshot.encode(found) == snapshot.encode(expected)
        row, counted = row + rows, counted + int(sum(np.sum(each.rows) for each in found))
    assert counted == row - history.first > 0
