"""Tell people by webhook what they should know, at least once each.

Alerts are read from the journal, which has them all; a small file says for each URL up to where
they were delivered. So nothing has to be queued, and a restart goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from ostinato.core.errors import StoreError
from ostinato.core.ports import Entry, Journal
from ostinato.core.units import format_time
from ostinato.live.published import read, write

ALERTS: Final = frozenset(
    {
        "training_failed",
        "candidate_rejected",
        "promoted",
        "rolled_back",
        "rollout_ended",
        "rollout_frozen",
        "rollout_held",
        "serving_fault",
        "labels_unusable",
        "parity_broken",
        "parity_restored",
        "action_proposed",
        "act_refused",
    }
)
"""Kinds of decisions that are told; of triggers those that act or are held back as well."""

_STANCES: Final = ("act", "held")

Post = Callable[[str, dict[str, Any]], None]
"""Send JSON to a URL; raises `StoreError` where it is not taken."""


class Delivered(msgspec.Struct, frozen=True):
    """By URL: the first entry of the journal that was not told there yet."""

    next_seq: dict[str, int] = {}


@dataclass(slots=True)
class Alerts:
    """Tells webhooks of what the journal holds.

    Parameters
    ----------
    path
        Where it is kept how far that is.
    loop
        Name of the loop.
    urls
        Where to.
    post
        How.
    """

    path: Path
    loop: str
    urls: tuple[str, ...]
    post: Post
    _delivered: Delivered | None = field(default=None)

    def begin(self, journal: Journal) -> None:
        """Let URLs that are new begin with what is decided from now on."""
        known = (read(self.path, Delivered) or Delivered()).next_seq
        head, _ = journal.head()
        self._keep({url: known.get(url, head) for url in self.urls})

    def tell(self, journal: Journal) -> None:
        """Tell every URL what it was not told yet; one that does not answer holds up no other.

        Raises
        ------
        StoreError
            If a URL does not take an alert; it is told again next time.
        """
        assert self._delivered is not None, "begun"
        failed: StoreError | None = None
        for url in self.urls:
            try:
                self._tell_url(url, journal)
            except StoreError as error:
                failed = error
        if failed is not None:
            raise failed

    def _tell_url(self, url: str, journal: Journal) -> None:
        assert self._delivered is not None, "begun"
        before = next_seq = self._delivered.next_seq[url]
        try:
            for entry in journal.entries(next_seq):
                alert = alert_of(entry, self.loop)
                if alert is not None:
                    self.post(url, alert)
                next_seq = entry.seq + 1
        finally:
            if next_seq != before:
                self._keep({**self._delivered.next_seq, url: next_seq})

    def _keep(self, next_seq: dict[str, int]) -> None:
        self._delivered = Delivered(next_seq)
        write(self.path, self._delivered)


def alert_of(entry: Entry, loop: str) -> dict[str, Any] | None:
    """Return what to tell of an entry; None where it is nothing to be told."""
    body = json.loads(entry.body)
    if entry.kind == "trigger_changed":
        if body["stance"] not in _STANCES:
            return None
    elif entry.kind not in ALERTS:
        return None
    told = ("subject", "reason", "stance", "outcome", "action", "proposal", "act")
    return {
        "loop": loop,
        "seq": entry.seq,
        "time": format_time(entry.ts_event_ns),
        "kind": entry.kind,
        **{name: body[name] for name in told if name in body},
        "text": f"{loop}: {entry.kind.replace('_', ' ')} ({body['subject']}). {body['reason']}",
    }
