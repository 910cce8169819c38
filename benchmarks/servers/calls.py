"""Single calls over a connection of their own, for what is not load."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any


class Failed(Exception):  # noqa: N818 - it is an answer, not an error
    """A server that did not start or did not answer as it should, and what was seen."""


def request(port: int, path: str, body: bytes | None, seconds: float) -> Any:
    """One call over a connection of its own."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body)
    asked.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(asked, timeout=seconds) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise Failed(f"{path} answered {error.code}: {error.read()[:300]!r}") from error
    except (OSError, HTTPException) as error:
        raise Failed(f"{path} did not answer: {error}") from error
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text.decode(errors="replace")
