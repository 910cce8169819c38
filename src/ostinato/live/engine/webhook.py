"""The one place that posts to webhooks. HTTP is loaded when it is used."""

from __future__ import annotations

from typing import Any, Final

import httpx

from ostinato.core.errors import StoreError

PATIENCE_SECONDS: Final = 5.0


def post(url: str, alert: dict[str, Any]) -> None:
    """Post an alert as JSON.

    Raises
    ------
    StoreError
        If it is not taken: nobody there, no answer in time, or a status of 400 and above.
    """
    try:
        httpx.post(url, json=alert, timeout=PATIENCE_SECONDS).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Webhook URLs carry secrets in path and query: only the host is told.
        raise StoreError(
            "A webhook did not take an alert",
            found=f"{_host(url)} ({type(error).__name__})",
            expected="a status below 400 within 5 s",
            hint="It is told again later; check the URL of --webhook.",
        ) from None


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL:
        return "no URL"
