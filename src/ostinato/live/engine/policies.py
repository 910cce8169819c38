"""The policies a loop has lived under: a state and a log can only be read under their own.

The loop file holds the policy of today, the file beside it the validation suite of today. A
snapshot made yesterday, an order given under the policy before, and an audit of the whole log need
the earlier ones, so each is kept when it is first seen. A trigger or gate of your own is kept by
name: its class has to stay in the loop file.
"""

from __future__ import annotations

import hashlib
import pickle
from dataclasses import dataclass, replace
from pathlib import Path

from ostinato.core.errors import ConfigError, StoreError
from ostinato.live.engine.feed import PAGE, Readable, read_event
from ostinato.live.events import PolicyGiven
from ostinato.live.layout import Layout
from ostinato.loop.loop import Loop
from ostinato.loop.policy import Policy
from ostinato.loop.suited import suite_of
from ostinato.stores.durable import write_whole
from ostinato.watch.suite import Suite


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a loop's declaration may change while it serves."""

    policy: Policy
    suite: Suite | None

    def of(self, loop: Loop) -> Loop:
        """Return a loop as it was declared then."""
        return replace(loop, policy=self.policy, suite=self.suite)


def keep(layout: Layout, digest: str, loop: Loop) -> None:
    """Keep a loop's policy and suite under the digest of its plan, unless they are kept already.

    Raises
    ------
    ConfigError
        If it cannot be pickled.
    """
    path = _path(layout, digest)
    if path.exists():
        return
    try:
        data = pickle.dumps(Kept(loop.policy, suite_of(loop)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ConfigError(
            "The policy cannot be kept for later",
            found=f"{type(error).__name__}: {error}",
            expected="triggers, gates and schedules that can be pickled",
            hint="Declare them at the top of the loop file, not inside a function.",
        ) from error
    write_whole(path, hashlib.sha256(data).hexdigest().encode() + b"\n" + data)


def kept(layout: Layout, digest: str) -> Kept:
    """Return the policy and the suite of a digest.

    Raises
    ------
    StoreError
        If it is not there, damaged, or of a class that is no more.
    """
    path = _path(layout, digest)
    try:
        written, _, data = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise _unreadable(path, str(error)) from error
    if hashlib.sha256(data).hexdigest().encode() != written:
        raise _unreadable(path, "bytes that do not match their hash")
    try:
        found: Kept = pickle.loads(data)  # noqa: S301 - our own bytes, and whole
    except (pickle.UnpicklingError, AttributeError, ImportError, TypeError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error
    return found


def first_policy(events: Readable) -> str:
    """Return the digest of the policy that a log begins under.

    Raises
    ------
    StoreError
        If the log does not say.
    """
    offset = 0
    while page := events.read(offset, PAGE):
        for offset, key, payload in page:
            event = read_event(offset, key, payload)
            if isinstance(event, PolicyGiven):
                return event.digest
        offset = page[-1][0] + 1
    raise StoreError("The log does not say which policy it begins under")


def _path(layout: Layout, digest: str) -> Path:
    return layout.policies / f"{digest[:16]}.pickle"


def _unreadable(path: Path, found: str) -> StoreError:
    return StoreError(
        "A policy that the loop has lived under cannot be read",
        found=f"{path}: {found}",
        expected="the policy as it was kept",
        hint="Restore the file from a backup; a trigger or gate of your own has to stay in the "
        "loop file.",
    )
