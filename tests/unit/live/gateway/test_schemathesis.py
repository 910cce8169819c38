"""The description and the handlers, held against each other by Schemathesis."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.openapi import from_asgi
from schemathesis.specs.openapi import checks

from ostinato.core.clock import VirtualClock
from ostinato.live.config import ServiceConfig
from ostinato.live.gateway import invocations, metrics, openapi, openinference
from ostinato.live.gateway.http import HttpError, Request
from ostinato.live.gateway.meters import Meters
from ostinato.live.gateway.route import RouteTable
from ostinato.live.layout import Layout


class Asgi:
    """Carries requests from an ASGI client to routes, as the app does from its server."""

    def __init__(self, routes) -> None:
        self.table = RouteTable(routes)

    async def __call__(self, scope, receive, send) -> None:
        assert scope["type"] == "http"
        response = await self._answer(scope, await self._body(receive))
        headers = [("content-type", response.type), *response.headers]
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": [(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers],
            }
        )
        await send({"type": "http.response.body", "body": response.body})

    async def _body(self, receive):
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        return body

    async def _answer(self, scope, body):
        headers = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in scope["headers"]}
        path = scope["raw_path"].decode("ascii").split("?")[0]
        request = Request(scope["method"], path, body, headers)
        try:
            route, request.arguments = self.table.find(request.method, path)
            return await route.handler(request)
        except HttpError as error:
            return error.response()


@pytest.fixture(scope="module")
def api(predictor_of, schema_of, tmp_path_factory):
    schema = schema_of()
    layout = Layout(tmp_path_factory.mktemp("service"))
    counted = metrics.Metrics(Meters("flights", 0), layout, 1, clock=VirtualClock(0))
    app = Asgi(
        [
            *openinference.routes(predictor_of(), schema),
            *invocations.routes(predictor_of(), schema),
            *metrics.routes(counted),
            *openapi.routes(schema, ServiceConfig(target="flights.py", loop="flights")),
        ]
    )
    # The loop's own protocol is answered by the gateway's core, which is not here.
    return from_asgi("/openapi.json", app).exclude(path_regex="^/loops/")


PROMISES = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.unsupported_method,
]
"""Not that all else is refused: further fields, for one, are ignored on purpose."""


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_as_described_whatever_is_sent(api, mode):
    asked = 0
    for result in api.get_all_operations():
        operation = result.ok()
        told = operation.definition.raw
        if mode is GenerationMode.NEGATIVE and not told.keys() & {"parameters", "requestBody"}:
            continue  # there is nothing that could be wrong

        @settings(
            max_examples=25 if "requestBody" in told else 3,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode))
        def check(case):
            nonlocal asked
            asked += 1
            case.call_and_validate(checks=PROMISES)

        check()

    assert asked > 50
