"""Turns the inputs of requests into the rows that are served: features in the loop's order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Any, Final, Protocol

from ostinato.core.errors import DataError, InputError, OstinatoError
from ostinato.core.units import SECOND_NS
from ostinato.features.plan import FeaturePlan
from ostinato.features.prepare import LARGEST
from ostinato.features.sources import Requests
from ostinato.live.gateway.following import Follower, Logged
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.meters import Followed, Meters
from ostinato.live.schema import InputSchema
from ostinato.live.tracked import Tracked

Row = tuple[Any, ...]

AGAIN: Final = (("retry-after", "1"),)


class RowFeatures(Protocol):
    """Computes what needs no events; see `ostinato.features.rows`."""

    def rows(self, rows: Sequence[Row], times_ns: Sequence[int]) -> Sequence[Row | DataError]:
        """Return those features of each row of the plan's inputs, or why there are none."""
        ...


class Features:
    """Computes the features of requests.

    Parameters
    ----------
    plan, schema
        Of the loop.
    by_row
        Computes what needs no events; None: there is nothing of that kind.
    follower
        Keeps what windowed features are computed of; None: there are none.
    first
        Whether the log is followed before every batch: what other processes wrote by then counts.
    """

    def __init__(
        self,
        plan: FeaturePlan,
        schema: InputSchema,
        *,
        by_row: RowFeatures | None,
        follower: Follower | None,
        first: bool,
    ) -> None:
        self.plan, self.schema, self.first = plan, schema, first
        self.by_row, self.follower = by_row, follower
        self._inputs = len(plan.inputs)  # of a request's inputs the first ones
        self._arranged = _arrangement(plan, schema)
        self._summed = _summed(plan, schema)

    @property
    def ready(self) -> bool:
        """Whether features can be computed."""
        return self.follower is None or self.follower.tracked is not None

    def start(self) -> None:
        """Begin to follow the log."""
        if self.follower is not None:
            self.follower.start()

    async def loaded(self) -> None:
        """Wait until features can be computed."""
        while not self.ready:  # noqa: ASYNC110 - once, at the start
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        """Follow no more."""
        if self.follower is not None:
            await self.follower.close()

    def described(self) -> dict[str, Any]:
        """Describe the state: whether it is there, why not, and how far it goes."""
        tracked = None if self.follower is None else self.follower.tracked
        return {
            "ready": self.ready,
            "trouble": (self.follower.trouble or None) if self.follower is not None else None,
            "offset": None if tracked is None else tracked.offset,
            "taken": {} if tracked is None else tracked.feed.taken,
        }

    def measure(self, meters: Meters) -> None:
        """Tell how old sources are, and how large the state is."""
        tracked = None if self.follower is None else self.follower.tracked
        if self.follower is None or tracked is None:
            return
        for source, age_ns in tracked.ages_ns(self.follower.clock.now_ns()).items():
            meters.stream(source).age_seconds = age_ns / SECOND_NS
        meters.counted.features = Followed(
            lag=self.follower.lag(), bytes=tracked.store.memory_bytes, skipped=tracked.skipped
        )

    def serve(self, rows: Sequence[Row], times_ns: Sequence[int]) -> Sequence[Row]:
        """Return the rows to serve.

        On the wall clock times never go back. On the clock of events, a row before one that was
        served already is computed as of that one: what was folded cannot be taken out again.

        Raises
        ------
        HttpError
            422 where an input does not allow it, 503 while the state is not there.
        """
        try:
            return self._served(rows, times_ns)
        except HttpError:
            raise
        except InputError as error:
            raise _as_http(422, error) from error
        except OstinatoError as error:
            raise _as_http(503, error) from error

    def logging(self, entries: Sequence[Logged]) -> None:
        """Take answers that go to the log."""
        if self.follower is not None:
            self.follower.logging(entries)

    def not_logged(self, entries: Sequence[Logged]) -> None:
        """Take it that answers were not stored, or had been before."""
        if self.follower is not None:
            self.follower.not_logged(entries)

    def _served(self, rows: Sequence[Row], times_ns: Sequence[int]) -> Sequence[Row]:
        width = self._inputs
        asked = rows if len(rows[0]) == width else [row[:width] for row in rows]
        parts: list[Sequence[Row]] = [rows]
        if self.follower is not None:
            parts.append(self._windowed(self.follower, asked, times_ns))
        if self.by_row is not None:
            parts.append(_all_sound(self.by_row.rows(asked, times_ns)))
        arranged = self._arranged
        return [arranged(sum(whole, ())) for whole in zip(*parts, strict=True)]

    def _windowed(
        self, follower: Follower, asked: Sequence[Row], times_ns: Sequence[int]
    ) -> Sequence[Row]:
        if self.first:
            follower.catch_up()
        tracked = follower.tracked
        if tracked is None:
            raise HttpError(
                503,
                "The features are not ready yet",
                found=follower.trouble,
                expected="the state that they are computed of",
                hint="Try again soon; GET /loops/{loop} tells more under gateway.features.",
                headers=AGAIN,
            )
        self._check(asked)
        if any(later < earlier for earlier, later in pairwise(times_ns)):
            return self._in_order(tracked, asked, times_ns)
        return self._looked_up(tracked, asked, times_ns)

    def _in_order(
        self, tracked: Tracked, asked: Sequence[Row], times_ns: Sequence[int]
    ) -> Sequence[Row]:
        order = sorted(range(len(times_ns)), key=times_ns.__getitem__)
        found = self._looked_up(tracked, [asked[i] for i in order], [times_ns[i] for i in order])
        back = dict(zip(order, found, strict=True))
        return [back[place] for place in range(len(order))]

    def _looked_up(
        self, tracked: Tracked, asked: Sequence[Row], times_ns: Sequence[int]
    ) -> Sequence[Row]:
        reached_ns = tracked.store.now_ns
        if reached_ns is not None and times_ns[0] < reached_ns:
            times_ns = [max(each, reached_ns) for each in times_ns]
        return tracked.store.lookup(asked, times_ns)

    def _check(self, asked: Sequence[Row]) -> None:
        """Refuse what could not be summed up once the request is an event itself."""
        for place in self._summed:
            for row in asked:
                value = row[place]
                if value is not None and not -LARGEST < value < LARGEST:
                    raise HttpError(
                        422,
                        f"Field {self.plan.inputs[place]!r} is too large",
                        found=repr(value)[:60],
                        expected=f"below {LARGEST:.3g} in size: features sum it up",
                    )


