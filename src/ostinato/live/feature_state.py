"""The file that features begin from: what they are computed of, up to a place in the log.

The engine writes it, before the log is trimmed; gateways begin with it when they start, and follow
the log from its place on.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from ostinato.core.errors import StoreError
from ostinato.stores.durable import write_whole

_HASH_BYTES: Final = 32


class FeatureState(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What features are computed of.

    Parameters
    ----------
    offset
        The first event of the log that is not in it.
    plan
        Digest of the plan of features that it was made under.
    store
        The snapshot of an `OnlineStore`.
    feed
        The snapshot of a `FeatureFeed`.
    """

    offset: int
    plan: str
    store: bytes
    feed: bytes


def write_state(path: Path, state: FeatureState) -> None:
    """Put the file in place: readers see the old one or this one.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    body = msgspec.msgpack.encode(state)
    try:
        write_whole(path, hashlib.sha256(body).digest() + body)
    except OSError as error:
        raise StoreError(
            "The state of features cannot be written",
            found=f"{path} ({error.strerror or error})",
            hint="Check the permissions and the free space on the disk.",
        ) from error


def read_state(path: Path, *, plan: str) -> FeatureState | None:
    """Read the file; None where there is none.

    Parameters
    ----------
    path
        Where it lies.
    plan
        Digest of the plan of features that is to go on with it.

    Raises
    ------
    StoreError
        If it is damaged, or was made under other definitions.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    found, body = content[:_HASH_BYTES], content[_HASH_BYTES:]
    if hashlib.sha256(body).digest() != found:
        raise _unreadable(path, "its hash does not match")
    try:
        state = msgspec.msgpack.decode(body, type=FeatureState)
    except msgspec.MsgspecError as error:
        raise _unreadable(path, str(error)) from error
    if state.plan != plan:
        raise StoreError(
            "The state of features was made under other definitions",
            found=f"{path}, plan {state.plan[:12]}",
            expected=f"plan {plan[:12]}, that of the loop file",
            hint="Restart the service: the engine makes it anew, or says why it does not.",
        )
    return state


def _unreadable(path: Path, why: str) -> StoreError:
    return StoreError(
        "The state of features cannot be read",
        found=f"{path} ({why})",
        expected="a file as the engine writes it",
        hint="The engine writes it anew; gateways that start wait for that.",
    )
