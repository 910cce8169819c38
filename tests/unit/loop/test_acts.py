"""What people do by hand, through the whole loop."""

from __future__ import annotations

import pytest

from ostinato.core.records import AutonomySet, Decision, OperatorActed
from ostinato.decide import NewLabels
from ostinato.loop import snapshot
from ostinato.loop.standing import standing
from ostinato.release import Canary

TICKS = 30


def act(what, subject="", *, act_id="a1"):
    return OperatorActed(
        ts_event_ns=0,
        ts_record_ns=0,
        subject=subject,
        reason="",
        act=what,
        who="ana",
        act_id=act_id,
    )


def level(name, act_id):
    return AutonomySet(
        ts_event_ns=0, ts_record_ns=0, subject="", reason="", level=name, who="ana", act_id=act_id
    )


SCRIPT = {
    3: [level("suggest", "l1")],
    8: [act("approve", act_id="a1")],
    9: [act("approve", act_id="a1")],  # a retry: it counts once
    11: [act("approve", act_id="a2")],
    14: [act("undo", act_id="a3"), act("undo", act_id="a4")],
    16: [act("retrain", act_id="a5"), act("pause", act_id="a6")],
    20: [level("auto", "l2"), act("resume", act_id="a7")],
    26: [act("fly", act_id="a8")],
}


def scripted(numbers, script):
    return lambda tick: [*numbers.arrivals(tick), *script.get(tick, [])]


def journal(made):
    return [r for out in made for r in out if isinstance(r, Decision)]


def told(made, *kinds):
    return [(r.kind, r.subject) for r in journal(made) if r.kind in kinds]


def test_acts_are_obeyed_once_numbered_and_in_the_journal(numbers):
    _, made = numbers.play(numbers.plan(), TICKS, told=scripted(numbers, SCRIPT))
    found = journal(made)

    assert [r.seq for r in found] == list(range(len(found)))
    assert {r.policy_digest for r in found} == {numbers.plan().policy_digest}
    acts = [r.act_id for r in found if r.kind in ("operator_acted", "autonomy_set")]
    assert acts == ["l1", "a1", "a2", "a3", "a4", "a5", "a6", "l2", "a7", "a8"]
    assert told(made, "action_proposed")[0][0] == "action_proposed"
    assert told(made, "rolled_back")[0] == ("rolled_back", "v2")
    assert told(made, "act_refused") == [("act_refused", "a4"), ("act_refused", "a8")]
    asked = [r for r in found if r.kind == "learning_requested"]
    assert [r.subject for r in asked[:3]] == ["first champion", NewLabels(120).name, "operator"]
    assert "ana approved it" in asked[1].reason


def test_a_restart_between_any_two_ticks_changes_nothing_of_it(numbers):
    plan, script = numbers.plan(), scripted(numbers, SCRIPT)
    once_state, once = numbers.play(plan, TICKS, told=script)
    again_state, again = numbers.play(plan, TICKS, told=script, restart_at=range(1, TICKS))
    assert [r.canonical() for r in journal(again)] == [r.canonical() for r in journal(once)]
    assert snapshot(again_state) == snapshot(once_state)


def test_reading_off_where_a_loop_stands_changes_nothing(numbers):
    state, _ = numbers.play(numbers.plan(), TICKS, told=scripted(numbers, SCRIPT))
    before = snapshot(state)
    standing(state)
    assert snapshot(state) == before


def test_where_a_loop_stands_is_told_in_words(numbers):
    plan, name = numbers.plan(), NewLabels(120).name

    def after(ticks):
        return standing(numbers.play(plan, ticks, told=scripted(numbers, SCRIPT))[0])

    begun, asking, asked_release, undone, paused = map(after, (0, 8, 11, 15, 17))
    assert (begun.champion, begun.coverage, begun.proposals) == (None, None, {})
    assert (asking.champion, asking.previous, asking.autonomy) == ("v1", None, "suggest")
    ((_, question),) = asking.proposals.items()
    assert question.startswith(f"Train a candidate ({name}): 120 new labels")
    assert asking.triggers == {name: "act"}
    assert asking.coverage == 1.0
    assert asked_release.waiting == "v2"
    assert list(asked_release.proposals.values()) == ["Roll out v2, which the gates accepted."]
    assert (undone.champion, undone.previous) == ("v1", None)
    assert (paused.paused, paused.busy) == ("ana", "a candidate is being trained")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({}, "v2 answers 10% of the units, step 1 of 1"),
        ({12: [act("pause")]}, "v2 answers 10% of the units, step 1 of 1; paused by ana"),
    ],
)
def test_the_step_of_a_rollout_is_told_in_words(numbers, script, words):
    rollout = Canary(steps=(0.1, 1.0), over="10h", min_samples=50)
    plan = numbers.plan(rollout=rollout)
    found = standing(numbers.play(plan, 13, told=scripted(numbers, script))[0])
    assert (found.challenger, found.share) == ("v2", 0.1)
    assert found.rollout == words
    assert found.busy == "v2 is being rolled out"
