from __future__ import annotations

import asyncio

import numpy as np
import pytest

from ostinato.core.records import ROLES, Routes
from ostinato.live.events import Answered, Shadowed
from ostinato.live.gateway.gateway import read_service
from ostinato.serve.assign import assign, probabilities


def events_by_key(service):
    return dict(service.events())


def test_a_shadow_scores_the_same_rows_after_the_answer(make_service, run_gateway, fake_version):
    service = make_service()
    service.publish(champion="v001", shadows=("v002",))
    versions = {"v001": fake_version(0.1), "v002": fake_version(lambda rows: [r[0] for r in rows])}

    async def scenario(client):
        return await client.predict([service.inputs(place) for place in range(3)])

    _, body = run_gateway(service, scenario, versions=versions)

    assert {each["version"] for each in body["predictions"]} == {"v001"}
    events = service.events()
    (key, answered), (shadow_key, shadowed) = events
    assert answered.awaits == ["v002"]
    assert "v002" not in answered.scores
    assert shadow_key == f"s/{key}"
    assert shadowed.of == key
    assert shadowed.scores == {"v002": [row[0] for row in answered.rows]}


def test_each_prediction_with_an_id_of_its_own_gets_its_shadow_scores(
    make_service, run_gateway, fake_version
):
    service = make_service()
    service.publish(champion="v001", shadows=("v002",))
    versions = {"v001": fake_version(0.1), "v002": fake_version(0.2)}

    async def scenario(client):
        await client.predict([service.inputs()] * 2, prediction_id=[1, 2])
        await client.predict(prediction_id=1)  # a retry: no more shadows

    run_gateway(service, scenario, versions=versions)

    shadowed = {e.of: e.scores for e in events_by_key(service).values() if isinstance(e, Shadowed)}
    assert shadowed == {"p/i1": {"v002": [0.2]}, "p/i2": {"v002": [0.2]}}
    assert len(versions["v002"].calls) == 1


def test_a_shadow_that_fails_is_told_and_harms_no_answer(make_service, run_gateway, fake_version):
    service = make_service()
    service.publish(champion="v001", shadows=("v002",))

    def broken(rows):
        raise ValueError("it broke")

    versions = {"v001": fake_version(0.1), "v002": fake_version(broken)}

    status, body = run_gateway(service, lambda client: client.predict(), versions=versions)

    assert (status, body["version"], body["role"]) == (200, "v001", "champion")
    _, (_, shadowed) = service.events()
    assert np.isnan(shadowed.scores["v002"][0])
    assert shadowed.faults == {"v002": "it broke"}


@pytest.mark.parametrize("inline", [True, False])
def test_canary_and_champion_both_score_every_row_in_the_end(
    make_service, run_gateway, fake_version, inline
):
    service = make_service()
    service.publish(epoch=4, champion="v001", canary="v002", canary_share=0.4, shadows=("v003",))
    versions = {
        "v001": fake_version(0.1, inline=inline),
        "v002": fake_version(0.2),
        "v003": fake_version(0.3, inline=inline),
    }
    rows = [service.inputs(place) for place in range(60)]

    async def scenario(client):
        await client.epoch(4)
        return await asyncio.gather(*(client.predict(row) for row in rows))

    answers = run_gateway(service, scenario, versions=versions)

    assert {body["role"] for _, body in answers} == {"champion", "canary"}
    events = events_by_key(service)
    rows_seen = 0
    for key, answered in events.items():
        if not isinstance(answered, Answered):
            continue
        rows_seen += len(answered.ids)
        assert answered.versions == ["v001", "v002", "v003"]
        columns = {**answered.scores, **events[f"s/{key}"].scores}
        assert set(events[f"s/{key}"].scores) == set(answered.awaits)
        for version, score in (("v001", 0.1), ("v002", 0.2), ("v003", 0.3)):
            assert columns[version] == [score] * len(answered.ids)
    assert rows_seen == 60


def test_roles_and_propensities_are_those_of_a_replay(make_service, run_gateway, fake_version):
    service = make_service()
    shares = {"canary_share": 0.3, "holdback_share": 0.2, "explore_share": 0.1}
    service.publish(epoch=2, champion="v001", canary="v002", holdback="v003", **shares)
    versions = {name: fake_version(0.5) for name in ("v001", "v002", "v003")}
    rows = [service.inputs(place) for place in range(100)]

    async def scenario(client):
        await client.epoch(2)
        return await client.predict(rows)

    _, body = run_gateway(service, scenario, versions=versions)

    routes = Routes(epoch=2, champion="v001", canary="v002", holdback="v003", **shares)
    answered = next(e for _, e in service.events() if isinstance(e, Answered))
    _, schema = read_service(service.layout)
    units = schema.unit_hashes(schema.frame(answered.rows), answered.ids)
    expected = assign(routes, units, loop="small")
    assert answered.roles == expected.tolist()
    assert set(answered.roles) >= {0, 1, 2, 4}
    assert answered.propensities == probabilities(routes)[expected].tolist()
    assert [each["role"] for each in body["predictions"]] == [ROLES[role] for role in expected]
