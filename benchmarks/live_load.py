"""A small HTTP/1.1 client for load: one connection, one request at a time, JSON in and out."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import Any

HOST = "127.0.0.1"


class Client:
    """One connection that is opened when it is needed."""

    def __init__(self, port: int, timeout: float = 10.0, token: str = "") -> None:
        self.port, self.timeout = port, timeout
        self._access = f"authorization: Bearer {token}\r\n" if token else ""
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Return status and answer; raises OSError, IncompleteReadError, TimeoutError."""
        return await asyncio.wait_for(self._post(path, body), self.timeout)

    async def _post(self, path: str, body: Any) -> tuple[int, Any]:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(HOST, self.port)
        assert self._reader is not None
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/json\r\n"
        head += self._access
        self._writer.write(f"{head}content-length: {len(content)}\r\n\r\n".encode() + content)
        head_bytes = await self._reader.readuntil(b"\r\n\r\n")
        lines = head_bytes.decode("latin1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        answer = await self._reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), json.loads(answer) if answer else None

    def close(self) -> None:
        """Drop the connection; the next request opens another one."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


def free_port() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


def wait_until_ready(port: int, service: subprocess.Popen[Any], seconds: float) -> None:
    """Wait for ``/v2/health/ready``; raises if the service ends or takes too long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if service.poll() is not None:
            raise SystemExit(f"The service ended with {service.returncode} before it was ready.")
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}/v2/health/ready", timeout=2) as got:
                if got.status == 200:
                    return
        except (OSError, urllib.error.URLError):
            pass
        time.sleep(0.1)
    raise SystemExit(f"The service was not ready after {seconds:g} seconds.")
