"""The alarm alone, on counts: how soon, how rarely for nothing, how soon over again."""

from __future__ import annotations

import numpy as np

from ostinato.features.parity import ShareEvidence
from ostinato.stats.share_detectors import ARL, ARL_RESTORED, TOLERATED

TICK = 50  # sampled rows


def evidence(streams, features=1, **kwargs):
    """Streams of one feature each, which has the part of one of `features` in the budget."""
    arl = kwargs.pop("arl", ARL)
    return ShareEvidence.begin(streams, arl=arl * features / streams, **kwargs)


def delays(rng, share, *, streams, features=1, before=0, limit=40_000):
    """Rows from the fault to the alarm, (streams,); `limit` where none came."""
    state, found = evidence(streams, features), np.full(streams, limit)
    rows = np.full(streams, TICK)
    for start in range(0, before, TICK):
        state = state.updated(rows, rng.binomial(TICK, TOLERATED / 2, streams), at_ns=start)
        state = state.restarted(state.crossed, at_ns=start)
    for start in range(0, limit, TICK):
        state = state.updated(rows, rng.binomial(TICK, share, streams), at_ns=before + start)
        found = np.minimum(found, np.where(state.crossed, start + TICK, limit))
        if (found < limit).all():
            break
    return found


def alarms(rng, *, streams, rows, draw=None, share=TOLERATED):
    """Alarms over streams * rows rows on which the tolerated share differs; each starts over."""
    state, count = evidence(streams), 0
    each = np.full(streams, TICK)
    for start in range(0, rows, TICK):
        hits = rng.binomial(TICK, share, streams) if draw is None else draw(rng, streams)
        state = state.updated(each, hits, at_ns=start)
        count += int(state.crossed.sum())
        state = state.restarted(state.crossed, at_ns=start)
    return count


def in_runs(rng, streams):
    """The tolerated share, but ten rows at a time: an entity that is off."""
    return 10 * rng.binomial(TICK // 10, TOLERATED, streams)


def recoveries(rng, share, *, streams, limit):
    """Rows until "restored" of features on which `share` of the rows differ; `limit`: never."""
    state = evidence(streams, side="below", arl=ARL_RESTORED)
    found, rows = np.full(streams, limit), np.full(streams, TICK)
    for start in range(0, limit, TICK):
        state = state.updated(rows, rng.binomial(TICK, share, streams), at_ns=start)
        found = np.minimum(found, np.where(state.crossed, start + TICK, limit))
        if (found < limit).all():
            break
    return found
