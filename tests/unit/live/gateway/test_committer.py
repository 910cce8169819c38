from __future__ import annotations

import asyncio
import threading

import pytest

from ostinato.core.errors import StoreError
from ostinato.live.gateway import committer as module
from ostinato.live.gateway.committer import Committer
from ostinato.live.gateway.http import HttpError


class FakeLog:
    """Keeps commits; can be told to fail, or to wait."""

    def __init__(self):
        self.commits, self.full, self.go = [], False, threading.Event()
        self.go.set()

    def append_once(self, events):
        assert self.go.wait(10)
        if self.full:
            raise StoreError(
                "The event log could not be used", found="disk full", hint="Make room."
            )
        self.commits.append([key for key, _ in events])
        return [(0, None)] * len(events)


def run(scenario, log, **settings):
    async def whole():
        committer = Committer(log, asyncio.get_running_loop(), **settings)
        try:
            return await scenario(committer)
        finally:
            log.go.set()
            await committer.close()

    return asyncio.run(whole())


def test_what_waits_goes_in_one_commit():
    log = FakeLog()

    async def scenario(committer):
        log.go.clear()
        first = asyncio.ensure_future(committer.commit([("first", b"")]))
        await asyncio.sleep(0.05)
        others = [asyncio.ensure_future(committer.commit([(f"{i}", b"")])) for i in range(10)]
        await asyncio.sleep(0)
        log.go.set()
        await asyncio.gather(first, *others)

    run(scenario, log)

    assert log.commits == [["first"], [str(i) for i in range(10)]]


def test_a_failed_commit_is_told_and_the_next_one_succeeds():
    log = FakeLog()

    async def scenario(committer):
        log.full = True
        with pytest.raises(StoreError, match="could not be used"):
            await committer.commit([("a", b"")])
        trouble = committer.trouble
        log.full = False
        await committer.commit([("a", b"")])
        return trouble, committer.trouble

    trouble, after = run(scenario, log)

    assert trouble.found == "disk full"
    assert after is None
    assert log.commits == [["a"]]


def test_what_nobody_waits_for_is_tried_again(monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    log = FakeLog()

    async def scenario(committer):
        log.full = True
        committer.submit_later([("later", b"")])
        while committer.trouble is None:  # noqa: ASYNC110 - the thread has no event to wait for
            await asyncio.sleep(0.001)
        log.full = False
        while committer.trouble is not None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)

    run(scenario, log)

    assert log.commits == [["later"]]


def test_in_the_window_events_wait_for_company_but_not_for_someone_who_waits():
    log = FakeLog()

    async def scenario(committer):
        for i in range(5):
            committer.submit_later([(f"{i}", b"")])
            await asyncio.sleep(0.01)
        early = list(log.commits)
        await committer.commit([("now", b"")])
        return early

    early = run(scenario, log, window_ms=60_000)

    assert early == []
    assert log.commits == [["0", "1", "2", "3", "4", "now"]]


def test_closing_writes_what_waits():
    log = FakeLog()

    async def scenario(committer):
        committer.submit_later([("a", b"")])

    run(scenario, log, window_ms=60_000)

    assert log.commits == [["a"]]


