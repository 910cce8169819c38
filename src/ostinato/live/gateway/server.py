"""Listens for connections, and lets them go in good order."""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from ostinato.core.errors import ConfigError
from ostinato.live.gateway.connection import Connection
from ostinato.live.gateway.sharing import Shared

BACKLOG: Final = 4_096
"""Connections that may wait to be accepted."""

GRACE_S: Final = 0.1
"""Seconds between the end of listening and the closing of idle connections: what was sent before
that, or crosses it, is still answered."""


class Server:
    """Accepts connections on a port, which several processes may share.

    Parameters
    ----------
    shared
        What the connections share.
    """

    def __init__(self, shared: Shared) -> None:
        self.shared = shared
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> None:
        """Begin to accept.

        Raises
        ------
        ConfigError
            If nobody may listen there.
        """
        try:
            self._server = await self._loop.create_server(
                lambda: Connection(self.shared),
                host.strip("[]"),
                port,
                backlog=BACKLOG,
                # Where there is none, one gateway listens.
                reuse_port=True if hasattr(socket, "SO_REUSEPORT") else None,
            )
        except OSError as error:
            raise ConfigError(
                "The gateway cannot listen there",
                found=f"{host} port {port} ({error.strerror or error})",
                expected="an address of this machine and a port that is free",
                hint="Choose another one: ostinato serve --host HOST --port PORT",
            ) from error

    async def drain(self, seconds: float) -> None:
        """Accept no more, answer what was asked, and close every connection.

        What is not answered after `seconds` is cut off.
        """
        shared = self.shared
        shared.answers.final = True
        if self._server is not None:
            self._server.close()
        until_s = self._loop.time() + seconds
        await asyncio.sleep(GRACE_S)
        for connection in tuple(shared.connections):
            connection.drain()
        while shared.connections and self._loop.time() < until_s:  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.01)
        for connection in tuple(shared.connections):
            connection.abort()
        shared.deadlines.close()
