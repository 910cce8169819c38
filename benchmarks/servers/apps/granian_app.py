"""Granian's own interface, typed JSON and compiled trees: the best that is written in an hour.

Run by `granian --interface rsgi granian_app:app`. No log, no versions, no routing, no checks beyond
the type of the body.
"""

from __future__ import annotations

import msgspec
import numpy as np

from compiled import scorer


class Row(msgspec.Struct):
    features: list[float]


class Answer(msgspec.Struct):
    score: float


decode = msgspec.json.Decoder(Row).decode
encode = msgspec.json.Encoder().encode
score = scorer()
JSON = [("content-type", "application/json")]


async def app(scope, protocol):
    row = decode(await protocol())
    found = score(np.array([row.features]))[0]
    protocol.response_bytes(200, JSON, encode(Answer(float(found))))
