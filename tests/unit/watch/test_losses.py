from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.records import (
    ROLES,
    CandidateEvaluated,
    LossesObserved,
    RowsMatured,
    ValidationSet,
)
from ostinato.core.snapshot import decode, encode
from ostinato.watch.monitors.losses import LEAST_ROWS, Losses

FAST, SLOW = 100, 400
GROUPS = ("place=a", "place=b", "kind=x", "kind=y")


def monitor(**changes):
    settings = {"task": "regression", "metric": "mae", "groups": GROUPS, "tolerance": 0.05}
    return Losses(**{**settings, "fast_ns": FAST, "slow_ns": SLOW, **changes})


def observed(times, losses, groups, **changes):
    """Losses of champion v1, or of several versions."""
    losses = losses if isinstance(losses, dict) else {"v1": losses}
    n = len(times)
    settings = {
        "offsets": np.arange(n),
        "times_ns": np.asarray(times, dtype=np.int64),
        "unit_hashes": np.zeros(n, dtype=np.uint64),
        "groups": np.asarray(groups, dtype=np.int32),
        "versions": tuple(losses),
        "answered": np.zeros(n, dtype=np.int16),
        "roles": np.zeros(n, dtype=np.int8),
        "losses": {v: np.asarray(each, dtype=np.float64) for v, each in losses.items()},
        "matured_to_ns": 0,
    }
    return LossesObserved(ts_event_ns=0, ts_record_ns=0, **{**settings, **changes})


def begun(watch, champion="v1"):
    state = watch.begin()
    watch.renew(state, champion)
    return state


def by_name(readings):
    return {each.stream.name: each for each in readings.found}


@pytest.fixture
def rows(draw):
    times = np.sort(draw.integers(0, FAST, 300))
    groups = np.stack([draw.integers(-1, 2, 300), draw.integers(2, 4, 300)], axis=1)
    return times, draw.gamma(2.0, 1.0, 300), groups


def test_the_mean_loss_of_all_rows_and_of_each_slice_is_read(rows):
    times, losses, groups = rows
    watch = monitor()
    state = begun(watch)

    watch.take(state, observed(times, losses, groups), 0)
    found = by_name(watch.read(state, 0, FAST))

    assert set(found) == {"performance/mae", *(f"performance/mae @{name}" for name in GROUPS)}
    for code, name in enumerate(["", *(f" @{name}" for name in GROUPS)]):
        chosen = (groups == code - 1).any(axis=1) if code else np.ones(len(times), dtype=bool)
        level = found[f"performance/mae{name}"]
        assert level.rows == chosen.sum()
        assert level.mean == pytest.approx(losses[chosen].mean())
        assert level.deviation == pytest.approx(losses[chosen].std())
        assert (level.relative, level.falling) == (True, False)


def test_sums_are_the_same_to_the_bit_however_rows_are_cut_into_records(rows):
    times, losses, groups = rows
    watch = monitor()
    whole, parts = begun(watch), begun(watch)

    watch.take(whole, observed(times, losses, groups), 0)
    for part in np.array_split(np.arange(300), 17):
        watch.take(parts, observed(times[part], losses[part], groups[part]), 0)

    assert watch.read(whole, 0, FAST) == watch.read(parts, 0, FAST)
    assert encode(whole) == encode(parts)


def test_a_small_slice_waits_for_rows_of_later_windows_and_says_so():
    watch = monitor(slow_ns=FAST)
    state, told = begun(watch), []
    for window in range(4):
        times = window * FAST + np.arange(60)
        groups = np.tile([0, 2], (60, 1))
        groups[:10, 0] = 1  # ten rows of b in each window
        watch.take(state, observed(times, np.full(60, 2.0), groups), 0)
        readings = watch.read(state, window * FAST, (window + 1) * FAST)
        told.append((by_name(readings).get("performance/mae @place=b"), readings.unmeasured))

    assert [level is None for level, _ in told] == [True, True, False, True]
    assert told[2][0].rows == LEAST_ROWS
    assert told[0][1][0][1] == (
        "A slice is read whenever 30 labelled rows have come; these wait for more: place=b."
    )
    assert not told[2][1]


def test_a_subgroup_that_fails_is_seen_under_a_steady_aggregate():
    watch = monitor()
    state = begun(watch)
    groups = np.tile([0, 2], (1000, 1))
    groups[:50, 0] = 1
    losses = np.full(1000, 1.0)
    losses[:50] = 1.5

    watch.take(state, observed(np.zeros(1000), losses, groups), 0)
    found = by_name(watch.read(state, 0, FAST))

    assert found["performance/mae"].mean == pytest.approx(1.025)  # within 5 %
    assert found["performance/mae @place=b"].mean == pytest.approx(1.5)


def test_challengers_have_streams_of_their_own_and_become_the_champion():
    watch = monitor(groups=())
    state = begun(watch)
    groups = np.empty((40, 0))
    both = {"v1": np.full(40, 1.0), "v2": np.full(40, 2.0), "fallback": np.full(40, 9.0)}

    watch.take(state, observed(np.zeros(40), both, groups), 0)
    before = by_name(watch.read(state, 0, FAST))
    watch.renew(state, "v2")
    watch.take(state, observed(np.full(40, FAST), both, groups), 0)
    after = by_name(watch.read(state, FAST, 2 * FAST))

    assert {name: each.mean for name, each in before.items()} == {
        "performance/mae": 1.0,
        "performance/mae [v2]": 2.0,
    }
    assert after["performance/mae"].mean == 2.0
    assert after["performance/mae [v1]"].mean == 1.0


