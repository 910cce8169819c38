from __future__ import annotations

import json

import pytest

from ostinato.core.clock import VirtualClock
from ostinato.core.errors import ConfigError
from ostinato.live.config import ServiceConfig
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.meters import Meters
from ostinato.live.gateway.protocols import make_guard, protocol_routes
from ostinato.live.layout import Layout
from ostinato.live.tokens import Tokens

CLOCK = VirtualClock(10**18)


def config(**changes):
    return ServiceConfig(**{"target": "flights.py", "loop": "flights", **changes})


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    layout.make()
    return layout


@pytest.mark.parametrize(("clock", "status"), [("wall", 400), ("events", 200)])
def test_times_are_taken_where_the_clock_follows_the_events(
    client_of, predictor, schema, layout, row, clock, status
):
    meters = Meters("flights", 0)
    client = client_of(
        protocol_routes(predictor, schema, config(clock=clock), layout, meters, clock=CLOCK)
    )
    body = {"dataframe_records": [row[0]], "params": {"time": 5}}

    assert client.post("/invocations", json.dumps(body).encode()).status == status
    assert client.get("/v2/health/ready").status == 200
    assert client.get("/docs").status == 200
    assert b"ostinato_engine_up" in client.get("/metrics").body


def test_tokens_of_the_folder_are_asked_for(layout):
    tokens = Tokens(layout.tokens, clock=CLOCK, elapsed_ns=CLOCK.now_ns)
    secret = tokens.create("shop", ["predict"])
    guarded = config(host="0.0.0.0", open_access=False, requests_per_second=1)
    guard = make_guard(guarded, layout, clock=CLOCK, elapsed_ns=CLOCK.now_ns)

    assert guard.admit("predict", f"Bearer {secret}", "10.0.0.1:1") == "shop"
    with pytest.raises(HttpError) as error:
        guard.admit("predict", f"Bearer {secret}", "10.0.0.1:1")
    assert error.value.status == 429


def test_service_that_would_be_open_to_others_does_not_start(layout):
    with pytest.raises(ConfigError, match="open to others"):
        make_guard(config(host="0.0.0.0"), layout, clock=CLOCK, elapsed_ns=CLOCK.now_ns)
