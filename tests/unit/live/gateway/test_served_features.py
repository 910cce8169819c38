"""A gateway with the real store: what was told is in what is served, and in the log."""

from __future__ import annotations

import asyncio
import time

import pytest

SOURCE = """
import polars as pl

def ratio(x0, n):
    return None if n is None else x0 / (13 - n)

LANDINGS = ost.features.Events(
    "landings", time="landed", columns={"airport": "text", "delay": "number"}
)
BY_KIND = {"by": {"kind": "airport"}, "window": "1d"}

DECLARED = [
    ost.features.mean(LANDINGS, "delay", name="recent", **BY_KIND),
    ost.features.count(ost.features.requests(), by="who", window="1h", name="asked"),
    ost.features.mean(ost.features.labels(), "label", by="kind", window="1d", name="late"),
    ost.features.Function("ratio", ratio, inputs=["x0", "n"], default=-1.0),
    ost.features.Expr("both", pl.col("x0") + pl.col("x1")),
]
"""

COMPUTED = ("recent", "asked", "late", "ratio", "both")


@pytest.fixture
def service_of(make_service):
    """Make a service whose features are computed; its engine has written the state."""

    def make(*, begun=True, **settings):
        made = make_service(declared="*DECLARED", source=SOURCE, **settings)
        if begun:
            made.begin_features()
        return made

    return make


def served(service):
    """The computed features of each answer in the log."""
    places = [service.schema.names.index(name) for name in COMPUTED]
    return [
        tuple(row[place] for place in places)
        for key, event in service.events()
        if key[:2] in ("a/", "p/")
        for row in event.rows
    ]


def asked(service, **changes):
    return service.inputs() | {"kind": "a", "who": "ann", "x0": 12.0, "x1": 1.5, "n": 7} | changes


async def ask(client, **changes):
    inputs = asked(client.service, **changes.pop("inputs", {}))
    status, body = await client.predict(inputs, **changes)
    assert status == 200, body
    return body


async def land(client, *delays, **more):
    now = more.pop("time", time.time_ns() - 1_000_000)
    events = [{"time": now, "airport": "a", "delay": delay} for delay in delays]
    body = {"source": "landings", "events": events, **more}
    status, answer = await client.post("/loops/small/events", body)
    assert status == 200, answer
    return answer


def test_what_is_told_is_in_the_features_of_the_next_request(service_of, run_gateway):
    service = service_of()

    async def scenario(client):
        await client.until(client.gateway.ready)
        first = await ask(client)
        await land(client, 10.0, 20.0)
        await ask(client)
        label = {"prediction_id": first["prediction_id"], "label": 1}
        await client.post("/loops/small/labels", label)
        await ask(client, inputs={"n": None})

    run_gateway(service, scenario)

    assert served(service) == [
        (None, 0.0, None, 2.0, 13.5),
        (15.0, 1.0, None, 2.0, 13.5),
        (15.0, 2.0, 1.0, -1.0, 13.5),
    ]


def test_a_function_that_raises_fails_its_request_alone(service_of, run_gateway):
    service = service_of()

    async def scenario(client):
        await client.until(client.gateway.ready)
        bad = client.predict(asked(service, n=13))
        return await asyncio.gather(ask(client), bad, ask(client))

    _, (status, answer), _ = run_gateway(service, scenario)

    assert status == 422
    assert answer["what"] == "The function of the feature 'ratio' failed"
    assert "ZeroDivisionError" in answer["found"]
    assert [row[3] for row in served(service)] == [2.0, 2.0]


def test_requests_of_one_instant_do_not_see_each_other_but_later_ones_do(service_of, run_gateway):
    service = service_of()

    async def scenario(client):
        await client.until(client.gateway.ready)
        await asyncio.gather(*(ask(client) for _ in range(5)))
        await ask(client)

    run_gateway(service, scenario)

    counts = [row[1] for row in served(service)]
    assert counts[:5] == [0.0] * 5
    assert counts[5] == 5.0


def test_a_retry_counts_once_and_gets_its_first_answer(service_of, run_gateway):
    service = service_of()

    async def scenario(client):
        await client.until(client.gateway.ready)
        first = await ask(client, prediction_id="mine")
        again = await ask(client, prediction_id="mine")
        await ask(client)
        return first, again

    first, again = run_gateway(service, scenario)

    assert first == again
    assert [row[1] for row in served(service)] == [0.0, 1.0]


