from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.errors import LoopError, StoreError
from ostinato.core.ids import hash_keys
from ostinato.core.records import (
    CandidateEvaluated,
    CandidateTrained,
    Decision,
    LabelsArrived,
    RequestsArrived,
    ValidationSet,
)
from ostinato.core.snapshot import encode
from ostinato.core.units import HOUR_NS
from ostinato.decide import NewLabels
from ostinato.loop import STAGES, Label, Loop, Policy, restore, snapshot, start, step
from ostinato.loop.plan import make_plan
from ostinato.release import Immediate

START_NS = 1_000_000 * HOUR_NS
ROWS = 40


class Ridge:
    """Stands for a learner; nothing here trains."""

    _estimator_type = "regressor"

    def fit(self):
        raise AssertionError

    def get_params(self, deep=True):
        return {}

    def set_params(self):
        raise AssertionError

    def __sklearn_tags__(self):
        from sklearn.utils import RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True),
            regressor_tags=RegressorTags(),
        )


class Scorer:
    """Version `vN` answers N everywhere."""

    def score(self, version, requests):
        return np.full(len(requests), float(version[1:]))


def make_loop_plan(**changes):
    policy = Policy(
        triggers=[NewLabels(3 * ROWS)],
        gates=(),
        rollout=Immediate(min_samples=50),
        cooldown="1h",
        **changes,
    )
    loop = Loop(
        name="numbers",
        task="regression",
        time="t",
        features=["x"],
        label=Label("y", delay="1h"),
        learner=Ridge(),
        policy=policy,
    )
    return make_plan(
        loop,
        policy,
        scorer=Scorer(),
        classes=0,
        group_names=(),
        data_from_ns=0,
        matured_to_ns=START_NS,
        bucket_ns=24 * HOUR_NS,
        seed=3,
    )


def trained(order, number):
    stamp = {"ts_event_ns": order.ts_event_ns, "ts_record_ns": order.ts_record_ns}
    n = 600
    rows = ValidationSet(
        name="recent",
        times_ns=START_NS + np.arange(n),
        labels=np.zeros(n),
        groups=np.zeros((n, 0), dtype=np.int32),
        candidate=np.full(n, float(number)),
        champion=None if order.champion is None else np.full(n, float(number - 1)),
    )
    return [
        CandidateTrained(
            **stamp, subject=f"v{number}", reason="", request=order.request, artifact=""
        ),
        CandidateEvaluated(
            **stamp,
            version=f"v{number}",
            sets=(rows,),
            latency_ms_per_row=0.1,
            artifact_bytes=1,
        ),
    ]


def arrivals(tick):
    now_ns = START_NS + tick * HOUR_NS
    rng = np.random.default_rng(tick)
    ids = np.arange(tick * ROWS, (tick + 1) * ROWS)
    requests = RequestsArrived(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        offset=int(ids[0]),
        ids=ids,
        times_ns=now_ns - HOUR_NS + np.arange(ROWS),
        unit_hashes=hash_keys(ids),
        groups=np.zeros((ROWS, 0), dtype=np.int32),
    )
    labels = LabelsArrived(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        ids=ids,
        times_ns=np.full(ROWS, now_ns),
        values=rng.normal(2.0, 0.2, ROWS),
    )
    return [requests, labels]


def play(plan, ticks, *, restart_at=()):
    """Run ticks; each training is answered at the next tick. Return what was made, per tick."""
    state, waiting, number, made = start(plan), [], 0, []
    for tick in range(ticks):
        if tick in restart_at:
            state = restore(plan, snapshot(state))
        batch = [*waiting, *(arrivals(tick) if tick > 2 else [])]
        state, out = step(state, batch, START_NS + tick * HOUR_NS)
        waiting = []
        for record in out:
            if record.kind == "training_requested":
                number += 1
                waiting += trained(record, number)
        made.append(out)
    return state, made


def decisions(made):
    return [record for out in made for record in out if isinstance(record, Decision)]


def test_decisions_are_numbered_without_gaps_and_carry_the_policy_digest():
    plan = make_loop_plan()

    _, made = play(plan, 30)

    found = decisions(made)
    assert [record.seq for record in found] == list(range(len(found)))
    assert {record.policy_digest for record in found} == {plan.policy_digest}
    assert found[0].kind == "loop_started"
    assert found[0].evidence == plan.policy
    assert sum(record.kind == "promoted" for record in found) >= 3


def test_batches_of_rows_are_not_numbered():
    _, made = play(make_loop_plan(), 10)

    rows = [r for out in made for r in out if not isinstance(r, Decision)]
    assert {record.seq for record in rows} == {-1}


def test_later_stages_see_a_record_in_the_same_step_and_earlier_ones_in_the_next():
    plan = make_loop_plan()
    state, out = step(start(plan), [], START_NS)
    order = out[-1]

    state, second = step(state, trained(order, 1), START_NS + HOUR_NS)
    waiting = {name: [r.kind for r in inbox] for name, inbox in state.backlog.items() if inbox}
    state, third = step(state, arrivals(2), START_NS + 2 * HOUR_NS)

    assert order.kind == "training_requested"
    assert [record.kind for record in second[2:]] == [
        "candidate_accepted",
        "promoted",
        "routes_changed",
    ]
    assert waiting == {
        "serve": ["routes_changed"],
        "decide": ["candidate_accepted", "promoted"],
        "learn": ["promoted"],
        "gate": ["promoted"],
    }
    assert state.stages["serve"].routes.champion == "v1"
    assert "predictions_made" in [record.kind for record in third]


def test_a_restart_between_any_two_ticks_changes_nothing():
    plan = make_loop_plan()

    once_state, once = play(plan, 40)
    again_state, again = play(plan, 40, restart_at=range(1, 40))

    assert [r.canonical() for r in decisions(again)] == [r.canonical() for r in decisions(once)]
    assert snapshot(again_state) == snapshot(once_state)


def test_the_same_events_give_the_same_decisions():
    texts = [[r.canonical() for r in decisions(play(make_loop_plan(), 25)[1])] for _ in range(2)]

    assert texts[0] == texts[1]


def test_an_empty_tick_makes_nothing_once_the_loop_runs():
    state, _ = play(make_loop_plan(), 6)
    state, _ = step(state, [], START_NS + 7 * HOUR_NS)

    _, out = step(state, [], START_NS + 8 * HOUR_NS)

    assert out == []


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_a_plan_that_does_not_fit_the_stages_is_refused(change):
    plan = make_loop_plan()
    stages = dict(plan.stages)
    if change == "missing":
        del stages["gate"]
    else:
        stages["dream"] = None

    with pytest.raises(LoopError, match="plan does not fit the stages"):
        start(replace(plan, stages=stages))


def test_a_snapshot_of_something_else_or_of_another_plan_is_refused():
    plan = make_loop_plan()
    state, _ = play(plan, 3)

    with pytest.raises(StoreError, match="cannot be read"):
        restore(plan, b"{}")
    with pytest.raises(StoreError, match="not one of a loop"):
        restore(plan, encode({"a": 1}))
    with pytest.raises(LoopError, match="another plan"):
        restore(make_loop_plan(max_retrains=2), snapshot(state))


def test_every_kind_a_stage_wants_is_the_kind_of_some_record():
    from ostinato.core import records

    kinds = {
        value.kind
        for value in vars(records).values()
        if isinstance(value, type) and isinstance(getattr(value, "kind", None), str)
    }

    assert {kind for stage in STAGES for kind in stage.wants} <= kinds
    assert len({stage.name for stage in STAGES}) == len(STAGES)
