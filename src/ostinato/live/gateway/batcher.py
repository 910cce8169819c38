"""Micro-batches: requests of one turn of the event loop are scored and logged together.

There is no timer. A lone request is scored in the turn it came in. While a batch is on its way to
the disk, requests wait for company: their own commit could not begin before that one has ended.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from ostinato.core.errors import OstinatoError
from ostinato.core.ports import Clock
from ostinato.core.records import ROLES
from ostinato.live.events import Answered, Id, decode, prediction_key
from ostinato.live.gateway.committer import Committer, Outcome
from ostinato.live.gateway.entries import NAN, Entry, make_entry
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.ports import Featuriser, Prediction
from ostinato.live.gateway.routing import EMPTY, Table
from ostinato.live.gateway.sheet import Sheet
from ostinato.live.gateway.version import Score

Row = tuple[Any, ...]

MOST_ROWS: Final = 100_000
"""Rows that may wait for their answer. Smaller: bursts are refused; larger: they wait long."""


COMPANY_ROWS: Final = 256
"""Rows that do not wait for a commit to end. Smaller: more and smaller commits; larger: the event
loop stands still for longer when they are scored."""


class Watching(Protocol):
    """Who is told of each batch, for figures; called in the event loop."""

    def batch(self, sheet: Sheet) -> None: ...


class Call(ABC):
    """Rows of one request that wait for their answers; subclasses know who waits.

    Parameters
    ----------
    rows, ids, times_ns
        As in `ports.Predictor`.
    """

    __slots__ = ("given", "ids", "open", "rows", "times_ns")

    def __init__(
        self, rows: Sequence[Row], ids: Sequence[Id] | None, times_ns: Sequence[int] | None
    ) -> None:
        assert rows, "a request has rows"
        self.rows, self.times_ns, self.given = rows, times_ns, ids is not None
        self.ids: Sequence[Id] = ids or ()  # the batcher makes what was not given
        self.open = False  # the batcher has it

    @abstractmethod
    def answered(self, predictions: list[Prediction]) -> None:
        """Take the answers, one per row."""

    @abstractmethod
    def failed(self, error: Exception) -> None:
        """Take the reason why there are none."""


class _Awaited(Call):
    """A call whose answers somebody awaits."""

    __slots__ = ("answers",)

    def __init__(
        self,
        rows: Sequence[Row],
        ids: Sequence[Id] | None,
        times_ns: Sequence[int] | None,
        answers: asyncio.Future[list[Prediction]],
    ) -> None:
        super().__init__(rows, ids, times_ns)
        self.answers = answers

    def answered(self, predictions: list[Prediction]) -> None:
        if not self.answers.done():
            self.answers.set_result(predictions)

    def failed(self, error: Exception) -> None:
        if not self.answers.done():
            self.answers.set_exception(error)


class Batcher:
    """Answers requests in micro-batches.

    Parameters
    ----------
    loop_name, unit, asked_unit, classes
        Of the loop: its name, which value of a served row and of a request's inputs is the unit,
        scores per row (0: one number).
    fallback
        The loop's constant answer; None: it has none.
    timeout_ms
        After so long a version counts as hanging.
    instance
        What the ids of this gateway begin with.
    clock
        The gateway's clock.
    committer
        The way to the log.
    wait_for_disk
        Whether an answer waits for its commit. With a client's id it always does.
    features
        Computes features; None: rows are served as they come.
    """

    def __init__(
        self,
        *,
        loop_name: str,
        unit: int | None,
        asked_unit: int | None,
        classes: int,
        fallback: Score | None,
        timeout_ms: int,
        instance: str,
        clock: Clock,
        committer: Committer,
        wait_for_disk: bool,
        features: Featuriser | None = None,
    ) -> None:
        self.loop_name, self.unit, self.classes = loop_name, unit, classes
        self.asked_unit, self.features = asked_unit, features
        self.fallback, self.timeout_ms = fallback, timeout_ms
        self.instance, self.clock, self.committer = instance, clock, committer
        self.wait_for_disk = wait_for_disk
        self.table: Table | None = None
        self.watching: Watching | None = None
        self.shadow: Callable[[Sequence[Entry]], None] = _no_shadow
        self.scoring = ""
        self.waiting = 0
        self._calls: list[Call] = []
        self._gathered = 0  # rows that wait for company
        self._commits = 0  # batches on their way to the disk
        self._flushing = False
        self._unlogged = 0  # batches that were answered and are not on their way to the log yet
        self._made_ids = 0
        self._made_keys = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(
        self, rows: Sequence[Row], ids: Sequence[Id] | None, times_ns: Sequence[int] | None
    ) -> asyncio.Future[list[Prediction]]:
        """Hand in the rows of a request; the future brings their answers.

        Raises
        ------
        HttpError
            503 when too much waits already, or there is nobody to answer; 422 for an id that only
            this gateway gives.
        """
        answers: asyncio.Future[list[Prediction]] = self.committer.loop.create_future()
        self.put(_Awaited(rows, ids, times_ns, answers))
        return answers

    def put(self, call: Call) -> None:
        """Hand in a call; it is told its answers.

        Raises
        ------
        HttpError
            As `ask`.
        """
        count = len(call.rows)
        if (
            self.waiting + count > MOST_ROWS
            or self.committer.full
            or (self.table is None and self.fallback is None)
        ):
            raise self._refusal(count)
        if call.given:
            self._only_own(call.ids)
        else:
            call.ids = self._new_ids(count)
        call.open = True
        self._calls.append(call)
        self._gathered += count
        self.waiting += count
        if not self._flushing and (not self._commits or self._gathered >= COMPANY_ROWS):
            self._flushing = True
            self.committer.loop.call_soon(self._flush)

    async def drain(self) -> None:
        """Wait until every request handed in has its answer, and its shadows are on their way."""
        while self._calls or self._tasks or self.waiting or self._unlogged:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.005)

    def new_key(self) -> str:
        """Return a key for an event of this gateway."""
        self._made_keys += 1
        return f"{self.instance}/{self._made_keys}"

    def _refusal(self, rows: int) -> HttpError:
        if self.waiting + rows > MOST_ROWS or self.committer.full:
            return HttpError(
                503,
                "The gateway has too much to do",
                found=f"{self.waiting} rows wait",
                expected=f"at most {MOST_ROWS} rows, and a log that keeps up",
                hint="Try again in a second, or start more gateways.",
                headers=(("retry-after", "1"),),
            )
        return HttpError(
            503,
            "No version answers yet",
            expected="a champion",
            hint="The first champion is being trained; try again soon.",
            headers=(("retry-after", "1"),),
        )

    def _only_own(self, ids: Sequence[Id]) -> None:
        """Refuse ids of this gateway: who takes one before it is made takes another's label."""
        made = f"{self.instance}-"
        for prediction_id in ids:
            if isinstance(prediction_id, str) and prediction_id.startswith(made):
                raise HttpError(
                    422,
                    "The prediction_id is one that the service makes",
                    found=prediction_id,
                    expected="an id of your own, or none",
                    hint="A retry needs an id that you gave with the first request.",
                )

    def _new_ids(self, count: int) -> list[Id]:
        first = self._made_ids + 1
        self._made_ids += count
        return [f"{self.instance}-{number}" for number in range(first, first + count)]

    # -- scoring

    def _flush(self) -> None:
        calls, self._calls, self._gathered, self._flushing = self._calls, [], 0, False
        table = self.table or EMPTY
        for group in self._groups(calls, table):
            try:
                sheet = self._sheet(group, table)
                done = self._at_once(group, sheet)
            except Exception as error:  # noqa: BLE001 - whoever waits must be told
                self._apart(group, error)
                continue
            if not done:
                self._later(group, sheet)

    def _later(self, calls: Sequence[Call], sheet: Sheet) -> None:
        task = self.committer.loop.create_task(self._in_turn(calls, sheet))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _apart(self, calls: Sequence[Call], error: Exception) -> None:
        """Answer one by one what cannot be answered together: one must not fail the others."""
        if len(calls) == 1:
            self._release(calls)
            calls[0].failed(error)
            return
        for call in calls:
            try:
                sheet = self._sheet([call], self.table or EMPTY)
            except Exception as alone:  # noqa: BLE001 - whoever waits must be told
                self._release([call])
                call.failed(alone)
            else:
                self._later([call], sheet)

    def _groups(self, calls: list[Call], table: Table) -> list[list[Call]]:
        """Keep requests apart that wait for different threads: a slow canary slows only its own."""
        if not table.split or all(version.inline for version in table.loaded.values()):
            return [calls]
        groups: dict[frozenset[int], list[Call]] = {}
        for call in calls:
            roles = frozenset(
                table.role(self.loop_name, self.asked_unit, row, prediction_id)
                for row, prediction_id in zip(call.rows, call.ids, strict=True)
            )
            groups.setdefault(roles, []).append(call)
        return list(groups.values())

    def _sheet(self, calls: Sequence[Call], table: Table) -> Sheet:
        now_ns = self.clock.now_ns()
        rows: Sequence[Row] = [row for call in calls for row in call.rows]
        ids = [prediction_id for call in calls for prediction_id in call.ids]
        if any(call.times_ns for call in calls):
            times_ns = [t for c in calls for t in (c.times_ns or [now_ns] * len(c.rows))]
        else:
            times_ns = [now_ns] * len(rows)
        if self.features is not None:
            rows = self.features.serve(rows, times_ns)
        return Sheet(table, rows, ids, times_ns)

    def _at_once(self, calls: Sequence[Call], sheet: Sheet) -> bool:
        """Score in this turn, if one version answers everything, and does."""
        champion = sheet.table.sole()
        if champion is None or champion.aside:
            return False
        self.scoring = champion.name
        width = champion.features
        places = range(len(sheet))
        rows = sheet.rows if len(sheet.rows[0]) == width else [row[:width] for row in sheet.rows]
        scored = champion.score_now(rows)
        self.scoring = ""
        sheet.keep(champion.name, places, scored)
        if scored.fault:
            return False
        sheet.answerers = [champion.name] * len(sheet)
        self._log(calls, sheet)
        return True

    async def _in_turn(self, calls: Sequence[Call], sheet: Sheet) -> None:
        try:
            asks = sheet.assign(self.loop_name, self.unit)
            if sheet.columns:  # the champion was asked, and failed on some rows
                asks = sheet.take(asks)
            await sheet.fill(asks, self.timeout_ms)
            sheet.settle(self.fallback)
            self._log(calls, sheet)
        except Exception as error:  # noqa: BLE001 - whoever waits must be told
            self._apart(calls, error)

    # -- logging

    def _log(self, calls: Sequence[Call], sheet: Sheet) -> None:
        """Write the events of a batch, and answer when they are stored."""
        shared: list[int] = []
        single: list[int] = []
        answered: list[tuple[Call, range]] = []
        lost: list[int] = []
        complete = None not in sheet.answerers
        start = 0
        for call in calls:
            places = range(start, start + len(call.rows))
            start = places.stop
            missing = () if complete else [p for p in places if sheet.answerers[p] is None]
            if missing:
                lost.extend(missing)
                self._release([call])
                call.failed(_no_answer(sheet))
                continue
            (single if call.given else shared).extend(places)
            answered.append((call, places))
        if lost:  # nobody was answered, but the versions failed: that is evidence
            ids = self._new_ids(len(lost))
            key = f"a/{self.new_key()}"
            entry = make_entry(key, sheet, lost, classes=self.classes, ids=ids)
            self._submit_later([entry])
            self.shadow([entry])
        if answered and not single and not self.wait_for_disk:
            self._answer(answered, sheet, {})
            self._unlogged += 1
            self.committer.loop.call_soon(self._log_answered, shared, sheet)
            return
        if answered:
            self._store(answered, self._entries(sheet, shared, single), sheet)
        if self.watching is not None:
            self.watching.batch(sheet)

    def _log_answered(self, places: list[int], sheet: Sheet) -> None:
        """Write the events of a batch that did not wait for it."""
        self._unlogged -= 1
        entries = self._entries(sheet, places, [])
        self._submit_later(entries)
        self.shadow(entries)
        if self.watching is not None:
            self.watching.batch(sheet)

    def _submit_later(self, entries: Sequence[Entry]) -> None:
        if self.features is not None:
            self.features.logging(entries)
        self.committer.submit_later([(entry.key, entry.payload) for entry in entries])

    def _entries(self, sheet: Sheet, shared: list[int], single: list[int]) -> list[Entry]:
        entries = []
        if shared:
            entries.append(make_entry(f"a/{self.new_key()}", sheet, shared, classes=self.classes))
        for place in single:
            key = prediction_key(sheet.ids[place])
            entries.append(make_entry(key, sheet, [place], classes=self.classes))
        return entries

    def _store(
        self, answered: list[tuple[Call, range]], entries: list[Entry], sheet: Sheet
    ) -> None:
        def told(outcome: Outcome) -> None:
            self._commits -= 1
            if self._calls and not self._flushing and not self._commits:
                self._flushing = True
                self.committer.loop.call_soon(self._flush)
            if isinstance(outcome, OstinatoError):
                error = not_stored(outcome)
                if self.features is not None:
                    self.features.not_logged(entries)
                for call, _ in answered:
                    self._release([call])
                    call.failed(error)
                return
            earlier = {
                entry.places[0]: payload
                for entry, (_, payload) in zip(entries, outcome, strict=True)
                if payload is not None
            }
            if earlier and self.features is not None:
                self.features.not_logged([e for e in entries if e.places[0] in earlier])
            self._answer(answered, sheet, earlier)
            self.shadow([entry for entry in entries if entry.places[0] not in earlier])

        if self.features is not None:
            self.features.logging(entries)
        self._commits += 1
        self.committer.submit([(entry.key, entry.payload) for entry in entries], told)

    def _answer(
        self, answered: list[tuple[Call, range]], sheet: Sheet, earlier: dict[int, bytes]
    ) -> None:
        self._release([call for call, _ in answered])
        scored = _as_scored(sheet)
        for call, places in answered:
            predictions = scored[places.start : places.stop]
            try:
                if earlier:
                    for at, place in enumerate(places):
                        if place in earlier:
                            predictions[at] = _as_stored(sheet.ids[place], earlier[place])
            except HttpError as error:
                call.failed(error)
            else:
                call.answered(predictions)

    def _release(self, calls: Sequence[Call]) -> None:
        for call in calls:
            if call.open:
                call.open = False
                self.waiting -= len(call.rows)


