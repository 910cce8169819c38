"""Whatever order labels come in, the same rows mature, once each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.core.records import (
    LabelsArrived,
    LabelsAwaited,
    PredictionsMade,
    RowsLabelled,
    RowsMatured,
)
from ostinato.core.snapshot import decode, encode
from ostinato.join import STAGE, JoinConfig

HORIZON, REVISE = 40, 60
TICKS = 12  # predictions are made in ticks 1..12, one every 10 ns
END = 10 * TICKS + HORIZON + REVISE + 10


@dataclass(frozen=True)
class Event:
    """A label as it is heard: in which tick, of which row, with which time and value."""

    tick: int
    row: int
    time_ns: int
    value: float


@st.composite
def stories(draw, within_horizon: bool = False):
    """Row counts of the ticks, and labels with distinct times per row."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=TICKS, max_size=TICKS))
    events = []
    for row, made in enumerate(np.repeat(np.arange(1, TICKS + 1), sizes).tolist()):
        times = draw(st.lists(st.integers(0, 60), unique=True, max_size=3))
        for time_ns in times:
            latest = made + (HORIZON if within_horizon else HORIZON + REVISE) // 10 - 1
            tick = draw(st.integers(made if within_horizon else max(made - 3, 1), latest))
            value = draw(st.sampled_from([0.0, 1.0, float("nan")]))
            events.append(Event(tick, row, time_ns, value))
    return sizes, draw(st.permutations(events))


def predictions(first, count, tick):
    return PredictionsMade(
        ts_event_ns=tick * 10,
        ts_record_ns=tick * 10,
        offset=first,
        ids=np.arange(first, first + count),
        times_ns=np.full(count, tick * 10 - 5, dtype=np.int64),
        unit_hashes=np.zeros(count, dtype=np.uint64),
        groups=np.zeros((count, 1), dtype=np.int32),
        versions=("v1",),
        answered=np.zeros(count, dtype=np.int16),
        roles=np.zeros(count, dtype=np.int8),
        scores={"v1": np.arange(first, first + count) / 100},
        epoch=1,
    )


def labels(events):
    return LabelsArrived(
        ts_event_ns=0,
        ts_record_ns=0,
        ids=np.array([event.row for event in events], dtype=np.int64),
        times_ns=np.array([event.time_ns for event in events], dtype=np.int64),
        values=np.array([event.value for event in events]),
    )


