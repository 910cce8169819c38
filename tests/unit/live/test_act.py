from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from ostinato.core.errors import InputError, StoreError
from ostinato.core.records import ActRefused, AutonomySet, OperatorActed
from ostinato.live import act as acts
from ostinato.live.act import carry_out, make_act, set_autonomy
from ostinato.live.client import RefusedError
from ostinato.live.config import ServiceConfig
from ostinato.live.events import Acted, decode
from ostinato.live.layout import Layout
from ostinato.live.lock import FolderLock
from ostinato.live.published import Published, Status, Undo, read, write
from ostinato.live.service import free_port, settle
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_sqlite import SqliteJournal


class Handler(BaseHTTPRequestHandler):
    """Takes acts; `obey` is what the engine then does."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append((self.path, body, self.headers["authorization"]))
        if self.server.refusal:
            answer, status = json.dumps(self.server.refusal).encode(), 403
        else:
            answer, status = b'{"accepted": true}', 202
            self.server.obey(body)
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
    server.seen, server.refusal, server.obey = [], None, lambda body: None
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    settle(layout, ServiceConfig(target="x.py", loop="flights", port=free_port()))
    return layout


@pytest.fixture
def running(layout, server):
    config = read(layout.service, ServiceConfig)
    write(layout.service, msgspec.structs.replace(config, port=server.server_port))
    with FolderLock(layout.lock):
        yield server


def made(act="retrain", subject=""):
    return make_act(act, who="ada", reason="drift seen", subject=subject)


def logged(layout):
    with SqliteEventLog(layout.events, readonly=True) as log:
        return [(key, decode(payload)) for _, key, payload in log.read(0, 10)]


def test_a_running_service_is_told_over_http(layout, running):
    act = made()
    outcome = carry_out(layout, act, token="secret")
    assert (outcome.way, outcome.running) == ("http", True)
    ((path, body, authorization),) = running.seen
    assert path == "/loops/flights/retrain"
    assert body == {"who": "ada", "reason": "drift seen", "subject": "", "act_id": act.act_id}
    assert authorization == "Bearer secret"
    assert not layout.events.exists()


def test_a_refusal_of_the_service_is_told(layout, running):
    running.refusal = {"what": "The token lacks the scope operate"}
    with pytest.raises(RefusedError, match="lacks the scope"):
        carry_out(layout, made())


def test_a_stopped_service_finds_the_act_in_its_log(layout):
    act = made("pause")
    outcome = carry_out(layout, act)
    assert (outcome.way, outcome.running) == ("log", False)
    ((key, event),) = logged(layout)
    assert key == f"act/{act.act_id}"
    assert isinstance(event, Acted)
    assert (event.act, event.who, event.reason) == ("pause", "ada", "drift seen")


def test_the_same_act_twice_is_in_the_log_once(layout):
    act = made()
    carry_out(layout, act)
    carry_out(layout, act)
    assert len(logged(layout)) == 1


def test_a_service_that_runs_but_does_not_answer_finds_it_in_its_log(layout):
    with FolderLock(layout.lock):
        outcome = carry_out(layout, made())
    assert (outcome.way, outcome.running) == ("log", True)
    assert len(logged(layout)) == 1


def test_an_undo_of_a_stopped_service_holds_before_its_engine_runs(layout):
    write(layout.routes, Published(epoch=4, champion="v2", previous="v1"))
    act = made("undo")
    carry_out(layout, act)
    assert read(layout.undo, Undo) == Undo(epoch=4, act_id=act.act_id)


def test_an_undo_without_a_previous_champion_is_left_to_the_engine(layout):
    write(layout.routes, Published(epoch=4, champion="v2"))
    carry_out(layout, made("undo"))
    assert not layout.undo.exists()


def test_on_the_clock_of_events_an_act_happens_at_its_time(layout):
    config = read(layout.service, ServiceConfig)
    write(layout.service, msgspec.structs.replace(config, clock="events"))
    write(layout.status, Status(tick=3, now_ns=77, folded_offset=0, decisions=0, epoch=1))
    carry_out(layout, made())
    ((_, event),) = logged(layout)
    assert event.time_ns == 77


def test_approve_means_the_one_proposal_that_waits(layout):
    status = Status(tick=3, now_ns=7, folded_offset=0, decisions=0, epoch=1)
    write(layout.status, msgspec.structs.replace(status, proposals={"p-1": "learn"}))
    carry_out(layout, made("approve"))
    assert logged(layout)[0][1].subject == "p-1"
    for waiting in ({}, {"p-1": "learn", "p-2": "release"}):
        write(layout.status, msgspec.structs.replace(status, proposals=waiting))
        with pytest.raises(InputError, match="not clear what is approved"):
            carry_out(layout, made("approve"))


def decided(layout, *decisions):
    """The engine writes decisions, numbered on."""
    with SqliteJournal(layout.journal) as journal:
        first = journal.head()[0]
        journal.append(
            [
                kind(ts_event_ns=0, ts_record_ns=0, seq=first + place, **words)
                for place, (kind, words) in enumerate(decisions)
            ]
        )


def test_waiting_returns_what_the_engine_decided(layout, running):
    decided(layout, (AutonomySet, {"subject": "", "reason": "", "level": "auto", "who": "x"}))

    def obey(body):
        words = {"act": "undo", "who": "ada", "act_id": body["act_id"], "subject": ""}
        decided(
            layout,
            (AutonomySet, {"subject": "", "reason": "", "level": "auto", "who": "x"}),
            (OperatorActed, {"reason": "drift seen", **words}),
            (ActRefused, {"subject": body["act_id"], "reason": "No way back.", "act": "undo"}),
        )

    running.obey = obey
    outcome = carry_out(layout, made("undo"), wait_s=5)
    assert [each["kind"] for each in outcome.decisions] == ["operator_acted", "act_refused"]
    assert outcome.refused == "No way back."


def test_a_change_of_autonomy_is_waited_for_too(layout, running):
    words = {"subject": "", "reason": "", "level": "auto"}

    def obey(body):  # who acts is whom the token names, whatever the body says
        ours = {**words, "who": "ops", "act_id": body["act_id"]}
        decided(layout, (AutonomySet, {**words, "who": "ada"}), (AutonomySet, ours))

    decided(layout, (AutonomySet, {**words, "who": "ada"}))
    running.obey = obey
    outcome = carry_out(layout, made("autonomy", "auto"), wait_s=5)
    assert [each["seq"] for each in outcome.decisions] == [2]
    assert outcome.refused == ""


def test_an_engine_that_does_not_obey_in_time_is_told(layout, running, monkeypatch):
    decided(layout)
    monkeypatch.setattr(acts, "LOOK_S", 0.01)
    with pytest.raises(StoreError, match="not obeyed yet"):
        carry_out(layout, made(), wait_s=0.05)


def test_nobody_waits_for_a_stopped_service(layout):
    with pytest.raises(InputError, match="nobody to wait for"):
        carry_out(layout, made(), wait_s=1)
    assert not layout.events.exists()


def test_an_act_needs_a_reason_and_a_level_that_there_is():
    with pytest.raises(InputError, match="reason"):
        make_act("undo", who="ada", reason=" ")
    with pytest.raises(InputError, match="level"):
        make_act("autonomy", who="ada", reason="x", subject="full")


def test_two_acts_have_two_ids():
    assert made().act_id != made().act_id


def test_another_level_at_a_later_start_is_an_act_with_who_and_why(layout):
    write(layout.status, standing("suggest"))
    assert set_autonomy(layout, "auto", who="ada") == ("auto", "--autonomy: suggest -> auto")
    ((_, event),) = logged(layout)
    assert (event.act, event.subject, event.who) == ("autonomy", "auto", "ada")
    assert event.reason == "Started with --autonomy auto."


def test_without_a_level_a_later_start_leaves_it_as_it_stands(layout):
    write(layout.status, standing("approve"))
    assert set_autonomy(layout, None, who="ada") == ("approve", "")
    assert set_autonomy(layout, "approve", who="ada") == ("approve", "")
    assert not layout.events.exists()


def test_the_level_of_the_first_start_is_no_act(layout):
    assert set_autonomy(layout, "auto", who="ada") == ("suggest", "")


def standing(level):
    return Status(tick=4, now_ns=7, folded_offset=0, decisions=9, epoch=1, autonomy=level)


def test_a_silence_ends_after_as_long_as_it_lasts(layout, running):
    act = make_act("silence", who="ana", reason="moving", subject="drift/*", lasts="7d")
    carry_out(layout, act)
    ((path, body, _),) = running.seen
    assert path == "/loops/flights/silence"
    assert (body["subject"], body["for"]) == ("drift/*", "7d")


def test_a_silence_of_a_stopped_service_counts_from_when_it_was_asked_for(layout):
    config = read(layout.service, ServiceConfig)
    write(layout.service, msgspec.structs.replace(config, clock="events"))
    write(layout.status, Status(tick=5, now_ns=10**18, folded_offset=0, decisions=0, epoch=1))
    carry_out(layout, make_act("silence", who="ana", reason="moving", subject="*", lasts="1h"))
    with SqliteEventLog(layout.events, readonly=True) as log:
        ((_, _, payload),) = log.read(0, 10)
    event = decode(payload)
    assert (event.time_ns, event.until_ns) == (10**18, 10**18 + 3600 * 10**9)


@pytest.mark.parametrize("lasts", ["", "soon"])
def test_a_silence_needs_an_end(lasts):
    with pytest.raises(InputError, match="--for is not"):
        make_act("silence", who="ana", reason="moving", subject="*", lasts=lasts)
