from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.records import ROLES, PredictionsMade
from ostinato.core.snapshot import decode, encode
from ostinato.watch.monitors.fairness import LONGEST_WAIT, Fairness

FAST, SLOW = 100, 200
GROUPS = ("place=a", "place=(other)", "sex=f", "sex=m", "sex=x", "sex=(other)")
COLUMNS = (("sex", 1, (2, 3, 4)),)


def monitor(*, labelled=True, **changes):
    settings = {
        "task": "binary",
        "metric": "log_loss",
        "groups": GROUPS,
        "columns": COLUMNS,
        "slow_ns": SLOW,
        "floor": 0.05,
        "tolerance": 0.05,
    }
    return Fairness(**{**settings, "labelled": labelled, **changes})


def begun(watch):
    state = watch.begin()
    watch.renew(state, "v1")
    return state


@pytest.fixture
def rows(watching, draw):
    """Matured rows of one short window: groups of three sexes, labels and scores as given."""

    def make(count=1000, *, at=0, task="binary", sexes=(0.45, 0.45, 0.1), versions=("v1",)):
        told = watching().matured(
            draw, task, count, times=draw.integers(at, at + FAST, count), versions=versions
        )
        sex = draw.choice([2, 3, 4], count, p=sexes)
        groups = np.stack([np.zeros(count), sex], axis=1).astype(np.int32)
        return replace(told, groups=groups, answered=np.zeros(count, dtype=np.int16))

    return make


def window(watch, state, start=0):
    """Read a long window; return the readings by name, what was not measured, and the figures."""
    first = watch.read(state, start, start + FAST)
    assert first.found == ()  # gaps are read once per long window
    last = watch.read(state, start + FAST, start + SLOW)
    found = {each.stream.name: each for each in last.found}
    return found, dict(last.unmeasured), watch.describe(state, start, start + SLOW)


def test_gaps_are_the_largest_differences_between_groups(rows):
    told, watch = rows(), monitor()
    state = begun(watch)

    for part in np.array_split(np.arange(len(told)), 5):
        watch.take(state, parted(told, part), 0)
    found, unmeasured, figures = window(watch, state)

    chosen, true = told.scores["v1"] >= 0.5, told.labels == 1.0
    tpr, fpr = [], []
    for code in (2, 3, 4):
        group = told.groups[:, 1] == code
        tpr.append(chosen[group & true].mean())
        fpr.append(chosen[group & ~true].mean())
    tpr_gap = found["fairness/sex:equal opportunity difference"]
    assert tpr_gap.mean == pytest.approx(max(tpr) - min(tpr))
    assert (tpr_gap.rows, tpr_gap.relative, tpr_gap.falling) == (true.sum(), False, False)
    assert 0 < tpr_gap.deviation / np.sqrt(tpr_gap.rows) < 0.2
    fpr_gap = found["fairness/sex:false positive rate difference"]
    assert fpr_gap.mean == pytest.approx(max(fpr) - min(fpr))
    assert "fairness/sex:accuracy difference" in found
    assert not unmeasured
    odds = figures["fairness/sex:equalized odds difference"]
    assert odds["value"] == pytest.approx(max(tpr_gap.mean, fpr_gap.mean))
    assert odds["ratio"] == pytest.approx(min(min(tpr) / max(tpr), min(fpr) / max(fpr)))
    of_f = figures["fairness/sex:true positive rate @sex=f"]
    assert of_f["value"] == pytest.approx(tpr[0])
    assert of_f["low"] < tpr[0] < of_f["high"]


def parted(told, part):
    only = {
        name: getattr(told, name)[part]
        for name in ("times_ns", "groups", "labels", "answered", "roles", "signs")
    }
    return replace(told, scores={v: s[part] for v, s in told.scores.items()}, **only)


def made_of(told):
    """The predictions of matured rows, as they were made."""
    return PredictionsMade(
        ts_event_ns=0,
        ts_record_ns=0,
        offset=0,
        ids=told.offsets,
        times_ns=told.times_ns,
        unit_hashes=told.unit_hashes,
        groups=told.groups,
        versions=told.versions,
        answered=told.answered,
        roles=told.roles,
        scores=told.scores,
        epoch=1,
    )


