"""A service made by hand that answers as ours does, in a thread, with faults to switch on."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field
from threading import Thread

import numpy as np
import pytest

from servers import processes
from servers.peers import ours
from servers.processes import Running
from servers.server import Site
from servers.world import World, draw


@dataclass
class Service:
    """Answers predictions, labels, retrain and undo; counts what it was given."""

    port: int = 0
    versions: list[str] = field(default_factory=lambda: ["1"])
    predictions: int = 0
    labels: dict[int, int] = field(default_factory=dict)
    rows: set[int] = field(default_factory=set)
    refuse_every: int = 0
    drop_every: int = 0
    stall_seconds: float = 0.0
    undo_takes_seconds: float = 0.0

    def answer(self, path: str, body: dict) -> tuple[int, object]:
        if path.endswith("/predict"):
            self.rows.add(body.get("row"))
            return self._predict()
        if path.endswith("/labels"):
            self.labels |= {each["prediction_id"]: each["label"] for each in body["labels"]}
        if path.endswith("/retrain"):
            self.versions.append(str(len(self.versions) + 1))
        return 200, {}

    def _predict(self) -> tuple[int, object]:
        self.predictions += 1
        if self.refuse_every and self.predictions % self.refuse_every == 0:
            return 503, {}
        said = {"prediction_id": self.predictions, "score": 0.5, "version": self.versions[-1]}
        return 200, said | {"role": "champion", "epoch": len(self.versions)}

    async def handle(self, reader, writer):
        try:
            while head := await self._head(reader):
                await self._reply(head, reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _reply(self, head: list[str], reader, writer) -> None:
        path = head[0].split()[1]
        size = next((int(h.split(":")[1]) for h in head if h.startswith("content-length")), 0)
        body = json.loads(await reader.readexactly(size)) if size else {}
        if path.endswith("/undo"):
            await asyncio.sleep(self.undo_takes_seconds)
            self.versions.pop()
        status, said = self.answer(path, body)
        if self.drop_every and self.predictions % self.drop_every == 0:
            raise ConnectionError("dropped, as was asked")
        await asyncio.sleep(self.stall_seconds)
        text = json.dumps(said).encode()
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(text), text))

    async def _head(self, reader) -> list[str]:
        try:
            return (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return []


@pytest.fixture
def service():
    made = Service()
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(made.handle, "127.0.0.1", 0))
    made.port = server.sockets[0].getsockname()[1]
    thread = Thread(target=loop.run_forever)
    thread.start()
    yield made
    asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _end(server) -> None:
    """Close what is open, so that nothing is left for the garbage collector to complain of."""
    server.close()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.01)


@dataclass
class Here:
    """This very process in place of one that was started."""

    pid: int = field(default_factory=os.getpid)

    def poll(self):
        return None


@pytest.fixture
def found(service, monkeypatch):
    monkeypatch.setattr(processes, "HALF_SECOND", 0.01)
    monkeypatch.setattr(processes, "SETTLE_SECONDS", 0.05)
    return Running(server=ours(), port=service.port, process=Here())


@pytest.fixture
def world(tmp_path):
    rows, truth = draw(64, seed=2)
    scores = np.full(64, 0.5)
    return World(tmp_path / "h.parquet", tmp_path / "m.joblib", rows, truth, scores)


@pytest.fixture
def site(world, tmp_path):
    return Site(environments=None, world=world, folder=tmp_path / "site")
