"""How often one client may ask.

The rate is a token bucket: it holds one second's worth, and fills at the rate. Each gateway counts
for itself, so that several of them let through as many times the rate; what is held per client is
two numbers.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Final

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
    elapsed_ns
        Nanoseconds since some moment, never going back.
    """

    def __init__(self, per_second: int, *, elapsed_ns: Callable[[], int]) -> None:
        self.per_second, self.elapsed_ns = per_second, elapsed_ns
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
        now_ns = self.elapsed_ns()
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
    """Return what a client is counted under: its token's name, or its address without the port.

    Of IPv6 addresses the first 64 bits count: a customer commonly has all of the rest.

    >>> client_key("", "[2001:db8::1:2:3:4]:50123"), client_key("", "10.0.0.1:50123")
    ('2001:db8::', '10.0.0.1')
    """
    if who:
        return f"token {who}"
    host = address
    if address.startswith("[") or address.count(":") == 1:
        host = address.rpartition(":")[0].strip("[]")
    try:
        parsed = ip_address(host)
    except ValueError:
        return host
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return host
