"""Watch and decide together: from readings to alarms, and back to the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pytest

from ostinato.core.records import Promoted
from ostinato.core.units import DAY_NS
from ostinato.decide import DecideConfig
from ostinato.decide import stage as decide
from ostinato.decide.alarms import AlarmRule
from ostinato.watch import stage as watch
from ostinato.watch.config import WatchConfig
from ostinato.watch.monitor import NOW
from ostinato.watch.reading import Readings, Shares, Stream, two_cells

START_NS = 20_000 * DAY_NS
ROWS = 4_000


@dataclass(frozen=True)
class Nulls:
    """Reads the share that `shares` says for the day; a new champion is compared with `normal`."""

    shares: dict[int, float]
    seed: int = 3

    family: ClassVar[str] = "quality"
    name: ClassVar[str] = "nulls"
    clock: ClassVar[str] = NOW
    wants: ClassVar[frozenset[str]] = frozenset()

    def begin(self):
        return None

    def take(self, state, record, now_ns):
        pass

    def read(self, state, from_ns, to_ns):
        day = (from_ns - START_NS) // DAY_NS
        return self.window(day, self.shares.get(day, 0.1))

    def renew(self, state, champion):
        return tuple(self.window(day, 0.1) for day in range(-20, 0))

    def describe(self, state, from_ns, to_ns):
        return {}

    def window(self, day, share):
        rng = np.random.default_rng((self.seed, day + 100))
        stream = Stream(family="quality", subject="temp", measure="missing")
        counts = two_cells(ROWS, float(rng.binomial(ROWS, share)))
        start_ns = START_NS + day * DAY_NS
        read = Shares(stream=stream, counts=counts, floor=0.01, rising=True)
        return Readings(from_ns=start_ns, to_ns=start_ns + DAY_NS, found=(read,))


@dataclass
class Round:
    """Two stages of the loop, a day at a time; what one makes, the other takes."""

    watching: object
    deciding: object
    now_ns: int = START_NS
    backlog: list = field(default_factory=list)

    def tick(self, *records):
        told = [*self.backlog, *records]
        seen = watch.step(self.watching, [r for r in told if r.kind in watch.WANTS], self.now_ns)
        inbox = [r for r in (*records, *seen) if r.kind in decide.STAGE.wants]
        made = decide.step(self.deciding, inbox, self.now_ns)
        self.backlog = made
        self.now_ns += DAY_NS
        return [(r.kind, r.subject) for r in made if r.kind.startswith("alarm")]


@pytest.fixture
def round_of():
    def make(shares):
        fields = {"task": "binary", "metric": "log_loss"}
        watching = WatchConfig(
            **fields,
            classes=2,
            groups=0,
            bucket_ns=DAY_NS,
            settle_ns=0,
            monitors=(Nulls(shares),),
            fast_ns=DAY_NS,
            slow_ns=DAY_NS,
        )
        rule = AlarmRule(shares={"nulls": 1.0}, fast_windows=30.0, slow_windows=30.0)
        deciding = DecideConfig(
            **fields,
            triggers=(),
            cooldown_ns=0,
            max_requests=1,
            per_ns=DAY_NS,
            alarms=rule,
        )
        made = Round(watch.start(watching), decide.start(deciding))
        made.tick(promoted("v1"))
        return made

    return make


def promoted(version):
    return Promoted(
        ts_event_ns=START_NS, ts_record_ns=START_NS, subject=version, reason="", previous=None
    )


FAULT = ("alarm_raised", "quality/temp:missing")
OVER = ("alarm_resolved", "quality/temp:missing")


def test_a_fault_alarms_once_ends_when_repaired_and_alarms_anew(round_of):
    faulty = dict.fromkeys([*range(5, 25), *range(45, 50)], 0.2)
    loop = round_of(faulty)
    told = {day: made for day in range(60) if (made := loop.tick())}
    days = sorted(told)
    assert [told[day] for day in days] == [[FAULT], [OVER], [FAULT], [OVER]]
    raised, resolved, again, _ = days
    assert 5 <= raised <= 8
    assert 26 <= resolved <= 28, "two windows after the repair, however long the fault was"
    assert 45 <= again <= 48, "what went before says nothing against it"


def test_a_new_champion_is_compared_with_its_own_reference(round_of):
    loop = round_of(dict.fromkeys(range(5, 60), 0.2))
    told = [made for _ in range(10) if (made := loop.tick())]
    assert told == [[FAULT]]
    both = loop.tick(promoted("v2"))
    assert both == [OVER, FAULT], "beside what was before, the fault is one still"
    assert [loop.tick() for _ in range(6)] == [[]] * 6
