"""Treat a live service badly, and see that good clients do not notice.

A real service with access tokens is asked for nonsense, for too much, too slowly and by too many,
while a well-behaved client goes on asking. Held against it: an answer of 5xx to bad input, a good
request that fails or waits long, a process that grows or dies.

    python benchmarks/abuse.py
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from crash import LOOP, make_history
from live_load import HOST, Client, free_port, wait_until_ready

PREDICT = "/loops/crash/predict"
GOOD = {"inputs": {"a": 0.5, "b": -1.0, "c": "x"}}
DEEP = "[" * 100_000

BODIES: dict[str, bytes] = {
    "no JSON": b"hello",
    "empty": b"",
    "cut off": b'{"inputs": {"a": 1',
    "wrong type": b'{"inputs": {"a": "one", "b": 1, "c": "x"}}',
    "unknown field": b'{"inputs": {"a": 1, "b": 1, "c": "x", "d": 1}}',
    "missing field": b'{"inputs": {"a": 1, "b": 1}}',
    "NaN": b'{"inputs": {"a": NaN, "b": 1, "c": "x"}}',
    "huge number": b'{"inputs": {"a": 1e999, "b": 1, "c": "x"}}',
    "huge integer": b'{"inputs": {"a": ' + b"9" * 5_000 + b', "b": 1, "c": "x"}}',
    "list of nothing": b'{"inputs": []}',
    "not UTF-8": b'{"inputs": {"a": 1, "b": 1, "c": "\xff\xfe"}}',
    "lone surrogate": b'{"inputs": {"a": 1, "b": 1, "c": "\\ud800"}}',
    "zero byte": b'{"inputs": {"a": 1, "b": 1, "c": "\\u0000"}}',
    "nested too deep": DEEP.encode(),
    "unknown key": b'{"inputs": {"a": 1, "b": 1, "c": "x"}, "admin": true}',
    "id of another type": b'{"inputs": {"a": 1, "b": 1, "c": "x"}, "prediction_id": {"a": 1}}',
    "id too long": b'{"inputs":{"a":1,"b":1,"c":"x"},"prediction_id":"' + b"i" * 100_000 + b'"}',
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07builtins\x94.",
}
FINE = {"list of nothing", "zero byte", "lone surrogate", "huge number"}  # 2xx is an answer, too
PATHS = (
    PREDICT, "/loops/crash/labels", "/loops/crash/outcomes", "/invocations",
    "/v2/models/crash/infer", "/loops/crash/gate", "/loops/crash/retrain", "/loops/none/predict",
    "/loops/../../etc/passwd", "/v2/models/%00/infer", "/" + "a" * 5_000,
)  # fmt: skip


async def raw(port: int, content: bytes, seconds: float = 5.0) -> int:
    """Send bytes; return the status, 0 when the connection was closed, -1 after a while."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(content)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n"), seconds)
        return int(head.split()[1])
    except (OSError, asyncio.IncompleteReadError):
        return 0
    except TimeoutError:
        return -1
    finally:
        writer.close()


