"""What people see of alarms and do about them from the shell, service running or not."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from ostinato.cli.alerts import app
from ostinato.cli.status import app as status_app
from ostinato.core.records import Promoted
from ostinato.core.watched import AlarmRaised
from ostinato.live.config import ServiceConfig
from ostinato.live.events import decode
from ostinato.live.layout import Layout
from ostinato.live.published import AlertStatus, Status, write
from ostinato.live.service import settle
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal

ALARM = {
    "stream": "drift/temp",
    "family": "drift",
    "monitor": "inputs",
    "severity": "warning",
    "raised": "2024-01-05T00:00:00Z",
    "since": "2024-01-04T00:00:00Z",
    "value": 0.31,
    "reference": 0.1,
    "low": 0.17,
    "high": 0.25,
    "floor": 0.05,
    "log10_e": 9.12,
    "told": True,
    "acknowledged_by": "ana",
    "silenced": False,
}
WATCH: dict[str, Any] = {
    "budget": {"declared": 1.0, "days": 30.0, "expected": 0.25, "raised": 2, "since": None},
    "streams": 1200,
    "monitors": [{"unmeasured": {"drift/note": "It is text."}, "unmeasured_total": 3}],
    "by_severity": {"info": 0, "warning": 1, "critical": 0},
    "standing": [ALARM],
    "silences": {"quality/*": "2024-02-01T00:00:00Z"},
    "estimates": [
        {
            "stream": "estimate/log_loss",
            "estimated": 0.52,
            "reference": 0.5,
            "low": 0.48,
            "high": 0.56,
            "assumption": "broken: labels moved",
        }
    ],
    "diagnosis": {"time": "2024-01-06T00:00:00Z", "cause": "concept drift", "reason": "It turned."},
}


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    settle(layout, ServiceConfig(target="x.py", loop="flights"))
    return layout


@pytest.fixture
def watched(layout):
    alerts = (AlertStatus(address="https://a", least="warning", tries=3, trouble="It is away"),)
    facts = {"tick": 1, "now_ns": 10**18, "folded_offset": 1, "decisions": 1, "epoch": 1}
    write(layout.status, Status(**facts, watch=WATCH, alerts=alerts))
    with SqliteJournal(layout.journal) as journal:
        facts = {"ts_event_ns": 10**18, "ts_record_ns": 10**18}
        journal.append(
            [
                Promoted(**facts, seq=0, subject="v001", reason="First.", previous=None),
                AlarmRaised(
                    **facts,
                    seq=1,
                    subject="drift/temp",
                    reason="It moved.",
                    family="drift",
                    severity="warning",
                    since_ns=0,
                ),
            ]
        )
    return layout


def run(layout, *words, of=app):
    done = CliRunner().invoke(of, [*words, "--dir", str(layout.folder)])
    return done.exit_code, done.stdout, done.stderr


def test_the_alarms_that_stand_are_listed_with_who_looks_after_them(watched):
    code, told, beside = run(watched, "list")
    head, row = told.splitlines()
    assert code == 0
    assert head.split()[:3] == ["severity", "alarm", "since"]
    assert row.split() == [
        "warning",
        "drift/temp",
        "2024-01-04T00:00:00Z",
        "ana",
        "0.31",
        "0.1",
        "10^9.1",
    ]
    assert "silenced: quality/* until 2024-02-01" in beside
    listed = json.loads(run(watched, "list", "--json")[1])
    assert listed == {"standing": [ALARM], "silences": WATCH["silences"]}


def test_one_alarm_is_shown_with_what_was_decided_about_it(watched):
    code, told, _ = run(watched, "show", "drift/temp")
    assert code == 0
    assert "0.17 to 0.25; up to 0.05 does not matter" in told
    assert told.splitlines()[-1].endswith("alarm_raised  drift/temp  It moved.")
    found = json.loads(run(watched, "show", "drift/temp", "--json")[1])
    assert found["alarm"] == ALARM
    assert [each["kind"] for each in found["decisions"]] == ["alarm_raised"]


def test_an_alarm_that_there_is_not_is_said_with_the_nearest(watched):
    code, _, beside = run(watched, "show", "drift/tmp")
    assert code == 2
    assert "drift/temp perhaps?" in beside


@pytest.mark.parametrize(
    ("words", "act", "subject", "ends"),
    [
        (("ack", "drift/temp"), "acknowledge", "drift/temp", False),
        (("silence", "drift/*", "--for", "7d"), "silence", "drift/*", True),
        (("unsilence", "drift/*"), "unsilence", "drift/*", False),
    ],
)
def test_acts_are_in_the_log_of_a_stopped_service(layout, words, act, subject, ends):
    code, *_ = run(layout, *words, "--who", "ana")
    assert code == 0
    with SqliteEventLog(layout.events, readonly=True) as log:
        ((_, _, payload),) = log.read(0, 10)
    event = decode(payload)
    assert (event.act, event.subject, event.who) == (act, subject, "ana")
    assert (event.until_ns is not None) is ends


def test_a_silence_needs_an_end_and_a_service_that_watches(layout):
    assert run(layout, "silence", "*", "--for", "soon")[0] == 2
    code, _, beside = run(layout, "list")
    assert code == 2
    assert "Nothing is watched" in beside


def test_a_test_message_goes_to_every_address_and_a_refusal_is_said(layout):
    taken = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200 if self.path == "/good" else 403)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        config = ServiceConfig(target="x.py", loop="flights", link="https://models.example")
        write(layout.service, config)
        assert run(layout, "test")[0] == 2, "it has no addresses"
        addresses = (f"{base}/good", f"critical={base}/bad")
        write(layout.service, msgspec.structs.replace(config, alerts=addresses))
        code, told, _ = run(layout, "test")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert code == 1
    assert [line.split(": ")[1].split(";")[0] for line in told.splitlines()[:2]] == [
        "taken",
        "A webhook did not take an alert",
    ]
    assert [each["link"] for each in taken] == ["https://models.example/loops/flights/alarms"] * 2


def test_the_status_says_how_watching_and_telling_stand(watched):
    code, told, _ = run(watched, of=status_app)
    lines = [line.split(maxsplit=1) for line in told.splitlines()]
    watch = [text for name, text in lines if name == "watch"]
    assert code == 0
    assert watch == [
        "1,200 streams; alarms in 30 days: 2, of which 1 may be false (0.25 so far)",
        "alarms: 1 warning: drift/temp",
        "unmeasured: 3, such as drift/note: It is text.",
        "estimate estimate/log_loss: 0.52 (0.48 to 0.56), 0.5 expected; broken: labels moved",
        "diagnosis of 2024-01-06T00:00:00Z: concept drift. It turned.",
    ]
    assert ["alerts", "https://a did not take a message 3 times: It is away"] in lines
