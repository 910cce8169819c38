from __future__ import annotations

import math
from timeit import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ostinato.core.clock import VirtualClock
from ostinato.live.gateway.exposition import Exposition, metric_name
from ostinato.live.gateway.meters import (
    MOST_IGNORED,
    OTHERS,
    Followed,
    Histogram,
    Meters,
    counted_path,
    read_counted,
)
from ostinato.live.gateway.metrics import Metrics, routes
from ostinato.live.layout import Layout
from ostinato.live.published import AlertStatus, Alive, ParityStatus, Status, write

NOW_NS = 10**18


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    layout.make()
    return layout


@pytest.fixture
def scrape(client_of, layout):
    """Scrapes a gateway: (name, labels but the loop) -> value, read by Prometheus's parser."""

    def scrape(meters, gateways=1):
        metrics = Metrics(meters, layout, gateways, clock=VirtualClock(NOW_NS))
        response = client_of(routes(metrics)).get("/metrics")
        assert response.status == 200
        assert response.type.startswith("text/plain; version=0.0.4")
        found = {}
        for family in text_string_to_metric_families(response.body.decode()):
            assert family.type != "unknown"
            for sample in family.samples:
                labels = {k: v for k, v in sample.labels.items() if k != "loop"}
                assert sample.labels["loop"] == meters.loop
                key = (sample.name, *labels.values())
                assert key not in found
                found[key] = sample.value
        return found

    return scrape


def test_requests_and_predictions_are_counted_by_their_labels(scrape):
    meters = Meters("flights", 0, started_ns=NOW_NS)
    for status in (200, 200, 422):
        meters.request("/loops/{loop}/predict", status, 0.0002)
    meters.predictions("v1", "champion", 3)
    meters.predictions("v2", "canary")
    meters.fault("v2")
    meters.scored("v1", 3, 0.00001)
    meters.committed(2, 0.003, log_end=12)
    meters.serving(4)

    found = scrape(meters)

    assert found["ostinato_requests_total", "0", "/loops/{loop}/predict", "200"] == 2
    assert found["ostinato_requests_total", "0", "/loops/{loop}/predict", "422"] == 1
    assert found["ostinato_predictions_total", "0", "v1", "champion"] == 3
    assert found["ostinato_predictions_total", "0", "v2", "canary"] == 1
    assert found["ostinato_faults_total", "0", "v2"] == 1
    assert found["ostinato_events_total", "0"] == 2
    assert found["ostinato_gateway_epoch", "0"] == 4
    assert found["ostinato_gateway_start_time_seconds", "0"] == 10**9
    assert found["ostinato_commit_duration_seconds_sum", "0"] == 0.003
    assert found["ostinato_engine_up",] == 0


def test_histogram_counts_up_to_and_with_each_bound(scrape):
    meters = Meters("flights", 0)
    for seconds in (0.001, 0.0011, 100.0):
        meters.request("/x", 200, seconds)

    found = scrape(meters)
    buckets = {
        key[3]: value
        for key, value in found.items()
        if key[0] == "ostinato_request_duration_seconds_bucket"
    }

    assert (buckets["0.0005"], buckets["0.001"], buckets["0.0025"]) == (0, 1, 2)
    assert (buckets["10"], buckets["+Inf"]) == (2, 3)
    assert list(buckets.values()) == sorted(buckets.values())
    assert found["ostinato_request_duration_seconds_count", "0", "/x"] == 3
    assert found["ostinato_request_duration_seconds_sum", "0", "/x"] == pytest.approx(100.0021)


def test_any_gateway_tells_of_all_that_there_are(scrape, layout):
    first, second, gone = Meters("flights", 0), Meters("flights", 1), Meters("flights", 2)
    for count, meters in enumerate((first, second, gone), start=1):
        for _ in range(count):
            meters.request("/ping", 200, 0.1)
        meters.write(layout.run)

    for meters in (first, second):
        found = scrape(meters, gateways=2)
        counts = {key[1]: v for key, v in found.items() if key[0] == "ostinato_requests_total"}
        assert counts == {"0": 1, "1": 2}


def test_what_was_counted_is_read_back_and_a_torn_file_is_left_out(scrape, layout):
    other = Meters("flights", 1)
    other.request("/ping", 503, 0.1)
    other.write(layout.run)
    assert read_counted(layout.run, 1) == other.counted

    counted_path(layout.run, 1).write_bytes(b'{"requests"')
    assert read_counted(layout.run, 1) is None
    assert ("ostinato_events_total", "1") not in scrape(Meters("flights", 0), gateways=2)


def test_engine_is_told_from_its_files(scrape, layout):
    write(layout.run / "engine.json", Alive(pid=1, started_ns=0, beat_ns=NOW_NS - 10**9))
    status = Status(
        tick=7,
        now_ns=NOW_NS,
        folded_offset=10,
        decisions=5,
        epoch=3,
        paused=True,
        training=("t",),
        metrics={"log loss": 0.25, "log-loss": 9.0, "nothing": math.nan, "\n{}": 1.0},
    )
    write(layout.status, status)
    meters = Meters("flights", 0)
    meters.committed(1, 0.1, log_end=25)

    found = scrape(meters)

    assert found["ostinato_engine_up",] == 1
    assert found["ostinato_log_lag",] == 15
    assert found["ostinato_ticks_total",] == 7
    assert found["ostinato_decisions_total",] == 5
    assert found["ostinato_paused",] == 1
    assert found["ostinato_trainings",] == 1
    assert found["ostinato_engine_log_loss",] == 0.25


