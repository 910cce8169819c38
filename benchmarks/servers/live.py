"""Our service, asked as a client would ask it: the verbs and answers that the other parts need."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from servers.calls import Failed
from servers.client import Answer, Load, packed, run
from servers.processes import Running
from servers.world import World

LOOP = "/loops/bench"
PREDICT = f"{LOOP}/predict"
LABELS = f"{LOOP}/labels"


class Prediction(msgspec.Struct):
    """What an answer to a single row carries, of what is looked at here."""

    prediction_id: str | int
    score: float
    version: str
    role: str
    epoch: int


read_prediction = msgspec.json.Decoder(Prediction).decode


class Collector:
    """Keeps what answers say: (number of the request, prediction id), in order of arrival."""

    def __init__(self) -> None:
        self.given: list[tuple[int, str | int]] = []

    def __call__(self, answer: Answer) -> None:
        if answer.status == 200:
            self.given.append((answer.number, read_prediction(answer.body).prediction_id))


def requests(found: Running, world: World) -> list[bytes]:
    """Requests for all rows of the world, ready for a `Load`."""
    return packed(PREDICT, found.server.bodies(world.rows.tolist()))


def collect(found: Running, world: World, *, seconds: float, connections: int = 64) -> Collector:
    """Ask for rows as fast as they are answered and keep what came."""
    kept = Collector()
    load = Load(
        found.port,
        requests(found, world),
        connections=connections,
        seconds=seconds,
        on_answer=kept,
    )
    tally = run(load)
    if tally.failed:
        raise Failed(f"{tally.failed} requests failed: {tally.failures}")
    return kept


def label_bodies(
    given: Sequence[tuple[int, str | int]], world: World, batch: int = 1_000
) -> list[bytes]:
    """Bodies with the true label of every prediction, so many in one."""
    truth = world.truth.tolist()
    labels = [
        {"prediction_id": name, "label": truth[number % len(truth)]} for number, name in given
    ]
    return [
        json.dumps({"labels": labels[first : first + batch]}).encode()
        for first in range(0, len(labels), batch)
    ]


def serving(found: Running, world: World) -> Prediction:
    """Ask for one row: which version answers now?"""
    answer: Any = found.post(PREDICT, found.server.body(world.rows[0].tolist()))
    return msgspec.convert(answer, Prediction)


def wait_for_other(found: Running, world: World, than: str, seconds: float = 180.0) -> str:
    """Wait until another version than this answers; return which."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        version = serving(found, world).version
        if version != than:
            return version
        time.sleep(0.1)
    raise Failed(f"version {than} still answers {seconds:.0f} s after another was asked for")
