"""What an event must be before it enters a log."""

from __future__ import annotations

from collections.abc import Sequence

from ostinato.core.errors import StoreError

Event = tuple[str, bytes]
"""A key that names the event for good, and its bytes."""


def checked_events(events: Sequence[Event]) -> list[Event]:
    """Copy events whose key and payload can be stored.

    This happens before events of several callers are joined into one commit, so that one caller's
    mistake is not another one's failure.

    Raises
    ------
    StoreError
        If a key is not text, cannot be written as UTF-8, or a payload is not bytes.
    """
    for key, payload in events:
        if not isinstance(key, str) or not _is_unicode(key):
            raise StoreError("The key of an event is not text", found=ascii(key), expected="a str")
        if not isinstance(payload, bytes):
            raise StoreError(
                f"The payload of event {key!r} is not bytes",
                found=type(payload).__name__,
                expected="bytes",
                hint="Encode it first.",
            )
    return [(key, payload) for key, payload in events]


def first_of_each_key(events: Sequence[Event]) -> dict[str, bytes]:
    """Keep the first payload of each key, in order."""
    first: dict[str, bytes] = {}
    for key, payload in events:
        first.setdefault(key, payload)
    return first


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
