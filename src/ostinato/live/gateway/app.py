"""The application behind the HTTP server: limits, routes, and errors as answers."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterable
from typing import Final, Protocol

from ostinato.core.clock import elapsed_ns
from ostinato.core.errors import OstinatoError
from ostinato.core.ids import content_id
from ostinato.live.gateway.exchange import Exchange
from ostinato.live.gateway.gateway import Gateway, say
from ostinato.live.gateway.heads import Head
from ostinato.live.gateway.http import HttpError, Request, Response
from ostinato.live.gateway.refusals import too_slow
from ostinato.live.gateway.route import Route, RouteTable, Scope

PREDICT: Final = "/loops/{loop}/predict"


class Guard(Protocol):
    """Says who may do what, and how often."""

    def admit(
        self,
        scope: Scope | None,
        authorization: str,
        address: str,
        *,
        host: str | None = None,
        origin: str | None = None,
    ) -> str:
        """Return the name behind a request; raises `HttpError` 401, 403 or 429."""
        ...

    def check_known(self, authorization: str) -> None:
        """Refuse who sends no token that is known; raises `HttpError` 401 or 503."""
        ...


class Counting(Protocol):
    """Counts requests."""

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count one: `path` as the route has it, empty where there is none."""
        ...


class App:
    """Answers what connections read.

    Parameters
    ----------
    gateway
        The core.
    routes
        Everything that is answered.
    guard
        None: everybody may do everything.
    counting
        None: nobody counts.
    """

    def __init__(
        self,
        gateway: Gateway,
        routes: Iterable[Route],
        *,
        guard: Guard | None = None,
        counting: Counting | None = None,
    ) -> None:
        self.gateway, self.guard, self.counting = gateway, guard, counting
        self.table = RouteTable(routes)
        self._predict_path = f"/loops/{gateway.schema.loop}/predict"
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._faults = 0

    def predicts(self, head: Head) -> bool:
        """Whether a request asks the loop's own protocol for predictions: those go together."""
        return head.method == "POST" and head.path == self._predict_path

    def check_known(self, head: Head) -> None:
        """Refuse a stranger before the body is read."""
        if self.guard is not None:
            self.guard.check_known(head.authorization)

    def begin(self, exchange: Exchange) -> None:
        """Answer a request, now or later."""
        if not exchange.head.predicts:
            exchange.task = task = self._loop.create_task(self._answer(exchange))
            self._tasks.add(task)  # goes on when the connection is lost: an act must not be halved
            task.add_done_callback(self._tasks.discard)
            return
        exchange.path = PREDICT
        try:
            self._admit("predict", exchange)
            self.gateway.predicting.ask(exchange)
        except Exception as error:  # noqa: BLE001 - the edge of the process: told, and counted
            self.failed(exchange, error)

    def counted(self, exchange: Exchange, status: int) -> None:
        """Count an answer."""
        if self.counting is not None:
            seconds = (elapsed_ns() - exchange.began_ns) / 1e9
            self.counting.request(exchange.path, status, seconds)

    def failed(self, exchange: Exchange, error: Exception) -> None:
        """Answer with an error; what is no refusal is a fault of ours."""
        told = error if isinstance(error, HttpError) else self._fault(error)
        exchange.respond(told.response())

    def given_up(self, exchange: Exchange) -> None:
        """Answer that it took too long."""
        exchange.respond(too_slow(self.gateway.config.request_timeout_s).response())

    async def _answer(self, exchange: Exchange) -> None:
        try:
            exchange.respond(await self._asked(exchange))
        except asyncio.CancelledError:
            self.given_up(exchange)
        except Exception as error:  # noqa: BLE001 - the edge of the process: told, and counted
            self.failed(exchange, error)

    async def _asked(self, exchange: Exchange) -> Response:
        head = exchange.head
        route, arguments = self.table.find(head.method, head.path)
        who = self._admit(route.scope, exchange)
        request = Request(head.method, head.path, exchange.body, head.headers, head.query)
        request.arguments, request.who = arguments, who
        exchange.path = route.path
        if route.scope == "operate":  # may wait for the engine, and says itself how long
            exchange.carrier.patient()
        try:
            return await route.handler(request)
        except HttpError:
            raise
        except OstinatoError as error:  # a store, mostly: what it says helps, and holds no secret
            raise as_http(error) from error

    def _admit(self, wanted: Scope | None, exchange: Exchange) -> str:
        if self.guard is None:
            return ""
        head = exchange.head
        return self.guard.admit(
            wanted,
            head.authorization,
            exchange.carrier.address,
            host=head.host,
            origin=head.origin,
        )

    def _fault(self, error: Exception) -> HttpError:
        """Keep what happened in the log, and give the client a name for it."""
        self._faults += 1
        name = content_id("fault", self.gateway.instance, self._faults)
        say(f"{name}: {''.join(traceback.format_exception(error))}")
        return HttpError(
            500,
            "The gateway failed on this request",
            found=name,
            hint="The gateway's log has the cause under this name.",
        )


def as_http(error: OstinatoError) -> HttpError:
    """Return an error of a store or the loop as an answer: 503, try again."""
    return HttpError(503, error.what, found=error.found, expected=error.expected, hint=error.hint)
