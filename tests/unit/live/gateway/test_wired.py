"""The core and what surrounds it, together."""

from __future__ import annotations

import json

from ostinato.core.clock import WallClock, elapsed_ns
from ostinato.live.gateway.protocols import make_guard
from ostinato.live.tokens import Tokens


def test_every_protocol_gives_the_same_score(make_service, run_gateway):
    service = make_service()
    inputs = service.inputs()

    async def scenario(client):
        _, own = await client.predict()
        columns = [
            {"name": name, "shape": [1], "datatype": datatype, "data": [inputs[name]]}
            for name, datatype in zip(
                inputs, ("FP64", "FP64", "INT64", "BYTES", "BYTES"), strict=True
            )
        ]
        _, open_inference = await client.post("/v2/models/small/infer", {"inputs": columns})
        body = {"dataframe_records": [inputs]}
        proto = await client.send(
            "POST",
            "/invocations",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        return own, open_inference, json.loads(proto.answer)

    own, open_inference, mlflow = run_gateway(service, scenario)

    outputs = {each["name"]: each["data"] for each in open_inference["outputs"]}
    assert outputs["score"] == [own["score"]]
    assert outputs["version"] == ["v001"]
    assert mlflow["predictions"] == [own["score"]]
    assert len(service.events()) == 3


def test_what_was_answered_is_counted(make_service, run_gateway, fake_version):
    service = make_service()
    service.publish(champion="v001", previous="v002")
    nan = float("nan")
    versions = {
        "v001": fake_version(lambda rows: [nan if row[0] is None else 0.1 for row in rows]),
        "v002": fake_version(0.5),
    }

    async def scenario(client):
        await client.predict([service.inputs()] * 3)
        await client.predict(service.inputs() | {"x0": None})
        await client.post("/loops/small/predict", b"{")
        return (await client.send("GET", "/metrics")).answer.decode()

    text = run_gateway(service, scenario, versions=versions)

    lines = set(text.splitlines())
    labels = 'loop="small",gateway="0"'
    path = 'path="/loops/{loop}/predict"'
    assert f'ostinato_predictions_total{{{labels},version="v001",role="champion"}} 3' in lines
    assert f'ostinato_predictions_total{{{labels},version="v002",role="fallback"}} 1' in lines
    assert f'ostinato_faults_total{{{labels},version="v001"}} 1' in lines
    assert f'ostinato_requests_total{{{labels},{path},status="200"}} 2' in lines
    assert f'ostinato_requests_total{{{labels},{path},status="400"}} 1' in lines
    assert f"ostinato_events_total{{{labels}}} 2" in lines


def test_with_tokens_the_one_behind_an_act_is_its_who(make_service, run_gateway):
    service = make_service(open_access=False)
    tokens = Tokens(service.layout.tokens, clock=WallClock(), elapsed_ns=elapsed_ns)
    secret = tokens.create("ann", ["operate"])
    guard = make_guard(service.config, service.layout, clock=WallClock(), elapsed_ns=elapsed_ns)
    body = json.dumps({"reason": "x", "who": "somebody else"}).encode()

    async def scenario(client):
        async def act(path, headers):
            headers = {"content-length": str(len(body)), **headers}
            return (await client.send("POST", path, body, headers)).status

        allowed = {"authorization": f"Bearer {secret}"}
        return (
            await act("/loops/small/pause", {}),
            await act("/loops/small/pause", {"authorization": "Bearer wrong"}),
            await act("/loops/small/pause", {"content-length": "99999", "expect": "100-continue"}),
            await act("/loops/small/predict", allowed),
            await act("/loops/small/pause", allowed),
        )

    assert run_gateway(service, scenario, guard=guard) == (401, 401, 401, 403, 202)
    ((_, event),) = service.events()
    assert event.who == "ann"
