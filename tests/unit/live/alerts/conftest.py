"""Journals written by hand, an address that takes messages or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ostinato.core.clock import VirtualClock
from ostinato.core.errors import StoreError
from ostinato.core.records import Decision
from ostinato.core.watched import (
    AlarmAcknowledged,
    AlarmRaised,
    AlarmResolved,
    AlarmsSilenced,
)
from ostinato.live.alerts.address import Address
from ostinato.live.alerts.message import Message, Sender
from ostinato.live.alerts.notifier import Notifier
from ostinato.stores.journal_memory import MemoryJournal

EVIDENCE = {"value": 0.31, "reference": 0.1, "low": 0.17, "high": 0.25, "floor": 0.05}
EVIDENCE |= {"log10_e": 9.12, "threshold": 5.4}


@dataclass
class Written:
    """A journal, decision by decision; the loop's clock is a second per decision."""

    journal: MemoryJournal = field(default_factory=MemoryJournal)

    @property
    def now_ns(self) -> int:
        return self.journal.head()[0] * 10**9

    def add(self, kind: type[Decision], subject: str, reason: str = "why", **facts: Any) -> None:
        seq, at_ns = self.journal.head()[0], self.now_ns
        self.journal.append(
            [
                kind(
                    ts_event_ns=at_ns,
                    ts_record_ns=at_ns,
                    seq=seq,
                    subject=subject,
                    reason=reason,
                    **facts,
                )
            ]
        )

    def raised(self, name: str, severity: str = "warning") -> None:
        self.add(
            AlarmRaised,
            name,
            "It moved.",
            family=name.partition("/")[0],
            severity=severity,
            since_ns=0,
            evidence=EVIDENCE,
        )

    def resolved(self, name: str, severity: str = "warning") -> None:
        family = name.partition("/")[0]
        self.add(AlarmResolved, name, "It is back.", family=family, severity=severity)

    def acknowledged(self, name: str) -> None:
        self.add(AlarmAcknowledged, name, who="ana")

    def silenced(self, pattern: str, until_ns: int) -> None:
        self.add(AlarmsSilenced, pattern, who="ana", until_ns=until_ns)


@dataclass
class Phone:
    """What people heard, by the URL it went to; a URL in `away` takes nothing."""

    path: Path
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(10**18))
    away: set[str] = field(default_factory=set)
    tried: list[str] = field(default_factory=list)
    heard: list[tuple[str, Message]] = field(default_factory=list)

    def send(self, address: Address, message: Message) -> None:
        self.tried.append(address.url)
        if address.url in self.away:
            raise StoreError("A phone is off", found=address.shown)
        self.heard.append((address.url, message))

    def notifier(self, *addresses: Address, **settings: Any) -> Notifier:
        return Notifier(
            path=self.path,
            sender=Sender(loop="flights", link="http://here:8000"),
            addresses=addresses or (Address("https://a/x"),),
            send=self.send,
            clock=self.clock,
            **settings,
        )

    def wait(self, seconds: float) -> None:
        self.clock.advance_to(self.clock.now_ns() + int(seconds * 10**9))

    def take(self) -> list[list[tuple[str, str]]]:
        """What each message since said: what and of whom."""
        found = [
            [(each["what"], each.get("name") or each["kind"]) for each in message.body["notices"]]
            for _, message in self.heard
        ]
        self.heard.clear()
        return found


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    return Phone(tmp_path / "alerts.json")


@pytest.fixture
def begun(written: Written, phone: Phone) -> Callable[..., tuple[Notifier, Callable[[], Any]]]:
    """A notifier that began before the first decision, and a way to let it tell."""

    def make(*addresses: Address, **settings: Any) -> tuple[Notifier, Callable[[], Any]]:
        notifier = phone.notifier(*addresses, **settings)
        notifier.begin(written.journal)

        def tell() -> Any:
            notifier.tell(written.journal, written.now_ns)
            return phone.take()

        return notifier, tell

    return make