def test_scrape_goes_on_while_the_engine_s_files_cannot_be_read(scrape, layout):
    layout.status.write_text("{")
    (layout.run / "engine.json").write_text("{")

    assert scrape(Meters("flights", 0))["ostinato_engine_up",] == 0


@settings(deadline=None)
@given(st.text(), st.floats())
def test_any_label_and_value_can_be_read_by_prometheus(label, value):
    told = Exposition()
    told.add("x", "Something.", [({"a": label}, value)])

    (family,) = text_string_to_metric_families(told.text().decode("utf-8", "surrogatepass"))
    (sample,) = family.samples
    assert sample.labels == {"a": label}
    assert sample.value == value or math.isnan(value)


def test_metric_is_added_once_and_only_with_samples():
    told = Exposition()
    told.add("x", "Something.", [])
    assert told.text() == b""
    told.add("x", "Something.", [({}, 1)])
    told.add("x", "Something else.", [({}, 2)])
    assert told.text() == b"# HELP x Something.\n# TYPE x gauge\nx 1\n"
    assert metric_name("9 a-b") == "9_a_b"


@settings(deadline=None)
@given(st.lists(st.floats(0, 20), max_size=50))
def test_histogram_loses_no_value(values):
    histogram = Histogram.empty((0.5, 5.0))
    for value in values:
        histogram.add(value)
    assert sum(histogram.counts) == len(values)
    assert histogram.counts[0] == sum(value <= 0.5 for value in values)


def test_counting_a_request_takes_about_a_microsecond():
    meters = Meters("flights", 0)

    def count():
        meters.request("/loops/{loop}/predict", 200, 0.0002)

    best = min(timeit(count, number=2_000) for _ in range(20)) / 2_000

    # Measured 0.3 µs; ten times that is another way of counting, not a busy machine.
    assert best < 4e-6


def test_what_is_posted_and_what_features_are_made_of_is_told_by_source(scrape):
    meters = Meters("flights", 0)
    meters.events("landings", 5, 2, {"colour": 3})
    meters.events("landings", 1, 0, {})
    meters.stream("landings").age_seconds = 1.5
    meters.stream("takeoffs")
    meters.counted.features = Followed(lag=4, bytes=1_000, skipped=1)

    found = scrape(meters)

    assert found["ostinato_source_events_total", "0", "landings"] == 6
    assert found["ostinato_source_doubled_total", "0", "landings"] == 2
    assert found["ostinato_source_ignored_total", "0", "landings", "colour"] == 3
    assert found["ostinato_source_age_seconds", "0", "landings"] == 1.5
    assert ("ostinato_source_age_seconds", "0", "takeoffs") not in found
    assert [
        found[f"ostinato_features_{name}", "0"] for name in ("lag", "bytes", "skipped_total")
    ] == [4, 1_000, 1]


def test_how_features_stand_that_are_compared(scrape, layout):
    stands = [
        ParityStatus(
            feature="delays", rows=90, mismatches=4, compared_to_ns=1, broken="It is late."
        ),
        ParityStatus(feature="gates", rows=80, mismatches=0, compared_to_ns=1),
    ]
    status = Status(
        tick=7, now_ns=NOW_NS, folded_offset=1, decisions=5, epoch=3, parity=tuple(stands)
    )
    write(layout.status, status)
    found = scrape(Meters("flights", 0))
    for what, figures in (
        ("rows_total", (90, 80)),
        ("mismatches_total", (4, 0)),
        ("broken", (1, 0)),
    ):
        name = f"ostinato_parity_{what}"
        assert (found[name, "delays"], found[name, "gates"]) == figures


def test_a_client_that_makes_up_columns_does_not_fill_the_metrics(scrape):
    meters = Meters("flights", 0)
    for number in range(1_000):
        meters.events("landings", 1, 0, {f"column {number}": 1})

    found = scrape(meters)

    ignored = [key for key in found if key[0] == "ostinato_source_ignored_total"]
    assert len(ignored) == MOST_IGNORED + 1
    assert found["ostinato_source_ignored_total", "0", "landings", OTHERS] == 1_000 - MOST_IGNORED


def test_what_is_watched_is_told(scrape, layout):
    watch = {
        "budget": {"declared": 1.0, "expected": 0.25, "raised": 2},
        "streams": 120,
        "by_severity": {"info": 0, "warning": 1, "critical": 1},
        "monitors": [{"monitor": "losses", "unmeasured_total": 3}],
        "estimates": [
            {"stream": "estimate/log_loss", "estimated": 0.5},
            {"stream": "estimate/log_loss @kind=a", "estimated": None},
        ],
    }
    facts = {"tick": 1, "now_ns": 1, "folded_offset": 1, "decisions": 1, "epoch": 1}
    alerts = (AlertStatus(address="https://a", least="warning", tries=3, trouble="away"),)
    write(layout.status, Status(**facts, watch=watch, alerts=alerts))

    found = scrape(Meters("flights", 0))

    assert found["ostinato_alarms", "critical"] == 1
    assert found["ostinato_alarms", "info"] == 0
    assert found["ostinato_watched_streams",] == 120
    assert found["ostinato_false_alarms_expected",] == 0.25
    assert found["ostinato_alarms_raised",] == 2
    assert found["ostinato_unmeasured", "losses"] == 3
    assert found["ostinato_estimated", "estimate/log_loss"] == 0.5
    assert ("ostinato_estimated", "estimate/log_loss @kind=a") not in found
    assert found["ostinato_alerts_failing", "0", "https://a"] == 3
