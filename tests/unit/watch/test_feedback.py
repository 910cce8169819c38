from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.records import ROLES, CandidateTrained, RowsMatured, TrainingRequested
from ostinato.core.snapshot import decode, encode
from ostinato.watch.monitors.feedback import Feedback

EXPLORE = ROLES.index("explore")
FAST, SLOW, SHARE = 100, 200, 0.05


def monitor(**changes):
    settings = {"task": "binary", "metric": "brier", "floor": 0.05, "tolerance": 0.05}
    return Feedback(**{**settings, "slow_ns": SLOW, **changes})


def begun(watch):
    state = watch.begin()
    watch.renew(state, "v1")
    return state


def window(watch, state, start=0):
    """Read a long window: readings by name, what was not measured, the verdict."""
    found = {}
    for at in range(start, start + SLOW, FAST):
        readings = watch.read(state, at, at + FAST)
        found |= {each.stream.name: each for each in readings.found}
    told = watch.describe(state, start, start + SLOW)
    return found, dict(readings.unmeasured), told["feedback/verdict"], told["feedback/rows"]


@pytest.fixture
def world(watching, draw):
    """A fraud loop: half of the fraud looks like fraud to the model, the other half does not.

    `catches`: only requests that are flagged get a label, and explored ones.
    """

    def make(count=20_000, *, explore=0.0, catches=True, at=0):
        rows: RowsMatured = watching().matured(
            draw, "binary", count, times=draw.integers(at, at + SLOW, count)
        )
        fraud, seen = draw.random(count) < 0.2, draw.random(count) < 0.5
        score = np.where(fraud & seen, draw.uniform(0.6, 0.9, count), draw.uniform(0.0, 0.3, count))
        score = np.where(draw.random(count) < 0.02, 0.55, score)
        roles = np.where(draw.random(count) < explore, EXPLORE, 0).astype(np.int8)
        known = (score >= 0.5) | (roles == EXPLORE) if catches else np.ones(count, dtype=bool)
        return replace(
            rows,
            answered=np.zeros(count, dtype=np.int16),
            scores={"v1": score},
            labels=np.where(known, fraud.astype(float), np.nan),
            roles=roles,
            propensities=np.where(roles == EXPLORE, explore, 1 - explore) if explore else None,
        )

    return make


def test_a_fraud_loop_that_only_sees_what_it_caught_is_blind(world):
    watch = monitor()
    state = begun(watch)
    watch.take(state, world(), 0)

    found, _, verdict, figures = window(watch, state)

    assert verdict["verdict"] == "blind"
    assert "Of positive answers 100% have a label, of the others 0%" in verdict["text"]
    assert "selective=True" in verdict["action"]
    assert "explore" in verdict["action"]
    assert found["feedback/labels:by answer"].mean == pytest.approx(1.0)
    assert figures["explored"] == 0.0


def test_explored_rows_show_what_the_model_misses_beside_the_naive_figures(world):
    rows, watch = world(explore=SHARE), monitor(selective=True)
    state = begun(watch)
    watch.take(state, rows, 0)

    found, _, verdict, figures = window(watch, state)

    assert verdict["verdict"] == "distorted"
    assert figures["naive_label"] > 0.8  # nearly all that was flagged is fraud
    assert figures["label_low"] < 0.2 < figures["label_high"]  # a fifth of all rows is
    assert figures["label_ips"] == pytest.approx(figures["label_snips"], rel=0.15)
    assert figures["weights_holds"] == 1.0
    assert figures["largest_weight"] == pytest.approx(1 / SHARE)
    explored = (rows.roles == EXPLORE).sum()
    assert figures["label_worth"] == pytest.approx(explored)
    other, chosen = found["feedback/labels:selected"].counts.tolist()
    assert other == explored
    assert chosen == ((rows.roles == 0) & ~np.isnan(rows.labels)).sum()
    assert "feedback/loss:bias" in found


def test_where_every_row_gets_its_label_nothing_is_found(world):
    watch = monitor()
    state = begun(watch)
    watch.take(state, world(explore=SHARE, catches=False), 0)

    found, unmeasured, verdict, _ = window(watch, state)

    assert verdict["verdict"] == "clear"
    assert not unmeasured
    bias = found["feedback/loss:bias"]
    assert abs(bias.mean) < 4 * bias.deviation / np.sqrt(bias.rows)
    assert found["feedback/labels:by chance"].mean == 0.0


def test_explored_rows_without_propensities_are_counted_and_not_weighted(world):
    watch = monitor(selective=True)
    state = begun(watch)
    watch.take(state, replace(world(explore=SHARE), propensities=None), 0)

    found, _, verdict, figures = window(watch, state)

    assert "without a propensity" in verdict["text"]
    assert "label_snips" not in figures
    assert found["feedback/propensities:missing"].counts[0] == 0.0


