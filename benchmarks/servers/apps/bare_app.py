"""A socket, an HTTP parser and compiled trees: the least that speaks HTTP. `bare_app.py PORT`.

What arrives within one turn of the event loop is scored as one batch. It answers every path, knows
no errors and no time-outs, and pipelined requests of one connection only in order of the batch.
"""

from __future__ import annotations

import asyncio
import sys

import httptools
import msgspec
import numpy as np
import uvloop

from compiled import scorer


class Row(msgspec.Struct):
    features: list[float]


class Answer(msgspec.Struct):
    score: float


decode = msgspec.json.Decoder(Row).decode
encode = msgspec.json.Encoder().encode
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "


class Scorer:
    def __init__(self, loop):
        self.loop = loop
        self.score = scorer()
        self.waiting = []

    def add(self, features, transport):
        if not self.waiting:
            self.loop.call_soon(self.flush)
        self.waiting.append((features, transport))

    def flush(self):
        batch, self.waiting = self.waiting, []
        scores = self.score(np.array([features for features, _ in batch])).tolist()
        for (_, transport), found in zip(batch, scores, strict=True):
            body = encode(Answer(found))
            transport.write(b"%b%d\r\n\r\n%b" % (HEAD, len(body), body))


class Connection(asyncio.Protocol):
    def __init__(self, batch):
        self.batch = batch
        self.body = b""

    def connection_made(self, transport):
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data):
        self.parser.feed_data(data)

    def on_message_begin(self):
        self.body = b""

    def on_body(self, part):
        self.body += part

    def on_message_complete(self):
        self.batch.add(decode(self.body).features, self.transport)


async def serve(port):
    loop = asyncio.get_running_loop()
    batch = Scorer(loop)
    server = await loop.create_server(lambda: Connection(batch), "127.0.0.1", port)
    await server.serve_forever()


uvloop.run(serve(int(sys.argv[1])))
