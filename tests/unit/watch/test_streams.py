from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.core.watched import windows_gone
from ostinato.watch.reading import Level, Readings, Shares, Stream, two_cells
from ostinato.watch.streams import REFERENCE, StreamBook

PARTS = 4
SHORT_NS = DAY_NS // PARTS


@dataclass(frozen=True)
class Inputs:
    """Stands for a monitor; the book asks only for its name and family."""

    name: str = "inputs"
    family: str = "drift"


def shares(name, counts, **more):
    stream = Stream(family="drift", subject=name)
    return Shares(stream=stream, counts=np.asarray(counts, dtype=np.float64), **more)


def level(name, rows, mean, deviation, **more):
    stream = Stream(family="drift", subject=name)
    return Level(stream=stream, rows=rows, mean=mean, deviation=deviation, **more)


@dataclass
class Days:
    """A book, and days of four short windows each."""

    book: StreamBook
    day: int = 0

    def __call__(self, *windows, unmeasured=()):
        """One day: the readings of each short window, or one for all. Return what was told."""
        told = []
        start = self.day * DAY_NS
        for part in range(PARTS):
            readings = Readings(
                from_ns=start + part * SHORT_NS,
                to_ns=start + (part + 1) * SHORT_NS,
                found=tuple(windows[part % len(windows)]),
                unmeasured=unmeasured,
            )
            told += self.book.take(Inputs(), readings, slow_ns=DAY_NS, now_ns=start)
        self.day += 1
        told += self.book.close(Inputs(), start + DAY_NS, {}, slow_ns=DAY_NS, now_ns=start)
        return told

    def long(self, *windows):
        """One day; return what was told of the long window."""
        return next(record for record in self(*windows) if record.slow)


@pytest.fixture
def days():
    return Days(StreamBook())


@pytest.fixture
def draw():
    return np.random.default_rng(5)


def parts(draw, **more):
    return [[normal(draw, **more)] for _ in range(PARTS)]


def normal(draw, rows=250, cells=16, tilt=0.0, name="temp"):
    chances = np.linspace(1.0 - tilt, 1.0 + tilt, cells)
    return shares(name, draw.multinomial(rows, chances / chances.sum()))


def test_a_stream_learns_from_its_first_windows_and_says_so(days, draw):
    first = days.long([normal(draw)])
    for _ in range(REFERENCE - 1):
        last = days.long([normal(draw)])
    weighed = days.long([normal(draw)])

    assert first.unmeasured == {"drift/temp": f"learning: 1 of {REFERENCE} windows"}
    assert not len(last)
    assert weighed.streams == ("drift/temp",)
    assert weighed.streams_total == 1
    assert not weighed.unmeasured


def test_a_reference_that_is_given_is_used_from_the_first_window_on(days, draw):
    given = [
        Readings(from_ns=-d * DAY_NS, to_ns=(1 - d) * DAY_NS, found=(normal(draw, 1000),))
        for d in range(1, 12)
    ]
    days.book.renew(given, slow_ns=DAY_NS)

    quiet = days.long([normal(draw)])
    moved = [days.long([normal(draw, tilt=0.8)]) for _ in range(3)][-1]

    assert quiet.log_e[0] < 3
    assert moved.log_e[0] > math.log(1e6)
    assert moved.low[0] < moved.value[0] - moved.reference[0] < moved.high[0] < -moved.floor[0]
    assert moved.details["drift/temp"]["since_ns"] == DAY_NS


def test_short_windows_of_a_reference_add_up_to_long_ones(draw):
    hourly, daily = StreamBook(), StreamBook()
    counts = [[normal(draw, 60) for _ in range(24)] for _ in range(9)]
    hourly.renew(
        [
            Readings(
                from_ns=d * DAY_NS + h * HOUR_NS, to_ns=d * DAY_NS + (h + 1) * HOUR_NS, found=(one,)
            )
            for d, day in enumerate(counts)
            for h, one in enumerate(day)
        ],
        slow_ns=DAY_NS,
    )
    whole = [shares("temp", sum(one.counts for one in day)) for day in counts]
    daily.renew(
        [
            Readings(from_ns=d * DAY_NS, to_ns=(d + 1) * DAY_NS, found=(one,))
            for d, one in enumerate(whole)
        ],
        slow_ns=DAY_NS,
    )

    hours, days_ = hourly.registered(), daily.registered()

    assert hours == days_
    assert hours["streams"]["drift/temp"]["windows"] == 9
    assert hourly.shares.ready_fast.all()
    assert not daily.shares.ready_fast.any()
    assert hourly.registered() is None


