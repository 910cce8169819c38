"""Broken and restored, from counts."""

from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.errors import DataError
from ostinato.core.snapshot import decode, encode
from ostinato.features.parity import FeatureTotals, ParityWatch


def tick(*hits, rows=100):
    return [FeatureTotals(rows=rows, both_differ=hit) for hit in hits]


def fed(watch, ticks, at=0):
    changes = []
    for each in ticks:
        at += 1
        watch, new = watch.taken(each, at_ns=at)
        changes.extend(new)
    return watch, changes


def test_a_feature_breaks_and_is_restored_and_the_other_is_left_alone():
    watch = ParityWatch.begin(["a", "b"])

    watch, changes = fed(watch, [tick(5, 0)] * 10 + [tick(0, 0)] * 100)

    assert [(change.feature, change.broken) for change in changes] == [("a", True), ("a", False)]
    assert watch.names_broken == ()


def test_an_alarm_stays_while_the_fault_lasts():
    watch, changes = fed(ParityWatch.begin(["a"]), [tick(5)] * 1_000)

    assert len(changes) == 1
    assert watch.names_broken == ("a",)
    assert watch.since[0].share == pytest.approx(0.05)


def test_a_second_fault_is_a_second_alarm():
    ticks = [tick(5)] * 10 + [tick(0)] * 100 + [tick(5)] * 10

    _, changes = fed(ParityWatch.begin(["a"]), ticks)

    assert [change.broken for change in changes] == [True, False, True]


def test_the_change_says_since_when_and_how_many():
    ticks = [tick(0)] * 500 + [tick(3)] * 50

    _, changes = fed(ParityWatch.begin(["a"]), ticks)

    assert changes[0].began_ns == 500
    assert changes[0].totals.share == pytest.approx(0.03)
    assert changes[0].log_e >= np.log(1e6)


def test_totals_go_on_over_changes():
    watch, _ = fed(ParityWatch.begin(["a"]), [tick(5)] * 10 + [tick(0)] * 100)

    assert watch.totals[0].rows == 11_000
    assert watch.totals[0].both_differ == 50


def test_a_watch_that_comes_back_from_a_snapshot_goes_on_as_before():
    ticks = [tick(int(hit)) for hit in np.random.default_rng(0).poisson(0.5, 400)]
    watch, before = fed(ParityWatch.begin(["a"]), ticks[:37])

    _, there = fed(watch, ticks[37:], at=37)
    _, back = fed(decode(encode(watch)), ticks[37:], at=37)

    assert there == back
    assert before or there


def test_other_features_are_refused():
    with pytest.raises(DataError, match="not those that are watched"):
        ParityWatch.begin(["a", "b"]).taken(tick(0), at_ns=1)


def test_what_was_fixed_is_told_for_both_questions():
    told = ParityWatch.begin(["a"], tolerated=0.002).registered()

    assert told["broken"]["side"] == "above"
    assert told["restored"]["side"] == "below"
    assert told["restored"]["tolerated"] == 0.002
