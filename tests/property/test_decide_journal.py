"""Whatever happens, the triggers keep to their lock, cool-down and budget, and say things once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.core.records import (
    CandidateAccepted,
    CandidateRejected,
    LossesObserved,
    Promoted,
    RolloutEnded,
)
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.decide import DecideConfig, Degradation, Every, ExcessLoss, NewLabels, all_of, any_of
from ostinato.decide.bind import bound
from ostinato.decide.stage import start, step
from ostinato.decide.surroundings import Surroundings

BY_SLICE = Degradation(by_slice=True, season="none", arl=2e3, reference_rows=400)
LOOP = Surroundings(horizon_ns=HOUR_NS, slice_columns=2, group_names=("all", "odd"))

CONFIG = DecideConfig(
    triggers=(
        Every("1d"),
        all_of(Every("6h"), Degradation(season="none", arl=200.0, reference_rows=60)),
        any_of(NewLabels(700), Degradation(chart="cusum", arl=500.0, reference_rows=60)),
        bound(BY_SLICE, LOOP),
        ExcessLoss(cost=30, budget=50, per="2d", season="none", arl=200.0, reference_rows=60),
    ),
    cooldown_ns=3 * HOUR_NS,
    max_requests=4,
    per_ns=2 * DAY_NS,
    task="regression",
    metric="mae",
)


def losses(now_ns, level, rng, n=50):
    return LossesObserved(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        offsets=np.arange(n),
        times_ns=now_ns - np.arange(n)[::-1],
        unit_hashes=np.arange(n, dtype=np.uint64),
        groups=np.column_stack([np.zeros(n), np.arange(n) % 2]).astype(np.int32),
        versions=("v1",),
        answered=np.zeros(n, dtype=np.int16),
        roles=np.zeros(n, dtype=np.int8),
        losses={"v1": level * rng.uniform(0.5, 1.5, n)},
        matured_to_ns=now_ns,
    )


def decided(kind, now_ns, **fields):
    return kind(ts_event_ns=now_ns, ts_record_ns=now_ns, subject="c", reason="", **fields)


ANSWERS = {
    "reject": lambda now: [decided(CandidateRejected, now)],
    "accept": lambda now: [decided(CandidateAccepted, now)],
    "end": lambda now: [decided(RolloutEnded, now, outcome="kept")],
}

histories = st.lists(
    st.tuples(st.sampled_from([0.2, 0.2, 1.0]), st.sampled_from(["", "", *ANSWERS])),
    min_size=1,
    max_size=80,
)


def play(history, seed, *, restart):
    rng, now_ns = np.random.default_rng(seed), 0
    state = start(CONFIG)
    first = Promoted(ts_event_ns=0, ts_record_ns=0, subject="v1", reason="", previous=None)
    made = [step(state, [first], now_ns)]
    locked = [bool(state.busy)]
    for level, answer in history:
        now_ns += HOUR_NS
        inbox = [losses(now_ns, level, rng), *(ANSWERS[answer](now_ns) if answer else [])]
        if restart:
            state = decode(encode(state))
            state.config_ = CONFIG
        made.append(step(state, inbox, now_ns))
        locked.append(bool(state.busy))
    return made, locked


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(0, 2**20))
def test_requests_keep_to_the_lock_the_cool_down_and_the_budget(history, seed):
    made, locked = play(history, seed, restart=False)

    moments = [r.ts_event_ns for each in made for r in each if r.kind == "learning_requested"]
    assert all(later - earlier >= CONFIG.cooldown_ns for earlier, later in pairwise(moments))
    assert all(
        later - earlier >= CONFIG.per_ns
        for earlier, later in zip(moments, moments[CONFIG.max_requests :], strict=False)
    )
    for (_, answer), before, each in zip(history, locked, made[1:], strict=False):
        if before and not answer:
            assert not any(record.kind == "learning_requested" for record in each)


@settings(max_examples=60, deadline=None)
@given(histories, st.integers(0, 2**20))
def test_the_journal_never_hears_the_same_stance_twice_in_a_row(history, seed):
    made, _ = play(history, seed, restart=False)

    stances: dict[str, list[str]] = {}
    for record in (record for each in made for record in each):
        if record.kind == "trigger_changed":
            stances.setdefault(record.subject, []).append(record.stance)
            assert record.evidence
    assert all(a != b for heard in stances.values() for a, b in pairwise(heard))


@settings(max_examples=25, deadline=None)
@given(histories, st.integers(0, 2**20))
def test_a_restart_between_any_two_ticks_changes_nothing(history, seed):
    once, _ = play(history, seed, restart=False)
    again, _ = play(history, seed, restart=True)

    texts = [[r.canonical() for each in made for r in each] for made in (once, again)]
    assert texts[0] == texts[1]
