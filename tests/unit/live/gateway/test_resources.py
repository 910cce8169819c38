"""Once a minute a gateway tells what its answers took."""

from __future__ import annotations

from ostinato.core.clock import VirtualClock
from ostinato.live.events import decode
from ostinato.live.gateway.meters import MOST_LATENCIES, Latencies, Meters
from ostinato.live.gateway.resources import ResourceMeter

PREDICT = "/loops/{loop}/predict"


def test_a_minute_of_answers_becomes_one_small_event():
    clock, told, waiting = VirtualClock(10**18), [], [0]
    meters = Meters("small", 0)
    meter = ResourceMeter(
        meters=meters,
        source="gateway-0",
        instance="abc",
        clock=clock,
        waiting=lambda: waiting[0],
        submit=told.extend,
    )
    for milliseconds in range(1, 101):
        meters.request(PREDICT, 200, milliseconds / 1000)
        meters.predictions("v001", "champion", 3)
    meters.request(PREDICT, 503, 9.0)
    meters.request(PREDICT, 422, 9.0)
    meters.request("/metrics", 200, 9.0)
    for waits in (0, 4):
        waiting[0] = waits
        meter.look()
    assert not told
    clock.advance_to(clock.now_ns() + 60 * 10**9)
    meter.look()
    ((key, payload),) = told
    given = decode(payload)
    assert key == "u/abc/0"
    assert (given.source, given.requests, given.errors) == ("gateway-0", 100, 1)
    assert given.to_ns - given.from_ns == 60 * 10**9
    assert given.values["latency_p50_ms"] == 50.5
    assert 99 < given.values["latency_p99_ms"] <= 100
    assert given.values["rows_per_second"] == 5.0
    assert given.values["queue"] == 8 / 3
    assert given.values["cpu"] >= 0
    assert len(payload) < 300

    told.clear()
    clock.advance_to(clock.now_ns() + 60 * 10**9)
    meter.look()
    given = decode(told[0][1])
    assert (given.requests, given.errors, given.values["rows_per_second"]) == (0, 0, 0.0)
    assert "latency_p99_ms" not in given.values


def test_of_many_latencies_the_newest_are_kept():
    latencies = Latencies()
    for value in range(MOST_LATENCIES + 5):
        latencies.add(float(value))
    assert latencies.count == MOST_LATENCIES + 5
    assert len(latencies) == MOST_LATENCIES
    assert min(latencies.seconds()) == 5.0
