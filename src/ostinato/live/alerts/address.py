"""Addresses that alerts go to: a URL, and from which severity on it wants to hear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ostinato.core.errors import ConfigError
from ostinato.core.watched import SEVERITIES

LEAST: Final = "warning"
"""From which severity on an address is told unless it says so. Lower: people stop to read."""

_DECLARED: Final = re.compile(rf"({'|'.join(SEVERITIES)})=(.*)", re.DOTALL)
_SCHEME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """Where alerts go to.

    Parameters
    ----------
    url
        ``http`` and ``https`` are webhooks; all else is a URL of Apprise.
    least
        The least severity it is told, one of `core.watched.SEVERITIES`.
    """

    url: str
    least: str = LEAST

    @property
    def is_webhook(self) -> bool:
        """Whether it takes JSON over HTTP as we write it."""
        return self.url.partition("://")[0].lower() in {"http", "https"}

    @property
    def shown(self) -> str:
        """The address without what in it may be secret.

        >>> Address("https://hooks.example/T0/secret?key=1").shown
        'https://hooks.example'
        >>> Address("tgram://token/chat").shown
        'tgram://...'
        """
        scheme = self.url.partition("://")[0]
        if not self.is_webhook:
            return f"{scheme}://..."
        try:
            return f"{scheme}://{urlsplit(self.url).hostname or '...'}"
        except ValueError:
            return f"{scheme}://..."

    def hears(self, severity: str) -> bool:
        """Whether it is told of something of this severity."""
        return SEVERITIES.index(severity) >= SEVERITIES.index(self.least)


def read_address(declared: str) -> Address:
    """Read an address as it is declared: a URL, or ``SEVERITY=URL``.

    Raises
    ------
    ConfigError
        If it is no URL.

    Examples
    --------
    >>> read_address("critical=https://pager.example/hook")
    Address(url='https://pager.example/hook', least='critical')
    """
    found = _DECLARED.fullmatch(declared)
    least, url = (LEAST, declared) if found is None else found.groups()
    if not _SCHEME.fullmatch(url):
        raise ConfigError(
            "An address of alerts is no URL",
            found=repr(declared[:20]),  # what follows may be secret
            expected="URL or SEVERITY=URL, as critical=https://pager.example/hook",
            hint="http(s) is a webhook; other schemes are those of Apprise, as mailto://.",
        )
    return Address(url, least)
