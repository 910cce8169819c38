"""Windows as the stage closes them: one monitor, from a new champion to the evidence of a move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from ostinato.core.records import EvidenceRegistered, Promoted
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.core.watched import WindowMeasured
from ostinato.watch import STAGE, WatchConfig, stage
from ostinato.watch.reading import Readings, Shares, Stream, two_cells
from ostinato.watch.streams import REFERENCE

SHORT_NS = 6 * HOUR_NS
ROWS = 300


@dataclass(frozen=True)
class Hits:
    """A monitor that draws what it reads from a fixed seed and the window."""

    name: str = "hits"
    family: str = "quality"
    clock: str = "now"
    wants: frozenset[str] = frozenset()
    reference: tuple[Readings, ...] | None = ()
    moved_ns: int = 10**30

    def begin(self):
        return {"champion": ""}

    def take(self, state, record, now_ns):
        raise AssertionError("it wants nothing")

    def renew(self, state, champion):
        state["champion"] = champion
        return self.reference

    def read(self, state, from_ns, to_ns):
        draw = np.random.default_rng(from_ns // SHORT_NS)
        share = 0.3 if from_ns >= self.moved_ns else 0.1
        counts = two_cells(ROWS, draw.binomial(ROWS, share))
        found = Shares(stream=Stream(family="quality", subject="x"), counts=counts, floor=0.01)
        return Readings(from_ns=from_ns, to_ns=to_ns, found=(found,))

    def describe(self, state, from_ns, to_ns):
        return {"quality/x": {"champion": state["champion"]}}


@pytest.fixture
def start():
    def make(monitor):
        config = WatchConfig(
            task="binary",
            metric="log_loss",
            classes=2,
            groups=0,
            bucket_ns=DAY_NS,
            settle_ns=DAY_NS,
            monitors=(monitor,),
            fast_ns=SHORT_NS,
            slow_ns=DAY_NS,
        )
        state = STAGE.start(config)
        return state, config

    return make


def promoted(version, now_ns):
    return Promoted(
        ts_event_ns=now_ns, ts_record_ns=now_ns, subject=version, reason="", previous=None
    )


def go(state, from_day, to_day, records=()):
    made = list(STAGE.step(state, records, from_day * DAY_NS))
    for hour in range(from_day * 24 + 1, to_day * 24 + 1):
        made += STAGE.step(state, (), hour * HOUR_NS)
    return made


def test_windows_close_by_the_clock_and_references_are_told_before_they_count(start):
    state, _ = start(Hits())

    made = go(state, 0, REFERENCE + 3, [promoted("v1", 0)])

    windows = [each for each in made if isinstance(each, WindowMeasured)]
    kinds = [type(each) for each in made if isinstance(each, WindowMeasured | EvidenceRegistered)]
    registered = next(each for each in made if isinstance(each, EvidenceRegistered))
    assert [each.to_ns // DAY_NS for each in windows] == list(range(1, REFERENCE + 4))
    assert [len(each) for each in windows] == [0] * REFERENCE + [1] * 3
    assert kinds.index(EvidenceRegistered) == REFERENCE
    assert registered.subject == "watch/hits"
    assert registered.evidence["streams"]["quality/x"]["windows"] == REFERENCE
    assert windows[-1].details["quality/x"]["champion"] == "v1"


def test_a_gross_move_is_told_by_the_first_short_window(start):
    moved_ns = (REFERENCE + 2) * DAY_NS + SHORT_NS
    state, _ = start(Hits(moved_ns=moved_ns))

    made = go(state, 0, REFERENCE + 4, [promoted("v1", 0)])

    short = [each for each in made if isinstance(each, WindowMeasured) and not each.slow]
    assert short[0].from_ns == moved_ns
    assert short[0].ts_record_ns == moved_ns + SHORT_NS
    assert short[0].log_e[0] > 10


def test_a_new_champion_begins_the_reference_anew_unless_it_does_not_matter(start):
    anew, _ = start(Hits())
    kept, _ = start(Hits(reference=None))
    for state in (anew, kept):
        go(state, 0, REFERENCE + 2, [promoted("v1", 0)])

    after = [
        go(state, REFERENCE + 2, REFERENCE + 3, [promoted("v2", (REFERENCE + 2) * DAY_NS)])
        for state in (anew, kept)
    ]

    learning, watching = (
        [each for each in made if isinstance(each, WindowMeasured)][-1] for made in after
    )
    assert learning.unmeasured == {"quality/x": f"learning: 1 of {REFERENCE} windows"}
    assert watching.streams == ("quality/x",)


def test_what_one_champion_answered_in_the_open_window_does_not_count_against_the_next(start):
    reference = tuple(Hits().read({}, day * DAY_NS, (day + 1) * DAY_NS) for day in range(11))
    last = {}
    for family in ("output", "drift"):
        state, _ = start(Hits(family=family, reference=reference))
        go(state, 0, 3, [promoted("v1", 0)])
        for hour in range(1, 19):
            STAGE.step(state, (), 3 * DAY_NS + hour * HOUR_NS)
        STAGE.step(state, [promoted("v2", 3 * DAY_NS + 18 * HOUR_NS)], 3 * DAY_NS + 18 * HOUR_NS)
        (last[family],) = [
            each
            for each in STAGE.step(state, (), 4 * DAY_NS)
            if isinstance(each, WindowMeasured) and each.slow
        ]
    assert (
        last["drift"].high[0] - last["drift"].low[0]
        < last["output"].high[0] - (last["output"].low[0])
    ), "inputs are the same whoever answers: the whole day counts"


def test_after_an_outage_the_newest_windows_are_closed_and_not_all(start, monkeypatch):
    monkeypatch.setattr(stage, "CAUGHT_UP", 3)
    state, _ = start(Hits())
    go(state, 0, 2, [promoted("v1", 0)])

    made = STAGE.step(state, (), 30_000 * DAY_NS + HOUR_NS)

    ends = [each.to_ns // DAY_NS for each in made if isinstance(each, WindowMeasured)]
    assert ends == [29_998, 29_999, 30_000]


def test_a_restored_stage_makes_the_same_records(start):
    state, config = start(Hits())
    go(state, 0, REFERENCE + 1, [promoted("v1", 0)])
    copy = decode(encode(state))
    copy.config_ = config

    one = go(state, REFERENCE + 1, REFERENCE + 4)
    other = go(copy, REFERENCE + 1, REFERENCE + 4)

    assert encode(state) == encode(copy)
    assert [each.log_e.tolist() for each in one] == [each.log_e.tolist() for each in other]
