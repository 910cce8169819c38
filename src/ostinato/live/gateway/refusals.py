"""Why a request is not even tried: it is malformed, too large, or too slow."""

from __future__ import annotations

from typing import Final

from ostinato.live.gateway.http import HttpError

MOST_TARGET: Final = 8_192
"""Bytes of a target. Paths here are short; a prediction belongs in the body."""

MOST_HEADERS: Final = 100
MOST_HEAD: Final = 65_536
"""Headers of a request, and bytes of all of them. Proxies add some; more is somebody's mistake."""


def malformed(found: str) -> HttpError:
    """Return the error of bytes that are no request, or could be read as several."""
    return HttpError(
        400, "The request is not HTTP as it is spoken here", found=found, expected="HTTP/1.1"
    )


def long_target() -> HttpError:
    """Return the error of a target that is too long."""
    return HttpError(
        414,
        "The path is too long",
        expected=f"at most {MOST_TARGET} bytes",
        hint="Send the inputs in the body of a POST.",
    )


def large_head() -> HttpError:
    """Return the error of headers that are too many or too large."""
    return HttpError(
        431,
        "The headers are too many or too large",
        expected=f"at most {MOST_HEADERS} headers and {MOST_HEAD} bytes",
    )


def large_body(found: str, most: int) -> HttpError:
    """Return the error of a body that is too large, or says that it will be."""
    return HttpError(
        413,
        "The body is too large",
        found=f"{found} bytes",
        expected=f"at most {most} bytes",
        hint="Send less at once, or start the service with a larger max_body_bytes.",
    )


def too_slow(seconds: float) -> HttpError:
    """Return the error of a request that does not come, or is not answered, in time."""
    return HttpError(
        408,
        "The request took too long",
        expected=f"a request that is complete and answered within {seconds:g} s",
        headers=(("connection", "close"),),
    )


def crowded(most: int) -> HttpError:
    """Return the error of a connection too many."""
    return HttpError(
        503,
        "Too many connections are open",
        expected=f"at most {most}",
        hint="Keep connections and use them again; try again in a second.",
        headers=(("retry-after", "1"),),
    )


def out_of_memory(most: int) -> HttpError:
    """Return the error of a large body that comes when many others do."""
    return HttpError(
        503,
        "Too many large bodies come at once",
        expected=f"at most {most} bytes of bodies that are not complete",
        hint="Try again in a second, or send less at once.",
        headers=(("retry-after", "1"),),
    )
