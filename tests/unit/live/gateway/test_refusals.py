from __future__ import annotations

import json

import pytest

from ostinato.live.gateway.rows import MAX_ROWS


def post(service, run_gateway, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return run_gateway(service, lambda client: client.post("/loops/small/predict", data))


def test_a_misspelled_field_is_named_with_the_near_one(make_service, run_gateway):
    service = make_service()
    inputs = service.inputs()
    inputs["knid"] = inputs.pop("kind")

    status, body = post(service, run_gateway, {"inputs": inputs})

    assert status == 422
    assert body["what"] == "Field 'knid' of inputs is unknown"
    assert "'kind'" in body["hint"]
    assert service.events() == []


def test_a_missing_field_is_named_with_its_item(make_service, run_gateway):
    service = make_service()
    second = service.inputs()
    del second["x1"]

    status, body = post(service, run_gateway, {"inputs": [service.inputs(), second]})

    assert status == 422
    assert body["what"] == "Field 'x1' of inputs[1] is missing"
    assert body["expected"] == "a number or null"


@pytest.mark.parametrize(
    ("field", "value", "found", "expected"),
    [
        ("x0", "fast", '"fast"', "a number or null"),
        ("n", "3", '"3"', "a whole number of at most 64 bits, or null"),
        ("n", 2**63, str(2**63), "a whole number of at most 64 bits, or null"),
        ("kind", 3, "3", "text or null"),
        ("kind", ["a"], "an array", "text or null"),
        ("x0", True, "true", "a number or null"),
    ],
)
def test_a_wrong_type_is_named_with_what_was_found_and_expected(
    make_service, run_gateway, field, value, found, expected
):
    service = make_service()

    status, body = post(service, run_gateway, {"inputs": service.inputs() | {field: value}})

    assert status == 422
    assert body["what"] == f"Field {field!r} of inputs does not fit"
    assert body["found"] == found
    assert body["expected"] == expected


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"inputs": NaN}', 400),
        (b"[" * 100_000, 422),
        (b'{"inputs":' + b"[" * 100_000, 422),
        (b'{"inputs":{"kind":' + b"[" * 100_000, 422),
        (b'{"inputs": 3}', 422),
        (b'{"inputs": []}', 422),
        (b"{}", 422),
        (b"[]", 422),
        (b'{"inputs": {}, "more": 1}', 422),
    ],
)
def test_what_is_no_request_is_refused(make_service, run_gateway, body, status):
    found, answer = post(make_service(), run_gateway, body)

    assert found == status
    assert answer["what"]


@pytest.mark.parametrize("ids", [["a"], "a", ["a", "a"], ["a", True], ["", "b"], [2**70, 1]])
def test_ids_that_do_not_match_the_rows_are_refused(make_service, run_gateway, ids):
    service = make_service()
    body = {"inputs": [service.inputs(), service.inputs(1)], "prediction_id": ids}

    status, answer = post(service, run_gateway, body)

    assert status == 422
    assert "prediction_id" in answer["what"]


def test_another_loop_and_unknown_paths_and_methods_are_refused(make_service, run_gateway):
    async def scenario(client):
        return (
            (await client.post("/loops/other/predict", {}))[0],
            (await client.post("/nothing", {}))[0],
            (await client.send("DELETE", "/loops/small")).status,
        )

    assert run_gateway(make_service(), scenario) == (404, 404, 405)


def test_a_large_body_is_refused_whether_it_says_its_size_or_not(make_service, run_gateway):
    service = make_service(max_body_bytes=1_000)
    body = b" " * 2_000

    async def scenario(client):
        told = await client.send("POST", "/loops/small/predict", body)
        silent = await client.send("POST", "/loops/small/predict", body, headers={})
        small = await client.send(
            "POST", "/loops/small/predict", json.dumps({"inputs": service.inputs()}).encode(), {}
        )
        return told.status, silent.status, small.status

    assert run_gateway(service, scenario) == (413, 413, 200)


def test_too_many_rows_are_refused_as_too_large_not_as_overload(make_service, run_gateway):
    service = make_service()

    status, answer = post(service, run_gateway, {"inputs": [service.inputs()] * (MAX_ROWS + 1)})

    assert status == 413
    assert answer["what"] == "The request has too many rows"
    assert service.events() == []


def test_a_failure_of_our_own_is_told_by_name_only(make_service, run_gateway, capfd):
    async def scenario(client):
        def fail(exchange):
            raise ZeroDivisionError("secret")

        client.gateway.predicting.ask = fail
        return await client.predict()

    status, body = run_gateway(make_service(), scenario)

    assert status == 500
    assert "secret" not in str(body)
    assert f"{body['found']}: " in capfd.readouterr().err
