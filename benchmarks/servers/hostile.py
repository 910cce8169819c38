"""What is done to a service: nonsense, numbers at the edge, too much, too slowly, by too many."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from live_load import HOST

PREDICT, LABELS, OUTCOMES = "/loops/abuse/predict", "/loops/abuse/labels", "/loops/abuse/outcomes"
INFER = "/v2/models/abuse/infer"
GOOD = {"inputs": {"a": 0.5, "b": -1.0, "k": 3, "c": "x"}}
PATHS = (
    PREDICT, LABELS, OUTCOMES, INFER, "/invocations", "/loops/abuse/gate", "/loops/abuse/retrain",
    "/loops/none/predict", "/loops/../../etc/passwd", "/v2/models/%00/infer", "/" + "a" * 5_000,
)  # fmt: skip


def body(more: str = "", **changed: str) -> bytes:
    """Write a request with some fields replaced by raw JSON, and more keys behind the inputs."""
    fields = {"a": "0.5", "b": "-1.0", "k": "3", "c": '"x"', **changed}
    inputs = ", ".join(f'"{name}": {value}' for name, value in fields.items())
    return f'{{"inputs": {{{inputs}}}{more}}}'.encode()


NONSENSE: dict[str, bytes] = {
    "no JSON": b"hello",
    "empty": b"",
    "cut off": b'{"inputs": {"a": 1',
    "wrong type": body(a='"one"'),
    "unknown field": body(d="1"),
    "missing field": b'{"inputs": {"a": 1, "b": 1}}',
    "NaN": body(a="NaN"),
    "a number beyond all": body(a="1e999"),
    "an integer beyond 64 bits": body(k=str(2**63)),
    "an integer of 5,000 digits": body(k="9" * 5_000),
    "no rows": b'{"inputs": []}',
    "too many rows": b'{"inputs": [' + b",".join([json.dumps(GOOD["inputs"]).encode()] * 10_001)
    + b"]}",
    "not UTF-8": body(c='"?"').replace(b"?", b"\xff\xfe"),
    "lone surrogate": body(c='"\\ud800"'),
    "nested too deep": b"[" * 100_000,
    "unknown key": body(', "admin": true'),
    "id of another type": body(', "prediction_id": {"a": 1}'),
    "id that is too long": body(f', "prediction_id": "{"i" * 100_000}"'),
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07builtins\x94.",
}  # fmt: skip
"""None of it may be answered with a prediction, and nothing with 5xx."""

NUMBERS = ("1e308", "-1e308", "5e-324", "-0.0", str(2**63 - 1), str(-(2**63)), "null")
TEXTS = ('"\\u0000"', '"x\\u0000y"', '"\\u001b[31m"', '"\\r\\n"', '"\\ufffe"', '"\\ud83d\\ude00"')
LABEL_VALUES = (
    *NUMBERS, "true", "1e999", "1e39", "[1]", '{"a": 1}', '"1"', '"\\u0000"', '"\\ud800"',
    str(2**63), "9" * 400,
)  # fmt: skip
TIMES = ("0", "1", "-1", str(2**62), str(2**63), '"1970-01-01"', '"9999-12-31T23:59:59Z"', '"x"')


def at_the_edge() -> list[tuple[str, bytes]]:
    """Return requests that may be taken or refused, but must hurt nobody."""
    ids = [*TEXTS, str(2**63 - 1), str(-(2**63)), "0", '"0"']
    rows = [body(a=v) for v in NUMBERS] + [body(k=v) for v in NUMBERS] + [body(c=v) for v in TEXTS]
    asked = [(PREDICT, row) for row in rows]
    asked += [(PREDICT, body(f', "prediction_id": {i}')) for i in ids]
    asked += [(LABELS, _label(i, "1")) for i in [*ids, '"nobody"']]
    for place, value in enumerate(LABEL_VALUES):
        asked.append((PREDICT, body(f', "prediction_id": "e{place}"')))
        asked.append((LABELS, _label(f'"e{place}"', value)))
    asked += [(LABELS, _label('"e0"', "1", f', "time": {time}')) for time in TIMES]
    owners = ('"prediction_id": "nobody"', '"unit": true', '"unit": 1e308', '"unit": "\\u0000"')
    asked += [(OUTCOMES, f'{{"name": "\\u0000", "value": 1, {o}}}'.encode()) for o in owners]
    asked += [(OUTCOMES, _outcome(value)) for value in NUMBERS]
    return asked


def _label(prediction_id: str, value: str, more: str = "") -> bytes:
    return f'{{"prediction_id": {prediction_id}, "label": {value}{more}}}'.encode()


def _outcome(value: str) -> bytes:
    return f'{{"name": "gain", "prediction_id": "e0", "value": {value}}}'.encode()


def request(path: str, content: bytes, token: str = "", extra: str = "") -> bytes:
    """Write a POST as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{extra}"
    if token:
        head += f"authorization: Bearer {token}\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


async def raw(port: int, content: bytes, seconds: float = 10.0) -> int:
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


async def nonsense(port: int, token: str) -> dict[str, Any]:
    """Send every body to every path."""
    wrong = {}
    for path in PATHS:
        for name, content in NONSENSE.items():
            status = await raw(port, request(path, content, token))
            taken = 200 <= status < 300 and path != PREDICT  # a gate asks for no body
            if not (400 <= status < 500 or taken):
                wrong[f"{name} at {path[:40]}"] = status
    return {"asked": len(PATHS) * len(NONSENSE), "wrong": wrong}


