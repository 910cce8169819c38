from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.features import Events, count, last, mean
from ostinato.features.parity.recompute import Recomputation, newest_events
from ostinato.features.parity.variants import (
    Keyed,
    Late,
    Refreshed,
    Shifted,
    Stale,
    Subset,
    Version,
)
from ostinato.features.plan import make_plan
from ostinato.features.prepare import EventBatch

ORDERS = Events("orders", time="at", columns={"user": "text", "amount": "number"})
NEWEST = last(ORDERS, "amount", by="user", window="2d", name="newest")
START_NS = 20_000 * DAY_NS

HOURS = (1, 5, 9)  # when orders of 10, 20 and 30 were made, known two hours later
REQUESTS = (2, 4, 8, 12)  # hours of the requests


def orders(user="ada", *, known_after=2):
    times = START_NS + np.array(HOURS) * HOUR_NS
    frame = pl.DataFrame({"user": [user] * 3, "amount": [10.0, 20.0, 30.0]})
    known = times + known_after * HOUR_NS
    return EventBatch(source="orders", times_ns=times, known_ns=known, frame=frame)


def recomputation(feature=NEWEST, events=None, **options):
    times = START_NS + np.array(REQUESTS) * HOUR_NS
    requests = pl.DataFrame({"user": ["ada"] * 4, "friend": ["bob"] * 4})
    batch = orders() if events is None else events
    return Recomputation(feature, requests, times, {"orders": batch}, **options)


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (Late(0), [None, 10.0, 20.0, 30.0]),
        (Late(HOUR_NS), [None, 10.0, 20.0, 30.0]),
        (Late(2 * HOUR_NS), [None, None, 10.0, 20.0]),
        (Late(-HOUR_NS), [10.0, 10.0, 20.0, 30.0]),
        (Late(-9 * HOUR_NS), [10.0, 10.0, 20.0, 30.0]),
        (Stale(HOUR_NS), [None, 10.0, 20.0, 30.0]),
        (Stale(6 * HOUR_NS), [None, None, None, 10.0]),
        (Refreshed(12 * HOUR_NS), [None, None, None, 30.0]),
        (Shifted(4 * HOUR_NS), [None, None, 10.0, 20.0]),
        (Subset("partition 3"), None),
        (Version("another"), None),
        (Keyed("city"), None),
    ],
)
def test_a_variant_is_carried_out(variant, expected):
    found = recomputation()(variant)

    assert (None if found is None else found.to_list()) == expected


def test_an_earlier_definition_is_tried():
    was = mean(ORDERS, "amount", by="user", window="2d", name="newest")

    tried = recomputation(previous=[was])
    (name,) = tried.scan().versions

    assert name.startswith("mean over 2d")
    assert tried(Version(name)).to_list() == [None, 10.0, 15.0, 20.0]


def test_an_earlier_definition_over_columns_that_are_gone_cannot_be_tried():
    was = mean(ORDERS, "price", by="user", window="2d", name="newest")
    tried = recomputation(previous=[was])

    assert tried(Version(tried.scan().versions[0])) is None


def test_another_column_may_have_been_taken_for_the_key():
    tried = recomputation(events=orders("bob"), keys=["friend"])

    assert tried(Late(0)).to_list() == [None] * 4
    assert tried.scan().keys == ("friend",)
    assert tried(Keyed("friend")).to_list() == [None, 10.0, 20.0, 30.0]


def test_events_that_no_variant_can_reach_are_left_out():
    far = EventBatch(
        source="orders",
        times_ns=START_NS + np.array([-40, 0, 0]) * DAY_NS,
        known_ns=START_NS + np.array([-40, 0, 0]) * DAY_NS,
        frame=pl.DataFrame({"user": ["ada", "ada", "eve"], "amount": [1.0, 2.0, 3.0]}),
    )

    assert recomputation(events=far).own.frame["amount"].to_list() == [2.0]


def test_the_age_of_the_newest_event_is_known_for_every_row():
    visits = count(ORDERS, by="user", window="3h", hop="1h", name="visits")
    plan = make_plan([NEWEST, visits])
    made = recomputation()

    found = newest_events(
        plan, ["visits", "newest"], made.requests, made.times_ns, {"orders": orders()}
    )

    hours = found / 3600
    assert hours[:, 1].tolist() == pytest.approx([np.nan, 3.0, 3.0, 3.0], nan_ok=True)
    assert hours[:, 0].tolist() == pytest.approx([np.nan, 3.0, 3.0, 3.0], nan_ok=True)
