"""A service's folder without an engine: small trained models, published routes; and a client."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import httptools
import numpy as np
import polars as pl
import pytest

from ostinato.checks.samples import sample_lineage
from ostinato.features.online import OnlineStore
from ostinato.learn.compiled import compile_model
from ostinato.learn.estimators import fit
from ostinato.live.config import ServiceConfig
from ostinato.live.events import decode
from ostinato.live.feature_events import FeatureFeed
from ostinato.live.gateway.app import App
from ostinato.live.gateway.connection import Connection
from ostinato.live.gateway.gateway import Gateway, read_service
from ostinato.live.gateway.protocols import protocol_routes
from ostinato.live.gateway.sharing import Shared
from ostinato.live.gateway.version import Version
from ostinato.live.history_file import write_history
from ostinato.live.layout import Layout
from ostinato.live.published import Published, write
from ostinato.live.schema import make_schema
from ostinato.live.tracked import Tracked, write_tracked
from ostinato.loop.loading import load_loop
from ostinato.replay.history import make_history
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.registry_folder import FolderRegistry

LOOP_FILE = """
import ostinato as ost
from sklearn.linear_model import LogisticRegression

{source}

loop = ost.Loop(
    name="small",
    task={task!r},
    time="at",
    features=["x0", "x1", "n", "kind", {declared}],
    label=ost.Label("y", delay="6h", horizon="12h"),
    learner={learner},
    slices=["kind"],
    unit="who",
    fallback={fallback},
)
"""


def make_table(rows, seed=0, classes=2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2))
    seconds = np.sort(rng.integers(0, 30 * 86_400, rows))
    times = pl.Series("at", seconds * 1_000_000).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    noisy = x[:, 0] + rng.normal(size=rows)
    return pl.DataFrame(
        {
            "at": times,
            "x0": x[:, 0],
            "x1": x[:, 1],
            "n": rng.integers(0, 9, rows),
            "kind": rng.choice(["a", "b", "c"], rows),
            "who": [f"u{i}" for i in rng.integers(0, 500, rows)],
            "y": np.digitize(noisy, [-0.5, 0.5] if classes == 3 else [0.0]),
        }
    )


TRAINED = {}
"""Artifacts by task and rows: each is trained once for all tests."""


class Service:
    """The folder: publish routes in it, and read its log."""

    def __init__(self, folder, *, task="binary", fallback=None, declared="", source="", **settings):
        self.folder, self.layout = folder, Layout(folder / "state")
        self.layout.make()
        classes = 3 if task == "multiclass" else 2
        target = folder / "small.py"
        learner = (
            "ost.learners.linear('regression')" if task == "regression" else "LogisticRegression()"
        )
        target.write_text(
            LOOP_FILE.format(
                task=task, fallback=fallback, learner=learner, declared=declared, source=source
            )
        )
        self.config = ServiceConfig(target=str(target), loop="small", **settings)
        write(self.layout.service, self.config)
        self.table = make_table(600, classes=classes)
        self.loop = loop = load_loop(str(target)).loop
        end_ns = int(self.table["at"].dt.timestamp("ns").max()) + 1
        history = make_history(loop, self.table, start=None, end=None, begin_ns=end_ns)
        self.schema = make_schema(loop, self.table, history)
        write(self.layout.schema, self.schema)
        write_history(self.layout.history, history)
        self.registry = FolderRegistry(self.layout.registry)
        self.artifacts = {}
        for number in (1, 2, 3):
            self._train(f"v{number:03d}", history.frame, task, classes, rows=200 * number)

    def _train(self, name, frame, task, classes, rows):
        loop = self.loop
        trained = task, rows, loop.feature_names
        if trained not in TRAINED:
            TRAINED[trained] = fit(
                loop.learner,
                frame.head(rows),
                self.table["y"].head(rows).to_numpy().astype(np.float64),
                None,
                features=loop.feature_names,
                task=task,
                classes=classes,
                seed=0,
            ).to_bytes()
        artifact = TRAINED[trained]
        self.artifacts[name] = self.registry.register(name, artifact, sample_lineage(rows))

    def begin_features(self):
        """Write the state of features, as the engine does before there are any events."""
        plan = self.loop.feature_plan
        feed = FeatureFeed(self.schema, plan, horizon_ns=self.loop.label.horizon_ns)
        store = OnlineStore(plan, now_ns=self.schema.start_ns)
        write_tracked(self.layout, Tracked(feed, store, 0, print))

    def publish(self, epoch=1, champion="v001", **fields):
        write(
            self.layout.routes,
            Published(epoch=epoch, champion=champion, artifacts=self.artifacts, **fields),
        )

    def events(self):
        log = SqliteEventLog(self.layout.events, readonly=True)
        try:
            return [(key, decode(payload)) for _, key, payload in log.read(0, 1_000_000)]
        finally:
            log.close()

    def inputs(self, place=0):
        row = self.table.row(place, named=True)
        return {name: row[name] for name in ("x0", "x1", "n", "kind", "who")}


@pytest.fixture
def make_service(tmp_path):
    def make(**settings):
        service = Service(tmp_path, **settings)
        service.publish()
        return service

    return make


class Fake:
    """A compiled version that does what a test says."""

    form, exact, reason = "fake", True, "a test"

    def __init__(self, answer, *, inline=True):
        self.answer, self.inline, self.calls = answer, inline, []

    def score(self, rows):
        self.calls.append(list(rows))
        found = self.answer(rows) if callable(self.answer) else [self.answer] * len(rows)
        return np.array(found, dtype=np.float64)


@pytest.fixture
def fake_version():
    return Fake


class FakeTransport:
    """Keeps what is written; can be slow."""

    def __init__(self):
        self.written, self.over, self.ended, self.reading = bytearray(), False, False, True

    def get_extra_info(self, name):
        return ("127.0.0.1", 50_000)

    def write(self, data):
        assert not self.over, "nothing is written to a closed connection"
        self.written += data

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.ended = True

    def close(self):
        self.over = True

    abort = close

    def is_closing(self):
        return self.over

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True


class Answer:
    """A response as it was written: status, headers, body."""

    def __init__(self):
        self.status, self.headers, self.answer, self.complete = None, [], b"", False

    def on_header(self, name, value):
        self.headers.append((name.decode(), value.decode()))

    def on_body(self, part):
        self.answer += part

    def on_message_complete(self):
        self.complete = True


def read_answer(written):
    answer = Answer()
    parser = httptools.HttpResponseParser(answer)
    with contextlib.suppress(httptools.HttpParserError):  # more answers behind it
        parser.feed_data(bytes(written))
    answer.status = parser.get_status_code()
    return answer


@pytest.fixture
def fake_transport():
    return FakeTransport


def packed(method, path, body, headers):
    """Write a request; a body without a length goes in chunks."""
    lines = {"host": "localhost"} | headers
    if body and "content-length" not in lines:
        lines["transfer-encoding"] = "chunked"
        pieces = [body[start : start + 100] for start in range(0, len(body), 100)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


class Client:
    """Asks an application in this process over connections without sockets."""

    def __init__(self, app, gateway, service, shared):
        self.app, self.gateway, self.service, self.shared = app, gateway, service, shared

    def connect(self):
        """Open a connection; returns it and its transport."""
        connection, transport = Connection(self.shared), FakeTransport()
        connection.connection_made(transport)
        return connection, transport

    async def send(self, method, path, body=b"", headers=None, query=""):
        given = {"content-length": str(len(body))} if headers is None else headers
        connection, transport = self.connect()
        connection.data_received(packed(method, f"{path}?{query}" if query else path, body, given))
        await self.until(lambda: not connection.pending)
        connection.connection_lost(None)
        return read_answer(transport.written)

    async def post(self, path, body, query=""):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        proto = await self.send("POST", path, data, query=query)
        return proto.status, json.loads(proto.answer)

    async def get(self, path):
        proto = await self.send("GET", path)
        return proto.status, json.loads(proto.answer)

    async def predict(self, inputs=None, **more):
        inputs = self.service.inputs() if inputs is None else inputs
        return await self.post("/loops/small/predict", {"inputs": inputs, **more})

    async def until(self, condition, seconds=10):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            await asyncio.sleep(0.005)

    async def epoch(self, epoch):
        await self.until(lambda: self.gateway.epoch() == epoch)


class FakeLoader:
    def __init__(self, versions):
        self.versions = versions

    def load(self, name, artifact):
        compiled = self.versions[name]
        if isinstance(compiled, Exception):
            raise compiled
        return Version(name, artifact, compiled, features=4, since_ns=5)


@pytest.fixture
def run_gateway():
    """Run a scenario against a gateway in this process; `versions` replaces what is loaded."""

    def run(service, scenario, *, versions=None, guard=None, wait=True):
        async def whole():
            config, schema = read_service(service.layout)
            gateway = Gateway(
                service.layout,
                config,
                schema,
                load_loop(config.target).loop,
                compiling=compile_model,
            )
            if versions is not None:
                gateway.watcher.loader = FakeLoader(versions)
            further = protocol_routes(
                gateway, schema, config, service.layout, gateway.meters, clock=gateway.wall
            )
            app = App(gateway, [*gateway.routes, *further], guard=guard, counting=gateway.meters)
            shared = Shared(
                app,
                gateway.wall,
                asyncio.get_running_loop(),
                most_connections=100,
                most_bytes=config.max_body_bytes,
                request_timeout_s=config.request_timeout_s,
            )
            gateway.start()
            client = Client(app, gateway, service, shared)
            try:
                if wait:
                    await client.until(lambda: gateway.batcher.table is not None)
                return await scenario(client)
            finally:
                shared.deadlines.close()
                await gateway.close()

        return asyncio.run(whole())

    return run


class Process:
    """A gateway in a process of its own, and a plain client of it."""

    def __init__(self, service, index=0):
        self.service, self.port = service, service.config.port
        command = [sys.executable, "-m", "ostinato.live.gateway.process"]
        command += ["--dir", str(service.layout.folder), "--index", str(index)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        beat = service.layout.run / f"gateway-{index}.json"
        deadline = time.monotonic() + 60
        while not (self._serves(beat) and self._listens()):
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < deadline, "the gateway did not start"
            time.sleep(0.02)

    def _serves(self, beat):
        if not beat.exists():
            return False
        alive = json.loads(beat.read_bytes())
        return alive["pid"] == self.process.pid and alive["epoch"] >= 1

    def _listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
        except ConnectionRefusedError:
            return False
        return True

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def post(self, connection, path, body):
        connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.process.stderr.close()
        return code


@pytest.fixture
def start_gateway():
    """Start gateways as processes; what still runs at the end of the test is killed."""
    started = []

    def start(service, index=0):
        started.append(Process(service, index))
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
        each.process.stderr.close()


@pytest.fixture
def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Taker(BaseHTTPRequestHandler):
    """Takes what is posted, with a status that tests set."""

    taken: ClassVar = []
    status = 200

    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append((self.path, content))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def taker():
    """Host and port of a server, and what it takes."""
    Taker.taken, Taker.status = [], 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}", Taker
    server.shutdown()
    thread.join()
    server.server_close()
