"""The load generator: what it counts as answered, failed and late."""

from __future__ import annotations

import pytest

from servers.client import LOST, Load, packed, run
from servers.processes import free_port

REQUESTS = packed("/predict", [b'{"row": 1}', b'{"row": 2}'])


def load(port, **changes):
    return Load(port, REQUESTS, **{"connections": 3, "seconds": 5.0, "limit": 30} | changes)


def test_a_closed_loop_asks_exactly_as_often_as_it_may(service):
    tally = run(load(service.port))

    assert service.predictions == 30
    assert len(tally.latencies) == 30
    assert tally.failed == 0
    assert tally.rate == pytest.approx(30 / tally.seconds)


def test_every_answer_is_shown_with_its_body(service):
    seen = []

    run(load(service.port, on_answer=seen.append))

    assert sorted(answer.number for answer in seen) == list(range(30))
    assert all(b'"version": "1"' in answer.body for answer in seen)


def test_another_status_than_200_is_a_failed_request(service):
    service.refuse_every = 10

    tally = run(load(service.port))

    assert tally.failures == {503: 3}
    assert len(tally.latencies) == 27


def test_a_connection_that_ends_early_is_a_failed_request_and_is_made_again(service):
    service.drop_every = 10

    tally = run(load(service.port))

    assert tally.failures == {LOST: 3}
    assert len(tally.latencies) == 27


def test_a_server_that_is_not_there_is_failed_requests_and_no_endless_wait():
    tally = run(load(free_port(), seconds=0.2))

    assert tally.failed >= 3
    assert tally.latencies == []


def test_a_fixed_rate_is_kept(service):
    tally = run(load(service.port, seconds=0.5, rate=200.0, limit=None))

    assert service.predictions == pytest.approx(100, abs=3)
    assert tally.percentile(50) < 0.05


def test_time_in_the_queue_counts_when_the_server_is_slower_than_the_rate(service):
    # One connection and 20 ms an answer: 50 a second at most, and 100 are due.
    service.stall_seconds = 0.02

    tally = run(load(service.port, connections=1, seconds=0.5, rate=100.0, limit=None))

    assert len(tally.latencies) == pytest.approx(50, abs=3)
    assert tally.percentile(99) > 0.3
