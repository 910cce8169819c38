from __future__ import annotations

from dataclasses import replace

import pytest

from ostinato.core.errors import LoopError, StoreError
from ostinato.core.records import Decision
from ostinato.core.snapshot import encode
from ostinato.core.units import HOUR_NS
from ostinato.loop import STAGES, restore, snapshot, start, step


def decisions(made):
    return [record for out in made for record in out if isinstance(record, Decision)]


def test_decisions_are_numbered_without_gaps_and_carry_the_policy_digest(numbers):
    plan = numbers.plan()

    _, made = numbers.play(plan, 30)

    found = decisions(made)
    assert [record.seq for record in found] == list(range(len(found)))
    assert {record.policy_digest for record in found} == {plan.policy_digest}
    assert found[0].kind == "loop_started"
    assert found[0].evidence == plan.policy
    assert sum(record.kind == "promoted" for record in found) >= 3


def test_batches_of_rows_are_not_numbered(numbers):
    _, made = numbers.play(numbers.plan(), 10)

    rows = [r for out in made for r in out if not isinstance(r, Decision)]
    assert {record.seq for record in rows} == {-1}


def test_later_stages_see_a_record_in_the_same_step_and_earlier_ones_in_the_next(numbers):
    plan = numbers.plan()
    state, out = step(start(plan), [], numbers.start_ns)
    order = out[-1]

    state, second = step(state, numbers.trained(order, 1), numbers.start_ns + HOUR_NS)
    waiting = {name: [r.kind for r in inbox] for name, inbox in state.backlog.items() if inbox}
    state, third = step(state, numbers.arrivals(2), numbers.start_ns + 2 * HOUR_NS)

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
        "watch": ["promoted"],
    }
    assert state.stages["serve"].routes.champion == "v1"
    assert "predictions_made" in [record.kind for record in third]


def test_a_restart_between_any_two_ticks_changes_nothing(numbers):
    plan = numbers.plan()

    once_state, once = numbers.play(plan, 40)
    again_state, again = numbers.play(plan, 40, restart_at=range(1, 40))

    assert [r.canonical() for r in decisions(again)] == [r.canonical() for r in decisions(once)]
    assert snapshot(again_state) == snapshot(once_state)


def test_the_same_events_give_the_same_decisions(numbers):
    texts = [
        [r.canonical() for r in decisions(numbers.play(numbers.plan(), 25)[1])] for _ in range(2)
    ]

    assert texts[0] == texts[1]


def test_an_empty_tick_makes_nothing_once_the_loop_runs(numbers):
    state, _ = numbers.play(numbers.plan(), 6)
    state, _ = step(state, [], numbers.start_ns + 7 * HOUR_NS)

    _, out = step(state, [], numbers.start_ns + 8 * HOUR_NS)

    assert out == []


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_a_plan_that_does_not_fit_the_stages_is_refused(change, numbers):
    plan = numbers.plan()
    stages = dict(plan.stages)
    if change == "missing":
        del stages["gate"]
    else:
        stages["dream"] = None

    with pytest.raises(LoopError, match="plan does not fit the stages"):
        start(replace(plan, stages=stages))


def test_a_snapshot_of_something_else_or_of_another_plan_is_refused(numbers):
    plan = numbers.plan()
    state, _ = numbers.play(plan, 3)

    with pytest.raises(StoreError, match="cannot be read"):
        restore(plan, b"{}")
    with pytest.raises(StoreError, match="not one of a loop"):
        restore(plan, encode({"a": 1}))
    with pytest.raises(LoopError, match="another plan"):
        restore(numbers.plan(max_retrains=2), snapshot(state))


def test_every_kind_a_stage_wants_is_the_kind_of_some_record():
    from ostinato.core import records, watched

    kinds = {
        value.kind
        for module in (records, watched)
        for value in vars(module).values()
        if isinstance(value, type) and isinstance(getattr(value, "kind", None), str)
    }

    assert {kind for stage in STAGES for kind in stage.wants} <= kinds
    assert len({stage.name for stage in STAGES}) == len(STAGES)
