"""The process of a gateway: `python -m ostinato.live.gateway.process --dir D --index I`."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

# Numeric libraries read these when they load: one thread each, or busy cores turn milliseconds
# into seconds.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ[_name] = "1"

from threadpoolctl import threadpool_limits  # noqa: E402 - after the threads are pinned

from ostinato.core.clock import WallClock, elapsed_ns  # noqa: E402
from ostinato.core.errors import OstinatoError  # noqa: E402
from ostinato.learn.compiled import compile_model  # noqa: E402
from ostinato.live.gateway.app import App  # noqa: E402
from ostinato.live.gateway.gateway import Gateway, read_service, say  # noqa: E402
from ostinato.live.gateway.protocols import make_guard, protocol_routes  # noqa: E402
from ostinato.live.gateway.server import Server  # noqa: E402
from ostinato.live.gateway.sharing import Shared  # noqa: E402
from ostinato.live.layout import Layout  # noqa: E402
from ostinato.loop.loading import load_loop  # noqa: E402

CONNECTIONS: Final = 20_000
"""Connections at once. Each costs some kilobytes; more are told to come again."""

OTHER_FILES: Final = 512
"""Open files that are no connections: stores, models, libraries."""

SWITCH_S: Final = 0.0005
"""How long a thread may keep the interpreter when another wants it. Python's 5 ms would be the
latency of a commit, whose thread comes back from the disk."""

COLLECT: Final = (20_000, 20, 100)
"""When the garbage collector looks: requests leave hardly any cycles, and a look costs time."""

LOAD_S: Final = 60.0
"""Seconds to load the versions before connections are accepted; then 503 is the better answer."""

DRAIN_S: Final = 30.0
"""Seconds for requests under way at the end."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a gateway until SIGTERM or SIGINT.

    Returns
    -------
    int
        0 after a clean stop, 2 if it cannot start.
    """
    parser = argparse.ArgumentParser(prog="ostinato gateway")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--index", type=int, default=0)
    parser.add_argument("--suspect", action="append", default=[])
    given = parser.parse_args(arguments)
    try:
        code: int = _runner()(serve(given.dir.resolve(), given.index, given.suspect))
    except OstinatoError as error:
        say(str(error))
        return 2
    return code


async def serve(folder: Path, index: int, suspects: Sequence[str] = ()) -> int:
    """Serve a folder until a signal comes."""
    threadpool_limits(1)
    sys.setswitchinterval(SWITCH_S)
    most_connections = _most_connections()
    layout = Layout(folder)
    layout.make()
    config, schema = read_service(layout)
    guard = make_guard(config, layout, clock=WallClock(), elapsed_ns=elapsed_ns)
    file = load_loop(config.target)  # the learner's classes must be known before models are read
    gateway = Gateway(
        layout,
        config,
        schema,
        file.loop,
        compiling=compile_model,
        index=index,
        suspects=suspects,
    )
    gateway.start()
    if layout.routes.exists():
        # Others answer meanwhile: connections must not come here before there is an answer.
        await gateway.loaded(LOAD_S)
    further = protocol_routes(gateway, schema, config, layout, gateway.meters, clock=gateway.wall)
    app = App(gateway, [*gateway.routes, *further], guard=guard, counting=gateway.meters)
    loop = asyncio.get_running_loop()
    shared = Shared(
        app,
        gateway.wall,
        loop,
        most_connections=most_connections,
        most_bytes=config.max_body_bytes,
        request_timeout_s=config.request_timeout_s,
    )
    server = Server(shared)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no look at it is worth its time
    gc.set_threshold(*COLLECT)
    try:
        await server.listen(config.host, config.port)
        await stop.wait()
    finally:
        # Accept no more, answer what came, write everything down.
        await server.drain(DRAIN_S)
        await asyncio.wait_for(gateway.close(), DRAIN_S)
    return 0


def _most_connections() -> int:
    """Allow this process as many files as it may have; return how many can be connections."""
    if sys.platform == "win32":
        return CONNECTIONS
    import resource  # noqa: PLC0415 - there is none on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard == resource.RLIM_INFINITY:
        return CONNECTIONS
    return min(CONNECTIONS, max(hard - OTHER_FILES, 64))


def _runner() -> Any:
    if sys.platform == "win32":
        return asyncio.run
    import uvloop  # noqa: PLC0415 - there is none on Windows

    return uvloop.run


if __name__ == "__main__":
    sys.exit(main())
