"""Routes: which handler answers which method and path, and the scope it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote

from ostinato.live.gateway.http import Handler, HttpError

Scope = Literal["predict", "label", "operate", "read"]

SCOPES: Final[tuple[Scope, ...]] = ("predict", "label", "operate", "read")
"""What a token may allow: ask for predictions; give labels and outcomes; act; look."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Parameters
    ----------
    method
        In capitals. HEAD is answered by the route of GET.
    path
        With names in braces for the parts that vary: ``/loops/{loop}/predict``.
    scope
        What a token must allow; None: anybody may, token or not (probes).
    handler
        Answers.
    """

    method: str
    path: str
    scope: Scope | None
    handler: Handler


Found = tuple[Route, Mapping[str, str]]
"""A route, and the parts of the path that it names."""

_NONE: Final[Mapping[str, str]] = {}


class RouteTable:
    """Finds the route of a request.

    A path without names is one look-up; a path with names is found by the number of its parts.

    Examples
    --------
    >>> async def nothing(request): ...
    >>> table = RouteTable([Route("GET", "/loops/{loop}", "read", nothing)])
    >>> table.find("GET", "/loops/flights")[1]
    {'loop': 'flights'}
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._plain: dict[str, dict[str, Route]] = {}
        self._named: dict[int, dict[str, dict[str, Route]]] = {}
        for route in self.routes:
            by_path = self._plain
            if "{" in route.path:
                by_path = self._named.setdefault(route.path.count("/"), {})
            methods = by_path.setdefault(route.path, {})
            assert route.method not in methods, f"{route.method} {route.path} has two routes"
            methods[route.method] = route

    def find(self, method: str, path: str) -> Found:
        """Return the route and the named parts of the path, percent-decoded.

        Raises
        ------
        HttpError
            404 where no route has the path, 405 with ``Allow`` where none has the method.
        """
        methods, arguments = self._methods(path)
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None:
            raise _unknown_method(method, path, methods)
        return route, arguments

    def _methods(self, path: str) -> tuple[dict[str, Route], Mapping[str, str]]:
        plain = self._plain.get(path)
        if plain is not None:
            return plain, _NONE
        parts = path.split("/")
        for pattern, methods in self._named.get(len(parts) - 1, {}).items():
            arguments = _match(pattern.split("/"), parts)
            if arguments is not None:
                return methods, arguments
        raise HttpError(
            404,
            "There is nothing at this path",
            found=shown(path),
            expected="one of the paths in /openapi.json",
            hint="A browser shows them at /docs.",
        )


def _match(pattern: list[str], parts: list[str]) -> dict[str, str] | None:
    arguments = {}
    for wanted, part in zip(pattern, parts, strict=True):
        if wanted.startswith("{"):
            if not part:
                return None
            arguments[wanted[1:-1]] = unquote(part)
        elif wanted != part:
            return None
    return arguments


def _unknown_method(method: str, path: str, methods: Mapping[str, Route]) -> HttpError:
    allowed = ", ".join(sorted([*methods, *(["HEAD"] if "GET" in methods else [])]))
    return HttpError(
        405,
        f"This path does not take {shown(method)}",
        found=shown(path),
        expected=allowed,
        headers=(("allow", allowed),),
    )


def shown(text: str, *, limit: int = 100) -> str:
    """Return text that a client sent as it may stand in an error: printable, and not long.

    >>> shown("x" * 200, limit=3)
    'xxx...'
    """
    printable = repr(text[:limit])[1:-1]
    return f"{printable}..." if len(text) > limit else printable


def only_loop(loop: str, asked: str) -> None:
    """Refuse a path that names another loop than the one this service runs.

    Raises
    ------
    HttpError
        404.
    """
    if asked != loop:
        raise HttpError(
            404,
            "This service runs another loop",
            found=shown(asked),
            expected=loop,
        )
