from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ostinato.core.errors import InputError
from ostinato.live.client import Client, RefusedError, UnreachableError, answers
from ostinato.live.service import free_port


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.do_POST()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append((self.command, self.path, body, self.headers))
        status, answer = self.server.answer
        self.send_response(status)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen, server.answer = [], (200, b'{"ok": true}')
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_values_go_out_as_json_with_the_token_and_answers_come_back(server):
    with Client(server.url, token="secret") as client:
        assert client.post("/loops/x/predict", {"inputs": {"a": 1}}) == {"ok": True}
        assert client.get("/loops/x") == {"ok": True}
    (_, path, body, headers), (method, *_) = server.seen
    assert (path, json.loads(body), method) == ("/loops/x/predict", {"inputs": {"a": 1}}, "GET")
    assert headers["authorization"] == "Bearer secret"


def test_a_refusal_keeps_its_facts(server):
    facts = {"what": "No such act", "found": "fly", "expected": "undo", "hint": "try undo"}
    server.answer = (422, json.dumps(facts).encode())
    with Client(server.url) as client, pytest.raises(RefusedError, match="No such act") as caught:
        client.post("/x", {})
    assert (caught.value.status, caught.value.hint) == (422, "try undo")


def test_an_error_that_is_no_json_is_told_as_it_is(server):
    server.answer = (502, b"Bad gateway")
    with Client(server.url) as client, pytest.raises(RefusedError, match=r"502.*Bad gateway"):
        client.get("/x")


def test_nobody_at_the_address_is_said_so():
    client = Client(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UnreachableError, match="does not answer"):
        client.get("/x")


def test_a_service_is_ready_when_it_says_so(server):
    assert answers(server.url)
    server.answer = (503, b"{}")
    assert not answers(server.url)
    assert not answers(f"http://127.0.0.1:{free_port()}")


def test_an_address_that_is_none_is_refused():
    with pytest.raises(InputError, match="address"):
        Client("localhost:8000")
