"""The online store against plain Python: every aggregate, every request, to the last bit."""

from __future__ import annotations

import pytest

from ostinato.features.online import OnlineStore


def run(plan, steps, oracle, events_of, store=None):
    """Carry a stream out, and return (what the store said, what the oracle says)."""
    store = store or OnlineStore(plan)
    events, said, right = [], [], []
    for what, given in steps:
        if what == "events":
            store.ingest(given)
            events += events_of(given, own=given.source == "labels")
        else:
            row, time = given
            said += store.lookup([row], [time])
            right.append(oracle(plan, events, row, time))
    return said, right


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("start", [0, -(10**12), 1_700_000_000 * 10**9])
def test_every_aggregate_is_what_its_definition_says(
    every_kind, stream, oracle, events_of, seed, start
):
    said, right = run(every_kind, stream(seed, start=start), oracle, events_of)

    assert said == right
    assert said
