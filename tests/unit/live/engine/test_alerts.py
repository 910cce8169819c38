"""People are told what they should know: at least once, in order, whoever is away meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ostinato.core.errors import StoreError
from ostinato.core.records import Decision, LoopStarted, RolledBack, TrainingFailed, TriggerChanged
from ostinato.live.engine.alerts import Alerts, alert_of
from ostinato.live.engine.background import Background
from ostinato.live.engine.webhook import post
from ostinato.stores.journal_memory import MemoryJournal


def decision(kind: type[Decision], seq: int, **facts: Any) -> Decision:
    return kind(ts_event_ns=seq, ts_record_ns=seq, seq=seq, subject="s", reason="why", **facts)


def journal_of(*decisions: Decision) -> MemoryJournal:
    journal = MemoryJournal()
    journal.append(decisions)
    return journal


@pytest.fixture
def failing_trainings() -> MemoryJournal:
    return journal_of(
        *(decision(TrainingFailed, seq, request=f"t-{seq}") for seq in range(4)),
    )


def test_what_people_should_know_is_told_and_the_rest_is_not() -> None:
    journal = journal_of(
        decision(LoopStarted, 0),
        decision(TriggerChanged, 1, stance="warn"),
        decision(TriggerChanged, 2, stance="act"),
        decision(RolledBack, 3, previous="v001"),
    )
    told = [alert_of(entry, "flights") for entry in journal.entries()]
    assert [alert and alert["kind"] for alert in told] == [
        None,
        None,
        "trigger_changed",
        "rolled_back",
    ]
    assert told[2]["stance"] == "act"
    assert told[3]["text"] == "flights: rolled back (s). why"


def test_a_restart_goes_on_where_it_stopped(tmp_path: Path, failing_trainings: Any) -> None:
    told: list[int] = []

    def fails_at_2(url: str, alert: dict[str, Any]) -> None:
        if alert["seq"] == 2 and len(told) == 2:
            raise StoreError("away")
        told.append(alert["seq"])

    empty = MemoryJournal()
    first = Alerts(path=tmp_path / "alerts.json", loop="l", urls=("u",), post=fails_at_2)
    first.begin(empty)
    with pytest.raises(StoreError, match="away"):
        first.tell(failing_trainings)
    told.append(-1)
    second = Alerts(path=tmp_path / "alerts.json", loop="l", urls=("u",), post=fails_at_2)
    second.begin(failing_trainings)
    second.tell(failing_trainings)
    assert told == [0, 1, -1, 2, 3]


def test_a_url_that_is_away_holds_up_no_other(tmp_path: Path, failing_trainings: Any) -> None:
    told: list[tuple[str, int]] = []

    def post_to(url: str, alert: dict[str, Any]) -> None:
        if url == "away":
            raise StoreError("away")
        told.append((url, alert["seq"]))

    alerts = Alerts(path=tmp_path / "a.json", loop="l", urls=("away", "there"), post=post_to)
    alerts.begin(MemoryJournal())
    with pytest.raises(StoreError):
        alerts.tell(failing_trainings)
    assert told == [("there", seq) for seq in range(4)]


def test_a_new_url_is_not_told_the_past(tmp_path: Path, failing_trainings: Any) -> None:
    told: list[int] = []
    alerts = Alerts(
        path=tmp_path / "a.json", loop="l", urls=("u",), post=lambda _, a: told.append(a["seq"])
    )
    alerts.begin(failing_trainings)
    failing_trainings.append([decision(TrainingFailed, 4, request="t")])
    alerts.tell(failing_trainings)
    assert told == [4]


@pytest.fixture
def webhook() -> Any:
    class Taker(BaseHTTPRequestHandler):
        taken: ClassVar[list[bytes]] = []
        status = 200

        def do_POST(self) -> None:
            self.taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(Taker.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook?secret=1", Taker
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_gets_json_and_its_refusal_is_told_without_its_secrets(webhook: Any) -> None:
    url, taker = webhook
    post(url, {"kind": "promoted"})
    assert taker.taken == [b'{"kind":"promoted"}']
    taker.status = 500
    with pytest.raises(StoreError) as refused:
        post(url, {"kind": "promoted"})
    assert "secret" not in str(refused.value)
    with pytest.raises(StoreError, match="did not take"):
        post("http://127.0.0.1:1/", {})
    with pytest.raises(StoreError, match="did not take"):
        post("no url at all", {})


def waited(condition: Callable[[], bool]) -> bool:
    for _ in range(500):
        if condition():
            return True
        threading.Event().wait(0.01)
    return False


def test_work_beside_the_loop_is_tried_again_until_it_succeeds() -> None:
    done: list[int] = []

    def work() -> None:
        done.append(1)
        if len(done) < 3:
            raise StoreError("not yet")

    background = Background("test", work, retry_seconds=0.01)
    background.ask()
    assert waited(lambda: len(done) == 3 and background.error is None)
    background.ask()
    assert waited(lambda: len(done) == 4)
    background.close()
    background.ask()
    assert not background._thread.is_alive()


class PanicError(BaseException):
    """What some libraries raise that is no `Exception`."""


@pytest.mark.parametrize("raised", [ValueError("oh"), PanicError("oh")])
def test_work_that_fails_as_nobody_foresaw_is_told_and_tried_again(raised: BaseException) -> None:
    done: list[int] = []
    told = threading.Event()

    def work() -> None:
        done.append(1)
        if len(done) == 1:
            raise raised
        told.wait(5)

    background = Background("test", work, retry_seconds=0.01)
    background.ask()
    assert waited(lambda: len(done) == 2)
    assert background.error is not None
    assert type(raised).__name__ in background.error.what
    told.set()
    assert waited(lambda: background.error is None)
    background.close()
