from __future__ import annotations

import asyncio
import os

import pytest

from ostinato.live.events import Acted, ClockMoved
from ostinato.live.published import Alive, Status, Undo, read, write


def act(service, run_gateway, name, body):
    return run_gateway(service, lambda client: client.post(f"/loops/small/{name}", body))


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("retrain", ""),
        ("promote", "v002"),
        ("abort", ""),
        ("pause", ""),
        ("resume", ""),
        ("approve", "proposal-1"),
        ("autonomy", "observe"),
        ("acknowledge", "drift/temp"),
        ("unsilence", "drift/*"),
    ],
)
def test_an_act_is_an_event(make_service, run_gateway, name, subject):
    service = make_service()
    body = {"who": "ann", "reason": "because", "subject": subject}

    status, answer = act(service, run_gateway, name, body)

    assert status == 202
    assert answer["accepted"] is True
    ((key, event),) = service.events()
    assert key == f"act/{answer['act_id']}"
    assert isinstance(event, Acted)
    found = event.act, event.who, event.reason, event.subject
    assert found == (name, "ann", "because", subject)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("retrain", {}),
        ("retrain", {"reason": ""}),
        ("autonomy", {"reason": "x", "subject": "full"}),
        ("approve", {"reason": "x"}),
        ("pause", {"reason": "x", "more": 1}),
        ("pause", {"reason": "x", "for": "7d"}),
        ("acknowledge", {"reason": "x"}),
        ("silence", {"reason": "x", "subject": "drift/*"}),
        ("silence", {"reason": "x", "subject": "drift/*", "for": "soon"}),
    ],
)
def test_an_act_without_its_facts_is_refused(make_service, run_gateway, name, body):
    service = make_service()

    status, _ = act(service, run_gateway, name, body)

    assert status == 422
    assert service.events() == []


def test_a_silence_says_when_it_ends(make_service, run_gateway):
    service = make_service()

    status, _ = act(
        service, run_gateway, "silence", {"reason": "x", "subject": "*", "for": "1d12h"}
    )

    assert status == 202
    ((_, event),) = service.events()
    assert event.until_ns - event.time_ns == 36 * 3600 * 10**9


WATCH = {"standing": [{"stream": "drift/temp"}, {"stream": "quality/x"}], "silences": {}}


@pytest.mark.parametrize(
    ("query", "status", "standing"),
    [
        ("", 200, ["drift/temp", "quality/x"]),
        ("?name=quality%2Fx", 200, ["quality/x"]),
        ("?name=quality%2Fy", 404, None),
    ],
)
def test_alarms_are_told(make_service, run_gateway, query, status, standing):
    service = make_service()
    facts = {"tick": 1, "now_ns": 1, "folded_offset": 1, "decisions": 1, "epoch": 1}
    write(service.layout.status, Status(**facts, watch=WATCH))

    got, answer = run_gateway(service, lambda client: client.get(f"/loops/small/alarms{query}"))

    assert got == status
    if standing is not None:
        assert [each["stream"] for each in answer["watch"]["standing"]] == standing


def test_an_undo_takes_effect_on_the_next_request_with_the_engine_dead(make_service, run_gateway):
    service = make_service()
    service.publish(epoch=3, champion="v002", previous="v001")

    async def scenario(client):
        await client.epoch(3)
        before = (await client.predict())[1]["version"]
        status, answer = await client.post("/loops/small/undo", {"reason": "it is worse"})
        return before, status, answer, (await client.predict())[1]["version"]

    before, status, answer, after = run_gateway(service, scenario)

    assert (before, status, after) == ("v002", 202, "v001")
    assert read(service.layout.undo, Undo) == Undo(epoch=3, act_id=answer["act_id"])


def test_a_retried_undo_does_not_undo_what_came_after(make_service, run_gateway):
    service = make_service()
    service.publish(epoch=3, champion="v002", previous="v001")
    body = {"reason": "it is worse", "act_id": "mine"}

    async def scenario(client):
        await client.epoch(3)
        await client.post("/loops/small/undo", body)
        service.publish(epoch=4, champion="v001", previous="v002")
        await client.epoch(4)
        status, _ = await client.post("/loops/small/undo", body)
        return status, (await client.predict())[1]["version"]

    assert run_gateway(service, scenario) == (202, "v001")
    assert len([e for _, e in service.events() if isinstance(e, Acted)]) == 1