def test_demographic_parity_needs_no_label_and_is_read_for_challengers_too(rows):
    told, watch = rows(versions=("v1", "v2")), monitor(labelled=False)
    state = begun(watch)

    watch.take(state, made_of(told), 0)
    found, _, figures = window(watch, state)

    assert (watch.clock, watch.wants, watch.name) == ("now", {"predictions_made"}, "selection")
    assert set(found) == {
        "fairness/sex:demographic parity difference",
        "fairness/sex:demographic parity difference [v2]",
    }
    rates = [(told.scores["v1"][told.groups[:, 1] == c] >= 0.5).mean() for c in (2, 3, 4)]
    name = "fairness/sex:demographic parity difference"
    assert found[name].mean == pytest.approx(max(rates) - min(rates))
    assert figures[name]["ratio"] == pytest.approx(min(rates) / max(rates))


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_other_tasks_compare_losses_predictions_and_accuracies(rows, task):
    told = rows(task=task)
    labelled = monitor(task=task, metric={"regression": "mae", "multiclass": "log_loss"}[task])
    state = begun(labelled)

    labelled.take(state, told, 0)
    found, _, _ = window(labelled, state)

    assert "fairness/sex:loss difference" in found
    assert ("fairness/sex:accuracy difference" in found) == (task == "multiclass")
    unlabelled = monitor(task=task, labelled=False)
    assert unlabelled.measures == (("prediction",) if task == "regression" else ())


def test_a_gap_waits_for_its_small_groups_and_then_goes_on_without_them(rows):
    watch = monitor(labelled=False)
    state, waits = begun(watch), []
    for turn in range(LONGEST_WAIT + 2):
        told = rows(400, at=turn * SLOW, sexes=(0.5, 0.495, 0.005))
        watch.take(state, made_of(told), 0)
        found, unmeasured, _ = window(watch, state, turn * SLOW)
        waits.append((bool(found), *unmeasured.values()))

    assert [read for read, *_ in waits] == [False] * LONGEST_WAIT + [True, True]
    assert "sex=x" in waits[0][1]
    assert "Waits" in waits[0][1]
    assert "Left out" in waits[LONGEST_WAIT][1]
    assert waits[-1] == (True,)  # the groups are fixed now


def test_small_groups_gather_rows_over_windows_until_they_can_be_compared(rows):
    watch, read = monitor(labelled=False), []
    state = begun(watch)
    for turn in range(4):
        watch.take(state, made_of(rows(400, at=turn * SLOW, sexes=(0.48, 0.48, 0.04))), 0)
        found, _, figures = window(watch, state, turn * SLOW)
        read.append(bool(found))

    assert read == [False, True, False, True]
    assert figures["fairness/sex:selection rate @sex=x"]["rows"] >= 30


def test_the_reference_stays_when_the_champion_changes():
    assert monitor().renew(monitor().begin(), "v2") is None


def test_labels_of_one_class_leave_the_other_rate_unmeasured(rows):
    told, watch = rows(), monitor()
    state = begun(watch)

    watch.take(state, replace(told, labels=np.zeros(len(told))), 0)
    found, unmeasured, _ = window(watch, state)

    assert "fairness/sex:false positive rate difference" in found
    assert "fairness/sex:equal opportunity difference" not in found
    assert "none" in unmeasured["fairness/sex:equal opportunity difference"]


def test_one_group_alone_is_compared_with_nobody(rows):
    told, watch = rows(sexes=(1.0, 0.0, 0.0)), monitor(labelled=False)
    state = begun(watch)

    watch.take(state, made_of(told), 0)
    found, unmeasured, _ = window(watch, state)

    assert not found
    assert "two groups" in next(iter(unmeasured.values()))


def test_rows_without_label_score_or_choice_by_chance_do_not_count(rows):
    told, watch = rows(sexes=(0.5, 0.5, 0.0)), monitor(explored=True)
    state = begun(watch)
    explored = np.arange(len(told)) % 2 == 0
    labels = np.where(np.arange(len(told)) % 4 == 0, np.nan, told.labels)
    roles = np.where(explored, ROLES.index("explore"), 0).astype(np.int8)

    watch.take(state, replace(told, labels=labels, roles=roles), 0)
    window(watch, state)
    figures = state.figures

    of = [figures[f"fairness/sex:accuracy @sex={each}"]["rows"] for each in "fm"]
    counted = explored & ~np.isnan(labels)
    assert of == [(counted & (told.groups[:, 1] == code)).sum() for code in (2, 3)]


def test_windows_without_rows_say_so_and_state_survives_a_snapshot(rows):
    watch = monitor()
    state = begun(watch)
    _, unmeasured, _ = window(watch, state)
    assert "no rows" in unmeasured["fairness/fairness"]

    for turn in range(1, 30):
        told = rows(60, at=turn * SLOW, versions=("v1", f"c{turn}"))
        watch.take(state, told, 0)
        window(watch, state, turn * SLOW)

    assert len(state.versions) <= 7
    assert encode(decode(encode(state))) == encode(state)
