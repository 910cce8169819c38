"""The notifier: tells every address what it was not told yet, at least once, and not too often.

Messages are made of the journal, which has everything; a small file says for each address up to
where it was told. So nothing has to be queued, and a restart goes on where it stopped. All there is
to tell goes into one message; what comes while an address had its fill, or is away, into the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from ostinato.core.errors import OstinatoError
from ostinato.core.ports import Clock, Journal
from ostinato.core.units import HOUR_NS, SECOND_NS
from ostinato.live.alerts.address import Address
from ostinato.live.alerts.desk import Desk, mark_told, read_on, standing_notices, when_due
from ostinato.live.alerts.message import Message, Sender, compose
from ostinato.live.alerts.notice import Notice
from ostinato.live.published import AlertStatus, read, write

TRIES: Final = 20
"""How often a message is tried before it is given up: about an hour and a half. Fewer: a short
outage loses what it says; more: one that is never taken keeps back what comes after it longer."""

FIRST_WAIT_NS: Final = 5 * SECOND_NS
MOST_WAIT_NS: Final = 300 * SECOND_NS
"""Between two tries: doubled from the first up to the second."""

PER_HOUR: Final = 12
"""Messages to one address in an hour. More: people stop to read; fewer: they hear late."""

Send = Callable[[Address, Message], None]
"""Send a message to an address; raises `OstinatoError` where it is not taken."""


class Desks(msgspec.Struct, frozen=True):
    """The file: a desk by URL."""

    desks: dict[str, Desk] = {}


@dataclass(slots=True, kw_only=True)
class Notifier:
    """Tells addresses of what the journal holds.

    Parameters
    ----------
    path
        Where it is kept what they were told.
    sender
        Whose messages they are.
    addresses
        Where to.
    send
        How.
    clock
        What time it is for people.
    per_hour
        Most messages to one address in an hour. A quarter of them are kept for critical alarms.
    """

    path: Path
    sender: Sender
    addresses: tuple[Address, ...]
    send: Send
    clock: Clock
    per_hour: int = PER_HOUR
    _desks: dict[str, Desk] = field(default_factory=dict)

    def begin(self, journal: Journal) -> None:
        """Let addresses that are new begin with what stands, and what is decided from now on."""
        known = (read(self.path, Desks) or Desks()).desks
        self._keep(
            {each.url: known.get(each.url) or _new(each, journal) for each in self.addresses}
        )

    def tell(self, journal: Journal, tick_ns: int) -> float | None:
        """Tell every address what it was not told yet; one that is away holds up no other.

        Parameters
        ----------
        journal
            Where it is read.
        tick_ns
            What time it is for the loop: silences end by it.

        Returns
        -------
        float or None
            After how many seconds there may be more to tell by itself; None: never.
        """
        waits: list[int] = []
        for address in self.addresses:
            wait_ns = self._tell(address, journal, tick_ns)
            waits += [] if wait_ns is None else [wait_ns]
        return max(min(waits), 0) / SECOND_NS if waits else None

    def statuses(self) -> tuple[AlertStatus, ...]:
        """Return how it stands with each address."""
        desks = self._desks
        return tuple(_status(each, desks[each.url]) for each in self.addresses if each.url in desks)

    def _tell(self, address: Address, journal: Journal, tick_ns: int) -> int | None:
        """Tell one address; return after how many nanoseconds to look again."""
        desk, now_ns = self._desks[address.url], self.clock.now_ns()
        if desk.retry_ns > now_ns:
            return desk.retry_ns - now_ns
        after, over = read_on(desk, address, journal.entries(desk.next_seq))
        notices = [*standing_notices(after, address, now_ns=now_ns, tick_ns=tick_ns), *over]
        if not notices and not desk.untold:
            if after != desk:
                self._keep({**self._desks, address.url: after})
            return _until(when_due(after, now_ns=now_ns), now_ns)
        message = compose(
            self.sender, notices, untold=desk.untold, untold_since_ns=desk.untold_since_ns
        )
        held_ns = self._held_ns(desk, message.severity, now_ns)
        if held_ns:
            return held_ns  # what comes meanwhile goes with it
        told = self._sent(address, after, notices, message, now_ns)
        self._keep({**self._desks, address.url: told})
        due_ns = told.retry_ns or when_due(told, now_ns=now_ns)
        return _until(due_ns, now_ns)

    def _sent(
        self,
        address: Address,
        desk: Desk,
        notices: list[Notice],
        message: Message,
        now_ns: int,
    ) -> Desk:
        """Send a message; return the desk after it, whatever came of it."""
        try:
            self.send(address, message)
        except OstinatoError as error:
            return self._failed(self._desks[address.url], desk, notices, error, now_ns)
        sent = (*_lately(desk, now_ns), now_ns)
        quiet = replace(
            desk, sent_ns=sent, tries=0, retry_ns=0, trouble="", untold=0, untold_since_ns=0
        )
        return mark_told(quiet, notices, now_ns)

    def _failed(
        self, before: Desk, after: Desk, notices: list[Notice], error: OstinatoError, now_ns: int
    ) -> Desk:
        """Note that a message was not taken; give it up after so many tries."""
        why = error.what if error.found is None else f"{error.what}: {error.found}"
        wait_ns = min(FIRST_WAIT_NS << min(before.tries, 10), MOST_WAIT_NS)
        noted = replace(before, tries=before.tries + 1, retry_ns=now_ns + wait_ns, trouble=why)
        if noted.tries % TRIES or not notices:
            return noted
        given_up = replace(
            mark_told(after, notices, now_ns),
            untold=before.untold + len(notices),
            untold_since_ns=before.untold_since_ns or now_ns,
        )
        return replace(given_up, tries=noted.tries, retry_ns=noted.retry_ns, trouble=why)

    def _held_ns(self, desk: Desk, severity: str, now_ns: int) -> int:
        """Return for how long an address had its fill; 0: it may be told now."""
        kept = 0 if severity == "critical" else self.per_hour // 4
        most, lately = max(self.per_hour - kept, 1), _lately(desk, now_ns)
        if len(lately) < most:
            return 0
        return lately[len(lately) - most] + HOUR_NS - now_ns

    def _keep(self, desks: dict[str, Desk]) -> None:
        self._desks = desks
        write(self.path, Desks(desks))


def _new(address: Address, journal: Journal) -> Desk:
    """Return a desk that knows what stands, and is told nothing of what is over."""
    return read_on(Desk(), address, journal.entries())[0]


def _lately(desk: Desk, now_ns: int) -> tuple[int, ...]:
    return tuple(each for each in desk.sent_ns if each > now_ns - HOUR_NS)


def _until(due_ns: int | None, now_ns: int) -> int | None:
    return None if due_ns is None else due_ns - now_ns


def _status(address: Address, desk: Desk) -> AlertStatus:
    return AlertStatus(
        address=address.shown,
        least=address.least,
        told_ns=desk.sent_ns[-1] if desk.sent_ns else None,
        tries=desk.tries,
        trouble=desk.trouble,
        untold=desk.untold,
    )
