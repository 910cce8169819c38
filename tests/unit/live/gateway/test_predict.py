from __future__ import annotations

import asyncio

import numpy as np

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
    from ostinato.learn.model import Model

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
