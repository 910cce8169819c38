"""Drift and quality of inputs, read off summaries window by window."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato.core.records import CandidateTrained, TrainingRequested
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.watch import kept as kept_module
from ostinato.watch.grid import fit_grid
from ostinato.watch.kept import LEAST, Kept, evenly
from ostinato.watch.monitors import quality as quality_module
from ostinato.watch.monitors.drift import Drift
from ostinato.watch.monitors.quality import Quality
from ostinato.watch.pace import Pace, Usual
from ostinato.watch.reading import Level
from ostinato.watch.summarise import Summariser

START = 20_000 * DAY_NS


def table(count, seed=0, **columns):
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "temp": rng.normal(size=count),
            "floors": rng.poisson(3, count),
            "city": rng.choice(["rome", "oslo", "lima"], count, p=[0.5, 0.3, 0.2]),
        }
    )
    return frame.with_columns(**columns)


class World:
    """Rows of days, told to a monitor tick by tick."""

    def __init__(self, monitor=Drift, rows=240, days=12, **kwargs):
        self.rows, self.days = rows, days
        self.grid = fit_grid(table(rows * days), ["temp", "floors", "city"])
        groups = kwargs.get("groups", ())
        self.summariser = Summariser(self.grid, tuple(range(len(groups))), HOUR_NS)
        self.monitor = monitor(grid=self.grid, fast_ns=HOUR_NS, slow_ns=DAY_NS, **kwargs)
        self.state = self.monitor.begin()

    def tell(self, day, frame=None, *, parts=24, times=None, width_ns=HOUR_NS):
        frame = table(self.rows, seed=100 + day) if frame is None else frame
        count = frame.height
        if times is None:
            times = START + day * DAY_NS + np.arange(count) * (DAY_NS // max(count, 1))
        groups = np.arange(count, dtype=np.int32)[:, None] % 2
        encoded = self.summariser.encode(frame, groups)
        for rows in np.array_split(np.arange(count), parts):
            if len(rows):
                told = self.summariser.tell(
                    encoded, times, int(rows[0]), int(rows[-1]) + 1, now_ns=0, width_ns=width_ns
                )
                self.monitor.take(self.state, told, 0)

    def history(self):
        for day in range(self.days):
            self.tell(day, parts=1, width_ns=DAY_NS if day < self.days - 10 else HOUR_NS)

    def champion(self, version="v1", from_day=0, to_day=10**4):
        asked = TrainingRequested(
            ts_event_ns=0,
            ts_record_ns=0,
            subject="loop",
            reason="first",
            request=f"r-{version}",
            from_ns=START + from_day * DAY_NS,
            to_ns=START + to_day * DAY_NS,
            holdout_from_ns=0,
            matured_to_ns=0,
            half_life_ns=None,
            warm_start_from=None,
            champion=None,
            seed=0,
        )
        trained = CandidateTrained(
            ts_event_ns=0,
            ts_record_ns=0,
            subject=version,
            reason="",
            request=f"r-{version}",
            artifact="a",
        )
        self.monitor.take(self.state, asked, 0)
        self.monitor.take(self.state, trained, 0)
        return self.monitor.renew(self.state, version)

    def read(self, day, hour):
        from_ns = START + day * DAY_NS + hour * HOUR_NS
        readings = self.monitor.read(self.state, from_ns, from_ns + HOUR_NS)
        return {each.stream.name: each for each in readings.found}, dict(readings.unmeasured)

    def read_day(self, day):
        """Read all windows of a day; shares add up."""
        total = {}
        for hour in range(24):
            for name, each in self.read(day, hour)[0].items():
                if isinstance(each, Level):
                    total.setdefault(name, []).append(each.mean)
                else:
                    total[name] = total.get(name, 0) + each.counts
        return total

    def described(self, day):
        at = START + day * DAY_NS
        return self.monitor.describe(self.state, at, at + DAY_NS)


# ---------------------------------------------------------------- drift


def test_each_column_has_a_stream_of_the_rows_in_its_value_cells():
    world = World()
    world.history()
    world.champion()
    world.tell(12)
    found, _ = world.read(12, 0)
    assert list(found) == ["drift/temp", "drift/floors", "drift/city"]
    assert {each.rows for each in found.values()} == {10.0}
    assert found["drift/temp"].ordered
    assert not found["drift/city"].ordered
    assert world.read_day(12)["drift/temp"].sum() == 230  # the other windows of the day


def test_the_reference_is_the_windows_that_the_champion_learned_from():
    world = World()
    world.history()
    first = world.champion(to_day=12)
    # Ten days are known by the hour, of which the last is still open; two only as days.
    assert [each.to_ns - each.from_ns for each in first].count(HOUR_NS) == 9 * 24
    assert [each.to_ns - each.from_ns for each in first].count(DAY_NS) == 2
    for day in range(12, 20):
        world.tell(day)
        world.read_day(day)
    second = world.champion("v2", from_day=11, to_day=19)
    starts = [(each.from_ns - START) // DAY_NS for each in second]
    assert starts == list(range(11, 19))
    total = sum(each.found[0].rows for each in second)
    assert total == 8 * 240


def test_a_short_training_is_compared_with_windows_before_it_too():
    world = World()
    world.history()
    reference = world.champion(from_day=10, to_day=11)
    days = {(each.from_ns - START) // DAY_NS for each in reference}
    assert len(days) == LEAST
    assert max(days) == 10


def test_what_is_told_of_a_day_says_how_far_it_moved_and_from_what():
    world = World(rows=2_000, days=28)
    world.history()
    world.champion(to_day=28)
    world.tell(28)
    world.read_day(28)
    calm = world.described(28)
    assert calm["drift/temp"]["ks"] < 0.05
    assert calm["drift/temp"]["season_agrees"] == 1.0
    world.tell(29, table(2_000, seed=3).with_columns(pl.col("temp") + 1, city=pl.lit("oslo")))
    world.read_day(29)
    moved = world.described(29)
    assert moved["drift/temp"]["ks"] == pytest.approx(0.38, abs=0.04)
    assert moved["drift/temp"]["wasserstein"] == pytest.approx(1.0, abs=0.05)
    assert moved["drift/temp"]["psi"] > 0.5
    assert moved["drift/temp"]["season_agrees"] == 0.0
    assert moved["drift/city"]["sliding"] == pytest.approx(0.7, abs=0.03)
    assert moved["drift/city"]["v"] > 0.3
    assert "ks" not in moved["drift/city"]
    assert moved["drift/floors"]["psi"] < 0.05


def test_a_weekday_that_is_always_different_agrees_with_its_season():
    world = World(rows=1_000, days=28)
    shifted = {day: pl.col("temp") + (3.0 if day % 7 == 0 else 0.0) for day in range(60)}
    for day in range(28):
        world.tell(day, table(1_000, seed=day).with_columns(shifted[day]), parts=1)
    world.champion(to_day=28)
    for day in (28, 29):
        world.tell(day, table(1_000, seed=day).with_columns(shifted[day]))
        world.read_day(day)
    assert world.described(28)["drift/temp"]["ks"] > 0.5
    assert world.described(28)["drift/temp"]["season_agrees"] == 1.0


def test_slices_are_told_once_in_each_long_window():
    world = World(groups=("side=left", "side=right"))
    world.history()
    reference = world.champion()
    assert any("side=left" in e.stream.name for each in reference for e in each.found)
    frame = table(240, seed=5).with_columns(
        temp=pl.when(pl.arange(0, 240) % 2 == 0).then(9.0).otherwise("temp")
    )
    world.tell(12, frame)
    for hour in range(23):
        assert not [name for name in world.read(12, hour)[0] if "@" in name]
    found, _ = world.read(12, 23)
    left, right = found["drift/temp @side=left"], found["drift/temp @side=right"]
    assert left.rows == right.rows == 120
    assert left.counts[-1] == 120  # all beyond the range
    assert right.counts[-1] < 5


def test_what_cannot_be_measured_is_said():
    world = World()
    world.history()
    world.champion()
    world.tell(12, table(240).drop("floors").with_columns(temp=None))
    _, lost = world.read(12, 0)
    assert lost == {
        "drift/temp": "all values are missing",
        "drift/floors": "the column is absent",
    }


# ---------------------------------------------------------------- quality


def quality(**kwargs):
    world = World(Quality, **kwargs)
    world.history()
    world.champion()
    return world


def test_missing_new_and_impossible_values_are_shares_of_the_rows():
    world = quality()
    every = pl.arange(0, 240)
    frame = table(240, seed=7).with_columns(
        temp=pl.when(every % 4 == 0).then(None).otherwise("temp"),
        floors=pl.when(every % 3 == 0).then(99).otherwise("floors"),
        city=pl.when(every % 2 == 0).then(pl.lit("bonn")).otherwise("city"),
    )
    world.tell(12, frame)
    found = world.read_day(12)
    assert found["quality/temp:missing"].tolist() == [180, 60]
    assert found["quality/floors:out of range"].tolist() == [160, 80]
    assert found["quality/city:new values"].tolist() == [120, 120]
    assert found["quality/temp:unreadable"].tolist() == [180, 0]
    assert world.described(12) == {"quality/city:new values": {"examples": "bonn"}}
    assert world.described(12) == {}


def test_a_column_that_is_absent_is_missing():
    world = quality()
    world.tell(12, table(240).drop("temp"))
    assert world.read_day(12)["quality/temp:missing"].tolist() == [0, 240]


def test_a_frozen_sensor_repeats():
    world = quality()
    world.tell(12, table(240).with_columns(temp=pl.lit(0.5)))
    found = world.read_day(12)
    moved, same = found["quality/temp:repeats"]
    assert moved + same == 216  # the first of each tick has none before
    assert same > 190  # but for rows that are equal in all columns
    assert "quality/city:repeats" not in found


def test_rows_that_come_twice_are_told_however_many_ticks_apart():
    world = quality()
    rows = table(120, seed=9)
    times = START + 12 * DAY_NS + np.arange(240) * 1_000
    world.tell(12, pl.concat([rows, rows]), times=times, parts=8)
    assert world.read(12, 0)[0]["quality/rows:duplicates"].counts.tolist() == [120, 120]


def test_small_references_allow_for_values_that_they_could_not_have():
    world = World(Quality, rows=5, days=12)
    world.history()
    world.champion()
    world.tell(12)
    found, _ = world.read(12, 0)
    assert found["quality/temp:out of range"].floor == pytest.approx(0.01 + 3 * 2 / 61)


def test_volume_and_silence_are_multiples_of_what_is_usual_at_that_hour():
    world = quality()
    half = table(120, seed=8)
    world.tell(12, half, times=START + 12 * DAY_NS + np.arange(120) * DAY_NS // 240)
    found = world.read_day(12)
    assert found["quality/rows:volume"] == pytest.approx([1.0] * 12 + [0.0] * 12)
    assert max(found["quality/rows:silence"][:12]) < 1.5
    assert min(found["quality/rows:silence"][12:]) > 3


def test_volume_knows_the_hours_and_weekdays():
    rows = {
        START + day * DAY_NS + hour * HOUR_NS: (20 if hour < 12 else 100) * (3 if day % 7 else 1)
        for day in range(28)
        for hour in range(24)
    }
    usual = Usual.learn(HOUR_NS, rows, rows)
    for start, expected in list(rows.items())[:400:7]:
        assert usual.rows(start) == pytest.approx(expected)
    few = Usual.learn(HOUR_NS, rows, list(rows)[:72])
    assert few.days.tolist() == [1.0] * 7
    assert Usual.learn(HOUR_NS, {}, []).rows(START) == 0


def test_a_silence_between_two_ticks_counts():
    pace = Pace(rows=2, first_ns=10, last_ns=20, silence_ns=10)
    pace.add(3, 70, 80, 5)
    assert pace.silence(0, 100) == 50
    assert pace.silence(0, 200) == 120
    assert pace.rows == 5


@pytest.mark.parametrize("monitor", [Drift, Quality])
def test_nothing_is_read_of_windows_without_rows_but_that_none_came(monitor):
    world = World(monitor)
    assert world.read(3, 0) == ({}, {})
    world.history()
    world.champion()
    found, lost = world.read(12, 5)
    assert lost == {}
    assert [name for name in found if "rows:" not in name] == []


@pytest.mark.parametrize("monitor", [Drift, Quality])
@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"temp": ["?"] * 9, "floors": [None] * 9, "city": [1] * 9}),
        pl.DataFrame({"other": [1]}),
        table(1),
    ],
)
def test_any_rows_can_be_read(monitor, frame):
    world = World(monitor)
    world.history()
    world.champion()
    world.tell(12, frame)
    world.read_day(12)
    world.described(12)
    assert world.champion("v2", from_day=12) is not None


@pytest.mark.parametrize("monitor", [Drift, Quality])
def test_how_rows_are_cut_into_ticks_changes_no_reading_but_repeats(monitor):
    states = []
    for parts in (1, 7, 240):
        world = World(monitor)
        world.history()
        world.champion()
        world.tell(12, parts=parts)
        found = world.read_day(12)
        states.append({n: np.asarray(v).tolist() for n, v in found.items() if "repeats" not in n})
    assert states[0] == states[1] == states[2]


@pytest.mark.parametrize("monitor", [Drift, Quality])
def test_state_goes_on_from_a_snapshot(monitor):
    one, other = World(monitor), World(monitor)
    for world in (one, other):
        world.history()
        world.champion()
        world.tell(12)
        world.read(12, 0)
    other.state = decode(encode(other.state))
    for world in (one, other):
        world.tell(13)
    assert str(one.read_day(12)) == str(other.read_day(12))
    assert one.described(12) == other.described(12)


@pytest.mark.parametrize("monitor", [Drift, Quality])
def test_state_does_not_grow_with_history(monitor, monkeypatch):
    for module in (kept_module, quality_module):
        monkeypatch.setattr(module, "FINE", 10)
    monkeypatch.setattr(kept_module, "OLD", 21)
    world = World(monitor, rows=24)
    world.history()
    world.champion()
    sizes = []
    for day in range(12, 75):
        world.tell(day, table(24, seed=day), parts=1)
        for hour in (0, 23):
            world.read(day, hour)
        if day >= 40 and day % 7 == 0:
            sizes.append(len(encode(world.state)))
    assert max(sizes) < min(sizes) * 1.1


# ---------------------------------------------------------------- what is kept


def test_late_rows_count_in_their_long_window():
    kept = Kept(fast_ns=1, slow_ns=10)
    one = np.array([1])
    kept.add(0, 1, one)
    assert kept.close(0, 1).tolist() == [1]
    kept.add(0, 1, one)
    assert kept.close(1, 2) is None
    assert kept.total([0]).tolist() == [2]


def test_long_windows_may_be_as_long_as_short_ones():
    kept = Kept(fast_ns=10, slow_ns=10)
    for start in range(0, 100, 10):
        kept.add(start, 10, np.array([start]))
        kept.saw(start, start + 9)
    kept.settle()
    assert sorted(kept.long) == sorted(kept.early) == list(range(0, 90, 10))
    assert kept.close(90, 100).tolist() == [90]
    assert not kept.short
    assert kept.reference(0, 100) == list(range(0, 100, 10))


def test_windows_of_a_reference_are_taken_evenly():
    assert evenly(list(range(64))) == list(range(64))
    taken = evenly(list(range(400)))
    assert len(taken) <= 64
    assert taken[-1] == 399
    assert {each % 7 for each in taken} == set(range(7))
