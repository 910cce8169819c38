"""A policy changed while the loop runs: what goes on, what begins anew, what is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from ostinato.core.errors import LoopError
from ostinato.core.records import Decision
from ostinato.core.units import HOUR_NS
from ostinato.decide import Degradation, ExcessLoss, NewLabels
from ostinato.loop import change_policy, restore, snapshot, start, step


def running(numbers, *triggers):
    plan = numbers.plan(triggers=[NewLabels(10_000), *triggers])
    state, _ = numbers.play(plan, 12)
    return plan, state


def test_the_change_is_a_decision_under_the_new_digest_and_says_what_changed(numbers):
    plan, state = running(numbers)
    other = numbers.plan(triggers=[NewLabels(10_000)], max_retrains=2)

    state, made = change_policy(state, other, numbers.start_ns + 12 * HOUR_NS)

    changed = made[0]
    assert changed.kind == "policy_changed"
    assert changed.previous == plan.policy_digest
    assert changed.policy_digest == other.policy_digest == state.policy_digest
    assert changed.evidence == {"max_retrains": 2}
    assert "max_retrains" in changed.reason


def test_a_trigger_that_stays_keeps_its_evidence_and_a_changed_one_begins_anew(numbers):
    keeps, changes = Degradation(tolerance=0.1), Degradation(tolerance=0.2)
    _, state = running(numbers, keeps, changes)
    seen = [inner.chart.n for inner in state.stages["decide"].triggers[1:]]
    other = numbers.plan(triggers=[Degradation(tolerance=0.3), keeps])

    state, _ = change_policy(state, other, numbers.start_ns + 12 * HOUR_NS)

    after = [inner.chart.n for inner in state.stages["decide"].triggers]
    assert min(seen) > 0
    assert after == [0, seen[0]]


def test_the_labels_waited_for_and_the_routes_go_on(numbers):
    plan, state = running(numbers)
    routes = state.stages["serve"].routes
    other = numbers.plan(triggers=[NewLabels(5)])

    state, _ = change_policy(state, other, numbers.start_ns + 12 * HOUR_NS)
    state, made = step(state, numbers.arrivals(12), numbers.start_ns + 12 * HOUR_NS)

    assert state.stages["serve"].routes == routes
    assert "predictions_made" in [record.kind for record in made]
    assert {r.policy_digest for r in made if isinstance(r, Decision)} == {other.policy_digest}
    assert plan.policy_digest != other.policy_digest


def test_a_snapshot_taken_after_the_change_is_restored_under_the_new_plan(numbers):
    _, state = running(numbers)
    other = numbers.plan(triggers=[NewLabels(10_000)], max_retrains=2)

    state, _ = change_policy(state, other, numbers.start_ns + 12 * HOUR_NS)
    again = restore(other, snapshot(state))

    assert snapshot(again) == snapshot(state)


@pytest.mark.parametrize(("what", "change"), [("features", ["z"]), ("seed", 4)])
def test_only_the_policy_may_change(what, change, numbers):
    plan, state = running(numbers)
    other = (
        replace(plan, seed=change)
        if what == "seed"
        else replace(plan, policy={**plan.policy, what: change})
    )

    with pytest.raises(LoopError, match="Only the policy") as caught:
        change_policy(state, other, numbers.start_ns + 12 * HOUR_NS)

    assert what in str(caught.value)


def test_a_policy_changed_before_the_first_step_still_leaves_the_start_in_the_journal(numbers):
    plan, other = numbers.plan(), numbers.plan(max_retrains=2)

    state, made = change_policy(start(plan), other, numbers.start_ns)
    state, then = step(state, numbers.arrivals(0), numbers.start_ns)

    assert [r.kind for r in made][:2] == ["loop_started", "policy_changed"]
    assert [r.policy_digest for r in made][:2] == [plan.policy_digest, other.policy_digest]
    assert [r.seq for r in made][:2] == [0, 1]
    assert "loop_started" not in [r.kind for r in then]


def test_a_trigger_that_counts_in_the_cost_matrix_may_come_later(yes_or_no):
    """The champion was proved when nothing counted costs; its validation rows are priced still."""
    state, _ = yes_or_no.play(yes_or_no.plan(), 6)
    counting = yes_or_no.plan(triggers=[NewLabels(10_000), ExcessLoss(cost=10)])

    state, _ = change_policy(state, counting, yes_or_no.start_ns + 6 * HOUR_NS)
    losing = state.stages["decide"].triggers[1]
    state, made = step(state, yes_or_no.arrivals(6), yes_or_no.start_ns + 6 * HOUR_NS)

    assert losing.watching.baseline.n == 600
    assert "decision_cost" in next(r for r in made if r.kind == "losses_observed").guards


def test_a_stage_that_raises_leaves_the_loop_under_its_policy(numbers):
    plan, state = running(numbers)
    other = numbers.plan(triggers=[NewLabels(10_000), Breaks(50)])
    before = snapshot(state)

    with pytest.raises(ZeroDivisionError):
        change_policy(state, other, numbers.start_ns + 12 * HOUR_NS)

    assert snapshot(state) == before
    assert state.plan_ is plan
    assert all(s.config_ is plan.stages[name] for name, s in state.stages.items())
    step(state, numbers.arrivals(12), numbers.start_ns + 12 * HOUR_NS)


@dataclass(frozen=True, slots=True)
class Breaks(NewLabels):
    """A trigger that cannot begin under the champion there is."""

    def renew(self, state, reference):
        raise ZeroDivisionError
