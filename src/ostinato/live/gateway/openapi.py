"""The service described: OpenAPI at ``/openapi.json``, a plain page at ``/docs``.

Both are made once, from the fields of the loop: what a request looks like here, not in general.
"""

from __future__ import annotations

from importlib.metadata import version as package_version
from typing import Any, Final

import msgspec

from ostinato.live.config import ServiceConfig
from ostinato.live.gateway import openapi_loop, openapi_peers
from ostinato.live.gateway.docs_page import page
from ostinato.live.gateway.http import JSON, Request, Response
from ostinato.live.gateway.openapi_parts import ERROR, Paths, content, operation
from ostinato.live.gateway.route import SCOPES, Route
from ostinato.live.schema import InputSchema

_HTML: Final = "text/html; charset=utf-8"

_HEADERS: Final = (
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("x-content-type-options", "nosniff"),
)
"""The page has no script and loads nothing; a browser need not believe it."""


def document(schema: InputSchema, config: ServiceConfig) -> dict[str, Any]:
    """Return the description of a service, as OpenAPI 3.1."""
    timed = config.clock == "events"
    paths: Paths = {
        **openapi_loop.paths(schema, timed=timed),
        **openapi_peers.paths(schema),
        "/openapi.json": {
            "get": operation("Describe the service", "read", content({"type": "object"}))
        },
        "/docs": {
            "get": operation(
                "Show this page", "read", content({"type": "string"}, kind="text/html")
            )
        },
    }
    parts = {**openapi_loop.components(schema), **openapi_peers.components(schema)}
    made: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": f"{schema.loop} (Ostinato)",
            "version": package_version("ostinato"),
            "description": f"A {schema.task} loop that is kept learning.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": {"Error": ERROR, **parts}},
    }
    if not config.open_access:
        made["components"]["securitySchemes"] = {
            "token": {
                "type": "http",
                "scheme": "bearer",
                "description": f"A token with the scope of the path: {', '.join(SCOPES)}.",
            }
        }
        made["security"] = [{"token": []}]
    return made


def routes(schema: InputSchema, config: ServiceConfig) -> list[Route]:
    """Return the routes of the description."""
    described = document(schema, config)
    host = f"[{config.host}]" if ":" in config.host else config.host
    html = page(described, f"http://{host}:{config.port}")
    as_json = Response(200, msgspec.json.encode(described), JSON)
    as_page = Response(200, html.encode(), _HTML, _HEADERS)

    async def openapi(_request: Request) -> Response:
        return as_json

    async def docs(_request: Request) -> Response:
        return as_page

    return [
        Route("GET", "/openapi.json", "read", openapi),
        Route("GET", "/docs", "read", docs),
    ]