def _as_scored(sheet: Sheet) -> list[Prediction]:
    """Return the answers of a sheet; empty ones where there is none, which nobody gets."""
    epoch, columns = sheet.table.epoch, sheet.columns
    return [
        Prediction(
            prediction_id,
            NAN if version is None else columns[version].scores[place],  # type: ignore[arg-type] # who answers has a score
            version or "",
            ROLES[role],
            epoch,
        )
        for place, (prediction_id, version, role) in enumerate(
            zip(sheet.ids, sheet.answerers, sheet.roles, strict=True)
        )
    ]


def _as_stored(prediction_id: Id, payload: bytes) -> Prediction:
    """Return the answer that a client's id got before."""
    try:
        event = decode(payload)
    except msgspec.MsgspecError as error:
        raise HttpError(500, "The stored answer cannot be read", found=str(error)) from error
    assert isinstance(event, Answered), "keys of predictions hold answers"
    version = event.versions[event.answered[0]]
    score = event.scores[version][0]
    return Prediction(prediction_id, score, version, ROLES[event.roles[0]], event.epoch)


def not_stored(error: OstinatoError) -> HttpError:
    """Turn what the log said into what the client is told: nothing was promised, try again."""
    return HttpError(
        503,
        error.what,
        found=error.found,
        expected=error.expected,
        hint=error.hint,
        headers=(("retry-after", "1"),),
    )


def _no_answer(sheet: Sheet) -> HttpError:
    causes = "; ".join(f"{name}: {cause}" for name, cause in sheet.faults.items())
    return HttpError(
        503,
        "No version could answer, and the loop declares no fallback",
        found=causes[:500] or "no version",
        expected="a score from the champion or the one before it",
        hint="Check the inputs; Loop(fallback=...) gives a constant answer in such cases.",
    )


def _no_shadow(entries: Sequence[Entry]) -> None:
    """Nobody scores after the answer."""
