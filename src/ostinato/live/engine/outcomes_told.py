"""Tell the kernel of business outcomes that were posted, as a replay tells those of a column."""

from __future__ import annotations

from typing import Any

import numpy as np

from ostinato.core.records import Ints
from ostinato.core.watched import OutcomesArrived
from ostinato.features.sources import Outcomes
from ostinato.live.engine.feed import Turn
from ostinato.live.engine.gather import as_keys
from ostinato.live.feature_columns import fits
from ostinato.live.fields import series
from ostinato.live.schema import InputSchema
from ostinato.loop.loop import Loop
from ostinato.replay.history import unit_hashes


def outcomes_told(loop: Loop, schema: InputSchema, turn: Turn) -> list[OutcomesArrived]:
    """Return the outcomes of a tick that the loop declares, by name, in order of time.

    One of a prediction of this tick is not before it. Outcomes of units belong to the unit's newest
    prediction; where features are computed of outcomes of that name, those of units are for these.
    A unit of another type than the column's is nobody's.
    """
    found: list[OutcomesArrived] = []
    if not loop.outcomes or not turn.outcomes:
        return found
    asked = _asked(turn)
    plan = loop.feature_plan
    summed = {each.outcome for each in plan.sources.values() if isinstance(each, Outcomes)}
    for outcome in loop.outcomes:
        rows = _rows(turn, outcome.name)
        by_id = [(key, at, value) for key, _, at, value in rows if key is not None]
        found += _told(outcome.name, as_keys([key for key, *_ in by_id]), by_id, asked, turn.now_ns)
        if schema.unit is None or outcome.name in summed:
            continue
        (field,) = [each for each in schema.fields if each.name == schema.unit]
        by_unit = [row[1:] for row in rows if row[0] is None and fits(field.kind, row[1])]
        hashes = unit_hashes(series(field, [unit for unit, *_ in by_unit]))
        found += _told(outcome.name, hashes, by_unit, {}, turn.now_ns, by_unit=True)
    return found


def _rows(turn: Turn, name: str) -> list[tuple[Any, Any, int, float]]:
    """Return id, unit, time and value of each outcome of a name, as they were posted."""
    return [
        (key, unit, time_ns, value)
        for given in turn.outcomes
        for key, unit, each, time_ns, value in zip(
            given.ids, given.units, given.names, given.times_ns, given.values, strict=True
        )
        if each == name
    ]


def _asked(turn: Turn) -> dict[Any, int]:
    return {
        key: time_ns
        for each in turn.requests
        for key, time_ns in zip(
            each.answered.ids.tolist(), each.answered.times_ns.tolist(), strict=True
        )
    }


def _told(
    name: str,
    keys: Any,
    rows: list[tuple[Any, int, float]],
    asked: dict[Any, int],
    now_ns: int,
    *,
    by_unit: bool = False,
) -> list[OutcomesArrived]:
    if not rows:
        return []
    known = [(key, min(at_ns, now_ns)) for key, at_ns, _ in rows]
    times: Ints = np.array([max(at_ns, asked.get(key, at_ns)) for key, at_ns in known])
    order = np.argsort(times, kind="stable")
    arrived = OutcomesArrived(
        ts_event_ns=int(times[order[-1]]),
        ts_record_ns=now_ns,
        name=name,
        ids=keys[order],
        times_ns=times[order],
        values=np.array([value for *_, value in rows], dtype=np.float64)[order],
        by_unit=by_unit,
    )
    return [arrived]