def test_an_undo_without_a_previous_champion_is_left_to_the_engine(make_service, run_gateway):
    service = make_service()

    status, _ = act(service, run_gateway, "undo", {"reason": "x"})

    assert status == 202
    assert not service.layout.undo.exists()


def status_at(now_ns, epoch=1):
    return Status(tick=4, now_ns=now_ns, folded_offset=0, decisions=0, epoch=epoch)


def test_moving_the_clock_answers_when_engine_and_gateways_have_followed(make_service, run_gateway):
    service = make_service(clock="events")
    other = service.layout.run / "gateway-1.json"

    async def scenario(client):
        write(other, Alive(pid=1, started_ns=0, beat_ns=9, epoch=1))
        moving = asyncio.ensure_future(client.post("/loops/small/clock", {"now": 1_000}))
        await client.until(service.events)
        write(service.layout.status, status_at(1_000, epoch=2))
        service.publish(epoch=2, champion="v002", previous="v001")
        await client.epoch(2)
        await asyncio.sleep(0.05)
        early = moving.done()
        write(other, Alive(pid=1, started_ns=0, beat_ns=9, epoch=2))
        answer = await moving
        again = await client.post("/loops/small/clock", {"now": 1_000})
        back = await client.post("/loops/small/clock", {"now": 500})
        return early, answer, again, back[0]

    early, answer, again, back = run_gateway(service, scenario)

    assert not early, "the other gateway served the old epoch still"
    assert answer == (200, {"now_ns": 1_000, "tick": 4, "epoch": 2})
    assert again == answer
    assert back == 409
    assert service.events() == [("clock/1000", ClockMoved(1_000))]


def test_there_is_no_clock_to_move_on_the_wall_clock(make_service, run_gateway):
    assert act(make_service(), run_gateway, "clock", {"now": 1})[0] == 404


def test_the_status_tells_of_engine_and_gateway(make_service, run_gateway):
    service = make_service()
    write(service.layout.status, status_at(5))

    status, body = run_gateway(service, lambda client: client.get("/loops/small"))

    assert status == 200
    assert body["status"]["tick"] == 4
    assert body["gateway"]["epoch"] == 1
    assert body["gateway"]["versions"]["v001"]["form"] == "linear"


@pytest.mark.parametrize(
    ("verdict", "query", "code"),
    [
        ("pass", "strict", 200),
        ("fail", "", 200),
        ("fail", "strict", 409),
        ("fail", "strict=1", 409),
    ],
)
def test_the_gate_says_whether_to_go_on(make_service, run_gateway, verdict, query, code):
    service = make_service()
    stands = Status(
        tick=1, now_ns=1, folded_offset=0, decisions=0, epoch=1, verdict=verdict, rollout="so so"
    )
    write(service.layout.status, stands)

    status, body = run_gateway(
        service, lambda client: client.post("/loops/small/gate", b"", query=query)
    )

    assert status == code
    assert (body["verdict"], body["rollout"]) == (verdict, "so so")


def test_without_a_word_of_the_engine_the_gate_is_inconclusive(make_service, run_gateway):
    _, body = run_gateway(make_service(), lambda client: client.post("/loops/small/gate", b""))

    assert body["verdict"] == "inconclusive"


def test_the_heartbeat_says_what_is_served_and_ends_with_the_gateway(make_service, run_gateway):
    service = make_service()
    path = service.layout.run / "gateway-0.json"

    async def scenario(client):
        await client.until(lambda: (alive := read(path, Alive)) is not None and alive.epoch == 1)
        first = read(path, Alive)
        await client.until(lambda: read(path, Alive).beat_ns > first.beat_ns)
        return first.pid

    assert run_gateway(service, scenario) == os.getpid()
    assert not path.exists()