def test_propensities_that_are_not_what_was_done_are_told(world):
    rows, watch = world(explore=SHARE), monitor(selective=True)
    state = begun(watch)
    watch.take(state, replace(rows, propensities=rows.propensities * 0.5), 0)

    _, _, verdict, figures = window(watch, state)

    assert figures["weights_mean"] == pytest.approx(2.0, rel=0.1)
    assert "should be 1" in verdict["text"]


def test_answers_that_bring_their_own_truth_about_are_a_loop(world, draw):
    rows, watch = world(explore=SHARE, catches=False), monitor(affected=True)
    state = begun(watch)
    obeyed = rows.roles != EXPLORE
    labels = np.where(obeyed, rows.scores["v1"] >= 0.5, rows.labels).astype(float)
    watch.take(state, replace(rows, labels=labels), 0)

    found, _, verdict, _ = window(watch, state)

    assert verdict["verdict"] == "loop"
    assert "bring their own truth about" in verdict["text"]
    assert found["feedback/residuals:spread"].mean < -0.3
    assert not found["feedback/residuals:spread"].rising


def test_few_explored_rows_gather_over_long_windows(world):
    watch, read = monitor(selective=True), []
    state = begun(watch)
    for turn in range(4):
        watch.take(state, world(2000, explore=SHARE, at=turn * SLOW), 0)
        found, unmeasured, _, _ = window(watch, state, turn * SLOW)
        read.append(("feedback/loss:bias" in found, "feedback/feedback" in unmeasured))

    assert read == [(False, True), (True, False)] * 2  # 100 explored rows each


def test_a_verdict_holds_while_explored_rows_gather_for_the_next_one(world):
    watch, verdicts = monitor(), []
    state = begun(watch)
    for turn, count in enumerate((6000, 1000, 1000)):
        rows = world(count, explore=SHARE, catches=False, at=turn * SLOW)
        watch.take(state, rows, 0)
        verdicts.append(window(watch, state, turn * SLOW)[2]["verdict"])
    blind = world(20_000, explore=SHARE, at=3 * SLOW)
    watch.take(state, blind, 0)
    verdicts.append(window(watch, state, 3 * SLOW)[2]["verdict"])

    assert verdicts == ["clear", "clear", "clear", "distorted"]


def test_the_share_of_training_rows_that_chance_did_not_choose_is_told(world):
    watch = monitor(selective=True)
    state = begun(watch)
    watch.take(state, world(explore=SHARE), 0)
    stamps = {"ts_event_ns": 0, "ts_record_ns": 0, "subject": "v1", "reason": ""}
    order = TrainingRequested(
        **stamps,
        request="t1",
        from_ns=0,
        to_ns=SLOW,
        holdout_from_ns=SLOW,
        matured_to_ns=SLOW,
        half_life_ns=None,
        warm_start_from=None,
        champion=None,
        seed=0,
    )
    trained = CandidateTrained(**stamps, request="t1", artifact="", evidence={"rows": 3000})

    watch.take(state, order, 0)
    watch.take(state, trained, 0)
    _, _, _, figures = window(watch, state)

    assert figures["trained_on_selected"] == pytest.approx(1 - 1000 / 3000, abs=0.04)


def test_figures_do_not_depend_on_how_rows_are_cut_into_records(world):
    rows, watch = world(3000, explore=SHARE), monitor(selective=True)
    whole, parts = begun(watch), begun(watch)
    names = ("times_ns", "groups", "labels", "answered", "roles", "signs", "propensities")

    watch.take(whole, rows, 0)
    for part in np.array_split(np.arange(3000), 13):
        piece = {name: getattr(rows, name)[part] for name in names}
        watch.take(parts, replace(rows, scores={"v1": rows.scores["v1"][part]}, **piece), 0)
    first, second = window(watch, whole), window(watch, parts)

    assert first[2:] == second[2:]
    assert encode(decode(encode(whole))) == encode(parts)


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_other_tasks_are_watched_as_far_as_they_go(watching, draw, task):
    watch = monitor(task=task, metric={"regression": "mae", "multiclass": "log_loss"}[task])
    state = begun(watch)
    rows = watching().matured(draw, task, 500, times=np.arange(SLOW).repeat(3)[:500])
    watch.take(state, replace(rows, propensities=np.ones(500)), 0)

    _, unmeasured, verdict, figures = window(watch, state)

    assert verdict["verdict"] == "clear"
    assert set(unmeasured) == {
        f"feedback/{each}"
        for each in ("labels:by answer", "labels:by chance", "loss:bias", "residuals:spread")
    }
    assert figures["naive_loss"] > 0


def test_windows_without_rows_have_a_verdict_of_their_own():
    watch = monitor()

    found, unmeasured, verdict, _ = window(watch, begun(watch))

    assert not found
    assert unmeasured
    assert verdict["verdict"] == "watch"
    assert "No row has matured" in verdict["text"]
