"""The application behind the HTTP server: limits, routes, and errors as answers."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterable
from typing import Any, Final, Protocol

import msgspec

from ostinato.core.clock import elapsed_ns
from ostinato.core.errors import OstinatoError
from ostinato.core.ids import content_id
from ostinato.live.gateway.gateway import Gateway, say
from ostinato.live.gateway.http import JSON, HttpError, Request, Response
from ostinato.live.gateway.route import Route, RouteTable, Scope

Headers = list[tuple[str, str]]

JSON_HEADERS: Final[Headers] = [("content-type", JSON)]

SWEEP_S: Final = 1.0
"""Seconds between two looks for requests that take too long."""


SMALL_BYTES: Final = 64 * 1024
"""A body up to this size is read whatever else is being read."""

MOST_READING: Final = 256 * 1024 * 1024
"""Bytes of larger bodies that are read at once. Smaller: big requests are refused while others
are slow; larger: a few clients that send slowly fill the memory."""


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


class Counting(Protocol):
    """Counts requests."""

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count one: `path` as the route has it, empty where there is none."""
        ...


class App:
    """Answers over RSGI, the interface of Granian.

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
        self.most_bytes = gateway.config.max_body_bytes
        self._fast_path = f"/loops/{gateway.schema.loop}/predict"
        self._predict = gateway.predicting.answer
        self._open: dict[asyncio.Task[Any], float] = {}
        self._loop = asyncio.get_running_loop()
        self._sweeping = self._loop.call_later(SWEEP_S, self._sweep)
        self._faults = 0
        self._reading = 0  # bytes of larger bodies that are being read

    def close(self) -> None:
        """Stop looking for slow requests."""
        self._sweeping.cancel()

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        """Answer one request."""
        if scope.proto != "http":
            proto.close(None)
            return
        task = self._this_task()
        self._open[task] = self._loop.time()
        began_ns = elapsed_ns() if self.counting is not None else 0
        path = ""
        try:
            if scope.method == "POST" and scope.path == self._fast_path:
                path = "/loops/{loop}/predict"
                if self.guard is not None:
                    self._admit("predict", scope)
                body = await self._predict(await self._body(scope, proto))
                status = 200
                proto.response_bytes(200, JSON_HEADERS, body)
            else:
                path, response = await self._answer(scope, proto)
                status = response.status
                send(proto, response, head=scope.method == "HEAD")
        except HttpError as error:
            status = error.status
            send(proto, error.response(), head=scope.method == "HEAD")
        except asyncio.CancelledError:
            status = 408
            send(proto, _too_slow(self.gateway.config.request_timeout_s).response(), head=False)
        except Exception as error:  # noqa: BLE001 - the edge of the process: told, and counted
            status = 500
            send(proto, self._fault(error).response(), head=False)
        finally:
            self._open.pop(task, None)
        if self.counting is not None:
            self.counting.request(path, status, (elapsed_ns() - began_ns) / 1e9)

    async def _answer(self, scope: Any, proto: Any) -> tuple[str, Response]:
        route, arguments = self.table.find(scope.method, scope.path)
        who = self._admit(route.scope, scope)
        headers = {name.lower(): value for name, value in scope.headers.items()}
        request = Request(
            scope.method,
            scope.path,
            await self._body(scope, proto),
            headers,
            scope.query_string,
        )
        request.arguments, request.who = arguments, who
        if route.scope == "operate":  # may wait for the engine, and says itself how long
            self._open.pop(self._this_task(), None)
        try:
            return route.path, await route.handler(request)
        except HttpError as error:
            return route.path, error.response()
        except OstinatoError as error:  # a store, mostly: what it says helps, and holds no secret
            return route.path, as_http(error).response()

    def _this_task(self) -> asyncio.Task[Any]:
        task = asyncio.current_task(self._loop)
        assert task is not None, "the server runs each request as a task"
        return task

    def _admit(self, wanted: Scope | None, scope: Any) -> str:
        if self.guard is None:
            return ""
        header = scope.headers.get
        return self.guard.admit(
            wanted,
            header("authorization") or "",
            scope.client,
            host=header("host"),
            origin=header("origin"),
        )

    async def _body(self, scope: Any, proto: Any) -> bytes:
        """Read the body, not more of it than is allowed."""
        length = scope.headers.get("content-length")
        try:
            if length is not None and length.isdecimal():
                size = int(length)
                if size > self.most_bytes:
                    raise _too_large(length, self.most_bytes)
                return await (proto() if size <= SMALL_BYTES else self._large(size, proto))
            if scope.method in {"GET", "HEAD"}:
                return b""
            return await self._chunked(proto)
        except RuntimeError as error:  # the server's: the client is gone
            raise _cut_off() from error

    async def _large(self, size: int, proto: Any) -> bytes:
        self._begin_to_read(size)
        try:
            whole: bytes = await proto()
        finally:
            self._reading -= size
        return whole

    async def _chunked(self, proto: Any) -> bytes:
        pieces, size, counted = [], 0, 0
        try:
            async for piece in proto:
                size += len(piece)
                if size > self.most_bytes:
                    raise _too_large(f"more than {size}", self.most_bytes)
                if size - counted > SMALL_BYTES:
                    self._begin_to_read(size - counted)
                    counted = size
                pieces.append(bytes(piece))
        finally:
            self._reading -= counted
        return b"".join(pieces)

    def _begin_to_read(self, size: int) -> None:
        if self._reading + size > MOST_READING:
            raise _too_much_at_once(self._reading)
        self._reading += size

    def _sweep(self) -> None:
        """End requests that take too long: a body that drips in, mostly."""
        before = self._loop.time() - self.gateway.config.request_timeout_s
        for task, began in list(self._open.items()):
            if began < before:
                task.cancel()
        self._sweeping = self._loop.call_later(SWEEP_S, self._sweep)

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


def send(proto: Any, response: Response, *, head: bool) -> None:
    """Send a response; a client that is gone is no error."""
    headers = [("content-type", response.type), *response.headers]
    try:
        if head:
            length = ("content-length", str(len(response.body)))
            proto.response_empty(response.status, [*headers, length])
        else:
            proto.response_bytes(response.status, headers, response.body)
    except (RuntimeError, msgspec.MsgspecError):
        return


def as_http(error: OstinatoError) -> HttpError:
    """Return an error of a store or the loop as an answer: 503, try again."""
    return HttpError(503, error.what, found=error.found, expected=error.expected, hint=error.hint)


def _too_large(found: object, most: int) -> HttpError:
    return HttpError(
        413,
        "The body is too large",
        found=f"{found} bytes",
        expected=f"at most {most} bytes",
        hint="Send less at once, or start the service with a larger max_body_bytes.",
    )


def _cut_off() -> HttpError:
    return HttpError(
        400, "The body broke off", expected="as many bytes as content-length says, or a last chunk"
    )


def _too_much_at_once(reading: int) -> HttpError:
    return HttpError(
        503,
        "Too many large bodies are on their way",
        found=f"{reading} bytes of them",
        expected=f"at most {MOST_READING} bytes at once",
        hint="Try again in a second, or send less at once.",
        headers=(("retry-after", "1"),),
    )


def _too_slow(seconds: float) -> HttpError:
    return HttpError(
        408,
        "The request took too long",
        expected=f"a request that is complete and answered within {seconds:g} s",
        headers=(("connection", "close"),),
    )
