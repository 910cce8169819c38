from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.core.clock import VirtualClock
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.limits import MAX_CLIENTS, RateLimit, client_key

SECOND_NS = 10**9


def taken(limit, client, times):
    for count in range(times):
        try:
            limit.take(client)
        except HttpError:
            return count
    return times


def test_a_second_of_requests_may_come_at_once_and_then_at_the_rate():
    clock = VirtualClock(5)
    limit = RateLimit(10, elapsed_ns=clock.now_ns)

    assert taken(limit, "a", 100) == 10
    clock.advance_to(5 + SECOND_NS // 2)
    assert taken(limit, "a", 100) == 5
    clock.advance_to(5 + 100 * SECOND_NS)
    assert taken(limit, "a", 100) == 10


def test_clients_do_not_count_for_each_other():
    limit = RateLimit(1, elapsed_ns=VirtualClock(0).now_ns)

    assert [taken(limit, client, 2) for client in ("a", "b")] == [1, 1]


def test_refusal_says_when_to_come_again():
    limit = RateLimit(1, elapsed_ns=VirtualClock(0).now_ns)
    limit.take("a")
    with pytest.raises(HttpError) as error:
        limit.take("a")
    assert error.value.status == 429
    assert error.value.response().headers == (("retry-after", "1"),)


def test_refused_requests_do_not_push_the_next_one_away():
    clock = VirtualClock(0)
    limit = RateLimit(1, elapsed_ns=clock.now_ns)
    limit.take("a")
    for step in range(1, 10):
        clock.advance_to(step * SECOND_NS // 10)
        assert taken(limit, "a", 1) == 0
    clock.advance_to(SECOND_NS + 1)
    assert taken(limit, "a", 1) == 1


def test_no_limit_keeps_nothing():
    limit = RateLimit(0, elapsed_ns=VirtualClock(0).now_ns)
    assert taken(limit, "a", 1000) == 1000
    assert limit._buckets == {}


def test_clients_that_are_remembered_are_bounded():
    limit = RateLimit(1, elapsed_ns=VirtualClock(0).now_ns)
    for number in range(MAX_CLIENTS + 10):
        limit.take(f"c{number}")
    assert len(limit._buckets) == MAX_CLIENTS


@settings(deadline=None)
@given(st.integers(1, 50), st.lists(st.integers(0, 2 * SECOND_NS), max_size=60))
def test_no_more_pass_than_a_second_of_requests_and_the_rate(per_second, steps):
    clock = VirtualClock(0)
    limit = RateLimit(per_second, elapsed_ns=clock.now_ns)
    passed = 0
    for step in steps:
        clock.advance_to(clock.now_ns() + step)
        passed += taken(limit, "a", 7)
    assert passed <= per_second * (1 + clock.now_ns() / SECOND_NS) + 1e-6


def test_clients_are_tokens_or_addresses_or_networks():
    assert client_key("shop", "1.2.3.4") == "token shop"
    assert client_key("", "1.2.3.4") == client_key("", "1.2.3.4:99") == "1.2.3.4"
    assert client_key("", "[2001:db8::1]:99") == client_key("", "2001:db8::1")
    assert client_key("", "2001:db8::1") == client_key("", "2001:db8::ffff:2")
    assert client_key("", "::ffff:1.2.3.4") != client_key("", "::ffff:1.2.3.5")
    assert client_key("", "unix:") == "unix"