def play(sizes, events, *, never="censored", restore_at=frozenset(), early=False):
    config = JoinConfig(horizon_ns=HORIZON, revise_ns=REVISE, never=never, classes=2, early=early)
    state, out, first = STAGE.start(config), [], 0
    for tick in range(1, END // 10 + 1):
        records = []
        count = sizes[tick - 1] if tick <= TICKS else 0
        if count:
            records.append(predictions(first, count, tick))
            first += count
        heard = [event for event in events if event.tick == tick]
        if heard:
            records.append(labels(heard))
        if tick in restore_at:
            state = decode(encode(state))
            state.config_ = config
        out.append(STAGE.step(state, records, tick * 10))
    return state, out


def net(out):
    """Matured rows after every -1 took its row back: (offset, label, score)."""
    rows = Counter()
    for record in (record for made in out for record in made if isinstance(record, RowsMatured)):
        for row in range(len(record)):
            key = (
                int(record.offsets[row]),
                repr(float(record.labels[row])),
                float(record.scores["v1"][row]),
            )
            rows[key] += int(record.signs[row])
    return {key: count for key, count in rows.items() if count}


def expected(sizes, events, never):
    """The label with the latest time, row by row."""
    rows = {}
    for row in range(sum(sizes)):
        own = sorted((e for e in events if e.row == row), key=lambda event: event.time_ns)
        value = own[-1].value if own else float("nan")
        if np.isnan(value) and never == "negative":
            value = 0.0
        rows[row, repr(value), row / 100] = 1
    return rows


@settings(max_examples=150, deadline=None)
@given(story=stories(), never=st.sampled_from(["censored", "negative"]))
def test_every_prediction_matures_exactly_once_with_its_latest_label(story, never):
    sizes, events = story
    _, out = play(sizes, events, never=never)
    assert net(out) == expected(sizes, events, never)


@settings(max_examples=80, deadline=None)
@given(story=stories(within_horizon=True), data=st.data())
def test_order_of_arrival_within_the_horizon_does_not_matter(story, data):
    sizes, events = story
    made = np.repeat(np.arange(1, TICKS + 1), sizes).tolist()
    ticks = [data.draw(st.integers(made[e.row], made[e.row] + HORIZON // 10 - 1)) for e in events]
    again = [Event(t, e.row, e.time_ns, e.value) for t, e in zip(ticks, events, strict=True)]
    assert net(play(sizes, events)[1]) == net(play(sizes, data.draw(st.permutations(again)))[1])


@settings(max_examples=80, deadline=None)
@given(story=stories())
def test_rows_mature_in_the_order_they_were_predicted(story):
    _, out = play(*story)
    rows = [r for made in out for r in made if isinstance(r, RowsMatured) and not r.revision]
    offsets = [offset for record in rows for offset in record.offsets.tolist()]
    assert offsets == list(range(sum(story[0])))
    limits = [record.matured_to_ns for record in rows]
    assert limits == sorted(limits)
    assert all(record.times_ns.max() <= record.matured_to_ns for record in rows)


@settings(max_examples=60, deadline=None)
@given(story=stories(), cuts=st.sets(st.integers(1, END // 10), max_size=4))
def test_restored_join_goes_on_as_if_nothing_had_happened(story, cuts):
    whole_state, whole = play(*story)
    cut_state, cut = play(*story, restore_at=cuts)
    assert [encode(made) for made in cut] == [encode(made) for made in whole]
    assert encode(cut_state) == encode(whole_state)


@settings(max_examples=60, deadline=None)
@given(story=stories())
def test_everything_is_counted_and_nothing_stays(story):
    sizes, events = story
    state, _ = play(sizes, events)
    assert state.slots == {}
    assert state.cohorts == []
    assert state.early == {}
    assert state.history == {}
    assert state.counts.get("rows matured", 0) == state.coverage.rows == sum(sizes)
    known = {row for row, value, _ in expected(sizes, events, "censored") if value != "nan"}
    assert state.coverage.labelled == len(known) == state.coverage.ages.sum()


@settings(max_examples=60, deadline=None)
@given(story=stories())
def test_ages_are_those_of_the_labels_that_hold(story):
    sizes, events = story
    state, _ = play(sizes, events)
    ages = np.zeros(33, dtype=np.int64)
    for row, tick in enumerate(np.repeat(np.arange(1, TICKS + 1), sizes).tolist()):
        own = sorted((e for e in events if e.row == row), key=lambda event: event.time_ns)
        if own and not np.isnan(own[-1].value):
            age = max(own[-1].time_ns - (tick * 10 - 5), 0)
            ages[age // 2 if age <= HORIZON else 32] += 1
    assert state.coverage.ages.tolist() == ages.tolist()


@settings(max_examples=150, deadline=None)
@given(story=stories(), never=st.sampled_from(["censored", "negative"]), data=st.data())
def test_every_row_is_told_at_most_once_and_restarts_change_nothing(story, never, data):
    sizes, events = story
    restore_at = frozenset(data.draw(st.lists(st.integers(1, END // 10), max_size=4)))

    out = [
        record
        for made in play(sizes, events, never=never, early=True, restore_at=restore_at)[1]
        for record in made
    ]

    awaited = sum(len(record) for record in out if isinstance(record, LabelsAwaited))
    told = [record.scores["v1"] for record in out if isinstance(record, RowsLabelled)]
    rows = np.round(np.concatenate(told) * 100).astype(int).tolist() if told else []
    assert awaited == sum(sizes)
    assert len(set(rows)) == len(rows)
    labelled = {row for row, value, _ in expected(sizes, events, never) if value != "nan"}
    assert labelled <= set(rows)
    if never == "negative":
        assert len(rows) == sum(sizes)
    quiet = [record for made in play(sizes, events, never=never)[1] for record in made]
    kinds = ("labels_awaited", "rows_labelled")
    assert [r.kind for r in out if r.kind not in kinds] == [r.kind for r in quiet]
