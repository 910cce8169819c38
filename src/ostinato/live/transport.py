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
from ostinato.live.layout import Layout
from ostinato.live.published import Alive, Published, Status, read

PATIENCE_S: Final = 120.0
"""How long a service may be away. Shorter, and a restart ends the rehearsal; longer, and a service
that does not come back is waited for."""

CLOCK_TIMEOUT_S: Final = 3_600.0
"""A tick waits for trainings, however long they take."""

BUSY: Final = (429, 503)
"""What a service answers that will take the request later."""


class HttpTransport:
    """The `Transport` of a rehearsal, with a connection per thread.

    Requests carry ids, so one that may have been lost is sent again and counts once.

    Parameters
    ----------
    url, loop
        The service.
    layout
        Its folder: says whether the clock has moved.
    """

    def __init__(self, url: str, loop: str, layout: Layout) -> None:
        self._url, self._path, self._layout = url, f"/loops/{loop}", layout
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

    def move_clock(self, now_ns: int) -> None:
        body = msgspec.json.encode({"now": now_ns})

        def move() -> None:
            # An answer may have been lost: a clock that is there already is not moved twice.
            if self._has_ticked(now_ns):
                self._wait_for_gateways()
            else:
                self._client().send("POST", self._to("clock"), body)

        self._patiently(move)

    def _to(self, what: str) -> str:
        return f"{self._path}/{what}"

    def _client(self) -> Client:
        found: Client | None = getattr(self._own, "client", None)
        if found is None:
            found = self._own.client = Client(self._url, timeout_s=CLOCK_TIMEOUT_S)
            self._clients.append(found)
        return found

    def _has_ticked(self, now_ns: int) -> bool:
        status = read(self._layout.status, Status)
        return status is not None and status.now_ns >= now_ns

    def _wait_for_gateways(self) -> None:
        routes = read(self._layout.routes, Published)
        epoch = -1 if routes is None else routes.epoch
        behind = [
            path
            for path in sorted(self._layout.run.glob("gateway-*.json"))
            if (beat := read(path, Alive)) is None or beat.epoch < epoch
        ]
        if behind:
            raise UnreachableError("Gateways do not serve the newest routes yet", found=behind[0])

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
