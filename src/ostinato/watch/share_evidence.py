"""Weigh a window of `Shares` streams: how far beyond their borders their sets lie."""

from __future__ import annotations

import math

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.stats.window_memory import carried
from ostinato.stats.window_runs import gathered, mixed
from ostinato.stats.window_shares import share_interval, share_log_e_values, window_deviation
from ostinato.watch.measured import Measured, strongest
from ostinato.watch.share_lines import ShareLines
from ostinato.watch.share_sets import REST

_NOTABLE = 2.0  # deviations beyond the border below which a short window is not weighed


def weigh_short(lines: ShareLines, counts: Floats, least: float) -> Measured:
    """Weigh a short window by itself; return the streams whose log evidence is large enough."""
    if not len(lines.screen.sets):
        return Measured.nothing()
    sets, hits, n = lines.screen.beyond(counts)
    if not len(sets):
        return Measured.nothing()
    borders, alike, sides = lines.borders[sets], lines.fast_alike[sets], _sides(hits / n)
    deviation = window_deviation(borders, n[:, None], alike[:, None])
    beyond = sides - borders
    # No log e-value exceeds z^2 / 2 (`believed`), nor does a mean of them.
    if not (beyond >= math.sqrt(2.0 * least) * deviation).any():
        return Measured.nothing()
    wanted = beyond > _NOTABLE * deviation
    found = share_log_e_values(hits, n, borders, alike, wanted)
    log_e = mixed(found, lines.owner[sets], lines.live)
    streams = np.flatnonzero(log_e >= least)
    if not len(streams):
        return Measured.nothing()
    rows = lines.cells.rows(counts)
    every = rows[lines.owner]
    share = lines.hits(counts, rows) / np.maximum(every, 1.0)
    return _measured(lines, share, every, log_e, streams)


def weigh_long(lines: ShareLines, counts: Floats, from_ns: int) -> Measured:
    """Weigh a long window of streams that have their reference, with what came before."""
    rows = lines.cells.rows(counts)
    lines.absent = np.where(rows > 0.0, 0, lines.absent + 1)
    if not len(lines.owner):
        return Measured.nothing()
    hits, n = lines.hits(counts, rows), rows[lines.owner]
    share = hits / np.maximum(n, 1.0)
    borders = _borders(lines)
    lines.before = np.where(n > 0.0, share, lines.before)
    before, log_e = _gathered(lines, hits, n, borders)
    lines.since_ns = np.where(before <= 0.0, from_ns, lines.since_ns)
    seen = (rows > 0.0) & (np.bincount(lines.owner, minlength=len(rows)) > 0)
    return _measured(lines, share, n, log_e, np.flatnonzero(seen))


def _gathered(lines: ShareLines, hits: Floats, n: Floats, borders: Floats) -> tuple[Floats, Floats]:
    """Add a window to the evidence; return the log evidence of each stream, before and now."""
    top = lines.log_sr.max(axis=2)
    # Where the share is within the border and little was gathered, a zero costs little power.
    wanted = (_sides(hits / np.maximum(n, 1.0)) > borders) | (top > 0.0)
    active = np.flatnonzero((wanted | (top > -np.inf)).any(axis=1))
    owner, had, n = lines.owner[active], lines.log_sr[active], n[active]
    found = share_log_e_values(
        hits[active], n, borders[active], lines.against.alike_high[active], wanted[active]
    )
    now = np.where((n > 0.0)[:, None, None], gathered(had, found), had)
    lines.log_sr[active] = now
    return mixed(had, owner, lines.live), mixed(now, owner, lines.live)


def why_not(lines: ShareLines, counts: Floats) -> dict[str, str]:
    """Say why streams with a reference were not weighed in a long window."""
    without = np.bincount(lines.owner, minlength=len(lines.names)) == 0
    found = np.flatnonzero(lines.ready & without & (lines.cells.rows(counts) > 0.0)).tolist()
    return {lines.names[place]: "there is one cell only: it cannot move" for place in found}


def _sides(share: Floats) -> Floats:
    return np.stack([share, 1.0 - share], axis=1)


def _borders(lines: ShareLines) -> Floats:
    """Return the borders of the next long window, given the one before."""
    persistence = lines.common.persistence[lines.owner]
    more = carried(_sides(lines.before), lines.borders, persistence)
    found: Floats = np.minimum(lines.borders + more, 1.0)
    return found


def _measured(
    lines: ShareLines, share: Floats, n: Floats, log_e: Floats, streams: Ints
) -> Measured:
    if not len(streams):
        return Measured.nothing()
    against = lines.against
    sets = strongest(np.abs(share - against.mean), lines.owner, streams)
    low, high = share_interval(share[sets], n[sets], against.taken(sets))
    cell = lines.chosen[sets]
    return Measured(
        names=[lines.names[place] for place in streams.tolist()],
        value=share[sets],
        reference=against.mean[sets],
        low=low,
        high=high,
        floor=lines.cells.floor[streams],
        log_e=log_e[streams],
        cell=np.where(cell == REST, REST, cell - lines.cells.starts_[streams]),
        since_ns=lines.since_ns[streams],
    )