def test_a_log_that_does_not_keep_up_refuses_more(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    log = FakeLog()

    async def scenario(committer):
        log.go.clear()
        committer.submit_later([("a", b"x" * 200)])
        full = committer.full
        log.go.set()
        await committer.commit([("b", b"")])
        return full, committer.full

    assert run(scenario, log) == (True, False)


def test_a_full_disk_is_told_to_the_client_and_passes(make_service, run_gateway, monkeypatch):
    service = make_service()

    async def scenario(client):
        log = client.gateway.committer.log
        real = log.append_once

        def refuse(events):
            raise StoreError(
                "The event log could not be used", found="disk full", hint="Make room."
            )

        client.gateway.committer.log.append_once = refuse
        prediction = await client.predict()
        label = await client.post("/loops/small/labels", {"prediction_id": 1, "label": 1})
        ready = client.gateway.ready()
        log.append_once = real
        return prediction, label[0], ready, (await client.predict())[0], client.gateway.ready()

    prediction, label, ready, after, ready_again = run_gateway(service, scenario)

    assert prediction[0] == label == 503
    assert prediction[1]["found"] == "disk full"
    assert (ready, after, ready_again) == (False, 200, True)
    assert len(service.events()) == 1


def test_in_async_mode_the_answer_does_not_wait_for_the_disk(make_service, run_gateway):
    service = make_service(durability="async", async_window_ms=60_000)

    async def scenario(client):
        status, _ = await client.predict()
        early = service.events()
        await client.predict(prediction_id="mine")
        return status, early, len(service.events())

    status, early, late = run_gateway(service, scenario)

    assert (status, early) == (200, [])
    assert late == 2, "a client's id is looked up in the log, which takes the rest along"


def test_more_rows_than_may_wait_are_refused(make_service, run_gateway, monkeypatch):
    monkeypatch.setattr("ostinato.live.gateway.batcher.MOST_ROWS", 10)
    service = make_service()

    async def scenario(client):
        with pytest.raises(HttpError) as refused:
            client.gateway.batcher.ask([tuple(service.inputs().values())] * 11, None, None)
        return refused.value, (await client.predict())[0]

    refused, after = run_gateway(service, scenario)

    assert refused.status == 503
    assert ("retry-after", "1") in refused.headers
    assert after == 200


class SlowLog(FakeLog):
    """Says which thread commits, and can take a while."""

    def __init__(self):
        super().__init__()
        self.threads, self.took_s = [], 0.0

    def append_once(self, events):
        self.threads.append(threading.current_thread())
        threading.Event().wait(self.took_s)
        return super().append_once(events)


def here(log):
    return [thread is threading.main_thread() for thread in log.threads]


def test_on_a_quick_disk_the_loop_commits_by_itself_until_a_commit_is_slow(monkeypatch):
    monkeypatch.setattr(module, "QUICK_S", 0.05)
    monkeypatch.setattr(module, "QUICK_COMMITS", 2)
    log = SlowLog()

    async def scenario(committer):
        for _ in range(4):
            await committer.commit([("quick", b"")])
        log.took_s = 0.06
        await committer.commit([("slow", b"")])
        log.took_s = 0.0
        await committer.commit([("after", b"")])

    run(scenario, log)

    assert here(log) == [False, False, True, True, True, False]


def test_the_loop_does_not_commit_past_what_waits_for_the_thread(monkeypatch):
    monkeypatch.setattr(module, "QUICK_S", 60.0)
    monkeypatch.setattr(module, "QUICK_COMMITS", 1)
    log = SlowLog()

    async def scenario(committer):
        await committer.commit([("first", b"")])
        log.go.clear()
        committer.submit_later([("later", b"")])
        waiting = asyncio.ensure_future(committer.commit([("second", b"")]))
        await asyncio.sleep(0)
        log.go.set()
        await waiting
        await committer.commit([("third", b"")])

    run(scenario, log)

    assert [key for keys in log.commits for key in keys] == ["first", "later", "second", "third"]
    assert here(log)[-1]
    assert not any(here(log)[:-1])


def test_a_commit_in_the_loop_that_fails_is_told_and_the_thread_takes_over(monkeypatch):
    monkeypatch.setattr(module, "QUICK_S", 60.0)
    monkeypatch.setattr(module, "QUICK_COMMITS", 1)
    log = SlowLog()

    async def scenario(committer):
        await committer.commit([("first", b"")])
        log.full = True
        with pytest.raises(StoreError, match="could not be used"):
            await committer.commit([("refused", b"")])
        trouble, log.full = committer.trouble, False
        await committer.commit([("again", b"")])
        return trouble, committer.trouble, committer.inside

    trouble, after, inside = run(scenario, log)

    assert trouble.found == "disk full"
    assert (after, inside) == (None, False)
    assert here(log) == [False, True, False]


def test_while_the_loop_commits_the_gateway_counts_as_alive(make_service, run_gateway):
    async def scenario(client):
        client.gateway.turned_ns = 5
        before = client.gateway.alive().beat_ns
        client.gateway.committer.inside = True
        return before, client.gateway.alive().beat_ns

    before, during = run_gateway(make_service(), scenario)

    assert before == 5
    assert during > 10**18