async def edges(port: int, token: str) -> dict[str, Any]:
    """Send what the engine will have to fold."""
    asked = at_the_edge()
    statuses = [await raw(port, request(path, content, token)) for path, content in asked]
    wrong = {
        f"{content[:80]!r} at {path}": status
        for (path, content), status in zip(asked, statuses, strict=True)
        if not 200 <= status < 500
    }
    return {"asked": len(asked), "taken": sum(s < 300 for s in statuses), "wrong": wrong}


async def wire(port: int, token: str) -> dict[str, Any]:
    """Send what is no good HTTP, or breaks off."""
    content = json.dumps(GOOD).encode()
    bearer = f"authorization: Bearer {token}\r\n"
    post = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\n{bearer}"
    chunked = f"{post}transfer-encoding: chunked\r\n\r\n".encode()
    good = request(PREDICT, content, token)
    asked: dict[str, tuple[bytes, Callable[[int], bool]]] = {
        "two lengths": (request(PREDICT, content, token, "content-length: 5\r\n"), _refused),
        "a negative length": (f"{post}content-length: -1\r\n\r\n".encode(), _refused),
        "a length and chunks": (
            request(PREDICT, content, token, "transfer-encoding: chunked\r\n"),
            _refused,
        ),
        "a chunk without a size": (chunked + b"zz\r\nabc", _refused),
        "a wrong token before the right one": (
            request(PREDICT, content, token, "authorization: Bearer wrong\r\n"),
            _refused,
        ),
        "a header with a zero byte": (good.replace(b"host: x", b"host: x\0y"), _refused),
        "300 headers": (request(PREDICT, content, token, "x: y\r\n" * 300), _refused),
        "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9, _refused),
        "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500, _refused),
        "a request behind a good one": (good + b"GARBAGE\r\n\r\n", lambda status: status == 200),
    }
    found = {name: await raw(port, sent) for name, (sent, _) in asked.items()}
    for sent in (good[:-5], chunked + b"5\r\nab"):  # gone in the body
        _, writer = await asyncio.open_connection(HOST, port)
        writer.write(sent)
        await writer.drain()
        writer.transport.abort()
    return {"statuses": found, "wrong": [n for n, s in found.items() if not asked[n][1](s)]}


def _refused(status: int) -> bool:
    return status == 0 or 400 <= status < 500


async def access(port: int, token: str, reader: str) -> dict[str, Any]:
    """Come without a token, with a wrong one, with one that may not."""
    content = json.dumps(GOOD).encode()
    act = json.dumps({"reason": "because"}).encode()
    sent = {
        "no token": (request(PREDICT, content), 401),
        "a wrong token": (request(PREDICT, content, "wrong"), 401),
        "half a token": (request(PREDICT, content, token[: len(token) // 2]), 401),
        "a token that may only read": (request(PREDICT, content, reader), 403),
        "an act with a token to predict": (request("/loops/abuse/retrain", act, token), 403),
        "the right one": (request(PREDICT, content, token), 200),
    }
    found = {name: await raw(port, content) for name, (content, _) in sent.items()}
    return {"statuses": found, "wrong": [n for n, s in found.items() if s != sent[n][1]]}


async def too_much(port: int, token: str) -> dict[str, Any]:
    """Send more than is allowed: in a body, in chunks without end, in a header."""
    start = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n".encode()
    content = b"[" + b"0," * 16_000_000 + b"0]"
    chunk = b"100000\r\n" + b"a" * 1_048_576 + b"\r\n"
    found = {
        "32 MB": await raw(port, request(PREDICT, content, token), 30.0),
        "promised": await raw(port, start + b"content-length: 99999999999\r\n\r\n"),
        "chunks": await raw(port, start + b"transfer-encoding: chunked\r\n\r\n" + chunk * 64, 30.0),
        "header": await raw(
            port, request(PREDICT, b"{}", token, f"x: {'y' * 2_000_000}\r\n"), 30.0
        ),
    }
    return {"statuses": found, "wrong": [name for name, s in found.items() if not _refused(s)]}


async def slow(port: int, token: str, clients: int, seconds: float) -> dict[str, Any]:
    """Send byte after byte, half of the clients in the head, half in the body."""
    content = b"{" * 500
    whole = request(PREDICT, content, token)

    async def one(at_once: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(whole[:at_once])
            for byte in whole[at_once:]:
                writer.write(bytes([byte]))
                await writer.drain()
                if reader.at_eof():
                    return
                await asyncio.sleep(1.0)
        except OSError:
            return
        finally:
            writer.close()

    heads = [asyncio.create_task(one(1)) for _ in range(clients // 2)]
    bodies = [asyncio.create_task(one(len(whole) - 450)) for _ in range(clients // 2)]
    await asyncio.sleep(seconds)
    found = {
        "slow clients": len(heads) + len(bodies),
        "dropped in the head": sum(task.done() for task in heads),
        "dropped in the body": sum(task.done() for task in bodies),
    }
    for task in (*heads, *bodies):
        task.cancel()
    await asyncio.gather(*heads, *bodies, return_exceptions=True)
    return found


async def crowd(port: int, connections: int, seconds: float) -> dict[str, Any]:
    """Open connections and say nothing."""
    writers, refused = [], 0
    for start in range(0, connections, 200):
        opened = await asyncio.gather(
            *(asyncio.open_connection(HOST, port) for _ in range(min(200, connections - start))),
            return_exceptions=True,
        )
        refused += sum(isinstance(each, BaseException) for each in opened)
        writers += [each[1] for each in opened if not isinstance(each, BaseException)]
    await asyncio.sleep(seconds)
    for writer in writers:
        writer.close()
    return {"open": len(writers), "refused": refused, "wrong": refused}
