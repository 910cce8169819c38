"""What serving takes is read off the reports of its processes, window by window."""

from __future__ import annotations

from typing import Any

import pytest

from ostinato.core import snapshot
from ostinato.core.units import HOUR_NS
from ostinato.core.watched import ResourcesObserved
from ostinato.watch.monitors.infrastructure import Infrastructure
from ostinato.watch.reading import Level, Shares

MINUTE_NS = HOUR_NS // 60
MONITOR = Infrastructure(fast_ns=HOUR_NS, serve_hour=6.0)


def report(minute: int, source: str = "gateway-0", **facts: Any) -> ResourcesObserved:
    facts = {"requests": 600, "errors": 0, "values": {"latency_p99_ms": 8.0}, **facts}
    from_ns, to_ns = minute * MINUTE_NS, (minute + 1) * MINUTE_NS
    return ResourcesObserved(
        ts_event_ns=to_ns,
        ts_record_ns=to_ns,
        source=source,
        from_ns=from_ns,
        to_ns=to_ns,
        **facts,
    )


def readings(*reports: ResourcesObserved, hours: int = 1) -> Any:
    state = MONITOR.begin()
    for each in reports:
        MONITOR.take(state, each, each.to_ns)
    state = snapshot.decode(snapshot.encode(state))
    return [MONITOR.read(state, h * HOUR_NS, (h + 1) * HOUR_NS) for h in range(hours)]


def test_reports_of_a_window_become_the_mean_and_spread_of_each_resource() -> None:
    (told,) = readings(
        report(0, values={"latency_p99_ms": 8.0, "cpu": 0.5}),
        report(1, values={"latency_p99_ms": 12.0, "cpu": 0.7}),
        report(1, "engine", requests=0, values={"cpu": 0.1, "memory_mib": 200.0}),
    )
    levels = {each.stream.name: each for each in told.found if isinstance(each, Level)}
    latency = levels["infrastructure/latency_p99_ms"]
    assert (latency.rows, latency.mean, latency.deviation) == (2.0, 10.0, 2.0)
    assert latency.rising
    assert not latency.falling
    assert levels["infrastructure/cpu @process=gateways"].mean == pytest.approx(0.6)
    assert levels["infrastructure/cpu @process=engine"].mean == pytest.approx(0.1)
    assert "infrastructure/memory_mib @process=gateways" not in levels


def test_failed_requests_are_a_share_of_all() -> None:
    (told,) = readings(report(0, requests=90, errors=10), report(1, requests=100))
    (errors,) = [each for each in told.found if isinstance(each, Shares)]
    assert errors.counts.tolist() == [190.0, 10.0]
    assert errors.rising


def test_a_prediction_costs_the_price_of_the_time_over_what_was_answered() -> None:
    (told,) = readings(
        *(report(m, values={"rows_per_second": 10.0}) for m in range(60)),
        *(report(m, "gateway-1", values={"rows_per_second": 30.0}) for m in range(60)),
    )
    (cost,) = [each for each in told.found if each.stream.subject == "cost"]
    assert cost.mean == pytest.approx(6.0 / (40 * 3600))


def test_each_report_counts_in_the_window_it_ends_in() -> None:
    first, second = readings(report(59), report(60, errors=5), hours=2)
    assert [each.stream.subject for each in first.found if isinstance(each, Level)] == [
        "latency_p99_ms"
    ]
    assert [each.counts[1] for each in second.found if isinstance(each, Shares)] == [5.0]


def test_nothing_is_said_before_the_first_report_and_silence_after_it_is() -> None:
    (told,) = readings()
    assert not told.found
    assert not told.unmeasured
    _, silent = readings(report(3), hours=2)
    assert silent.unmeasured == (("infrastructure", "No process told what it took."),)


def test_the_long_window_says_what_was_answered_in_it() -> None:
    state = MONITOR.begin()
    MONITOR.take(state, report(0, errors=2, values={"rows_per_second": 5.0}), MINUTE_NS)
    MONITOR.read(state, 0, HOUR_NS)
    told = MONITOR.describe(state, 0, HOUR_NS)
    assert told["infrastructure/errors"] == {
        "requests": 600.0,
        "errors": 2.0,
        "rows_per_second": pytest.approx(5.0 / 60),
    }
    assert MONITOR.describe(state, 0, HOUR_NS) == {}
