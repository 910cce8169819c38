"""Real processes and sockets: what survives a kill, and how a gateway leaves."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from ostinato.core.errors import LoopError
from ostinato.live.gateway.gateway import read_service
from ostinato.live.layout import Layout

GONE = (http.client.HTTPException, OSError)


def drive(gateway, service, worker, acknowledged, over):
    """Ask one request after the other, each with an id of its own, until the gateway is gone."""
    connection = gateway.connect()
    try:
        for number in range(100_000):
            if over.is_set():
                return
            name = f"{worker}/{number}"
            body = {"inputs": service.inputs(number % 100), "prediction_id": name}
            status, answer = gateway.post(connection, "/loops/small/predict", body)
            assert status == 200
            acknowledged[name] = answer
    except GONE:
        return
    finally:
        connection.close()


def under_load(gateway, service, act, workers=4):
    """Act while clients ask; return what was acknowledged."""
    acknowledged, over = {}, threading.Event()
    threads = [
        threading.Thread(target=drive, args=(gateway, service, i, acknowledged, over))
        for i in range(workers)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(acknowledged) < 100 and time.monotonic() < deadline:
        time.sleep(0.01)
    result = act()
    over.set()
    for thread in threads:
        thread.join()
    assert len(acknowledged) >= 100
    return acknowledged, result


def drip(port):
    """Send a body that never ends; return what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
        slow.sendall(
            b"POST /loops/small/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"
        )
        return slow.recv(1_000)


def test_after_a_kill_nothing_acknowledged_is_lost_and_a_retry_gets_the_same_answer(
    make_service, start_gateway, free_port
):
    service = make_service(port=free_port)
    first = start_gateway(service)

    acknowledged, _ = under_load(first, service, lambda: first.stop(signal.SIGKILL))

    stored = {event.ids[0]: event for _, event in service.events()}
    assert set(acknowledged) <= set(stored)
    service.publish(epoch=2, champion="v002", previous="v001")
    second = start_gateway(service)
    connection = second.connect()
    for name, answer in list(acknowledged.items())[:20]:
        body = {"inputs": service.inputs(0), "prediction_id": name}
        assert second.post(connection, "/loops/small/predict", body) == (200, answer)
    connection.close()
    assert second.stop() == 0
    assert len(service.events()) == len(stored), "retries count once"


def test_a_gateway_that_is_told_to_stop_answers_what_it_has_and_leaves_cleanly(
    make_service, start_gateway, free_port
):
    service = make_service(port=free_port)
    gateway = start_gateway(service)

    acknowledged, code = under_load(gateway, service, gateway.stop)

    assert code == 0
    assert set(acknowledged) == {event.ids[0] for _, event in service.events()}
    assert not (service.layout.run / "gateway-0.json").exists()


def test_two_gateways_share_a_port_and_the_ids_of_clients(make_service, start_gateway, free_port):
    service = make_service(port=free_port, request_timeout_s=2)
    both = [start_gateway(service, index) for index in (0, 1)]
    pids = set()
    answers = []
    for _ in range(40):
        connection = both[0].connect()
        connection.request("GET", "/loops/small")
        pids.add(json.loads(connection.getresponse().read())["gateway"]["pid"])
        body = {"inputs": service.inputs(), "prediction_id": "one"}
        answers.append(both[0].post(connection, "/loops/small/predict", body))
        connection.close()

    assert pids == {each.process.pid for each in both}
    assert answers == [answers[0]] * 40
    assert len(service.events()) == 1
    assert drip(free_port).startswith(b"HTTP/1.1 408"), "slow clients are given up"
    assert [each.stop() for each in both] == [0, 0]


def test_a_folder_without_a_service_is_refused(tmp_path):
    with pytest.raises(LoopError, match="There is no service in this folder"):
        read_service(Layout(tmp_path))


def test_an_address_that_is_taken_by_another_is_told_and_not_waited_for(make_service, free_port):
    service = make_service(port=free_port)
    command = [sys.executable, "-m", "ostinato.live.gateway.process"]
    with socket.create_server(("127.0.0.1", free_port)):
        done = subprocess.run(
            [*command, "--dir", str(service.layout.folder)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 2
    assert f"127.0.0.1 port {free_port}" in done.stderr
    assert "Traceback" not in done.stderr
