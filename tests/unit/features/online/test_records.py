from __future__ import annotations

import numpy as np

from ostinato.features.keys import key_hash
from ostinato.features.online import asked
from ostinato.features.online.asked import KeyReader
from ostinato.features.online.records import Pending


def records(*pairs):
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def test_what_waits_comes_out_by_time_and_then_as_it_came():
    rng = np.random.default_rng(0)
    pending, waiting, came = Pending(), [], 0
    for now in range(300):
        times = now + 1 + rng.integers(0, 30, rng.integers(1, 9))
        waiting += [(int(time), came + place) for place, time in enumerate(times)]
        pending.add(records(*waiting[-len(times) :]))
        came += len(times)
        due = pending.take(now)
        right = sorted(each for each in waiting if each[0] <= now)
        waiting = [each for each in waiting if each[0] > now]
        assert ([] if due is None else [tuple(each) for each in due.tolist()]) == right
        assert len(pending) == len(waiting)
        assert pending.next_ns == min(time for time, _ in waiting)

    assert len(pending.all()) == len(waiting)


def test_many_small_runs_become_few():
    pending = Pending()
    for place in range(1_000):
        pending.add(records((5 + place % 7, place)))

    assert len(pending._runs) < 12
    assert len(pending) == 1_000


def test_keys_are_hashed_as_those_of_tables_and_parts_may_be_missing(monkeypatch):
    monkeypatch.setattr(asked, "REMEMBERED", 3)
    reader = KeyReader([(0,), (1, 0)])

    for row in [("AA", 1), ("UA", 2), (None, 2), ("B6", float("nan")), ("AA", 1.5), ("x", True)]:
        hashes, there = reader.read([row])
        right = [key_hash([row[0]]), key_hash([row[1], row[0]])]
        assert there.tolist() == [[found is not None for found in right]]
        for found, each in zip(hashes.view(np.uint64)[0].tolist(), right, strict=True):
            assert each is None or found == each
