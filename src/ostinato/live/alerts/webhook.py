"""Webhooks: a message posted as JSON. HTTP is loaded when it is used."""

from __future__ import annotations

import importlib
from typing import Any, Final
from urllib.parse import urlsplit

from ostinato.core.errors import StoreError

PATIENCE_SECONDS: Final = 5.0


def post(url: str, body: dict[str, Any]) -> None:
    """Post the body of a message.

    Raises
    ------
    StoreError
        If it is not taken: nobody there, no answer in time, or a status of 400 and above.
    """
    httpx = importlib.import_module("httpx")
    try:
        httpx.post(url, json=body, timeout=PATIENCE_SECONDS).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        response = getattr(error, "response", None)
        why = type(error).__name__ if response is None else f"status {response.status_code}"
        # Webhook URLs carry secrets in path and query: only the host is told.
        raise StoreError(
            "A webhook did not take an alert",
            found=f"{_host(url)} ({why})",
            expected=f"a status below 400 within {PATIENCE_SECONDS:g} s",
            hint="It is told again later; check the URL of --alert.",
        ) from None


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "no host"
    except ValueError:
        return "no URL"
