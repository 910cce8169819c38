"""Carry the event log over into the lake, and read both as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import polars as pl

from ostinato.core import snapshot
from ostinato.core.errors import StoreError
from ostinato.features.prepare import EventBatch
from ostinato.live.engine.feed import PAGE, Feed, Place, Readable, Turn, beginning
from ostinato.live.engine.known import Told
from ostinato.live.lake import sources, tables
from ostinato.live.lake.delta import GrowingTable
from ostinato.live.layout import Layout
from ostinato.live.published import read, write
from ostinato.live.schema import InputSchema, SourceSpec

MOST_ROWS: Final = 200_000
"""Rows, labels and events in one commit, about. More: more memory; less: small files."""

READ_AHEAD: Final = 50_000
"""Events read from the lake at once: each look into a table costs milliseconds."""

_NAMES: Final = ("events", "predictions", "labels", "outcomes")
"""Tables that every loop has; beside them is one for each source of events."""


def _nothing(point: str) -> None:
    """Between two steps nothing happens, unless a test has something happen."""


class LakeState(msgspec.Struct, frozen=True, kw_only=True):
    """How far the log is in the lake: the feed's place there, as a snapshot, and the versions."""

    place: str
    versions: dict[str, int]


@dataclass(slots=True)
class Lake:
    """The tables of a service; one process writes them, any number reads.

    Parameters
    ----------
    layout
        Where they lie.
    schema
        What requests look like.
    between
        Called with the name of each point between two steps; tests die there.
    """

    layout: Layout
    schema: InputSchema
    between: Callable[[str], None] = _nothing
    _tables: dict[str, GrowingTable] = field(init=False)
    _sources: dict[str, SourceSpec] = field(init=False)

    def __post_init__(self) -> None:
        self._sources = sources.source_tables(self.schema)
        names = (*_NAMES, *self._sources)
        self._tables = {name: GrowingTable(self.layout.lake / name) for name in names}

    def state(self) -> LakeState:
        """Return how far the log is in the lake."""
        found = read(self.layout.lake / "state.json", LakeState)
        if found is not None:
            return found
        place = snapshot.encode(beginning(self.schema)).decode()
        return LakeState(place=place, versions=dict.fromkeys(self._tables, -1))

    def place(self) -> Place:
        """Return the place in the log up to which everything is in the lake."""
        place: Place = snapshot.decode(self.state().place.encode())
        return place

    def compact(self, log: Readable) -> Place:
        """Carry over what the log holds up to its last tick; return how far that is.

        Everything is in the tables exactly once, whenever this dies: versions count when the state
        names them, and what was written beyond them is taken away first.

        Raises
        ------
        StoreError
            If the tables cannot be written; what was carried over until then stays. If the log
            lacks what comes next: nothing is taken away then.
        """
        state, place = self.state(), self.place()
        self._check_next(log, place.needed_from)
        for name, table in self._tables.items():
            table.cut(state.versions[name])
        feed = Feed(self.schema, place)
        feed.resume(log)
        turns: list[Turn] = []
        for turn in feed.turns(log):
            turns.append(turn)
            if _size(turns, place) >= MOST_ROWS:
                state, place, turns = self._carry(log, turns, state, place), turn.place, []
        if turns:
            self._carry(log, turns, state, place)
        return self.place()

    def _check_next(self, log: Readable, offset: int) -> None:
        """Refuse to begin anew where the log was trimmed: only the tables hold that."""
        first = log.read(0, 1)
        if first and first[0][0] > offset:
            raise StoreError(
                "The lake does not say how far it is, or is older than the log",
                found=f"{self.layout.lake / 'state.json'}: offset {offset}",
                expected=f"offset {first[0][0]} or later, where the log begins",
                hint="Restore state.json and the tables from one backup.",
            )

    def _carry(
        self, log: Readable, turns: list[Turn], before: LakeState, place: Place
    ) -> LakeState:
        """Write ticks to all tables, put them on disk, and say that they are there."""
        after = turns[-1].place
        told = {
            "from_offset": str(place.offset),
            "to_offset": str(after.offset),
            "to_tick": str(after.tick),
        }
        rows = {
            "events": _events(log, place.offset, after.offset),
            "predictions": pl.concat([tables.predictions(t, self.schema) for t in turns]),
            "labels": pl.concat([tables.labels(turn) for turn in turns]),
            "outcomes": pl.concat([tables.outcomes(turn) for turn in turns]),
            **{name: sources.source_rows(turns, spec) for name, spec in self._sources.items()},
        }
        versions = dict(before.versions)
        for name, table in self._tables.items():
            if rows[name].height or versions[name] < 0:
                versions[name] = table.append(rows[name], told)
            self.between(f"after {name}")
        for table in self._tables.values():
            table.sync()
        self.between("after sync")
        state = LakeState(place=snapshot.encode(after).decode(), versions=versions)
        write(self.layout.lake / "state.json", state)
        self.between("after state")
        for name, table in self._tables.items():
            if versions[name] != before.versions[name]:
                table.checkpoint(versions[name])
        return state

    def told(self, tick: int) -> tuple[Told, Place, Mapping[str, int]]:
        """Return what the lake holds of what was told up to a tick.

        Returns
        -------
        (Told, Place, Mapping)
            The requests and labels; where to go on in the log, if the lake does not reach the tick;
            and the versions of the tables that were read.
        """
        state = self.state()
        place: Place = snapshot.decode(state.place.encode())
        if place.tick == 0:
            return Told(), place, {}
        predicted, labelled = (
            self._tables[name].scan(state.versions[name]).filter(pl.col("tick") <= tick)
            for name in ("predictions", "labels")
        )
        needed = pl.exclude("score", "scores", "version", "role", "epoch", "propensity", "time")
        told = tables.told_from(
            predicted.select(needed).sort("offset").collect(),
            labelled.sort("tick", "row").collect(),
            self.schema,
        )
        return told, place, {name: state.versions[name] for name in ("predictions", "labels")}

    def events_of(
        self,
        source: str,
        *,
        after_ns: int | None = None,
        since_ns: int | None = None,
        before_offset: int | None = None,
    ) -> EventBatch:
        """Return the events of a source that the lake holds, in the order in which they came.

        Parameters
        ----------
        source
            Its name.
        after_ns
            Only those that became known after this moment.
        since_ns
            Only those that happened at this moment or later.
        before_offset
            Only those from before this place in the log.

        Raises
        ------
        StoreError
            If the table cannot be read.
        """
        (name,) = (table for table, spec in self._sources.items() if spec.name == source)
        spec, version = self._sources[name], self.state().versions[name]
        if version < 0:
            return sources.events_from(sources.source_columns(spec).to_frame(), spec)
        rows = self._tables[name].scan(version)
        if after_ns is not None:
            rows = rows.filter(pl.col("known_ns") > after_ns)
        if since_ns is not None:
            rows = rows.filter(pl.col("time_ns") >= since_ns)
        if before_offset is not None:
            rows = rows.filter(pl.col("offset") < before_offset)
        return sources.events_from(rows.collect(), spec)

    def events(self, from_offset: int, limit: int) -> list[tuple[int, str, bytes]]:
        """Return up to `limit` (offset, key, payload) that are in the lake."""
        state = self.state()
        if state.versions["events"] < 0:
            return []
        found = self._tables["events"].scan(state.versions["events"])
        inside = pl.col("offset").is_between(from_offset, from_offset + limit - 1)
        return found.filter(inside).sort("offset").collect().rows()


