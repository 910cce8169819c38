"""Who may do what: a token for each scope, or no tokens on a machine's own loopback.

Source: RFC 6750, "The OAuth 2.0 Authorization Framework: Bearer Token Usage", section 3.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from ostinato.core.errors import ConfigError, StoreError
from ostinato.live.config import ServiceConfig
from ostinato.live.gateway.http import HttpError, Request
from ostinato.live.gateway.route import Scope, shown
from ostinato.live.tokens import Tokens

_REALM: Final = 'Bearer realm="ostinato"'


class Access:
    """Lets requests in, or not.

    Parameters
    ----------
    tokens
        The tokens; None: open to all who reach the loopback address.
    """

    def __init__(self, tokens: Tokens | None) -> None:
        self.tokens = tokens

    def check(self, request: Request, scope: Scope | None) -> None:
        """Let a request in that may do what the scope covers, and note in it who asks.

        Raises
        ------
        HttpError
            401 without a token that is known, 403 without the scope, 503 where tokens cannot be
            read.
        """
        if scope is None:
            return
        if self.tokens is None:
            only_this_machine(request)
            return
        token = self._token(request, self.tokens)
        if scope not in token:
            raise HttpError(
                403,
                f"The token may not do this: it lacks the scope {scope!r}",
                found=", ".join(token),
                expected=scope,
                hint=f"Make one: ostinato token create NAME --scope {scope}",
                headers=(
                    (
                        "www-authenticate",
                        f'{_REALM}, error="insufficient_scope", scope="{scope}"',
                    ),
                ),
            )

    def _token(self, request: Request, tokens: Tokens) -> tuple[str, ...]:
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise _unknown("No token came with the request", _REALM)
        try:
            token = tokens.find(secret.strip())
        except StoreError as error:
            # What is in the file stays out of the answer.
            raise HttpError(
                503,
                "The tokens of the service cannot be read",
                hint="Look into the service's log; make the tokens anew if need be.",
            ) from error
        if token is None:
            raise _unknown(
                "The token is not known, or has expired", f'{_REALM}, error="invalid_token"'
            )
        request.who = token.name
        return token.scopes


def _unknown(what: str, challenge: str) -> HttpError:
    # The token itself is never told: it may be a real one with a typing error.
    return HttpError(
        401,
        what,
        expected="Authorization: Bearer TOKEN",
        hint="Make a token: ostinato token create NAME --scope predict",
        headers=(("www-authenticate", challenge),),
    )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, for itself only.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "box")]
    [True, True, True, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def only_this_machine(request: Request) -> None:
    """Refuse what a browser sends for a page from elsewhere, to a service without tokens.

    A web page can make its reader's browser send requests to the loopback address, also under a
    name of its own that resolves to it (DNS rebinding). Browsers tell both in `Origin` and `Host`.

    Raises
    ------
    HttpError
        403.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host")
    if origin is not None and not is_loopback(_host(origin)):
        raise _elsewhere("Origin", origin)
    if host is not None and not is_loopback(_host(f"//{host}")):
        raise _elsewhere("Host", host)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _elsewhere(header: str, value: str) -> HttpError:
    return HttpError(
        403,
        "A service without tokens only answers its own machine",
        found=f"{header}: {shown(value)}",
        expected="a loopback address, such as 127.0.0.1 or localhost",
        hint="Use tokens to be reached under other names: ostinato serve --access tokens",
    )


def check_open_access(config: ServiceConfig) -> None:
    """Refuse to start without tokens where others can reach the service.

    Raises
    ------
    ConfigError
        If `open_access` is on and `host` is no loopback address.
    """
    if config.open_access and not is_loopback(config.host):
        raise ConfigError(
            "A service without tokens would be open to others",
            found=f"host {config.host}, open_access on",
            expected="host 127.0.0.1, ::1 or localhost, or tokens",
            hint="Use --access tokens, and make one: ostinato token create NAME --scope predict",
        )
