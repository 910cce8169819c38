from __future__ import annotations

import polars as pl
import pytest

from ostinato import features
from ostinato.features.plan import make_plan
from ostinato.live.events import EventsGiven
from ostinato.live.gateway.event_check import EventCheck
from ostinato.live.gateway.http import HttpError
from ostinato.live.schema import Field, SourceSpec

LANDINGS = features.Events("landings", time="landed")
SPEC = SourceSpec(
    name="landings",
    time="landed",
    columns=(Field("airport", "text"), Field("delay", "number"), Field("taxi", "number")),
)


@pytest.fixture
def check(schema_of):
    product = pl.col("delay") * pl.col("taxi")
    plan = make_plan(
        [
            features.mean(LANDINGS, "delay", by={"carrier": "airport"}, window="1h"),
            features.sum(LANDINGS, product, by={"carrier": "airport"}, window="1h", name="product"),
        ]
    )
    return EventCheck(plan, schema_of(sources=(SPEC,))).check


def given(delay, taxi):
    columns = {"airport": ["JFK"] * 2, "delay": [1.0, delay], "taxi": [None, taxi]}
    return EventsGiven("landings", [None] * 2, [1, 2], [3, 3], columns)


def test_events_that_can_be_summed_up_pass(check):
    check(given(5.0, 7.0))
    check(given(None, None))


@pytest.mark.parametrize(("delay", "taxi"), [(2.0**44, 1.0), (1e8, 1e8)])
def test_numbers_that_cannot_be_summed_up_are_refused(check, delay, taxi):
    with pytest.raises(HttpError, match="cannot be summed up") as error:
        check(given(delay, taxi))

    assert error.value.status == 422


def test_events_of_a_source_that_no_feature_reads_pass(schema_of):
    EventCheck(make_plan(["x"]), schema_of(sources=(SPEC,))).check(given(1e300, 1.0))
