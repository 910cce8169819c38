"""The last tick of a replay: history ends with its last row, and what is watched with it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.replay.run import ticks


def test_the_last_tick_is_no_later_than_the_history_so_that_its_end_is_no_silence():
    times = np.arange(0, 60) * HOUR_NS
    history = SimpleNamespace(times_ns=times, first=24, start_ns=DAY_NS)
    assert list(ticks(history, "1d")) == [(2 * DAY_NS, 48), (59 * HOUR_NS + 1, 60)]
