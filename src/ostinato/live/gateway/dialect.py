"""Errors in the words of another protocol, beside our own."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ostinato.live.gateway.http import Handler, HttpError, Request, Response

Words = Callable[[HttpError], dict[str, str]]
"""Gives the fields that clients of a protocol read an error from."""


def speaking(handler: Handler, words: Words) -> Handler:
    """Return the handler with its refusals told as clients of a protocol expect them.

    The facts of the error stay in the body; fields of the same name are the protocol's.
    """

    async def spoken(request: Request) -> Response:
        try:
            return await handler(request)
        except HttpError as error:
            body = {**error.to_dict(), "status": error.status, **words(error)}
            return Response(error.status, msgspec.json.encode(body), headers=error.headers)

    return spoken
