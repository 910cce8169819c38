"""The online store as bytes, and back."""

from __future__ import annotations

import json

import pytest

from ostinato import features
from ostinato.core.errors import StoreError
from ostinato.features.online import OnlineStore, snapshot
from ostinato.features.plan import make_plan


def take_in(store, steps):
    return [
        store.ingest(given) if what == "events" else store.lookup([given[0]], [given[1]])
        for what, given in steps
    ]


@pytest.fixture
def stored(every_kind, stream):
    store = OnlineStore(every_kind)
    take_in(store, stream(1))
    return store.snapshot()


@pytest.mark.parametrize("seed", range(8))
def test_a_store_goes_on_from_its_bytes_as_if_nothing_had_happened(every_kind, stream, seed):
    steps = stream(seed, steps=80)
    store = OnlineStore(every_kind)
    take_in(store, steps[:40])

    again = OnlineStore.restore(every_kind, store.snapshot())

    assert again.pending == store.pending
    assert again.freshness() == store.freshness()
    assert take_in(again, steps[40:]) == take_in(store, steps[40:])
    assert again.snapshot() == store.snapshot()
    assert (again.now_ns, again.dropped) == (store.now_ns, store.dropped)


def test_the_same_store_has_the_same_bytes(every_kind, stored):
    store = OnlineStore.restore(every_kind, stored)

    assert store.snapshot() == stored
    assert store.snapshot() == stored


def test_a_store_that_has_seen_nothing_has_bytes(every_kind):
    store = OnlineStore.restore(every_kind, OnlineStore(every_kind).snapshot())

    assert store.now_ns is None
    assert store.keys == 0


def test_bytes_that_are_damaged_or_cut_off_are_refused(every_kind, stored):
    cuts = [stored[:end] for end in (0, 10, 60, len(stored) // 2, len(stored) - 1)]
    flipped = [
        stored[:place] + bytes([stored[place] ^ 1]) + stored[place + 1 :]
        for place in (0, 30, len(stored) // 2, len(stored) - 1)
    ]

    for data in [*cuts, *flipped, stored + b"\0"]:
        with pytest.raises(StoreError, match="made again from the log"):
            OnlineStore.restore(every_kind, data)


def test_bytes_of_other_features_are_refused(landings, stored):
    other = make_plan([features.count(landings, by="carrier", window="11s")])

    with pytest.raises(StoreError, match="is of other features"):
        OnlineStore.restore(other, stored)


def test_bytes_of_another_release_are_refused(every_kind, stored, monkeypatch):
    monkeypatch.setattr(snapshot, "FORMAT", 99)

    with pytest.raises(StoreError, match="is of another release"):
        OnlineStore.restore(every_kind, stored)


def test_plain_columns_may_change_below_the_same_windows(landings):
    window = features.count(landings, by="carrier", window="11s")
    stored = OnlineStore(make_plan([window])).snapshot()

    assert OnlineStore.restore(make_plan(["distance", window]), stored).keys == 0


def test_the_head_says_what_the_bytes_are(stored):
    head = json.loads(stored.split(b"\n")[1])

    assert head["format"] == snapshot.FORMAT
    assert head["shapes"]["counters"] == [3]