def request(path: str, body: bytes, token: str = "", extra: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{extra}"
    if token:
        head += f"authorization: Bearer {token}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


class GoodClient:
    """Asks every 20 ms and remembers how long it took."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.took: list[float] = []
        self.failed: list[str] = []
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        client = Client(self.port, token=self.token)
        while True:
            began = time.monotonic()
            try:
                status, answer = await client.post(PREDICT, GOOD)
                if status != 200:
                    self.failed.append(f"{status}: {answer}")
            except (OSError, asyncio.IncompleteReadError) as error:
                self.failed.append(repr(error))
                client.close()
            self.took.append(time.monotonic() - began)
            await asyncio.sleep(0.02)

    def seen(self) -> dict[str, Any]:
        took, self.took = np.array(self.took or [np.nan]), []
        failed, self.failed = self.failed, []
        return {
            "good requests": len(took),
            "failed": len(failed),
            "p50 ms": round(1e3 * float(np.median(took)), 2),
            "most ms": round(1e3 * float(took.max()), 1),
            "errors": failed[:3],
        }


async def nonsense(port: int, token: str) -> dict[str, Any]:
    wrong = {}
    for path in PATHS:
        for name, body in BODIES.items():
            status = await raw(port, request(path, body, token))
            refused = 400 <= status < 500
            if not (refused or (name in FINE and 200 <= status < 300) or 200 <= status < 300):
                wrong[f"{name} at {path[:40]}"] = status
            if path == PREDICT and 200 <= status < 300 and name not in FINE:
                wrong[f"{name} was accepted"] = status
    return {"asked": len(PATHS) * len(BODIES), "wrong": wrong}


async def access(port: int, token: str, reader: str) -> dict[str, Any]:
    body = json.dumps(GOOD).encode()
    act = json.dumps({"reason": "because"}).encode()
    statuses = {
        "no token": await raw(port, request(PREDICT, body)),
        "a wrong token": await raw(port, request(PREDICT, body, "wrong")),
        "half a token": await raw(port, request(PREDICT, body, token[: len(token) // 2])),
        "a token that may only read": await raw(port, request(PREDICT, body, reader)),
        "an act with a token to predict": await raw(
            port, request("/loops/crash/retrain", act, token)
        ),
        "the right one": await raw(port, request(PREDICT, body, token)),
    }
    expected = [401, 401, 401, 403, 403, 200]
    return {"statuses": statuses, "wrong": list(statuses.values()) != expected}


async def too_much(port: int, token: str) -> dict[str, Any]:
    start = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n".encode()
    body = b"[" + b"0," * 16_000_000 + b"0]"
    chunk = b"100000\r\n" + b"a" * 1_048_576 + b"\r\n"
    long_header = "x: " + "y" * 2_000_000 + "\r\n"
    found = {
        "32 MB": await raw(port, request(PREDICT, body, token), 30.0),
        "promised": await raw(port, start + b"content-length: 99999999999\r\n\r\n"),
        "chunked": await raw(
            port, start + b"transfer-encoding: chunked\r\n\r\n" + chunk * 64, 30.0
        ),
        "2 MB header": await raw(port, request(PREDICT, b"{}", token, long_header), 10.0),
    }
    return {"statuses": found, "wrong": [k for k, v in found.items() if 200 <= v < 300 or v >= 500]}


async def slow(port: int, clients: int, seconds: float) -> dict[str, Any]:
    async def one() -> None:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
            for byte in request(PREDICT, b"{" * 500):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1.0)
        except OSError:
            return

    tasks = [asyncio.create_task(one()) for _ in range(clients)]
    await asyncio.sleep(seconds)
    dropped = sum(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    return {"slow clients": clients, "dropped": dropped}


async def crowd(port: int, connections: int) -> dict[str, Any]:
    writers, refused = [], 0
    for start in range(0, connections, 200):
        opened = await asyncio.gather(
            *(asyncio.open_connection(HOST, port) for _ in range(min(200, connections - start))),
            return_exceptions=True,
        )
        refused += sum(isinstance(each, BaseException) for each in opened)
        writers += [each[1] for each in opened if not isinstance(each, BaseException)]
    await asyncio.sleep(3)
    found = {"open": len(writers), "refused": refused}
    for writer in writers:
        writer.close()
    return found


async def treat(port: int, token: str, reader: str, *, quick: bool) -> dict[str, Any]:
    good = GoodClient(port, token)
    found: dict[str, Any] = {}
    steps = {
        "alone": asyncio.sleep(2, {}),
        "nonsense": nonsense(port, token),
        "access": access(port, token, reader),
        "too much": too_much(port, token),
        "too slow": slow(port, 50 if quick else 500, 3.0 if quick else 45.0),
        "too many": crowd(port, 500 if quick else 10_000),
    }
    for name, step in steps.items():
        told = await step
        found[name] = {**told, "meanwhile": good.seen()}
    return found


def make_token(folder: Path, name: str, scopes: str) -> str:
    command = [sys.executable, "-m", "ostinato.cli.main", "token", "create", name]
    command += ["--scopes", scopes, "--dir", str(folder), "--json"]
    return str(json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["token"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65_536), most))
    with tempfile.TemporaryDirectory() as made:
        home, port = Path(made), free_port()
        folder = home / "service"
        (home / "abuse_loop.py").write_text(LOOP)
        make_history(home / "history.parquet")
        command = [sys.executable, "-m", "ostinato.cli.main", "serve", str(home / "abuse_loop.py")]
        command += ["--dir", str(folder), "--data", str(home / "history.parquet")]
        command += ["--port", str(port), "--access", "tokens", "--autonomy", "observe"]
        with (home / "service.log").open("w") as said:
            service = subprocess.Popen(command, stdout=said, stderr=said)
            try:
                wait_until_ready(port, service, seconds=120)
                token = make_token(folder, "app", "predict,label")
                reader = make_token(folder, "viewer", "read")
                found = asyncio.run(treat(port, token, reader, quick=arguments.quick))
                alive = json.loads((folder / "run" / "gateway-0.json").read_bytes())
                found["the gateway"] = {
                    "same process": Path(f"/proc/{alive['pid']}").exists(),
                    "MiB": _memory(alive["pid"]),
                }
            finally:
                service.send_signal(signal.SIGTERM)
                code = service.wait(timeout=60)
        log = (home / "service.log").read_text()
        found["the log"] = {
            "tracebacks": log.count("Traceback"),
            "tokens in it": log.count(token) + log.count(reader),
        }
    ok = code == 0 and not found["nonsense"]["wrong"] and not found["access"]["wrong"]
    ok &= not found["too much"]["wrong"] and not any(found["the log"].values())
    ok &= not any(each["meanwhile"]["failed"] for each in found.values() if "meanwhile" in each)
    print(json.dumps({**found, "passed": ok}, indent=None if arguments.json else 1))
    return 0 if ok else 1


def _memory(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


if __name__ == "__main__":
    sys.exit(main())
