"""Apprise: mail, chats, pagers and a hundred more. The one place that loads it, when it is used."""

from __future__ import annotations

import importlib
import logging
from typing import Any, Final

from ostinato.core.errors import ConfigError, StoreError
from ostinato.live.alerts.message import Message

_KINDS: Final = {"info": "info", "warning": "warning", "critical": "failure"}
"""Our severities as Apprise calls them: they choose colours and symbols."""


def notify(url: str, message: Message) -> None:
    """Send a message to a URL of Apprise.

    Raises
    ------
    ConfigError
        If Apprise is not installed or knows no such URL.
    StoreError
        If the message was not taken.
    """
    sender = _sender(url)
    resolved = message.title.rpartition(": resolved")[1]
    kind = "success" if resolved else _KINDS[message.severity]
    if not sender.notify(title=message.title, body=message.text, notify_type=kind):
        raise StoreError(
            "An alert was not taken",
            found=f"{_scheme(url)}://... (Apprise says no more)",
            expected="that whoever is behind the URL takes it",
            hint="It is told again later; ostinato alerts test tries the addresses.",
        )


def check(url: str) -> None:
    """Refuse a URL that Apprise does not know, before anything is to be told.

    Raises
    ------
    ConfigError
        If Apprise is not installed or knows no such URL.
    """
    _sender(url)


def _sender(url: str) -> Any:
    try:
        apprise = importlib.import_module("apprise")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "Alerts to addresses other than http(s) need Apprise",
            found=f"{_scheme(url)}://..., and Apprise is not installed",
            expected="Apprise, or a webhook",
            hint="pip install 'ostinato[alerts]'",
        ) from error
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it would write URLs with secrets
    found = apprise.Apprise()
    if not found.add(url):
        raise ConfigError(
            "Apprise knows no such address",
            found=f"{_scheme(url)}://...",
            expected="a URL as its documentation has it",
            hint="https://github.com/caronc/apprise/wiki lists them.",
        )
    return found


def _scheme(url: str) -> str:
    return url.partition("://")[0]
