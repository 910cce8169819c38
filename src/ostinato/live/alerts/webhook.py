"""Webhooks: a message posted as JSON. HTTP is loaded when it is used."""

from __future__ import annotations

from typing import Any, Final

import httpx

from ostinato.core.errors import StoreError

PATIENCE_SECONDS: Final = 5.0


def post(url: str, body: dict[str, Any]) -> None:
    """Post the body of a message.

    Raises
    ------
    StoreError
        If it is not taken: nobody there, no answer in time, or a status of 400 and above.
    """
    try:
        httpx.post(url, json=body, timeout=PATIENCE_SECONDS).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Webhook URLs carry secrets in path and query: only the host is told.
        raise StoreError(
            "A webhook did not take an alert",
            found=f"{_host(url)} ({_why(error)})",
            expected=f"a status below 400 within {PATIENCE_SECONDS:g} s",
            hint="It is told again later; check the URL of --alert.",
        ) from None


def _why(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"status {error.response.status_code}"
    return type(error).__name__


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL:
        return "no URL"