def test_the_journal_gets_the_numbers_of_some_streams_and_the_digest_of_all(draw):
    def registered(streams, change=0.0):
        book = StreamBook()
        given = [
            Readings(
                from_ns=d * DAY_NS,
                to_ns=(d + 1) * DAY_NS,
                found=tuple(shares(f"c{i}", [90 - d, 10 + d + change * i]) for i in range(streams)),
            )
            for d in range(9)
        ]
        book.renew(given, slow_ns=DAY_NS)
        return book.registered()

    many, other = registered(150), registered(150, change=1.0)

    assert len(many["streams"]) == 100
    assert many["streams_total"] == 150
    assert many["digest"] != other["digest"]
    assert many["digest"] == registered(150)["digest"]


def test_a_gross_fault_is_told_within_a_short_window(days, draw):
    for _ in range(REFERENCE + 2):
        days([shares("gap", draw.multinomial(300, [0.98, 0.02]), floor=0.01, rising=True)])
    normal_day = days([shares("gap", two_cells(300, 6), floor=0.01, rising=True)])
    broken = days(
        [shares("gap", two_cells(300, 6), floor=0.01, rising=True)],
        [shares("gap", two_cells(300, 150), floor=0.01, rising=True)],
    )

    assert [record.slow for record in normal_day] == [True]
    fast = [record for record in broken if not record.slow]
    assert [record.from_ns % DAY_NS for record in fast] == [SHORT_NS, 3 * SHORT_NS]
    assert fast[0].value[0] == 0.5
    assert fast[0].log_e[0] > math.log(1e6)
    assert fast[0].details["drift/gap"]["since_ns"] == fast[0].from_ns


def test_a_swing_within_the_day_is_no_news_in_short_windows(days, draw):
    def day():
        return [[normal(draw, 400, tilt=tilt)] for tilt in (-0.8, 0.0, 0.8, 0.0)]

    told = [record for _ in range(40) for record in days(*day())]

    assert all(record.slow for record in told)
    assert max(record.log_e.max(initial=-np.inf) for record in told) < math.log(100)


def test_levels_rise_and_fall(days, draw):
    def reading(mean):
        return [
            level("delay", 50, draw.normal(mean, 2 / 7), 2.0, floor=0.05),
            level("load", 1, draw.normal(10 * mean, 1), 0.0, falling=False),
        ]

    for _ in range(REFERENCE + 1):
        days(reading(10.0))
    quiet = days.long(reading(10.0))
    higher = [days.long(reading(15.0)) for _ in range(2)][-1]
    days.book.restart(["drift/delay"])
    lower = [days.long(reading(5.0)) for _ in range(2)][-1]

    assert quiet.log_e.max() < 3
    assert higher.log_e.min() > math.log(1e4)
    assert higher.floor.tolist() == pytest.approx((0.05 * higher.reference).tolist())
    assert lower.log_e[0] > math.log(1e4)
    assert lower.log_e[1] < 3


def test_restarted_streams_forget_their_evidence(days, draw):
    for _ in range(REFERENCE):
        days(*parts(draw))
    before = [days.long(*parts(draw, tilt=0.8)) for _ in range(3)][-1]
    days.book.restart(["drift/temp"])
    after = days.long(*parts(draw))

    assert before.log_e[0] > 10
    assert after.log_e[0] < 3


