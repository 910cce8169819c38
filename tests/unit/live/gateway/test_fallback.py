from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from ostinato.core.records import ROLES

NAN = float("nan")


def broken(rows):
    raise ValueError("it broke")


def test_a_champion_that_raises_is_replaced_by_the_previous_one(
    make_service, run_gateway, fake_version
):
    service = make_service()
    service.publish(champion="v001", previous="v002")
    versions = {"v001": fake_version(broken), "v002": fake_version(0.5)}

    status, body = run_gateway(service, lambda client: client.predict(), versions=versions)

    assert status == 200
    assert (body["version"], body["role"], body["score"]) == ("v002", "fallback", 0.5)
    ((_, event),) = service.events()
    assert event.versions == ["v001", "v002"]
    assert event.answered == [1]
    assert ROLES[event.roles[0]] == "fallback"
    assert event.faults == {"v001": "it broke"}
    assert np.isnan(event.scores["v001"][0])
    assert event.scores["v002"] == [0.5]


def test_rows_with_nan_fall_back_alone(make_service, run_gateway, fake_version):
    service = make_service()
    service.publish(champion="v001", previous="v002")
    answers = iter([[0.1, NAN, 0.3]])
    versions = {"v001": fake_version(lambda rows: next(answers)), "v002": fake_version(0.5)}
    rows = [service.inputs(place) for place in range(3)]

    _, body = run_gateway(service, lambda client: client.predict(rows), versions=versions)

    scores = [(p["version"], p["role"], p["score"]) for p in body["predictions"]]
    assert scores == [
        ("v001", "champion", 0.1),
        ("v002", "fallback", 0.5),
        ("v001", "champion", 0.3),
    ]


def test_a_row_that_makes_a_version_raise_does_not_fail_its_neighbours(
    make_service, run_gateway, fake_version
):
    service = make_service(fallback=0.5)

    def picky(rows):
        if any(row[0] is None for row in rows):
            raise ValueError("no null please")
        return [0.1] * len(rows)

    async def scenario(client):
        return await asyncio.gather(
            client.predict(), client.predict(service.inputs() | {"x0": None}), client.predict()
        )

    answers = run_gateway(service, scenario, versions={"v001": fake_version(picky)})

    assert [body["version"] for _, body in answers] == ["v001", "fallback", "v001"]


def test_the_loops_constant_answers_when_nobody_can(make_service, run_gateway, fake_version):
    service = make_service(fallback=0.25)

    status, body = run_gateway(
        service, lambda client: client.predict(), versions={"v001": fake_version(NAN)}
    )

    assert status == 200
    assert (body["version"], body["role"], body["score"]) == ("fallback", "fallback", 0.25)
    ((_, event),) = service.events()
    assert event.versions == ["v001", "fallback"]
    assert event.scores["fallback"] == [0.25]


def test_without_a_constant_the_request_fails_and_the_fault_is_in_the_log(
    make_service, run_gateway, fake_version
):
    service = make_service()

    status, body = run_gateway(
        service,
        lambda client: client.predict(prediction_id="again"),
        versions={"v001": fake_version(broken)},
    )

    assert status == 503
    assert "it broke" in body["found"]
    ((key, event),) = service.events()
    assert key.startswith("a/"), "the client's id is not used up: it may try again"
    assert event.faults == {"v001": "it broke"}


@pytest.fixture
def hanging():
    """A version that hangs until the test is over."""
    over = threading.Event()

    def hang(rows):
        over.wait(30)
        return [0.9] * len(rows)

    yield hang
    over.set()


def test_a_version_that_hangs_is_replaced_and_left_alone(
    make_service, run_gateway, fake_version, hanging
):
    service = make_service(predict_timeout_ms=50)
    service.publish(champion="v001", previous="v002")
    slow = fake_version(hanging, inline=False)
    versions = {"v001": slow, "v002": fake_version(0.5)}

    async def scenario(client):
        answers = [await client.predict() for _ in range(3)]
        _, status = await client.get("/loops/small")
        return answers, status["gateway"]["versions"]["v001"]["aside"]

    answers, aside = run_gateway(service, scenario, versions=versions)

    assert [body["version"] for _, body in answers] == ["v002"] * 3
    assert "50 ms" in aside
    assert len(slow.calls) == 1, "nobody asks it again"
    events = service.events()
    assert all("50 ms" in event.faults["v001"] for _, event in events)


def test_a_slow_version_that_does_not_hang_keeps_answering(make_service, run_gateway, fake_version):
    service = make_service(predict_timeout_ms=200)
    pause = threading.Event()

    def slow(rows):
        pause.wait(0.05)
        return [0.7] * len(rows)

    version = fake_version(slow, inline=False)

    async def scenario(client):
        return await asyncio.gather(*(client.predict() for _ in range(20)))

    answers = run_gateway(service, scenario, versions={"v001": version})

    assert {body["version"] for _, body in answers} == {"v001"}
    assert len(version.calls) == 1, "what waits is scored together"


def test_a_canary_that_hangs_does_not_hold_up_the_champions_requests(
    make_service, run_gateway, fake_version, hanging
):
    service = make_service(predict_timeout_ms=800)
    service.publish(champion="v001", canary="v002", canary_share=0.5, shadows=("v002",))
    versions = {"v001": fake_version(0.1), "v002": fake_version(hanging, inline=False)}

    async def scenario(client):
        asked = [
            asyncio.ensure_future(client.predict(service.inputs(place))) for place in range(20)
        ]
        done, waiting = await asyncio.wait(asked, timeout=0.3)
        return (
            [task.result()[1]["role"] for task in done],
            len(waiting),
            [(await task)[1] for task in waiting],
        )

    done, waiting, late = run_gateway(service, scenario, versions=versions)

    assert set(done) == {"champion"}
    assert waiting > 0
    assert {(body["version"], body["role"]) for body in late} == {("v001", "fallback")}
