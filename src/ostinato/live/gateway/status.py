"""`GET /loops/{loop}` and `POST /loops/{loop}/gate`: how it stands, and whether to go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from ostinato.core.errors import OstinatoError
from ostinato.live.gateway.http import HttpError, Request, Response, answer
from ostinato.live.gateway.route import Route, only_loop, shown
from ostinato.live.layout import Layout
from ostinato.live.published import Status, read
from ostinato.live.schema import InputSchema


class Standing:
    """Answers from what the engine last wrote.

    Parameters
    ----------
    schema, layout
        Of the service.
    gateway
        Describes this gateway.
    """

    def __init__(
        self, schema: InputSchema, layout: Layout, gateway: Callable[[], dict[str, Any]]
    ) -> None:
        self.schema, self.layout, self.gateway = schema, layout, gateway

    def routes(self) -> list[Route]:
        """Return what this answers."""
        return [
            Route("GET", "/loops/{loop}", "read", self.status),
            Route("POST", "/loops/{loop}/gate", "read", self.gate),
            Route("GET", "/loops/{loop}/alarms", "read", self.alarms),
        ]

    async def status(self, request: Request) -> Response:
        """Tell how the loop stands: the engine's last word, and this gateway."""
        only_loop(self.schema.loop, request.arguments["loop"])
        return answer(
            {
                "loop": self.schema.loop,
                "task": self.schema.task,
                "status": self._status(),
                "gateway": self.gateway(),
            }
        )

    async def gate(self, request: Request) -> Response:
        """Say pass, fail or inconclusive: may a deployment go on?

        The status is 200 whatever the verdict; with ``?strict`` a fail is 409, for callers that
        look at the status only.
        """
        only_loop(self.schema.loop, request.arguments["loop"])
        status = self._status()
        verdict = "inconclusive" if status is None else status.verdict
        strict = "strict" in parse_qs(request.query, keep_blank_values=True)
        return answer(
            {
                "verdict": verdict,
                "rollout": "" if status is None else status.rollout,
                "champion": None if status is None else status.champion,
                "challenger": None if status is None else status.challenger,
                "epoch": -1 if status is None else status.epoch,
                "now_ns": 0 if status is None else status.now_ns,
            },
            409 if strict and verdict == "fail" else 200,
        )

    async def alarms(self, request: Request) -> Response:
        """Tell what is watched and which alarms stand; with ``?name=`` one alarm alone."""
        only_loop(self.schema.loop, request.arguments["loop"])
        status = self._status()
        watch = None if status is None else status.watch
        names = parse_qs(request.query, keep_blank_values=True).get("name", [])
        if watch is not None and names:
            watch = {**watch, "standing": [_named(watch, names[0])]}
        return answer({"loop": self.schema.loop, "watch": watch})

    def _status(self) -> Status | None:
        try:
            return read(self.layout.status, Status)
        except OstinatoError as error:
            raise HttpError(503, error.what, found=error.found, hint=error.hint) from error


def _named(watch: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an alarm that stands.

    Raises
    ------
    HttpError
        404, where none of that name does.
    """
    for each in watch["standing"]:
        if each["stream"] == name:
            found: dict[str, Any] = each
            return found
    raise HttpError(
        404,
        "No alarm of this name stands",
        found=shown(name),
        expected="a name that GET /loops/{loop}/alarms lists",
        hint="It may be resolved: ostinato audit log tells.",
    )
