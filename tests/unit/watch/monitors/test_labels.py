from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.records import CandidateTrained, TrainingRequested
from ostinato.core.snapshot import decode, encode
from ostinato.watch.label_cells import LabelCells
from ostinato.watch.label_history import label_history
from ostinato.watch.monitors.arrivals import LabelArrivals
from ostinato.watch.monitors.labels import LabelDrift

SECOND = 1_000_000_000
FAST, SLOW = 10 * SECOND, 100 * SECOND
START = 1_000 * SECOND
HORIZON = 50 * SECOND


def history(draw, *, classes=2, negative=False, rate=1.0, rows=2_000):
    """Labels of a thousand seconds, half of class 1 (or normal), two to six seconds late."""
    times = np.sort(draw.integers(0, 1_000, rows)) * SECOND
    labels = draw.integers(0, classes, rows).astype(float) if classes else draw.normal(size=rows)
    late = draw.integers(2, 7, rows) * SECOND
    labels[draw.random(rows) > rate] = np.nan
    cells = LabelCells.fitted(labels, classes=classes, horizon_ns=HORIZON, negative=negative)
    return label_history(
        cells,
        labels=labels,
        times_ns=times,
        label_times_ns=times + late,
        matured_to_ns=START - HORIZON,
        start_ns=START,
        width_ns=SLOW,
    )


def trained(version, from_ns, to_ns):
    """The two records that say which rows a version learned from."""
    stamp = {"ts_event_ns": START, "ts_record_ns": START, "reason": "", "request": version}
    order = TrainingRequested(
        **stamp,
        subject="first",
        from_ns=from_ns,
        to_ns=to_ns,
        holdout_from_ns=to_ns,
        matured_to_ns=to_ns,
        half_life_ns=None,
        warm_start_from=None,
        champion=None,
        seed=0,
    )
    return order, CandidateTrained(**stamp, subject=version, artifact="a")


def begun(kind, draw, **how):
    """A monitor whose champion learned from the whole history, its state and reference."""
    monitor = kind(label="late", history=history(draw, **how), fast_ns=FAST, slow_ns=SLOW)
    state = monitor.begin()
    for record in trained("v1", 0, START):
        monitor.take(state, record, 0)
    if isinstance(monitor, LabelArrivals):  # serving began a horizon ago
        state.begun_ns = START - HORIZON
    return monitor, state, monitor.renew(state, "v1")