def test_a_first_day_that_began_late_is_no_part_of_the_reference(days, draw):
    late = days.long([shares("temp", [0] * 16)], [normal(draw)])
    whole = days.long([normal(draw)])

    assert late.unmeasured == {"drift/temp": f"learning: 0 of {REFERENCE} windows"}
    assert whole.unmeasured == {"drift/temp": f"learning: 1 of {REFERENCE} windows"}


def test_what_the_open_window_has_of_the_champion_before_is_not_the_new_ones(draw):
    book = StreamBook()
    reference = [
        Readings(
            from_ns=day * DAY_NS,
            to_ns=(day + 1) * DAY_NS,
            found=(level("loss", 200, 0.5 + 0.01 * draw.normal(), 0.3),),
        )
        for day in range(REFERENCE)
    ]
    book.renew(reference, slow_ns=DAY_NS)

    def part(place, mean):
        start = 10 * DAY_NS + place * SHORT_NS
        found = (level("loss", 50, mean, 0.3),)
        readings = Readings(from_ns=start, to_ns=start + SHORT_NS, found=found)
        return list(book.take(Inputs(), readings, slow_ns=DAY_NS, now_ns=start))

    part(0, 2.0)
    book.renew(reference, slow_ns=DAY_NS, with_open=False)
    for place in (1, 2, 3):
        part(place, 0.5)
    (told,) = book.close(Inputs(), 11 * DAY_NS, {}, slow_ns=DAY_NS, now_ns=0)

    assert told.value.tolist() == [0.5]
    assert told.log_e[0] < 0.5


def test_two_windows_are_no_reference_the_next_ones_make_it_whole(draw):
    book = StreamBook()
    two = [
        Readings(
            from_ns=day * DAY_NS,
            to_ns=(day + 1) * DAY_NS,
            found=(shares("weekday", [800, 60]),),
        )
        for day in range(2)
    ]
    book.renew(two, slow_ns=DAY_NS)

    told = []
    for day in range(2, REFERENCE + 2):
        start = day * DAY_NS
        found = (shares("weekday", [0, 90] if day % 2 else [800, 60]),)
        readings = Readings(from_ns=start, to_ns=start + DAY_NS, found=found)
        list(book.take(Inputs(), readings, slow_ns=DAY_NS, now_ns=start))
        told += list(book.close(Inputs(), start + DAY_NS, {}, slow_ns=DAY_NS, now_ns=start))

    assert "learning" in str(told[0].unmeasured)
    assert max(float(each.log_e.max(initial=0.0)) for each in told) < 5.0


def test_streams_come_and_go(days, draw):
    for _ in range(REFERENCE):
        days([normal(draw), normal(draw, name="wind")])
    days.long([normal(draw), shares("new", [10, 10])])
    both = days.long([shares("new", [10, 10]), normal(draw)])
    for _ in range(windows_gone(DAY_NS)):
        days.long([normal(draw)])

    assert both.streams == ("drift/temp",)
    assert both.unmeasured == {"drift/new": f"learning: 2 of {REFERENCE} windows"}
    assert days.book.shares.names == ["drift/temp"]


def test_windows_in_which_nobody_comes_make_no_stream_forgotten(days, draw):
    for _ in range(REFERENCE):
        days([normal(draw), level("load", 50, 1.0, 0.2)])
    silence = [record for _ in range(2 * windows_gone(DAY_NS)) for record in days([])]

    told = days.long([normal(draw), level("load", 50, 1.0, 0.2)])

    assert not any(len(record) for record in silence)
    assert set(told.streams) == {"drift/temp", "drift/load"}, "no reference was lost"


