"""What a candidate learns from, with which settings, and on what it is proved."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression, SGDClassifier

import ostinato as ost
from ostinato.core.errors import ConfigError, DataError
from ostinato.core.ids import place
from ostinato.core.records import HardCasesListed, TrainingRequested
from ostinato.core.units import DAY_NS
from ostinato.learn.hard import never_trained
from ostinato.replay.history import make_history
from ostinato.replay.scores import ModelScores
from ostinato.replay.training import Trainer


def make_trainer(loop, table):
    history = make_history(loop, table, start=None, end=None)
    return Trainer(loop=loop, history=history, scores=ModelScores(history.frame))


def ordered(trainer, **changes):
    now_ns = 50 * DAY_NS
    fields = {
        "ts_event_ns": now_ns,
        "ts_record_ns": now_ns,
        "subject": "t",
        "reason": "",
        "request": "t-1",
        "from_ns": 0,
        "to_ns": 40 * DAY_NS,
        "holdout_from_ns": 41 * DAY_NS,
        "matured_to_ns": 48 * DAY_NS,
        "half_life_ns": None,
        "warm_start_from": None,
        "champion": None,
        "seed": 0,
    }
    return TrainingRequested(**(fields | changes))


def carried_out(trainer, artifacts=None, *, hard=(), golden=(), explore=0.0, **changes):
    listed = HardCasesListed(
        ts_event_ns=0,
        ts_record_ns=0,
        request="t-1",
        offsets=np.array(hard, dtype=np.int64),
        golden=np.array(golden, dtype=np.int64),
    )
    order = ordered(trainer, **changes)
    return trainer.carry_out(
        order, listed, artifacts or {}, timeout=None, now_ns=order.ts_event_ns, explore=explore
    )


def sets_of(result):
    return {each.name: each for each in result.records[1].sets}


def explored_by(history, share):
    return place(history.unit_hashes, "small/explore") < share


def test_where_labels_are_selective_a_candidate_is_proved_on_explored_rows_alone(world, make_loop):
    label = ost.Label("y", delay="6h", horizon="12h", selective=True)
    policy = ost.policies.scheduled("7d", holdout="3d", explore=0.2)
    usual = make_trainer(make_loop(), world(3000))
    trainer = make_trainer(make_loop(label=label, policy=policy), world(3000))
    history = trainer.history
    by_chance = explored_by(history, 0.2)
    held = never_trained(history.unit_hashes, loop="small", share=0.05)
    worst, golden = np.flatnonzero(held)[:60], np.flatnonzero(~held & ~by_chance)[:3]
    named = {"hard": np.union1d(worst, golden), "golden": golden}

    all_rows = sets_of(carried_out(usual, **named))
    found = carried_out(trainer, explore=0.2, **named)

    chosen = sets_of(found)
    assert all(each.explored for each in chosen.values())
    assert not any(each.explored for each in all_rows.values())
    for name in ("recent", "random"):
        at = np.isin(history.times_ns, all_rows[name].times_ns) & by_chance
        assert len(chosen[name]) < 0.4 * len(all_rows[name])
        assert set(chosen[name].times_ns) <= set(history.times_ns[at])
        assert len(chosen[name]) > 0
    kept = [*golden, *worst[by_chance[worst]]]
    assert chosen["hard"].times_ns.tolist() == sorted(history.times_ns[kept])
    assert found.trained.rows == carried_out(usual, **named).trained.rows


def test_unlabelled_rows_are_counted_among_the_explored_ones_alone(world, make_loop):
    label = ost.Label("y", delay="6h", horizon="12h", selective=True)
    policy = ost.policies.scheduled("7d", holdout="3d", explore=0.2)
    table = world(3000).with_columns(y=pl.when(pl.int_range(pl.len()) % 4 == 0).then(pl.col("y")))
    trainer = make_trainer(make_loop(label=label, policy=policy), table)
    history = trainer.history
    span = (history.times_ns >= 41 * DAY_NS) & (history.times_ns <= 48 * DAY_NS)

    recent = sets_of(carried_out(trainer, explore=0.2))["recent"]

    assert recent.unlabelled + len(recent) == (span & explored_by(history, 0.2)).sum()
    assert recent.unlabelled > 2 * len(recent)


def test_a_replay_of_selective_labels_judges_explored_rows_and_says_what_they_are(world, make_loop):
    label = ost.Label("y", delay="6h", horizon="12h", selective=True)
    policy = ost.policies.scheduled("7d", holdout="5d", explore=0.3, gates=[ost.MinimumDelta()])
    table = world(3000)

    plain = ost.replay(make_loop(), table, tick="12h")
    found = ost.replay(make_loop(label=label, policy=policy), table, tick="12h")

    judged = [each["recent"]["rows"] for each in evidence_of(found, "gate_judged")]
    rows = [each["validation_rows"]["recent"] for each in evidence_of(found, "candidate_trained")]
    assert judged == rows[1:]
    assert 0 < max(judged) < 0.5 * 5 * 3000 / 60
    assert "explored rows are chosen" in found.decisions["reason"][0]
    assert plain.decisions["reason"][0] == "The loop starts under this policy."


def with_golden(table, rows):
    marked = np.zeros(table.height, dtype=bool)
    marked[rows] = True
    return table.with_columns(golden=pl.Series(marked))


def test_golden_rows_are_never_trained_on_and_always_in_the_hard_set(world, make_loop):
    trainer = make_trainer(make_loop(), world(3000))
    history = trainer.history
    held = never_trained(history.unit_hashes, loop="small", share=0.05)
    usual = np.flatnonzero(~held)[:40:10]

    without = carried_out(trainer)
    found = carried_out(trainer, hard=usual, golden=usual)

    hard = sets_of(found)["hard"]
    assert found.trained.rows == without.trained.rows - 4
    assert hard.times_ns.tolist() == history.times_ns[usual].tolist()
    assert hard.golden.all()


def test_golden_rows_whose_unit_is_never_trained_on_are_random_rows_too(world, make_loop):
    trainer = make_trainer(make_loop(), world(3000))
    held = np.flatnonzero(never_trained(trainer.history.unit_hashes, loop="small", share=0.05))

    without = carried_out(trainer)
    found = carried_out(trainer, hard=held[:3], golden=held[:3])

    assert found.trained.rows == without.trained.rows
    assert sets_of(found)["random"].golden.sum() == 3
    assert len(sets_of(found)["random"]) == len(sets_of(without)["random"])


def test_a_golden_row_reaches_further_back_than_the_window(world, make_loop):
    trainer = make_trainer(make_loop(), world(3000))
    held = np.flatnonzero(never_trained(trainer.history.unit_hashes, loop="small", share=0.05))

    found = carried_out(trainer, hard=held[:4], golden=held[:1], from_ns=20 * DAY_NS)

    assert sets_of(found)["hard"].times_ns.tolist() == trainer.history.times_ns[held[:1]].tolist()


def test_a_reviewed_row_that_models_learn_from_proves_nothing(world, make_loop):
    trainer = make_trainer(make_loop(), world(3000))
    held = never_trained(trainer.history.unit_hashes, loop="small", share=0.05)
    reviewed = [int(np.flatnonzero(held)[2]), int(np.flatnonzero(~held)[2])]

    found = carried_out(trainer, hard=sorted(reviewed))

    assert sets_of(found)["hard"].times_ns.tolist() == [trainer.history.times_ns[reviewed[0]]]


def test_a_golden_column_reaches_the_gates_of_a_replay(world, make_loop):
    table = with_golden(world(3000, change=0.5), np.arange(100, 3000, 25))
    policy = ost.policies.scheduled("7d", holdout="3d", gates=[ost.NoRegression(golden=10**6)])

    found = ost.replay(make_loop(golden="golden", policy=policy), table, tick="12h")

    judged = [
        json.loads(row)["evidence"]["golden"]
        if "evidence" in json.loads(row)
        else json.loads(row)["golden"]
        for row in found.decisions.filter(pl.col("kind") == "gate_judged")["evidence"]
    ]
    rows = [each["rows"] for each in judged]
    assert rows == sorted(rows)
    assert rows[0] > 10
    assert rows[-1] > 90


@pytest.mark.parametrize("values", [[0, 1], ["yes", "no"]])
def test_a_golden_column_that_is_no_truth_value_is_refused(values, world, make_loop):
    table = world(2000).with_columns(golden=pl.Series(values * 1000))

    with pytest.raises(DataError, match="golden"):
        ost.replay(make_loop(golden="golden"), table, tick="1d")


def test_null_is_not_golden_and_the_label_cannot_be(world, make_loop):
    table = world(2000).with_columns(golden=pl.lit(None))

    history = make_history(make_loop(golden="golden"), table, start=None, end=None)

    assert not history.golden.any()
    with pytest.raises(ConfigError, match="golden"):
        make_loop(golden="y")


def test_estimates_on_rows_that_are_judged_on_again_stay_inside(world, make_loop):
    trainer = make_trainer(make_loop(), world(3000))

    done = carried_out(trainer)

    evidence = done.records[0].evidence
    assert list(evidence["metrics"]) == list(done.lineage.metrics) == ["recent"]
    assert evidence["validation_rows"]["random"] == len(sets_of(done)["random"]) > 50


def evidence_of(found, kind):
    return [json.loads(e) for e in found.decisions.filter(pl.col("kind") == kind)["evidence"]]


@pytest.mark.parametrize(("when", "withheld"), [("1d", True), ("7d", False)])
def test_of_a_candidate_no_more_is_told_than_its_gates_may_tell(when, withheld, world, make_loop):
    policy = ost.policies.scheduled(when, holdout="5d", gates=[ost.MinimumDelta()])

    found = ost.replay(make_loop(policy=policy), world(3000), tick="12h")

    told = evidence_of(found, "candidate_trained")
    judged = [each["recent"] for each in evidence_of(found, "gate_judged")]
    hidden = ["withheld" in each for each in judged]
    assert len(judged) > 5
    assert any(hidden) == withheld
    assert [not each["metrics"] for each in told] == [False, *hidden]
    assert ["withheld" in each for each in told] == [False, *hidden]
    assert [not json.loads(each) for each in found.versions["metrics"]] == [False, *hidden]


def test_where_no_gate_judges_all_is_told(world, make_loop):
    policy = ost.policies.scheduled("1d", holdout="5d", gates=[], rollout=ost.Immediate())

    found = ost.replay(make_loop(policy=policy), world(3000), tick="12h")

    assert all(each["metrics"] for each in evidence_of(found, "candidate_trained"))


def test_the_anchor_answers_the_recent_set(world, make_loop):
    trainer = make_trainer(make_loop(), world(3000))
    old = carried_out(trainer, to_ns=10 * DAY_NS)
    new = carried_out(trainer)
    artifacts = {"v1": old.trained.artifact, "v2": new.trained.artifact}

    found = sets_of(carried_out(trainer, artifacts, champion="v2", anchor="v1", seed=1))

    recent = found["recent"]
    rows = np.flatnonzero(np.isin(trainer.history.times_ns, recent.times_ns))
    assert np.array_equal(
        recent.anchor, trainer.scores.table(old.trained.artifact, trainer.history.frame[rows])
    )
    assert not np.array_equal(recent.anchor, recent.champion)
    assert found["random"].anchor is None


def test_settings_of_an_order_are_learned_with_and_written_down(world, make_loop):
    trainer = make_trainer(make_loop(), world(3000))

    plain = carried_out(trainer)
    same = carried_out(trainer, parameters={"C": 1.0})
    tight = carried_out(trainer, parameters={"C": 0.001})

    assert tight.lineage.parameters["C"] == 0.001
    assert tight.trained.model.estimator.C == 0.001
    assert np.abs(tight.trained.model.estimator.coef_).max() < 0.5
    assert same.trained.artifact == plain.trained.artifact != tight.trained.artifact
    assert len(trainer.done) == 2
    assert trainer.loop.learner.C == 1.0


def test_a_warm_start_goes_on_with_the_settings_of_now(world, make_loop):
    learner = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.1)
    trainer = make_trainer(make_loop(learner=learner), world(3000))
    first = carried_out(trainer, parameters={"eta0": 0.1})
    artifacts = {"v1": first.trained.artifact}

    fast, slow = (
        carried_out(trainer, artifacts, warm_start_from="v1", seed=1, parameters={"eta0": rate})
        for rate in (0.1, 1e-6)
    )

    start = first.trained.model.estimator.coef_
    moved = [np.abs(each.trained.model.estimator.coef_ - start).max() for each in (fast, slow)]
    assert moved[0] > 0.01
    assert moved[1] < 0.001
    assert first.trained.model.estimator.eta0 == 0.1


def test_a_schedule_follows_the_line_through_a_replay(world, make_loop):
    policy = ost.policies.scheduled(
        "7d",
        holdout="3d",
        gates=[],
        rollout=ost.Immediate(),
        warm_start=True,
        schedules={"eta0": ost.Schedule(start=2.0, falls_over=1)},
    )
    learner = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.1)

    found = ost.replay(make_loop(policy=policy, learner=learner), world(3000), tick="12h")

    orders = [
        json.loads(text)
        for text in found.decisions.filter(pl.col("kind") == "training_requested")["evidence"]
    ]
    assert len(orders) > 4
    for number, order in enumerate(orders):
        assert order["updates"] == number
        expected = {} if number == 0 else {"eta0": pytest.approx(2.0 * (1 + number) ** -0.5)}
        assert order["parameters"] == expected


def test_a_schedule_of_a_parameter_the_learner_lacks_is_refused_when_the_plan_is_made(
    world, make_loop
):
    policy = ost.policies.scheduled(
        "7d", warm_start=True, schedules={"eta": ost.Schedule(start=1, falls_over=1)}
    )

    with pytest.raises(ConfigError, match="lacks"):
        ost.replay(make_loop(policy=policy, learner=LogisticRegression()), world(1500), tick="1d")


def test_a_label_after_the_horizon_is_a_no_until_it_comes(world, make_loop):
    came = pl.when(pl.col("y") == 1)
    later = pl.col("at") + pl.duration(days=3)
    table = world(3000).with_columns(y=came.then(1), known=came.then(later))
    label = ost.Label("y", time="known", horizon="1d", never="negative")
    trainer = make_trainer(make_loop(label=label, learner=LogisticRegression()), table)
    past = trainer.history.with_overdue(50 * DAY_NS, label.horizon_ns)
    early = past.times_ns < 46 * DAY_NS
    late = (past.times_ns > 47 * DAY_NS) & (past.times_ns < 49 * DAY_NS)
    assert past.labels[early].any()
    assert not past.labels[late].any(), "that they will come is not known yet"
    settled = past.times_ns < 49 * DAY_NS
    assert (past.label_times_ns[settled] <= 50 * DAY_NS).all()
    done = carried_out(trainer).records[0]
    assert done.evidence["validation_rows"]["recent"] == int(
        ((past.times_ns >= 41 * DAY_NS) & (past.times_ns <= 48 * DAY_NS)).sum()
    )