def times_in(from_ns, count):
    return from_ns + np.arange(count) * (FAST // (count + 1))


# ---------------------------------------------------------------- matured


def test_the_first_reference_are_the_labels_that_the_champion_learned_from(made, draw):
    _, _, reference = begun(LabelDrift, draw)

    found = [made.by_name(each) for each in reference]
    assert len(found) == 9  # the tenth window had not matured
    shares = sum(each["label/late"].counts for each in found)
    assert shares[1] / shares.sum() == pytest.approx(0.5, abs=0.05)
    assert not found[0]["label/late"].ordered
    assert all(each["label/late:missing"].counts[1] == 0 for each in found)
    delays = sum(each["label/late:delay"].counts for each in found)
    assert delays.sum() == shares.sum()
    assert np.count_nonzero(delays) == 4  # 2, 3, 4 to 5 and 6 seconds, by half octaves


def test_labels_of_one_class_labels_that_stay_away_and_late_ones_have_names_that_say_it(made, draw):
    monitor, state, reference = begun(LabelDrift, draw)
    times = times_in(START, 40)
    labels = np.where(np.arange(40) < 10, np.nan, 0.0)
    monitor.take(state, made.matured(times, labels, {"v1": labels}, delays=20 * SECOND), 0)

    found = made.by_name(monitor.read(state, START, START + FAST))

    assert found["label/late"].counts.tolist() == [30, 0]
    assert found["label/late:missing"].counts.tolist() == [30, 10]
    assert found["label/late:missing"].rising
    before = sum(made.by_name(each)["label/late:delay"].counts for each in reference)
    assert found["label/late:delay"].counts.argmax() > np.flatnonzero(before).max() + 2
    told = monitor.describe(state, START, START + SLOW)["label/late"]
    assert told == {"rows": 40.0, "labelled": 30.0, "note": "all labels are of class 0"}


def test_labels_before_their_prediction_or_at_its_moment_are_counted_apart(made, draw):
    monitor, state, _ = begun(LabelDrift, draw)
    delays = np.array([-5, 0, 0, 3, 4]) * SECOND
    labels = np.ones(5)
    monitor.take(state, made.matured(times_in(START, 5), labels, {"v1": labels}, delays=delays), 0)

    found = made.by_name(monitor.read(state, START, START + FAST))

    assert found["label/late:negative delay"].counts.tolist() == [4, 1]
    assert found["label/late:no delay"].counts.tolist() == [3, 2]
    assert found["label/late:delay"].counts.sum() == 5


def test_an_overdue_label_that_means_no_is_missing_and_of_class_0(made, draw):
    monitor, state, _ = begun(LabelDrift, draw, negative=True)
    times = times_in(START, 6)
    rows = made.matured(times, [0, 0, 0, 0, 1, 1], {"v1": np.zeros(6)}, delays=3 * SECOND)
    rows.label_times_ns[:2] = np.iinfo(np.int64).min  # nobody told them
    rows.label_times_ns[2] = times[2] + HORIZON  # told when it was overdue
    monitor.take(state, rows, 0)

    found = made.by_name(monitor.read(state, START, START + FAST))

    assert found["label/late"].counts.tolist() == [4, 2]
    assert found["label/late:missing"].counts.tolist() == [3, 3]


def test_targets_of_a_regression_are_cut_where_those_of_the_history_were(made, draw):
    monitor, state, reference = begun(LabelDrift, draw, classes=0)
    rows = made.matured(times_in(START, 50), draw.normal(5, 1, 50), {"v1": np.zeros(50)})
    monitor.take(state, rows, 0)

    found = made.by_name(monitor.read(state, START, START + FAST))["label/late"]

    assert found.ordered
    assert found.counts[-1] > 40
    before = sum(made.by_name(each)["label/late"].counts for each in reference)
    assert before.max() < 0.06 * before.sum()


def test_a_new_champion_is_compared_with_what_it_learned_from(made, draw):
    monitor, state, _ = begun(LabelDrift, draw)
    for start in range(START, START + 5 * SLOW, FAST):
        rows = made.matured(times_in(start, 20), np.ones(20), {"v1": np.ones(20)}, delays=SECOND)
        monitor.take(state, rows, 0)
        monitor.read(state, start, start + FAST)
    for record in trained("v2", START, START + 5 * SLOW):
        monitor.take(state, record, 0)

    renewed = monitor.renew(state, "v2")
    back = monitor.renew(state, "v1")
    unknown = monitor.renew(state, "v3")

    assert [made.by_name(each)["label/late"].counts.tolist() for each in renewed] == [[0, 200]] * 5
    assert [each.from_ns for each in back] == list(range(0, 900 * SECOND, SLOW))
    assert unknown is None  # nothing is known of what it learned from: all stays


def test_constant_targets_no_labels_and_no_rows_say_what_could_not_be_measured(made, draw):
    constant = label_history(
        LabelCells.fitted(np.full(9, 2.0), classes=0, horizon_ns=0, negative=False),
        labels=np.full(9, 2.0),
        times_ns=np.arange(9),
        label_times_ns=np.arange(9),
        matured_to_ns=9,
        start_ns=9,
        width_ns=3,
    )
    assert [counts[0] for counts in constant.counts] == [3, 3, 3]
    monitor, state, _ = begun(LabelDrift, draw)

    assert (
        "no prediction" in dict(monitor.read(state, START, START + FAST).unmeasured)["label/late"]
    )
    nothing = np.full(3, np.nan)
    monitor.take(state, made.matured(times_in(START, 3), nothing, {"v1": nothing}), 0)
    readings = monitor.read(state, START, START + FAST)
    assert dict(readings.unmeasured) == {
        "label/late:delay": "no label of the window came",
        "label/late": "no prediction of the window has a label",
    }
    assert made.by_name(readings)["label/late:missing"].counts.tolist() == [0, 3]


def test_a_history_without_rows_leaves_the_first_windows_as_the_reference(draw):
    empty = np.empty(0, dtype=np.int64)
    nothing = label_history(
        LabelCells.fitted(np.empty(0), classes=2, horizon_ns=0, negative=False),
        labels=np.empty(0),
        times_ns=empty,
        label_times_ns=empty,
        matured_to_ns=0,
        start_ns=0,
        width_ns=SLOW,
    )
    for kind in (LabelDrift, LabelArrivals):
        monitor = kind(label="late", history=nothing, fast_ns=FAST, slow_ns=SLOW)
        assert monitor.renew(monitor.begin(), "v1") == ()


def test_the_past_is_bounded(made, draw):
    monitor, state, _ = begun(LabelDrift, draw)
    for start in range(START, START + 300 * SLOW, SLOW):
        monitor.take(state, made.matured([start], [1.0], {"v1": [1.0]}), 0)
        monitor.read(state, start, start + SLOW)
        for record in trained(f"v{start}", start, start):
            monitor.take(state, record, 0)

    assert len(state.past.starts_ns) == len(state.past.counts) == 100
    assert len(state.past.spans) == 16
    assert not state.past.orders


# ---------------------------------------------------------------- arrivals


def arrive(monitor, state, made, start, *, asked=20, values=(0, 1) * 10, ids=None):
    if asked:
        monitor.take(state, made.predictions(times_in(start, asked), {"v1": np.zeros(asked)}), 0)
    if len(values):
        came = made.labels_arrived(times_in(start, len(values)), values, ids)
        monitor.take(state, came, 0)
    return monitor.read(state, start, start + FAST)


def test_labels_that_stop_coming_show_in_the_window_in_which_they_do(made, draw):
    monitor, state, reference = begun(LabelArrivals, draw)

    usual = made.by_name(arrive(monitor, state, made, START))
    silent = arrive(monitor, state, made, START + FAST, values=())

    before = [made.by_name(each)["label/late:per prediction"] for each in reference]
    assert np.mean([each.mean for each in before]) == pytest.approx(1.0, abs=0.05)
    assert usual["label/late:per prediction"].mean == 1.0
    assert usual["label/late:per prediction"].deviation == 1.0
    assert made.by_name(silent)["label/late:per prediction"].mean == 0.0
    assert dict(silent.unmeasured) == {"label/late:arrived": "no label came in the window"}


def test_within_a_horizon_of_the_start_it_is_not_asked_how_many_labels_come(made, draw):
    monitor, state, _ = begun(LabelArrivals, draw)
    state.begun_ns = None
    kept = len(state.past.starts_ns)

    first = arrive(monitor, state, made, START, values=())
    for start in range(START + FAST, START + HORIZON, FAST):
        quick = arrive(monitor, state, made, start, values=[1, 1, 7])
    # The first prediction came a moment after the window of the start began.
    arrive(monitor, state, made, START + HORIZON)
    steady = made.by_name(arrive(monitor, state, made, START + HORIZON + FAST))

    assert first.found == ()
    assert set(dict(first.unmeasured)) == {"label/late:per prediction", "label/late:arrived"}
    assert set(dict(quick.unmeasured)) == set(dict(first.unmeasured))
    assert made.by_name(quick)["label/late:unknown class"].counts.tolist() == [2, 1]
    assert steady["label/late:per prediction"].mean == 1.0
    assert len(state.past.starts_ns) == kept + 1, "and is no reference"


@pytest.mark.parametrize(("value", "alike"), [(0, 1), (0.5, 0)])
def test_labels_that_all_say_the_same_through_a_long_window_have_a_stream(made, draw, value, alike):
    monitor, state, reference = begun(LabelArrivals, draw)
    both = np.where(np.arange(10) % 2 == 0, 0, 2 * value)

    *short, last = [
        made.by_name(arrive(monitor, state, made, START + i * FAST, values=both)) for i in range(10)
    ]

    name = "label/late:one value"
    assert all(made.by_name(each)[name].counts[1] == 0 for each in reference)
    assert not any(name in each for each in short)
    assert last[name].counts.tolist() == [100 * (1 - alike), 100 * alike]


@pytest.mark.parametrize(("values", "counts"), [([0] * 40, [0, 40]), ([0] * 20, None)])
def test_where_labels_always_mix_a_short_window_of_one_kind_counts_beyond_chance(
    made, draw, values, counts
):
    monitor, state, _ = begun(LabelArrivals, draw)
    for i in range(30):
        arrive(monitor, state, made, START + i * FAST)

    mixed = made.by_name(arrive(monitor, state, made, START + 30 * FAST))
    alike = made.by_name(arrive(monitor, state, made, START + 31 * FAST, values=values))

    name = "label/late:one value"
    assert mixed[name].counts.tolist() == [20, 0]
    assert (alike[name].counts.tolist() if counts else alike.get(name)) == counts


def test_the_ramp_at_the_beginning_of_the_history_is_no_reference(draw):
    _, _, reference = begun(LabelArrivals, draw)

    assert [each.from_ns // SECOND for each in reference] == list(range(100, 900, 100))


def test_labels_that_are_all_zero_withdrawn_or_of_no_known_class_have_streams(made, draw):
    monitor, state, _ = begun(LabelArrivals, draw)
    values = [0, 0, 0, np.nan, 2, 0.5, -1, np.inf, 0, 0]

    found = made.by_name(arrive(monitor, state, made, START, values=values))

    assert found["label/late:arrived"].counts.tolist() == [5, 0]
    assert found["label/late:withdrawn"].counts.tolist() == [9, 1]
    assert found["label/late:unknown class"].counts.tolist() == [6, 4]
    assert found["label/late:too late"].counts.tolist() == [10, 0]
    told = monitor.describe(state, START, START + SLOW)["label/late:arrived"]
    assert told["note"] == "all labels are of class 0"


def test_labels_that_contradict_each_other_or_what_matured_are_conflicts(made, draw):
    monitor, state, _ = begun(LabelArrivals, draw)
    ids = [1, 1, 2, 2, 3, 4]
    first = arrive(monitor, state, made, START, values=[0, 1, 1, 1, 0, np.nan], ids=ids)
    labels = np.array([0.0, 1.0, np.nan, 1.0, 1.0, 1.0, 1.0, np.nan])
    revision = made.matured(
        np.full(8, START), labels, {"v1": np.zeros(8)}, signs=[-1] * 4 + [1] * 4, to_ns=START
    )
    object.__setattr__(revision, "ts_event_ns", START + FAST)
    monitor.take(state, revision, 0)

    found = made.by_name(arrive(monitor, state, made, START + FAST))

    assert made.by_name(first)["label/late:conflicts"].counts.tolist() == [5, 1]
    assert found["label/late:conflicts"].counts.tolist() == [19, 1]  # 0 became 1
    assert found["label/late:too late"].counts.tolist() == [19, 1]  # nothing became 1


def test_a_late_label_where_overdue_means_no_is_late_and_no_conflict(made, draw):
    monitor, state, _ = begun(LabelArrivals, draw, negative=True)
    revision = made.matured(
        np.full(2, START), [0.0, 1.0], {"v1": np.zeros(2)}, delays=HORIZON, signs=[-1, 1]
    )
    object.__setattr__(revision, "ts_event_ns", START)
    monitor.take(state, revision, 0)

    found = made.by_name(arrive(monitor, state, made, START))

    assert found["label/late:too late"].counts.tolist() == [19, 1]
    assert found["label/late:conflicts"].counts.tolist() == [20, 0]


def test_windows_without_predictions_or_without_anything_say_so(made, draw):
    monitor, state, _ = begun(LabelArrivals, draw)

    only_labels = arrive(monitor, state, made, START, asked=0)
    nothing = arrive(monitor, state, made, START + FAST, asked=0, values=())

    assert "label/late:per prediction" in dict(only_labels.unmeasured)
    assert made.by_name(only_labels)["label/late:arrived"].counts.sum() == 20
    assert "label/late:per prediction" in dict(nothing.unmeasured)
    assert nothing.found == ()


@pytest.mark.parametrize("kind", [LabelDrift, LabelArrivals])
def test_any_cut_into_ticks_and_any_snapshot_gives_the_same_readings(made, draw, kind):
    monitor, state, _ = begun(kind, draw)
    other = decode(encode(state))
    times = np.sort(draw.integers(START, START + 2 * FAST, 3_000))
    labels = draw.integers(0, 2, 3_000).astype(float)
    monitor.take(state, made.matured(times, labels, {"v1": labels}), 0)
    monitor.take(state, made.labels_arrived(times, labels), 0)
    for part in np.array_split(np.arange(3_000), 17):
        other = decode(encode(other))
        monitor.take(other, made.matured(times[part], labels[part], {"v1": labels[part]}), 0)
        monitor.take(other, made.labels_arrived(times[part], labels[part], part), 0)

    for start in (START, START + FAST):
        one = monitor.read(state, start, start + FAST)
        assert encode(one) == encode(monitor.read(other, start, start + FAST))
        assert one.found