def test_an_open_window_of_something_else_counts_for_no_new_reference(days, draw):
    given = [
        Readings(from_ns=-d * DAY_NS, to_ns=(1 - d) * DAY_NS, found=(normal(draw, 1000),))
        for d in range(1, 12)
    ]
    kept, dropped = StreamBook(), StreamBook()
    odd, usual = normal(draw, 4000, tilt=0.9), normal(draw, 250)
    for book, with_open in ((kept, True), (dropped, False)):
        book.renew(given, slow_ns=DAY_NS)
        early = Readings(from_ns=0, to_ns=SHORT_NS, found=(odd,))
        list(book.take(Inputs(), early, slow_ns=DAY_NS, now_ns=0))
        book.renew(given, slow_ns=DAY_NS, with_open=with_open)
        late = Readings(from_ns=3 * SHORT_NS, to_ns=DAY_NS, found=(usual,))
        list(book.take(Inputs(), late, slow_ns=DAY_NS, now_ns=0))
    (mixed,) = kept.close(Inputs(), DAY_NS, {}, slow_ns=DAY_NS, now_ns=0)
    (alone,) = dropped.close(Inputs(), DAY_NS, {}, slow_ns=DAY_NS, now_ns=0)

    assert mixed.log_e[0] > 5
    assert alone.log_e[0] < 3


def test_a_stream_with_other_cells_begins_anew(days, draw):
    for _ in range(REFERENCE):
        days([normal(draw), normal(draw, name="wind")])
    told = days.long([normal(draw), normal(draw, name="wind", cells=5)])

    assert told.streams == ("drift/temp",)
    assert told.unmeasured == {"drift/wind": f"learning: 1 of {REFERENCE} windows"}


def test_the_largest_categories_are_watched_one_by_one_and_the_rest_together(days, draw):
    usual = np.r_[np.full(25, 1 / 26), np.full(10, 1 / 260)]
    burst = np.r_[np.full(25, 1 / 52), np.full(10, 1 / 260)]
    burst[-1] += 1 - burst.sum()

    def day(chances):
        counts = draw.multinomial(500, chances, size=PARTS)
        return [[shares("city", each, ordered=False)] for each in counts]

    for _ in range(REFERENCE):
        days(*day(usual))
    quiet = days.long(*day(usual))
    moved = days.long(*day(burst))

    assert len(days.book.shares.chosen) == 21
    assert quiet.log_e[0] < 3
    assert moved.log_e[0] > math.log(1e5)
    assert moved.details["drift/city"]["cell"] == -1
    assert moved.value[0] - moved.reference[0] > 0.35


def test_what_could_not_be_measured_is_told_with_the_long_window(days, draw):
    told = days([], unmeasured=(("temp", "the column is not there"),))
    empty = days([])

    assert [record.unmeasured for record in told] == [{"temp": "the column is not there"}]
    assert not empty


def test_constant_levels_of_zero_have_no_scale(days):
    for _ in range(REFERENCE):
        days([level("queue", 1, 0.0, 0.0)])
    told = days.long([level("queue", 1, 3.0, 0.0)])

    assert not len(told)
    assert "always 0" in told.unmeasured["drift/queue"]


def test_levels_of_few_rows_are_not_weighed(days, draw):
    for _ in range(REFERENCE):
        days([level("delay", 40, draw.normal(10, 0.3), 2.0)])
    told = days.long([level("delay", 1, 90.0, 5.0)])

    assert not len(told)
    assert told.unmeasured == {"drift/delay": "4 rows are too few for a mean"}


def test_single_cells_rows_of_none_and_constant_columns_are_survived(days, draw):
    odd = [shares("one", [5]), shares("none", [0, 0, 0]), shares("flat", [0, 50, 0, 0])]
    for _ in range(REFERENCE + 2):
        told = days.long(odd)

    assert told.streams == ("drift/flat",)
    assert told.unmeasured == {"drift/one": "there is one cell only: it cannot move"}
    assert told.value.tolist() == told.reference.tolist()
    moved = days.long([shares("flat", [0, 25, 0, 25])])
    assert moved.log_e[0] > math.log(1e6)


def test_a_snapshot_goes_on_as_the_original(days, draw):
    def reading():
        return [normal(draw), level("delay", 40, draw.normal(10, 0.3), 2.0)]

    for _ in range(REFERENCE + 1):
        days(reading())
    copy = Days(decode(encode(days.book)), days.day)
    window = reading()

    one, other = days.long(window), copy.long(window)

    assert encode(copy.book) == encode(days.book)
    assert one.log_e.tolist() == other.log_e.tolist()
    assert one.streams == other.streams
