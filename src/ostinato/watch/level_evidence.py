"""Weigh a window of `Level` streams: how far beyond their borders their means lie."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.stats.window_levels import level_interval, level_log_e_values
from ostinato.stats.window_memory import carried
from ostinato.stats.window_runs import gathered, mixed
from ostinato.watch.level_lines import LevelLines, LevelWindow
from ostinato.watch.measured import NO_CELL, Bools, Measured

FEWEST_ROWS: Final = 10
"""Rows from which on the mean of numbers that vary from row to row is weighed. Fewer: a window of
three rows with one outlier speaks, as means of so few are not normal; more: small slices are not
watched."""


def weigh_short(lines: LevelLines, window: LevelWindow, least: float) -> Measured:
    """Weigh a short window by itself; return the streams whose log evidence is large enough."""
    if not lines.names:
        return Measured.nothing()
    out = (window.mean > lines.borders[:, 0]) | (-window.mean > lines.borders[:, 1])
    if not out.any():
        return Measured.nothing()
    streams = np.flatnonzero(out & lines.ready & lines.ready_fast & _enough(window))
    if not len(streams):
        return Measured.nothing()
    against = replace(lines.against.taken(streams), between_high=lines.fast_between[streams])
    found = level_log_e_values(
        window.rows[streams],
        window.mean[streams],
        window.deviation[streams],
        against,
        lines.borders[streams],
    )
    log_e = mixed(found, streams, lines.live)
    return _measured(lines, window, log_e, np.flatnonzero(log_e >= least))


def weigh_long(lines: LevelLines, window: LevelWindow, from_ns: int) -> Measured:
    """Weigh a long window of streams that have their reference, with what came before."""
    if not lines.names:
        return Measured.nothing()
    lines.absent = np.where(window.rows > 0.0, 0, lines.absent + 1)
    usable = lines.ready & _enough(window) & lines.against.scaled
    seen = np.stack([lines.before, -lines.before], axis=1)
    borders = lines.borders + carried(seen, lines.borders, lines.common.persistence)
    rows = np.where(usable, window.rows, 1.0)
    found = level_log_e_values(rows, window.mean, window.deviation, lines.against, borders)
    everything = np.arange(len(lines.names))
    before = mixed(lines.log_sr, everything, lines.live)
    lines.log_sr = np.where(usable[:, None, None], gathered(lines.log_sr, found), lines.log_sr)
    lines.before = np.where(window.rows > 0.0, window.mean, lines.before)
    lines.since_ns = np.where(before <= 0.0, from_ns, lines.since_ns)
    log_e = mixed(lines.log_sr, everything, lines.live)
    return _measured(lines, window, log_e, np.flatnonzero(usable))


def why_not(lines: LevelLines, window: LevelWindow) -> dict[str, str]:
    """Say why streams with a reference were not weighed in a long window."""
    there = lines.ready & (window.rows > 0.0)
    few = np.flatnonzero(there & ~_enough(window)).tolist()
    flat = np.flatnonzero(there & ~lines.against.scaled).tolist()
    told = {lines.names[p]: f"{window.rows[p]:g} rows are too few for a mean" for p in few}
    always = "it was always 0: nothing says what a large move is"
    return told | {lines.names[place]: always for place in flat}


def _enough(window: LevelWindow) -> Bools:
    lone = (window.rows > 0.0) & (window.deviation == 0.0)
    enough: Bools = lone | (window.rows >= FEWEST_ROWS)
    return enough


def _measured(lines: LevelLines, window: LevelWindow, log_e: Floats, streams: Ints) -> Measured:
    if not len(streams):
        return Measured.nothing()
    against, value = lines.against.taken(streams), window.mean[streams]
    low, high = level_interval(window.rows[streams], value, window.deviation[streams], against)
    return Measured(
        names=[lines.names[place] for place in streams.tolist()],
        value=value,
        reference=against.mean,
        low=low,
        high=high,
        floor=against.floor,
        log_e=log_e[streams],
        cell=np.full(len(streams), NO_CELL),
        since_ns=lines.since_ns[streams],
    )
