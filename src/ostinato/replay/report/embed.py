"""Data put into the page so that nothing in it can act as markup."""

from __future__ import annotations

import base64
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from markupsafe import Markup


def script_json(value: Any) -> Markup:
    r"""Write JSON that is safe inside a ``<script>`` element; NaN and infinity become null.

    >>> script_json({"name": "</script>"})
    Markup('{"name":"\\u003c/script\\u003e"}')
    """
    text = json.dumps(_finite(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - every character that could end the element is escaped above


def packed_json(value: Any) -> str:
    """Write JSON, deflated and in base64: journals repeat themselves, an eighth of the bytes.

    >>> len(packed_json([{"reason": "the same sentence"}] * 1000)) < 400
    True
    """
    text = json.dumps(_finite(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 9)).decode()


def asset(name: str) -> Markup:
    """Return a file of `templates/` as it is (our own CSS and JavaScript)."""
    text = resources.files("ostinato.replay.report").joinpath("templates", name).read_text("utf-8")
    return Markup(text)  # noqa: S704 - our own file, no data in it


def _finite(value: Any) -> Any:
    """Copy a JSON-like value with NaN and infinity as None and unknown objects as text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_finite(item) for item in value]
    return str(value)
