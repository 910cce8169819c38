"""`POST /loops/{loop}/clock`: moves the clock of a service whose time follows the events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from ostinato.core.clock import elapsed_ns
from ostinato.core.errors import OstinatoError
from ostinato.live.events import ClockMoved, encode
from ostinato.live.gateway.batcher import not_stored
from ostinato.live.gateway.committer import Committer
from ostinato.live.gateway.explain import refuse
from ostinato.live.gateway.http import HttpError, Request, Response, answer
from ostinato.live.gateway.moments import Moment, read_moment
from ostinato.live.gateway.route import Route, only_loop
from ostinato.live.layout import Layout
from ostinato.live.published import Alive, Status, read
from ostinato.live.schema import InputSchema

LOOK_S: Final = 0.002
STALE_NS: Final = 5_000_000_000
"""A gateway whose heartbeat is older is not waited for."""


class ClockBody(msgspec.Struct, forbid_unknown_fields=True):
    """The time it is from now on."""

    now: Moment


class EventsClock:
    """The time of the last tick, as `status.json` has it; stands still in between.

    Parameters
    ----------
    layout
        Where the file is.
    start_ns
        The time before the first tick.
    """

    def __init__(self, layout: Layout, start_ns: int) -> None:
        self.layout, self._last = layout, start_ns

    def now_ns(self) -> int:
        status = read(self.layout.status, Status)
        if status is not None:
            self._last = max(self._last, status.now_ns)
        return self._last


class Rehearsal:
    """Moves the clock, and answers when the engine and all gateways have followed.

    Parameters
    ----------
    schema, layout
        Of the service.
    committer
        The way to the log.
    epoch
        The epoch this gateway serves.
    own
        Name of this gateway's file in ``run/``: of itself it knows better.
    timeout_s
        Seconds to wait for the engine at most.
    """

    def __init__(
        self,
        schema: InputSchema,
        layout: Layout,
        committer: Committer,
        *,
        epoch: Callable[[], int],
        own: str,
        timeout_s: float,
    ) -> None:
        self.schema, self.layout, self.committer = schema, layout, committer
        self.epoch, self.own, self.timeout_s = epoch, own, timeout_s
        self._decode = msgspec.json.Decoder(ClockBody).decode

    def routes(self) -> list[Route]:
        """Return what this answers."""
        return [Route("POST", "/loops/{loop}/clock", "operate", self.handle)]

    async def handle(self, request: Request) -> Response:
        """Move the clock."""
        only_loop(self.schema.loop, request.arguments["loop"])
        try:
            body = self._decode(request.body)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            refuse(error, request.body)
        to_ns = read_moment(body.now, name="now")
        status = read(self.layout.status, Status)
        if status is None or status.now_ns < to_ns:
            await self._move(to_ns)
            status = await self._followed(to_ns)
        elif status.now_ns > to_ns:
            raise HttpError(
                409,
                "The clock does not go back",
                found=to_ns,
                expected=f"a time after {status.now_ns}",
            )
        return answer({"now_ns": status.now_ns, "tick": status.tick, "epoch": status.epoch})

    async def _move(self, to_ns: int) -> None:
        # The key is the time: the same move, sent again, is one tick.
        try:
            await self.committer.commit([(f"clock/{to_ns}", encode(ClockMoved(to_ns)))])
        except OstinatoError as error:
            raise not_stored(error) from error

    async def _followed(self, to_ns: int) -> Status:
        until_ns = elapsed_ns() + int(self.timeout_s * 1e9)
        while elapsed_ns() < until_ns:
            status = read(self.layout.status, Status)
            if status is not None and status.now_ns >= to_ns and self._all_serve(status.epoch):
                return status
            await asyncio.sleep(LOOK_S)
        raise HttpError(
            504,
            "The engine has not followed the clock yet",
            expected=f"a tick at {to_ns} within {self.timeout_s:g} s",
            hint="The move is stored. Send it again to wait longer; see the engine's log.",
            headers=(("retry-after", "1"),),
        )

    def _all_serve(self, epoch: int) -> bool:
        if self.epoch() < epoch:
            return False
        others = [
            alive
            for path in sorted(self.layout.run.glob("gateway-*.json"))
            if path.name != self.own and (alive := read(path, Alive)) is not None
        ]
        newest = max((alive.beat_ns for alive in others), default=0)
        return all(alive.epoch >= epoch for alive in others if alive.beat_ns > newest - STALE_NS)
