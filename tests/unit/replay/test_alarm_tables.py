"""Alarms and what monitors measured, as tables of a replay and in what is written of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

import ostinato as ost
from ostinato.core.units import DAY_NS
from ostinato.core.watched import AlarmRaised, AlarmResolved, WindowMeasured
from ostinato.replay.alarm_tables import (
    MOST_LINES,
    MeasuredWindows,
    alarms_table,
    told_alarms,
    told_monitors,
)
from ostinato.stores.journal_memory import MemoryJournal

NUMBERS = {"value": 0.3, "reference": 0.0, "low": 0.2, "high": 0.4, "floor": 0.05, "log10_e": 6.0}


def raised(stream, day, *, severity="warning", **evidence):
    return AlarmRaised(
        ts_event_ns=day * DAY_NS,
        ts_record_ns=day * DAY_NS,
        subject=stream,
        reason="",
        evidence={**NUMBERS, **evidence},
        family="drift",
        severity=severity,
        since_ns=(day - 2) * DAY_NS,
    )


def resolved(stream, day):
    return AlarmResolved(
        ts_event_ns=day * DAY_NS,
        ts_record_ns=day * DAY_NS,
        subject=stream,
        reason="",
        family="drift",
        severity="warning",
    )


def entries(*decisions):
    journal = MemoryJournal()
    journal.append([replace(each, seq=seq) for seq, each in enumerate(decisions)])
    return list(journal.entries())


def window(day, streams, *, slow=True, family="drift"):
    table = np.array(list(streams.values()), dtype=np.float64).reshape(-1, 2)
    apart = table[:, 0] - table[:, 1]
    return WindowMeasured(
        ts_event_ns=day * DAY_NS,
        ts_record_ns=day * DAY_NS,
        monitor="inputs",
        family=family,
        slow=slow,
        from_ns=(day - 1) * DAY_NS,
        to_ns=day * DAY_NS,
        streams=tuple(streams),
        streams_total=len(streams),
        value=table[:, 0],
        reference=table[:, 1],
        low=apart - 0.1,
        high=apart + 0.1,
        floor=np.full(len(streams), 0.05),
        log_e=np.full(len(streams), np.log(100.0)),
    )


def test_an_alarm_is_one_row_from_its_beginning_to_its_end():
    table = alarms_table(
        entries(
            raised("drift/a", 10),
            raised("drift/b", 11, value=float("inf")),
            raised("drift/a", 12, severity="critical", was="warning"),
            resolved("drift/a", 14),
            raised("drift/a", 20),
        )
    )
    assert table["stream"].to_list() == ["drift/a", "drift/b", "drift/a"]
    assert table["severity"].to_list() == ["critical", "warning", "warning"]
    first = table.row(0, named=True)
    assert first["since"] == datetime(1970, 1, 9, tzinfo=UTC)
    assert first["raised"] == datetime(1970, 1, 11, tzinfo=UTC)
    assert first["resolved"] == datetime(1970, 1, 15, tzinfo=UTC)
    assert (first["value"], first["low"], first["high"]) == (0.3, 0.2, 0.4)
    assert json.loads(first["evidence"])["floor"] == 0.05
    assert table["resolved"].to_list()[1:] == [None, None]
    assert table["value"].to_list()[1] == float("inf")


def test_without_alarms_and_windows_the_tables_are_empty_and_have_their_columns():
    alarms, monitors = alarms_table([]), MeasuredWindows().table()
    assert alarms.columns[:3] == ["stream", "family", "severity"]
    assert monitors.columns == [
        "time",
        "stream",
        "family",
        "value",
        "reference",
        "low",
        "high",
        "floor",
        "log10_e",
    ]
    assert told_alarms(alarms) == []
    assert told_monitors(monitors, alarms) == {"streams": [], "lines": {}}


def test_long_windows_are_kept_a_row_per_stream():
    windows = MeasuredWindows()
    windows.take(window(1, {"drift/a": (0.1, 0.0), "drift/b": (0.2, 0.0)}))
    windows.take(window(2, {"drift/a": (0.9, 0.0)}, slow=False))
    windows.take(window(2, {}))
    windows.take(window(2, {"quality/c": (0.3, 0.1)}, family="quality"))
    table = windows.table()
    assert table["stream"].to_list() == ["drift/a", "drift/b", "quality/c"]
    assert table["family"].to_list() == ["drift", "drift", "quality"]
    assert table["time"].to_list()[-1] == datetime(1970, 1, 3, tzinfo=UTC)
    assert table["low"].to_list()[-1] == pytest.approx(0.1)
    assert table["log10_e"].to_list() == pytest.approx([2.0, 2.0, 2.0])
    assert table.schema == MeasuredWindows().table().schema


def test_what_is_written_sums_streams_up_and_has_each_window_of_those_that_alarmed():
    windows = MeasuredWindows()
    for day, value in enumerate((0.1, -0.7, 0.2), start=1):
        windows.take(window(day, {"drift/a": (value, 0.0), "drift/b": (0.0, 0.0)}))
    alarms = alarms_table(entries(raised("drift/a", 3)))
    told = told_monitors(windows.table(), alarms)
    row, other = told["streams"]
    assert (row["stream"], row["windows"], row["value"]) == ("drift/a", 3, 0.2)
    assert (row["most_apart"], row["most_apart_at"]) == (-0.7, "1970-01-03T00:00:00Z")
    assert row["last"] == "1970-01-04T00:00:00Z"
    assert other["stream"] == "drift/b"
    assert list(told["lines"]) == ["drift/a"]
    assert told["lines"]["drift/a"]["value"] == [0.1, -0.7, 0.2]
    assert told["lines"]["drift/a"]["time"][0] == "1970-01-02T00:00:00Z"
    both = told_monitors(windows.table(), alarms, quiet=5)["lines"]
    assert list(both) == ["drift/a", "drift/b"]
    many = alarms_table(entries(*(raised(f"drift/{i}", 3) for i in range(MOST_LINES + 5))))
    assert len(told_monitors(windows.table(), many)["lines"]) == MOST_LINES


def test_a_slice_that_fails_is_an_alarm_of_the_replay_and_asks_for_a_model(make_loop, world):
    policy = ost.Policy(triggers=[ost.SliceDegradation(), ost.DataQuality()], holdout="3d")
    watched = make_loop(
        policy=policy, monitors=ost.Monitors(families=["performance", "quality"], examine=None)
    )
    result = ost.replay(watched, world(change=0.6), tick="6h")
    assert not result.alarms.is_empty()
    assert result.alarms["stream"].str.starts_with("performance/log_loss").all()
    assert result.alarms["raised"].min() > datetime(1970, 2, 5, tzinfo=UTC), "none before"
    assert result.watch["budget"]["raised"] >= 0
    assert result.watch["budget"]["declared"] == 1.0
    assert "slice degradation (all slices)" in result.decisions["subject"].to_list()
    assert result.cost["retrains"] >= 1
    assert set(result.alarms["stream"]) <= set(result.monitors["stream"])
    written = result.to_dict()
    assert len(written["alarms"]) == len(result.alarms)
    json.dumps(written, allow_nan=False)


def test_a_loop_without_monitors_has_none_and_triggers_that_need_them_are_refused(make_loop, world):
    plain = make_loop(policy=ost.policies.static())
    result = ost.replay(plain, world(rows=1500), tick="1d")
    assert result.watch is None
    assert result.alarms.is_empty()
    assert result.monitors.is_empty()
    drift = ost.Policy(triggers=[ost.Drift()])
    with pytest.raises(ost.ConfigError, match=r"contradicts Loop\(monitors=None\)"):
        ost.replay(plain, world(rows=1500), policy=drift)