def test_after_a_restart_features_are_what_they_were(service_of, run_gateway):
    service = service_of()

    async def before(client):
        await client.until(client.gateway.ready)
        await land(client, 10.0)
        await ask(client, prediction_id=1)

    async def after(client):
        await client.until(client.gateway.ready)
        await ask(client, prediction_id=2)
        await client.post("/loops/small/labels", {"prediction_id": 1, "label": 0})
        await ask(client, prediction_id=3)

    run_gateway(service, before)
    run_gateway(service, after)

    assert [row[:3] for row in served(service)] == [
        (10.0, 0.0, None),
        (10.0, 1.0, None),
        (10.0, 2.0, 0.0),
    ]


def test_without_a_state_the_gateway_is_not_ready_and_says_why(service_of, run_gateway):
    service = service_of(begun=False)

    async def scenario(client):
        ready, _ = await client.get("/v2/health/ready")
        refused, answer = await client.predict(asked(service))
        _, told = await client.get("/loops/small")
        taken = await land(client, 10.0)
        service.begin_features()
        await client.until(client.gateway.ready)
        await ask(client)
        return ready, refused, answer, told, taken

    ready, refused, answer, told, taken = run_gateway(service, scenario)

    assert (ready, refused) == (503, 503)
    assert answer["what"] == "The features are not ready yet"
    assert told["gateway"]["features"]["trouble"] == "the engine has not written it yet"
    assert taken["accepted"] == 1
    assert [row[0] for row in served(service)] == [10.0], "nothing was lost"


def test_a_damaged_state_is_told_and_not_served_from(service_of, run_gateway):
    service = service_of()
    sound = service.layout.features.read_bytes()
    service.layout.features.write_bytes(sound[:-10])

    async def scenario(client):
        await client.until(lambda: "read" in client.gateway.features.follower.trouble)
        before, _ = await client.get("/v2/health/ready")
        service.layout.features.write_bytes(sound)
        await client.until(client.gateway.ready)
        return before

    assert run_gateway(service, scenario) == 503


def test_on_the_clock_of_events_each_event_counts_from_when_it_was_known(service_of, run_gateway):
    service = service_of(clock="events")
    start = service.schema.start_ns

    async def scenario(client):
        await client.until(client.gateway.ready)
        await land(client, 10.0, 20.0, time=start + 1, known=[start + 100, start + 200])
        for moment in (99, 100, 150, 200):
            await ask(client, time=start + moment)

    run_gateway(service, scenario)

    assert [row[0] for row in served(service)] == [None, 10.0, 10.0, 15.0]
    assert [row[1] for row in served(service)] == [0.0, 1.0, 2.0, 3.0]


def test_figures_tell_of_sources_and_of_the_state(service_of, run_gateway):
    service = service_of()

    async def scenario(client):
        await client.until(client.gateway.ready)
        await land(client, 10.0)
        await ask(client)
        client.gateway.features.measure(client.gateway.meters)
        return (await client.send("GET", "/metrics")).answer.decode()

    told = run_gateway(service, scenario)

    figures = dict(
        line.rsplit(" ", 1) for line in told.splitlines() if line.startswith("ostinato_")
    )
    own = 'loop="small",gateway="0"'
    assert float(figures[f'ostinato_source_events_total{{{own},source="landings"}}']) == 1
    assert 0 <= float(figures[f'ostinato_source_age_seconds{{{own},source="landings"}}']) < 60
    assert float(figures[f"ostinato_features_bytes{{{own}}}"]) > 1_000
    assert f"ostinato_features_lag{{{own}}}" in figures


def test_numbers_that_no_feature_could_sum_up_are_refused_everywhere(service_of, run_gateway):
    service = service_of()
    landing = {"time": 1, "airport": "a", "delay": 1e14}

    async def scenario(client):
        body = {"source": "landings", "events": [landing]}
        return await client.post("/loops/small/events", body)

    status, answer = run_gateway(service, scenario)

    assert status == 422
    assert "cannot be summed up" in answer["what"]
    assert service.events() == []
