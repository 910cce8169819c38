from __future__ import annotations

import asyncio

import pytest

from ostinato.live.gateway.http import HttpError, Request
from ostinato.live.gateway.ports import Prediction
from ostinato.live.gateway.route import RouteTable
from ostinato.live.published import Published
from ostinato.live.schema import Field, InputSchema


class FakePredictor:
    """Answers with what it was asked: the first number of a row is its score."""

    def __init__(self, *, classes: int = 0) -> None:
        self.classes = classes
        self.is_ready = True
        self.routes = Published(epoch=3, champion="v002-b", previous="v001-a")
        self.asked: list[tuple[list, list | None, list | None]] = []
        self.error: HttpError | None = None

    async def predict(self, rows, ids, times_ns):
        if self.error is not None:
            raise self.error
        self.asked.append((rows, ids, times_ns))
        names = ids or [f"g-{place}" for place in range(len(rows))]
        return [
            Prediction(name, self._score(row), "v002-b", "champion", 3)
            for name, row in zip(names, rows, strict=True)
        ]

    def _score(self, row):
        first = next((v for v in row if isinstance(v, float)), 0.5)
        return [first, *[0.0] * (self.classes - 1)] if self.classes else first

    def ready(self):
        return self.is_ready

    def published(self):
        return self.routes


def make_schema(**changes):
    plain = {
        "loop": "flights",
        "task": "binary",
        "fields": (
            Field("dep_delay", "number"),
            Field("distance", "integer"),
            Field("weekend", "boolean"),
            Field("carrier", "text"),
            Field("tail num", "text"),
        ),
        "features": 4,
        "unit": "tail num",
        "slices": (),
        "classes": (0, 1),
        "first_offset": 100,
        "start_ns": 0,
    }
    return InputSchema(**{**plain, **changes})


class Client:
    """Sends requests to routes as the app would, without sockets."""

    def __init__(self, routes) -> None:
        self.table = RouteTable(routes)

    def send(self, method, path, body=b"", headers=None, query=""):
        request = Request(method, path, body, headers, query)
        try:
            route, request.arguments = self.table.find(method, path)
            return asyncio.run(route.handler(request))
        except HttpError as error:
            return error.response()

    def get(self, path, **more):
        return self.send("GET", path, **more)

    def post(self, path, body, kind="application/json", **headers):
        return self.send("POST", path, body, {"content-type": kind, **headers})


@pytest.fixture
def schema():
    return make_schema()


@pytest.fixture(scope="session")
def schema_of():
    return make_schema


@pytest.fixture
def predictor():
    return FakePredictor()


@pytest.fixture(scope="session")
def predictor_of():
    return FakePredictor


@pytest.fixture
def client_of():
    return Client


@pytest.fixture
def row():
    """A row of the schema, by name and as the core takes it."""
    named = {
        "dep_delay": 2.5,
        "distance": 100,
        "weekend": True,
        "carrier": "AA",
        "tail num": "N1",
    }
    return named, tuple(named.values())
