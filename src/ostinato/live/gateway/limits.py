"""Limits: how often one client may ask, and how much it may send.

The rate is a token bucket: it holds one second's worth, and fills at the rate. Each gateway counts
for itself, so that several of them let through as many times the rate; what is held per client is
two numbers.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from ipaddress import IPv6Address, ip_address
from typing import Final

from ostinato.core.ports import Clock
from ostinato.live.gateway.http import HttpError

MAX_CLIENTS: Final = 10_000
"""Clients remembered. Beyond it the one not seen for longest is forgotten, with a full bucket as if
it were new; fewer would let many addresses reset each other, more would take memory."""

_SECOND_NS: Final = 1_000_000_000


class RateLimit:
    """Counts the requests of each client.

    Parameters
    ----------
    per_second
        Requests a second that each may send; 0: no limit.
    clock
        A clock that never goes back.
    """

    def __init__(self, per_second: int, *, clock: Clock) -> None:
        self.per_second, self.clock = per_second, clock
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, client: str) -> None:
        """Count one request of a client (see `client_key`).

        Raises
        ------
        HttpError
            429 with ``Retry-After`` in whole seconds.
        """
        if self.per_second <= 0:
            return
        now_ns = self.clock.now_ns()
        left, since_ns = self._buckets.pop(client, (float(self.per_second), now_ns))
        filled = left + (now_ns - since_ns) * self.per_second / _SECOND_NS
        left = min(float(self.per_second), filled)
        self._buckets[client] = (left - 1 if left >= 1 else left, now_ns)
        if len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        if left < 1:
            raise self._too_many((1 - left) / self.per_second)

    def _too_many(self, wait_seconds: float) -> HttpError:
        return HttpError(
            429,
            "Too many requests came from this client",
            found=f"more than {self.per_second} a second",
            expected=f"at most {self.per_second} a second",
            hint="Wait, or send many rows in one request.",
            headers=(("retry-after", str(math.ceil(wait_seconds))),),
        )


def client_key(who: str, address: str) -> str:
    """Return what a client is counted under: its token's name, or its address.

    Of IPv6 addresses the first 64 bits count: a customer commonly has all of the rest.

    >>> client_key("", "2001:db8::1:2:3:4"), client_key("shop", "10.0.0.1")
    ('2001:db8::', 'token shop')
    """
    if who:
        return f"token {who}"
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return address


def check_size(told: str | None, limit: int) -> None:
    """Refuse a body by what its ``Content-Length`` tells, before any of it is read.

    Raises
    ------
    HttpError
        413 if it is larger than `limit` bytes, 400 if it is no length.
    """
    if told is None:
        return
    if not (told.isascii() and told.isdigit()):
        raise HttpError(400, "Content-Length is no length", expected="a number of bytes")
    if len(told) > 18 or int(told) > limit:
        raise too_large(limit)


def too_large(limit: int) -> HttpError:
    """Return the refusal of a body that is larger than `limit` bytes."""
    return HttpError(
        413,
        "The body is too large",
        found=f"more than {limit} bytes",
        expected=f"at most {limit} bytes",
        hint="Send fewer rows in one request.",
        headers=(("connection", "close"),),
    )


def too_slow(limit_s: int) -> HttpError:
    """Return the refusal of a request that was not complete in time."""
    return HttpError(
        408,
        "The request did not arrive in time",
        found=f"more than {limit_s} s",
        expected=f"complete within {limit_s} s",
        headers=(("connection", "close"),),
    )
