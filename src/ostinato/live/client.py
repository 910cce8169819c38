"""A small client of a service: JSON over one kept connection."""

from __future__ import annotations

import http.client
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import msgspec

from ostinato.core.errors import InputError, OstinatoError, StoreError

TIMEOUT_S: Final = 30.0
"""Shorter, and a busy service counts as gone; longer, and one that is gone is noticed late."""


class UnreachableError(StoreError):
    """Nobody answers at the service's address."""


class RefusedError(InputError):
    """The service answered that it will not do this; `status` is the HTTP status."""

    def __init__(self, status: int, facts: dict[str, Any]) -> None:
        super().__init__(
            str(facts.get("what") or f"The service answered with status {status}"),
            found=facts.get("found"),
            expected=facts.get("expected"),
            hint=facts.get("hint"),
        )
        self.status = status


class Client:
    """Talks to one service; not to be shared between threads.

    Parameters
    ----------
    url
        Where it listens, for example ``http://127.0.0.1:8000``.
    token
        Bearer token; empty: none is sent.
    timeout_s
        How long an answer may take.
    """

    def __init__(self, url: str, *, token: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise InputError(
                "The address of the service cannot be used",
                found=repr(url),
                expected="for example http://127.0.0.1:8000",
            )
        secure = parts.scheme == "https"
        make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = make(parts.hostname, parts.port, timeout=timeout_s)
        self._prefix = parts.path
        self._headers = {"content-type": "application/json"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def get(self, path: str) -> Any:
        """Return what a path answers."""
        return self.send("GET", path, None)

    def post(self, path: str, value: Any) -> Any:
        """Send a value as JSON; return the answer."""
        return self.send("POST", path, msgspec.json.encode(value))

    def send(self, method: str, path: str, body: bytes | None) -> Any:
        """Send a request; return the answer read from JSON, text where it is none.

        Raises
        ------
        UnreachableError
            If there is no answer.
        RefusedError
            If the answer is an error (status 400 or more).
        """
        status, content = self._exchange(method, path, body)
        try:
            answer = msgspec.json.decode(content) if content else None
        except msgspec.DecodeError:
            answer = content.decode("utf-8", "replace")
        if status >= 400:
            raise RefusedError(status, answer if isinstance(answer, dict) else {"found": answer})
        return answer

    def _exchange(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        kept = self._connection.sock is not None
        try:
            return self._once(method, path, body)
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            # A connection that was kept may have been closed meanwhile. Only what is harmless
            # twice is sent again; the rest is for the caller, who knows whether ids guard it.
            if kept and method == "GET":
                return self._last_try(method, path, body)
            raise self._unreachable(error) from error

    def _last_try(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        try:
            return self._once(method, path, body)
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise self._unreachable(error) from error

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        self._connection.request(method, self._prefix + path, body, self._headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(
            "The service does not answer",
            found=f"{self.url} ({type(error).__name__}: {error})".rstrip(": "),
            expected="a running service",
            hint="ostinato status says what runs; ostinato serve FILE starts it.",
        )


def split_address(address: str) -> tuple[str, str]:
    """Return the service's URL and the loop's name of a loop's address.

    >>> split_address("https://models.example/loops/flights")
    ('https://models.example', 'flights')

    Raises
    ------
    InputError
        If it names no loop.
    """
    base, found, loop = address.rstrip("/").rpartition("/loops/")
    if not found or not loop or "/" in loop:
        raise InputError(
            "The address names no loop",
            found=repr(address),
            expected="for example http://127.0.0.1:8000/loops/flight-delays",
        )
    return base, loop


def answers(url: str, *, timeout_s: float = 1.0) -> bool:
    """Whether a service is ready for predictions."""
    try:
        with Client(url, timeout_s=timeout_s) as client:
            client.get("/v2/health/ready")
    except OstinatoError:
        return False
    return True
