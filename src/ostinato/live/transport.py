"""Carry a rehearsal to a service over HTTP, through restarts of its processes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec

from ostinato.core.clock import SteadyClock
from ostinato.core.errors import OstinatoError
from ostinato.core.units import SECOND_NS
from ostinato.live.client import Client, RefusedError, UnreachableError

PATIENCE_S: Final = 120.0
"""How long a service may be away. Shorter, and a restart ends the rehearsal; longer, and a service
that does not come back is waited for."""

CLOCK_TIMEOUT_S: Final = 3_600.0
"""A tick waits for trainings, however long they take."""

BUSY: Final = (429, 503, 504)
"""What a service answers that will take the request later, or has not done yet."""


class HttpTransport:
    """The `Transport` of a rehearsal, with a connection per thread.

    Requests carry ids, so one that may have been lost is sent again and counts once.

    Parameters
    ----------
    url, loop
        The service.
    """

    def __init__(self, url: str, loop: str) -> None:
        self._url, self._path = url, f"/loops/{loop}"
        self._own = threading.local()
        self._clients: list[Client] = []

    def close(self) -> None:
        """Close all connections; no thread may use them any more."""
        for client in self._clients:
            client.close()

    def predict(self, body: bytes) -> list[dict[str, Any]]:
        answer = self._patiently(lambda: self._client().send("POST", self._to("predict"), body))
        found: list[dict[str, Any]] = answer["predictions"]
        return found

    def label(self, body: bytes) -> None:
        self._patiently(lambda: self._client().send("POST", self._to("labels"), body))

    def event(self, where: str, body: bytes) -> None:
        self._patiently(lambda: self._client().send("POST", self._to(where), body))

    def move_clock(self, now_ns: int) -> None:
        # The same move, sent again, is one tick.
        body = msgspec.json.encode({"now": now_ns})
        self._patiently(lambda: self._client().send("POST", self._to("clock"), body))

    def _to(self, what: str) -> str:
        return f"{self._path}/{what}"

    def _client(self) -> Client:
        found: Client | None = getattr(self._own, "client", None)
        if found is None:
            found = self._own.client = Client(self._url, timeout_s=CLOCK_TIMEOUT_S)
            self._clients.append(found)
        return found

    def _patiently(self, send: Callable[[], Any]) -> Any:
        clock = SteadyClock()
        until_ns = clock.now_ns() + int(PATIENCE_S * SECOND_NS)
        while True:
            try:
                return send()
            except (UnreachableError, RefusedError) as error:
                if not _passes(error) or clock.now_ns() > until_ns:
                    raise
                threading.Event().wait(0.05)


def _passes(error: OstinatoError) -> bool:
    return isinstance(error, UnreachableError) or getattr(error, "status", 0) in BUSY
