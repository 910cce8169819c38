"""Who may do what: a token for each scope, or no tokens on a machine's own loopback.

Source: RFC 6750, "The OAuth 2.0 Authorization Framework: Bearer Token Usage", section 3.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from ostinato.core.errors import ConfigError, StoreError
from ostinato.live.config import ServiceConfig
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.limits import RateLimit, client_key
from ostinato.live.gateway.route import Scope, shown
from ostinato.live.tokens import Token, Tokens

_REALM: Final = 'Bearer realm="ostinato"'


class Guard:
    """Lets requests in, or not.

    Parameters
    ----------
    tokens
        The tokens; None: open to all who reach the loopback address.
    rate
        How often each client may ask.
    """

    def __init__(self, tokens: Tokens | None, rate: RateLimit) -> None:
        self.tokens, self.rate = tokens, rate

    def admit(
        self,
        scope: Scope | None,
        authorization: str,
        address: str,
        *,
        host: str | None = None,
        origin: str | None = None,
    ) -> str:
        """Return the name of the token behind a request that may do what the scope covers.

        Parameters
        ----------
        scope
            Of the route; None: a probe, let in uncounted.
        authorization, host, origin
            Headers of the request; None: not sent.
        address
            Where it came from, with or without a port.

        Raises
        ------
        HttpError
            401 without a token that is known, 403 without the scope, 429 where it came too often,
            503 where tokens cannot be read.
        """
        if scope is None:
            return ""
        if self.tokens is None:
            only_this_machine(host, origin)
            if self.rate.per_second:
                self._count("", address)
            return ""
        token = self._known(authorization, address, self.tokens)
        self._count(token.name, address)
        if scope not in token.scopes:
            raise _lacks(token, scope)
        return token.name

    def check_known(self, authorization: str) -> None:
        """Refuse who sends no token that is known: a stranger's large body is not even read.

        Raises
        ------
        HttpError
            401, or 503 where tokens cannot be read.
        """
        if self.tokens is not None:
            brought, token = _brought(self.tokens, authorization)
            if token is None:
                raise _unknown(brought=brought)

    def _known(self, authorization: str, address: str, tokens: Tokens) -> Token:
        brought, token = _brought(tokens, authorization)
        if token is None:
            self._count("", address)
            raise _unknown(brought=brought)
        return token

    def _count(self, who: str, address: str) -> None:
        if self.rate.per_second:
            self.rate.take(client_key(who, address))


def _brought(tokens: Tokens, authorization: str) -> tuple[bool, Token | None]:
    """Return whether a header brings a token at all, and the token if it is known."""
    scheme, _, secret = authorization.partition(" ")
    brought = scheme.lower() == "bearer" and bool(secret.strip())
    return brought, _found(tokens, secret.strip()) if brought else None


def _found(tokens: Tokens, secret: str) -> Token | None:
    try:
        return tokens.find(secret)
    except StoreError as error:
        # What is in the file stays out of the answer.
        raise HttpError(
            503,
            "The tokens of the service cannot be read",
            hint="Look into the service's log; make the tokens anew if need be.",
        ) from error


def _unknown(*, brought: bool) -> HttpError:
    # The token itself is never told: it may be a real one with a typing error.
    challenge = f'{_REALM}, error="invalid_token"' if brought else _REALM
    return HttpError(
        401,
        "The token is not known, or has expired" if brought else "No token came with the request",
        expected="Authorization: Bearer TOKEN",
        hint="Make a token: ostinato token create",
        headers=(("www-authenticate", challenge),),
    )


def _lacks(token: Token, scope: Scope) -> HttpError:
    challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
    return HttpError(
        403,
        f"The token may not do this: it lacks the scope {scope!r}",
        found=", ".join(token.scopes),
        expected=scope,
        hint="Make a token with this scope: ostinato token create",
        headers=(("www-authenticate", challenge),),
    )


@lru_cache(maxsize=256)
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


def only_this_machine(host: str | None, origin: str | None) -> None:
    """Refuse what a browser sends for a page from elsewhere, to a service without tokens.

    A web page can make its reader's browser send requests to the loopback address, also under a
    name of its own that resolves to it (DNS rebinding). Browsers tell both in `Origin` and `Host`.

    Raises
    ------
    HttpError
        403.
    """
    wrong = _wrong(host, origin)
    if wrong is not None:
        raise _elsewhere(*wrong)


# Nearly all requests bring the same few values, and reading one costs as much as a small answer.
@lru_cache(maxsize=64)
def _wrong(host: str | None, origin: str | None) -> tuple[str, str] | None:
    """Return the header that leads elsewhere."""
    if origin is not None and not _leads_here(origin):
        return "Origin", origin
    if host is not None and not _leads_here(f"//{host}"):
        return "Host", host
    return None


def _leads_here(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


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
            hint="Use --access tokens, and make one: ostinato token create",
        )
