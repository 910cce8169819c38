from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from ostinato.core.clock import VirtualClock
from ostinato.core.ports import Entry
from ostinato.core.units import HOUR_NS, SECOND_NS
from ostinato.live.client import RefusedError, UnreachableError
from ostinato.live.rehearse import Driver
from ostinato.live.same_journal import first_difference
from ostinato.live.transport import HttpTransport


class FakeHistory:
    first, n_classes, start_ns = 5, 2, 0

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return self.first + self.rows


class FakeEvents:
    """One event in each tick."""

    def bodies(self, now_ns):
        return [("events", f"until {now_ns}".encode())]


class FakeTold:
    """Rows that are their own numbers; labels are told as a range."""

    def __init__(self, rows, *, labels_first=False):
        self.history, self.events = FakeHistory(rows), FakeEvents()
        self.next_row, self.next_label = 5, 5
        self.labels_first = labels_first

    def requests(self, stop, *, at_most):
        starts = range(self.next_row, stop, at_most)
        bodies = [(s, json.dumps(list(range(s, min(s + at_most, stop)))).encode()) for s in starts]
        self.next_row = stop
        return bodies

    def labels(self, now_ns, *, stop):
        start, self.next_label = self.next_label, stop
        return [f"{start}..{stop}".encode()] if start < stop else []

    def outcomes(self, now_ns):
        return [f"known at {now_ns}".encode()]


class FakeTransport:
    """Answers each row with its number; writes down what came in which order."""

    def __init__(self):
        self.seen, self.lock, self.under_way, self.most = [], threading.Lock(), 0, 0

    def predict(self, body):
        with self.lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            rows = json.loads(body)
            self.seen.append(("predict", rows))
        answers = [{"score": float(r), "version": "v1", "role": "champion"} for r in rows]
        with self.lock:
            self.under_way -= 1
        return answers

    def label(self, body):
        self.seen.append(("label", body.decode()))

    def event(self, where, body):
        self.seen.append((where, body.decode()))

    def move_clock(self, now_ns):
        self.seen.append(("clock", now_ns))


def drive(rows=30, *, exact=True, speed=0.0, transport=None, labels_first=False, **words):
    told, transport = FakeTold(rows, labels_first=labels_first), transport or FakeTransport()
    driver = Driver(told, transport, rows_per_request=4, exact=exact, speed=speed, **words)
    moments = []
    driver.run([(h * HOUR_NS, min(5 + 10 * h, rows + 5)) for h in range(1, 4)], moments.append)
    return driver, transport, moments


def test_in_a_tick_come_events_rows_labels_outcomes_and_then_the_clock():
    _, transport, moments = drive()
    kinds = [kind for kind, _ in transport.seen]
    assert kinds == ["events", "predict", "predict", "predict", "label", "outcomes", "clock"] * 3
    assert transport.seen[0] == ("events", f"until {HOUR_NS}")
    assert transport.seen[1] == ("predict", [5, 6, 7, 8])
    assert [what for kind, what in transport.seen if kind == "clock"] == [
        HOUR_NS,
        2 * HOUR_NS,
        3 * HOUR_NS,
    ]
    assert [each.rows for each in moments] == [10, 20, 30]


def test_labels_that_features_are_made_of_come_before_the_rows_that_see_them():
    _, transport, _ = drive(labels_first=True)
    kinds = [kind for kind, _ in transport.seen]
    assert kinds == ["events", "label", "predict", "predict", "predict", "outcomes", "clock"] * 3


def test_exact_rows_go_one_request_after_the_other_in_order():
    _, transport, _ = drive()
    rows = [row for kind, what in transport.seen if kind == "predict" for row in what]
    assert rows == list(range(5, 35))
    assert transport.most == 1


@pytest.mark.parametrize("exact", [True, False])
def test_answers_are_kept_by_row_whatever_the_order(exact):
    driver, _, _ = drive(exact=exact)
    assert driver.answers.scores.tolist() == [float(row) for row in range(5, 35)]
    assert driver.answers.versions == {("v1", "champion"): 30}
    assert np.isfinite(driver.answers.wait_ms(0.99))


def test_no_faster_than_the_speed_that_was_asked_for():
    clock, waits = VirtualClock(0), []

    def sleep(seconds):
        waits.append(seconds)
        clock.advance_to(clock.now_ns() + int(seconds * SECOND_NS))

    drive(speed=3_600, clock=clock, sleep=sleep)
    assert waits == pytest.approx([1.0, 1.0, 1.0])


def test_what_goes_wrong_ends_the_rehearsal():
    class Broken(FakeTransport):
        def predict(self, body):
            raise RefusedError(422, {"what": "no such field"})

    with pytest.raises(RefusedError, match="no such field"):
        drive(exact=False, transport=Broken())


class FlakyClient:
    """Fails as told, then answers."""

    def __init__(self, *failures):
        self.failures, self.sent = list(failures), []

    def send(self, method, path, body):
        self.sent.append((path, json.loads(body)))
        if self.failures:
            raise self.failures.pop(0)
        return {"predictions": [{"score": 1.0}]}


def transport_with(client):
    transport = HttpTransport("http://127.0.0.1:1", "flights")
    transport._own.client = client
    return transport


def test_a_request_is_sent_again_while_the_service_is_away():
    client = FlakyClient(UnreachableError("gone"), RefusedError(503, {"what": "full"}))
    transport = transport_with(client)
    assert transport.predict(b'{"a": 1}') == [{"score": 1.0}]
    assert client.sent == [("/loops/flights/predict", {"a": 1})] * 3


def test_a_request_that_is_wrong_is_not_sent_again():
    client = FlakyClient(RefusedError(422, {"what": "no such field"}))
    with pytest.raises(RefusedError):
        transport_with(client).predict(b"{}")
    assert len(client.sent) == 1


def test_a_move_of_the_clock_that_takes_long_is_asked_for_again():
    client = FlakyClient(RefusedError(504, {"what": "not yet"}))
    transport_with(client).move_clock(7)
    assert client.sent == [("/loops/flights/clock", {"now": 7})] * 2


def entry(seq, kind="promoted", **body):
    text = json.dumps({"kind": kind, "subject": "v1", **body})
    return Entry(
        seq=seq, ts_event_ns=0, ts_record_ns=0, kind=kind, body=text, hash=str(seq), measured="{}"
    )


def test_equal_journals_have_no_difference():
    assert first_difference([entry(0), entry(1)], [entry(0), entry(1)]) is None


def test_the_first_difference_names_the_field_and_both_values():
    found = first_difference(
        [entry(0), entry(1, evidence={"a": 1, "n": 2})],
        [entry(0), entry(1, evidence={"a": 1, "n": 3})],
    )
    assert (found.seq, found.where) == (1, "evidence.n")
    assert (found.left_value, found.right_value) == ("2", "3")


def test_a_journal_that_ends_early_differs_there():
    found = first_difference([entry(0)], [entry(0), entry(1)])
    assert (found.seq, found.left, found.right) == (1, "", "promoted v1")
