"""The monitor from sample to cause and back."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import ConfigError, StoreError
from ostinato.core.ids import hash_keys
from ostinato.core.snapshot import encode
from ostinato.features.parity import (
    CauseFound,
    KeptRow,
    Late,
    ParityChange,
    ParityConfig,
    ParityMonitor,
)

MINUTE = 60_000_000_000
CONFIG = ParityConfig(features=("spent", "colour"), sampled=0.1)


class Stream:
    """Ticks of 200 rows: a number that is 2 a minute of the hour, served late from `breaks` on."""

    def __init__(self, breaks=10, mends=25, share=0.3):
        self.breaks, self.mends, self.share = breaks, mends, share
        self.rng = np.random.default_rng(1)

    def value(self, rows, late_ns=0):
        # Seen at a time are whole minutes that were over `late_ns` before.
        return np.array([float((time - late_ns) // MINUTE) for (time,) in rows])

    def tick(self, at):
        times = np.sort(self.rng.integers(at * 10 * MINUTE, (at + 1) * 10 * MINUTE, 200))
        rows = [(int(time),) for time in times]
        truth = self.value(rows)
        hit = (self.rng.random(200) < self.share) & (self.breaks <= at < self.mends)
        served = np.where(hit, self.value(rows, 10 * MINUTE), truth)
        colours = ["red"] * 200
        return (
            pl.DataFrame({"spent": served, "colour": colours, "other": truth}),
            pl.DataFrame({"spent": truth, "colour": colours}),
            {"times_ns": times, "rows": rows, "at_ns": at},
        )

    def recompute(self, name, rows, variant):
        assert name == "spent"
        assert all(isinstance(row, KeptRow) for row in rows)
        match variant:
            case Late(by):
                return self.value([row.row for row in rows], by)
            case _:
                return None


def run(monitor, stream, ticks, **kwargs):
    found = []
    for at in ticks:
        served, recomputed, rest = stream.tick(at)
        _, new = monitor.observe(served, recomputed, recompute=stream.recompute, **rest, **kwargs)
        found.extend((at, finding) for finding in new)
    return found


def test_a_fault_breaks_parity_is_named_and_parity_is_restored():
    monitor = ParityMonitor.begin(CONFIG)

    found = run(monitor, Stream(), range(80))

    (broken_at, broken), (_, cause), (restored_at, restored) = found
    assert isinstance(broken, ParityChange)
    assert broken.broken
    assert broken_at == 10
    assert isinstance(cause, CauseFound)
    assert (cause.cause.kind, cause.cause.parameter) == ("lag", 10 * MINUTE)
    assert not restored.broken
    assert 40 < restored_at < 60
    assert monitor.broken == ()
    assert monitor.state.causes == {}


def test_nothing_is_said_while_features_agree():
    assert run(ParityMonitor.begin(CONFIG), Stream(breaks=1_000), range(40)) == []


def test_the_same_units_are_sampled_and_all_while_an_alarm_is_open():
    monitor = ParityMonitor.begin(CONFIG)
    units = hash_keys(np.arange(10_000))

    before = monitor.sampled(units)
    run(monitor, Stream(breaks=0), range(3))

    assert 800 < before.sum() < 1_200
    assert (before == ParityMonitor.begin(CONFIG).sampled(units)).all()
    assert monitor.broken == ("spent",)
    assert monitor.sampled(units).all()


def test_a_monitor_that_was_restored_in_the_middle_says_the_same():
    whole = run(ParityMonitor.begin(CONFIG), Stream(share=0.05), range(60))

    stream, monitor, found = Stream(share=0.05), ParityMonitor.begin(CONFIG), []
    for at in range(60):
        if at % 7 == 3:
            monitor = ParityMonitor.restore(CONFIG, monitor.snapshot())
        found += run(monitor, stream, [at])

    assert found == whole
    assert whole


def test_memory_is_bounded_and_the_last_rows_are_kept():
    config = ParityConfig(features=("spent", "colour"), kept=16)
    monitor = ParityMonitor.begin(config)

    run(monitor, Stream(breaks=0, mends=10**6, share=1.0), range(10))

    kept = monitor.state.kept
    assert len(kept.recent) == 16
    assert len(kept.wrong["spent"]) == 16
    assert {row.at_ns for row in kept.recent} == {9}


def test_a_cause_that_few_rows_suggest_is_held_against_more():
    stream = Stream(breaks=0, mends=10**6, share=0.08)
    monitor = ParityMonitor.begin(CONFIG)

    run(monitor, stream, range(8))
    first = monitor.state.causes["spent"].rows
    run(monitor, stream, range(8, 40))

    assert monitor.state.causes["spent"].rows >= 2 * first


def test_without_a_recomputation_causes_are_looked_for_in_the_values():
    monitor, stream = ParityMonitor.begin(CONFIG), Stream(breaks=0)
    for at in range(4):
        served, recomputed, rest = stream.tick(at)
        served = served.with_columns(colour=pl.lit(""))
        monitor.observe(served, recomputed, **rest)

    cause = monitor.state.causes["colour"]
    assert (cause.kind, cause.parameter) == ("default", "")


def test_the_effect_on_the_score_adds_up_over_ticks():
    monitor = ParityMonitor.begin(CONFIG)

    run(monitor, Stream(breaks=0), range(5), score=lambda frame: frame["spent"].to_numpy())

    totals = monitor.state.watch.totals[0]
    assert totals.scored == 1_000
    assert totals.effect_mean == pytest.approx(10.0 * totals.share)
    assert totals.effect_max == 10.0


def test_the_state_of_other_features_is_refused():
    data = ParityMonitor.begin(CONFIG).snapshot()

    with pytest.raises(StoreError, match="other features"):
        ParityMonitor.restore(ParityConfig(features=("spent",)), data)
    with pytest.raises(StoreError, match="other features"):
        ParityMonitor.restore(CONFIG, encode([1, 2]))
    with pytest.raises(StoreError):
        ParityMonitor.restore(CONFIG, data[:50])


@pytest.mark.parametrize("wrong", [{"sampled": 0.0}, {"sampled": 1.5}, {"kept": 3}])
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        ParityConfig(features=("a",), **wrong)
