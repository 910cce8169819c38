"""From the sheet of a batch to the events of the log: what was answered, by whom, how."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from ostinato.live.events import Answered, Id, Scores, encode
from ostinato.live.gateway.sheet import Sheet
from ostinato.live.gateway.version import Score
from ostinato.serve.assign import FALLBACK, fallback_propensity, propensity

NAN: Final = float("nan")


class Entry:
    """One `Answered` on its way to the log, and which rows of the sheet it holds."""

    __slots__ = ("awaits", "event", "key", "payload", "places", "sheet")

    def __init__(self, key: str, sheet: Sheet, places: Sequence[int], event: Answered) -> None:
        self.key, self.sheet, self.places, self.event = key, sheet, places, event
        self.awaits, self.payload = event.awaits, encode(event)


def make_entry(
    key: str, sheet: Sheet, places: Sequence[int], *, classes: int, ids: Sequence[Id] | None = None
) -> Entry:
    """Write some rows of a sheet as an event.

    Parameters
    ----------
    key
        Of the event.
    sheet, places
        The batch, and which of its rows.
    classes
        Scores per row; 0: one number.
    ids
        Ids to write instead of the sheet's.
    """
    table = sheet.table
    versions = list(dict.fromkeys([*table.versions, *sheet.columns]))
    index = {version: at for at, version in enumerate(versions)}
    columns = {name: sheet.columns[name] for name in versions if name in sheet.columns}
    share = len(places) / len(sheet)
    taken = _whole if share == 1 else partial(_some, places)
    event = Answered(
        epoch=table.epoch,
        versions=versions,
        ids=list(ids) if ids is not None else taken(sheet.ids),
        times_ns=taken(sheet.times_ns),
        rows=taken(sheet.rows),
        answered=[index[version or versions[0]] for version in taken(sheet.answerers)],
        roles=taken(sheet.roles),
        scores={name: filled(taken(column.scores), classes) for name, column in columns.items()},
        awaits=[
            name
            for name in table.versions
            if name not in columns or 0 in taken(columns[name].asked)
        ],
        propensities=_propensities(sheet, places) if table.split else [],
        faults=_faults(sheet, places),
        took_ms={name: took * share for name, took in sheet.took_ms.items()},
        replica_since_ns=dict.fromkeys(columns, table.since_ns),
    )
    return Entry(key, sheet, places, event)


def _whole(column: Any) -> Any:
    return column


def _some(places: Sequence[int], column: Any) -> Any:
    return [column[place] for place in places]


def filled(scores: Sequence[Score | None], classes: int) -> Scores:
    """Return scores as the log has them: NaN where there is none."""
    if None not in scores:
        return scores  # type: ignore[return-value] # there is no None in them
    nothing: Any = [NAN] * classes if classes else NAN
    return [nothing if score is None else score for score in scores]


def _propensities(sheet: Sheet, places: Sequence[int]) -> list[float]:
    routes = sheet.table.routes
    return [
        fallback_propensity(routes, sheet.failed(place))
        if sheet.roles[place] == FALLBACK
        else propensity(routes, sheet.roles[place])
        for place in places
    ]


def _faults(sheet: Sheet, places: Sequence[int]) -> dict[str, str]:
    if not sheet.faults:
        return {}
    failed = {name for place in places for name in sheet.failed(place)}
    return {name: cause for name, cause in sheet.faults.items() if name in failed}