@dataclass(slots=True)
class WholeLog:
    """All events that ever were: those that were trimmed from the log come from the lake.

    Parameters
    ----------
    log, lake
        Where they are.
    """

    log: Readable
    lake: Lake
    _kept_from: int = 0
    _ahead: list[tuple[int, str, bytes]] = field(default_factory=list)

    def read(self, from_offset: int, limit: int) -> list[tuple[int, str, bytes]]:
        """Return up to `limit` (offset, key, payload) from an offset on."""
        kept: list[tuple[int, str, bytes]] = []
        if from_offset >= self._kept_from:
            kept = self.log.read(from_offset, limit)
            if not kept or kept[0][0] == from_offset:
                return kept
            self._kept_from = kept[0][0]  # trimmed, perhaps since we began to read
        if not self._ahead or not self._ahead[0][0] <= from_offset <= self._ahead[-1][0]:
            self._ahead = self.lake.events(from_offset, max(limit, READ_AHEAD))
        skipped = from_offset - self._ahead[0][0] if self._ahead else 0
        return self._ahead[skipped : skipped + limit] or kept


def _size(turns: list[Turn], place: Place) -> int:
    """Return about how much is to be carried over: rows, labels and events, or entries if more."""
    rows = turns[-1].place.row - place.row
    labels = sum(len(turn.labels) for turn in turns if turn.labels is not None)
    events = sum(len(event.ids) for turn in turns for _, event in turn.events)
    return max(rows + labels + events, turns[-1].place.offset - place.offset)


def _events(log: Readable, start: int, stop: int) -> pl.DataFrame:
    rows: list[tuple[int, str, bytes]] = []
    while start < stop and (page := log.read(start, min(PAGE, stop - start))):
        rows.extend(page)
        start = page[-1][0] + 1
    return pl.DataFrame(rows, schema=tables.EVENTS, orient="row")