def test_where_the_prediction_changes_the_label_a_version_has_its_own_rows_only():
    watch = monitor(groups=(), paired=False)
    state = begun(watch)
    both = {"v1": np.arange(80.0), "v2": np.arange(80.0)}
    answered = np.repeat([0, 1], 40).astype(np.int16)

    watch.take(state, observed(np.zeros(80), both, np.empty((80, 0)), answered=answered), 0)
    found = by_name(watch.read(state, 0, FAST))

    assert found["performance/mae"].mean == pytest.approx(np.arange(40).mean())
    assert found["performance/mae [v2]"].mean == pytest.approx(np.arange(40, 80).mean())


def test_where_labels_are_selective_only_rows_let_through_by_chance_count():
    watch = monitor(groups=(), explored=True)
    state = begun(watch)
    roles = np.zeros(90, dtype=np.int8)
    roles[:LEAST_ROWS] = ROLES.index("explore")
    losses = np.where(roles > 0, 3.0, 1.0)

    watch.take(state, observed(np.zeros(90), losses, np.empty((90, 0)), roles=roles), 0)

    assert by_name(watch.read(state, 0, FAST))["performance/mae"].mean == 3.0


def test_the_reference_is_what_the_champion_lost_on_its_recent_rows():
    watch = monitor()
    state = watch.begin()
    times = np.arange(2 * SLOW)
    groups = np.tile([0, 2], (2 * SLOW, 1)).astype(np.int32)
    sets = tuple(
        ValidationSet(
            name=name,
            times_ns=times,
            labels=np.zeros(2 * SLOW),
            groups=groups,
            candidate=np.where(times < SLOW, 1.0, far),
            champion=None,
        )
        for name, far in (("recent", 2.0), ("random", 70.0))
    )
    told = CandidateEvaluated(
        ts_event_ns=0,
        ts_record_ns=0,
        version="v1",
        sets=sets,
        latency_ms_per_row=0.0,
        artifact_bytes=0,
    )

    watch.take(state, told, 0)
    reference = watch.renew(state, "v1")

    assert [(each.from_ns, each.to_ns) for each in reference] == [(0, SLOW), (SLOW, 2 * SLOW)]
    assert [by_name(each)["performance/mae"].mean for each in reference] == [1.0, 2.0]
    assert [by_name(each)["performance/mae @place=a"].rows for each in reference] == [SLOW, SLOW]
    assert watch.renew(state, "unknown") == ()


def test_a_slice_whose_labels_stop_coming_has_a_share_of_missing_ones(watching, draw):
    watch = monitor(groups=tuple("abcde"), task="binary", metric="log_loss")
    state = begun(watch)
    rows: RowsMatured = watching().matured(draw, "binary", 600, times=draw.integers(0, 100, 600))
    silent = (rows.groups == 1).any(axis=1)
    rows = replace(rows, labels=np.where(silent, np.nan, rows.labels))

    watch.take(state, rows, 0)
    watch.take(state, replace(rows, revision=True), 0)  # takes nothing back that was read
    found = by_name(watch.read(state, 0, FAST))

    assert "performance/labels:missing" not in found
    assert found["performance/labels:missing @b"].counts.tolist() == [0.0, silent.sum()]
    other = (rows.groups == 4).any(axis=1)
    assert found["performance/labels:missing @e"].counts.tolist() == [
        (other & ~silent).sum(),
        (other & silent).sum(),
    ]


def test_windows_without_rows_say_that_nothing_was_measured():
    watch = monitor()
    state = begun(watch)

    readings = [watch.read(state, start, start + FAST) for start in range(0, SLOW, FAST)]

    assert [each.found for each in readings] == [()] * 4
    assert [len(each.unmeasured) for each in readings] == [0, 0, 0, 1]
    assert "No labelled row" in readings[-1].unmeasured[0][1]
    assert watch.describe(state, 0, SLOW) == {}


def test_losses_that_are_no_number_and_rows_that_come_too_late_are_left_out():
    watch = monitor(groups=())
    state = begun(watch)
    watch.read(state, 0, FAST)
    times = np.r_[np.zeros(5), np.full(50, FAST)]
    losses = np.r_[np.full(5, 1e9), np.full(20, np.nan), np.full(30, 1.0)]

    watch.take(state, observed(times, losses, np.empty((55, 0))), 0)
    found = by_name(watch.read(state, FAST, 2 * FAST))

    assert (found["performance/mae"].rows, found["performance/mae"].mean) == (30, 1.0)
    assert state.windows.late == 5


def test_state_does_not_grow_with_versions_and_windows(rows):
    times, losses, groups = rows
    watch, sizes = monitor(), []
    state = begun(watch)
    for window in range(60):
        told = observed(times + window * FAST, {"v1": losses, f"c{window}": losses}, groups)
        watch.take(state, told, 0)
        watch.read(state, window * FAST, (window + 1) * FAST)
        sizes.append(len(encode(state)))

    assert sizes[-1] < 1.1 * sizes[10]
    assert encode(decode(encode(state))) == encode(deepcopy(state))