def _arrangement(plan: FeaturePlan, schema: InputSchema) -> Callable[[Row], Row]:
    """Return what picks a served row out of inputs, windowed and row features side by side."""
    side_by_side = [
        *schema.input_names,
        *(each.name for each in plan.windowed),
        *(each.name for each in plan.rows),
    ]
    places = [side_by_side.index(name) for name in schema.names]
    if len(places) == 1:
        (place,) = places
        return lambda whole: (whole[place],)
    picked: Callable[[Row], Row] = itemgetter(*places)
    return picked


def _all_sound(found: Sequence[Row | DataError]) -> Sequence[Row]:
    """Return features of rows; a row without them has its whole batch asked for one by one."""
    sound = []
    for each in found:
        if isinstance(each, DataError):
            raise each
        sound.append(each)
    return sound


def _summed(plan: FeaturePlan, schema: InputSchema) -> list[int]:
    """Return the places of inputs that features of requests sum up."""
    columns = [
        part
        for tally in plan.tallies
        if isinstance(tally.source, Requests)
        for part in tally.values
        if isinstance(part, str)
    ]
    numbers = {field.name for field in schema.inputs if field.kind in {"number", "integer"}}
    return [plan.inputs.index(name) for name in dict.fromkeys(columns) if name in numbers]


def _as_http(status: int, error: OstinatoError) -> HttpError:
    headers = AGAIN if status == 503 else ()
    return HttpError(
        status,
        error.what,
        found=error.found,
        expected=error.expected,
        hint=error.hint,
        headers=headers,
    )
