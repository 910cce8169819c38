from __future__ import annotations

import asyncio
import time

import numpy as np

from ostinato.learn.model import Model
from ostinato.live.events import Answered


def test_a_request_is_answered_by_the_champion_and_is_in_the_log(make_service, run_gateway):
    service = make_service()

    status, body = run_gateway(service, lambda client: client.predict())

    assert status == 200
    assert body["version"] == "v001"
    assert body["role"] == "champion"
    assert body["epoch"] == 1
    ((key, event),) = service.events()
    assert key.startswith("a/")
    assert isinstance(event, Answered)
    assert event.ids == [body["prediction_id"]]
    assert event.scores == {"v001": [body["score"]]}
    assert event.rows == [tuple(service.inputs().values())]
    assert event.awaits == []


def test_the_score_is_that_of_the_model_in_the_registry(make_service, run_gateway):
    service = make_service()
    model = Model.from_bytes(service.registry.load("v001"))

    async def scenario(client):
        return await client.predict([service.inputs(place) for place in range(50)])

    status, body = run_gateway(service, scenario)

    assert status == 200
    scores = [each["score"] for each in body["predictions"]]
    assert np.allclose(scores, model.score(service.table.head(50)), atol=1e-9, rtol=0)


def test_concurrent_requests_cost_one_scoring_call_and_one_event(
    make_service, run_gateway, fake_version
):
    service = make_service()
    version = fake_version(0.25)

    async def scenario(client):
        version.calls.clear()
        return await asyncio.gather(*(client.predict() for _ in range(64)))

    answers = run_gateway(service, scenario, versions={"v001": version})

    assert [status for status, _ in answers] == [200] * 64
    assert [len(rows) for rows in version.calls] == [64]
    assert len({body["prediction_id"] for _, body in answers}) == 64
    ((_, event),) = service.events()
    assert len(event.ids) == 64


def test_many_rows_come_back_in_order_and_with_their_own_ids(make_service, run_gateway):
    service = make_service()
    rows = [service.inputs(place) for place in range(3)]

    status, body = run_gateway(
        service, lambda client: client.predict(rows, prediction_id=[7, "7", "x"])
    )

    assert status == 200
    assert [each["prediction_id"] for each in body["predictions"]] == [7, "7", "x"]
    events = service.events()
    assert [key for key, _ in events] == ["p/i7", "p/s7", "p/sx"]
    assert [event.rows[0] for _, event in events] == [tuple(row.values()) for row in rows]


def test_a_retry_with_the_same_id_gets_the_same_answer_and_counts_once(make_service, run_gateway):
    service = make_service()

    async def scenario(client):
        first = await client.predict(prediction_id="mine")
        service.publish(epoch=2, champion="v002", previous="v001")
        await client.epoch(2)
        return first, await client.predict(service.inputs(1), prediction_id="mine")

    first, second = run_gateway(service, scenario)

    assert first == second
    assert len(service.events()) == 1


def test_a_retry_after_a_restart_gets_the_same_answer(make_service, run_gateway):
    service = make_service()
    first = run_gateway(service, lambda client: client.predict(prediction_id=5))
    service.publish(epoch=2, champion="v002", previous="v001")

    second = run_gateway(service, lambda client: client.predict(prediction_id=5))

    assert first == second


def test_two_requests_with_one_id_at_the_same_time_get_one_answer(make_service, run_gateway):
    service = make_service()

    async def scenario(client):
        return await asyncio.gather(
            client.predict(prediction_id="same"),
            client.predict(service.inputs(9), prediction_id="same"),
        )

    first, second = run_gateway(service, scenario)

    assert first == second
    assert len(service.events()) == 1


def test_ids_of_two_lives_of_a_gateway_differ(make_service, run_gateway):
    service = make_service()
    ids = [
        run_gateway(service, lambda client: client.predict())[1]["prediction_id"] for _ in range(2)
    ]

    assert ids[0] != ids[1]
    assert len(service.events()) == 2


def test_nobody_can_take_an_id_that_the_gateway_has_yet_to_make(make_service, run_gateway):
    service = make_service()

    async def scenario(client):
        _, first = await client.predict()
        name, _, number = first["prediction_id"].rpartition("-")
        ahead = f"{name}-{int(number) + 1}"
        return await client.predict(prediction_id=ahead), await client.predict()

    (refused, answer), (status, _) = run_gateway(service, scenario)

    assert (refused, status) == (422, 200)
    assert answer["what"] == "The prediction_id is one that the service makes"
    assert len(service.events()) == 2


def test_classes_come_with_their_probabilities_and_the_likeliest(make_service, run_gateway):
    service = make_service(task="multiclass")

    status, body = run_gateway(service, lambda client: client.predict())

    assert status == 200
    assert len(body["score"]) == 3
    assert abs(sum(body["score"]) - 1) < 1e-6
    assert body["label"] == int(np.argmax(body["score"]))
    ((_, event),) = service.events()
    assert event.scores == {"v001": [body["score"]]}


def test_a_missing_value_is_null(make_service, run_gateway):
    service = make_service()
    inputs = service.inputs() | {"x0": None, "kind": None, "who": None}

    status, _ = run_gateway(service, lambda client: client.predict(inputs))

    assert status == 200


def test_on_the_events_clock_requests_say_their_time(make_service, run_gateway):
    service = make_service(clock="events")

    async def scenario(client):
        without = await client.predict()
        text = await client.predict(time="2013-02-01T05:00:00Z")
        number = await client.predict([service.inputs()] * 2, time=[5, 6])
        return without, text, number

    without, text, number = run_gateway(service, scenario)

    assert without[0] == 422
    assert "time is missing" in without[1]["what"]
    assert text[0] == number[0] == 200
    times = [event.times_ns for _, event in service.events()]
    assert times == [[1_359_694_800_000_000_000], [5, 6]]


def test_on_the_wall_clock_requests_are_stamped_when_they_come(make_service, run_gateway):
    service = make_service()

    refused, _ = run_gateway(service, lambda client: client.predict(time=5))
    run_gateway(service, lambda client: client.predict())

    assert refused == 422
    ((_, event),) = service.events()
    assert abs(event.times_ns[0] - time.time_ns()) < 60e9
