import dataclasses

import numpy as np
import pytest

from ostinato.core.canonical import plain
from ostinato.core.snapshot import decode, encode
from ostinato.stats.cohorts import CohortDetector
from ostinato.stats.ppi_stream import FusedStream
from ostinato.stats.ski_rental import ShadowPrice, SkiRental
from ostinato.stats.weights import WeightBank

N = 300
RNG = np.random.default_rng(1)
BAD = RNG.binomial(200, 0.02, (N, 2))
SCORES = RNG.random((N, 3))
LABELS = (RNG.random(N) < 0.4).astype(float)
LOSSES = np.where(RNG.random(N) < 0.3, LABELS, np.nan)


def day(state, i):
    state.open(i)
    bad = state.revealed([0, 1], [1.0, 0.5]) * BAD[i][:, None]
    others = state.others(np.diag([200, 180] - BAD[i]))
    days = np.array([i, i - 1])
    state.step(days, bad + others)
    state.close(i)


def row(state, i):
    state.observe(SCORES[i : i + 1], LABELS[i : i + 1], [max(state.version - 3, 0)])
    if i % 5 == 0:
        state.publish()


def spend(state, i):
    state.advance(1.0)
    if i % 7 == 0:
        state.spend(0.3)


STATES = {
    "cohorts": (CohortDetector.begin(np.array([0.02, 0.015]), arl=50.0), day),
    "fused": (
        FusedStream.begin(tightest_at=100),
        lambda s, i: s.update(LOSSES[i : i + 1], SCORES[i : i + 1, 0], 0.3),
    ),
    "ski": (SkiRental.begin(10.0), lambda s, i: s.add(float(SCORES[i, 0]) - 0.4, 0.1)),
    "price": (ShadowPrice.begin(2.0, 30.0), spend),
    "weights": (WeightBank.begin(3, remember=20), row),
}
each_state = pytest.mark.parametrize("name", sorted(STATES))


@each_state
def test_a_process_goes_on_with_the_same_bits_after_a_restart(name):
    start, step = STATES[name]
    state = decode(encode(start))
    for i in range(120):
        step(state, i)

    again = decode(encode(state))
    assert again.registered() == start.registered()
    for i in range(120, N):
        step(state, i)
        step(again, i)

    assert encode(again) == encode(state)
    assert encode(again) != encode(start)


@each_state
def test_a_process_needs_no_more_memory_in_the_long_run(name):
    start, step = STATES[name]
    state = decode(encode(start))
    for i in range(150):
        step(state, i)
    size = sum(np.size(getattr(state, f.name)) for f in dataclasses.fields(state))

    for i in range(150, N):
        step(state, i)

    assert size == sum(np.size(getattr(state, f.name)) for f in dataclasses.fields(state))


@each_state
def test_a_process_stays_finite_so_that_it_can_be_written_anywhere(name):
    start, step = STATES[name]
    state = decode(encode(start))
    for i in range(N):
        step(state, i)

    for field in dataclasses.fields(state):
        value = getattr(state, field.name)
        if not isinstance(value, str):
            assert np.isfinite(value).all(), field.name


@each_state
def test_what_is_registered_can_stand_in_the_journal_and_does_not_change(name):
    start, step = STATES[name]
    state = decode(encode(start))
    registered = plain(state.registered())
    for i in range(N):
        step(state, i)

    assert registered == plain(state.registered())
    assert registered
