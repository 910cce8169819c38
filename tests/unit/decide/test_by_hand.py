from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.records import (
    ActionProposed,
    AutonomySet,
    CandidateAccepted,
    CandidateRejected,
    OperatorActed,
    ProposalLapsed,
    RolledBack,
    RolloutAdvanced,
    RolloutEnded,
)
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.decide import Every, NewLabels
from ostinato.decide.stage import STAGE


def act(what, subject="", *, who="ana", why="the tariff changed", act_id="a1"):
    return OperatorActed(
        ts_event_ns=0,
        ts_record_ns=0,
        subject=subject,
        reason=why,
        act=what,
        who=who,
        act_id=act_id,
    )


def level(name):
    return AutonomySet(
        ts_event_ns=0, ts_record_ns=0, subject="demo", reason="", level=name, who="ana", act_id="l1"
    )


def about(kind, subject="c", at_ns=0, **fields):
    return kind(ts_event_ns=at_ns, ts_record_ns=at_ns, subject=subject, reason="", **fields)


def asked_to_release(version, proposal="p-r"):
    return about(ActionProposed, version, action="release", proposal=proposal)


@pytest.fixture
def at(world, make_losses):
    """A loop with v1 as champion and labels that matured, at a level of autonomy."""

    def make(name="auto", *triggers, **changes):
        loop = world(*(triggers or (Every("2h"),)), **changes)
        loop.tick(level(name), make_losses(loop.now_ns, np.zeros(10)))
        loop.made.clear()
        return loop

    return make


def refusals(loop):
    return [(r.act, r.subject, r.reason) for r in loop.made if r.kind == "act_refused"]


def kinds(loop):
    return [k for k in loop.kinds() if k != "evidence_registered"]


# ---------------------------------------------------------------- autonomy


def test_a_loop_that_only_observes_journals_its_alarms_and_asks_for_nothing(at):
    loop = at("observe")
    for _ in range(4):
        loop.tick()
    assert loop.stances() == ["held"]
    assert "the loop only observes" in loop.made[-1].reason
    assert "learning_requested" not in loop.kinds()


def test_the_first_champion_is_learned_whatever_the_autonomy(world):
    loop = world(Every("1h"), champion=None)
    loop.state.last_request_ns = None
    fresh = STAGE.start(loop.state.config_)
    (asked,) = STAGE.step(fresh, [level("observe")], loop.now_ns)
    assert asked.subject == "first champion"


def test_a_loop_that_suggests_asks_once_and_learns_when_somebody_approves(at):
    loop = at("suggest")
    for _ in range(5):
        loop.tick()
    assert kinds(loop) == ["trigger_changed", "action_proposed"]
    asked = loop.made[-1]
    assert (asked.action, asked.subject) == ("learn", Every("2h").name)

    loop.tick(act("approve", asked.proposal))
    learning = loop.made[-1] if loop.made[-1].kind == "learning_requested" else loop.made[-2]
    assert learning.subject == asked.subject
    assert learning.evidence["approved_by"] == "ana"
    assert "ana approved it: the tariff changed" in learning.reason
    assert loop.state.busy == "a candidate is being trained"


@pytest.mark.parametrize("name", ["approve", "auto"])
def test_with_more_autonomy_the_loop_learns_by_itself(at, name):
    loop = at(name)
    loop.tick()
    assert "learning_requested" in loop.kinds()


@pytest.mark.parametrize("name", ["approve", "auto", "observe"])
def test_a_question_lapses_when_nothing_is_asked_any_more(at, name):
    loop = at("suggest")
    loop.tick()
    loop.tick(level(name))
    assert kinds(loop)[:3] == ["trigger_changed", "action_proposed", "proposal_lapsed"]
    assert ("learning_requested" in loop.kinds()) == (name != "observe")


def test_a_question_lapses_with_its_champion(at, make_promoted):
    loop = at("suggest")
    loop.tick()
    proposal = loop.made[-1].proposal
    loop.tick(make_promoted("v2", previous="v1"))
    lapsed = next(r for r in loop.made if r.kind == "proposal_lapsed")
    assert lapsed.proposal == proposal
    assert "v2 is champion now" in lapsed.reason


def test_a_candidate_that_waits_keeps_a_loop_from_asking_but_not_from_learning(at):
    for name, learns in (("suggest", False), ("approve", True)):
        loop = at(name)
        loop.tick(about(CandidateAccepted, "v2"), asked_to_release("v2"))
        loop.tick()
        assert ("learning_requested" in loop.kinds()) == learns
        assert ("held" in loop.stances()) == (not learns)


def test_at_most_one_question_is_open(at):
    loop = at("suggest")
    loop.tick()
    loop.tick(about(CandidateAccepted, "v2"), asked_to_release("v2"))
    assert loop.made[-1].kind in ("proposal_lapsed", "trigger_changed")
    assert loop.state.wish is None
    loop.tick(act("approve"))  # that is the release, and none of ours
    assert refusals(loop) == []
    assert "learning_requested" not in loop.kinds()


def test_the_lock_holds_while_an_approved_candidate_is_rolled_out_and_another_is_trained(at):
    loop = at("approve")
    loop.tick(about(CandidateAccepted, "v2"), asked_to_release("v2"))
    assert loop.kinds().count("learning_requested") == 1
    loop.tick(about(RolloutAdvanced, "v2", share=0.1))
    assert loop.state.busy == "v2 is being rolled out"
    loop.tick(about(RolloutEnded, "v2", outcome="aborted"))
    assert loop.state.busy == "a candidate is being trained"
    loop.tick(about(CandidateRejected, "v3"))
    assert loop.state.busy == ""


def test_a_lapsed_release_leaves_a_training_locked(at):
    loop = at("approve")
    loop.tick(about(CandidateAccepted, "v2"), asked_to_release("v2"))
    lapsed = about(ProposalLapsed, "v2", action="release", proposal="p-r")
    loop.tick(about(RolloutEnded, "v2", outcome="kept"), lapsed)
    assert loop.state.busy == "a candidate is being trained"
    assert loop.state.waiting is None


def test_an_approved_rollout_that_ends_before_its_first_step_waits_no_more(at):
    loop = at("approve", NewLabels(10_000))
    loop.tick(about(CandidateAccepted, "v2"), asked_to_release("v2"))
    loop.tick(act("approve"))
    loop.tick(about(RolloutEnded, "v2", outcome="kept"), act("approve", act_id="a2"))
    assert [r[:2] for r in refusals(loop)] == [("approve", "a2")]


def test_a_question_lapses_with_the_policy_and_is_asked_again(at):
    loop = at("suggest")
    loop.tick()
    first = loop.made[-1].proposal
    (lapsed,) = STAGE.adopt(loop.state, loop.state.config_, loop.now_ns)
    loop.tick()
    assert lapsed.proposal == first
    assert loop.made[-1].kind == "action_proposed"
    assert loop.made[-1].proposal != first


# ---------------------------------------------------------------- acts


def test_retrain_needs_no_trigger_no_cooldown_and_no_budget(at):
    loop = at("auto", NewLabels(10_000), cooldown_ns=9 * DAY_NS, max_requests=1)
    loop.tick(act("retrain"))
    learning = next(r for r in loop.made if r.kind == "learning_requested")
    assert (learning.subject, learning.reason) == (
        "operator",
        "ana asked for it: the tariff changed",
    )
    assert learning.evidence == {"by": "ana", "act": "a1"}
    loop.tick(about(CandidateRejected))
    loop.tick(act("retrain", act_id="a2"))
    assert loop.kinds().count("learning_requested") == 2
    assert loop.state.requests_ns == []  # the triggers' budget is theirs


def test_retrain_is_refused_while_something_is_under_way(at):
    loop = at("auto", NewLabels(10_000))
    loop.tick(act("retrain"), act("retrain", act_id="a2"))
    loop.tick(about(CandidateAccepted, "v2"))
    loop.tick(act("retrain", act_id="a3"))
    found = refusals(loop)
    assert [(what, subject) for what, subject, _ in found] == [("retrain", "a2"), ("retrain", "a3")]
    assert "being trained" in found[0][2]
    assert "v2 is being rolled out" in found[1][2]


def test_retrain_overtakes_the_question_that_is_open(at):
    loop = at("suggest")
    loop.tick()
    loop.tick(act("retrain"))
    told = [r.kind for r in loop.made[2:4]]
    assert told == ["proposal_lapsed", "learning_requested"]


def test_a_paused_loop_learns_nothing_until_it_is_resumed(at):
    loop = at("auto")
    loop.tick(act("pause"), act("retrain", act_id="a2"))
    loop.tick()
    assert "learning_requested" not in loop.kinds()
    assert any("paused by ana" in r.reason for r in loop.made if r.kind == "trigger_changed")
    assert refusals(loop)[0][:2] == ("retrain", "a2")
    loop.tick(act("resume", act_id="a3"))
    assert "learning_requested" in loop.kinds()


@pytest.mark.parametrize(
    ("acts", "refused"),
    [
        (["resume"], "resume"),
        (["pause", "pause"], "pause"),
        (["approve"], "approve"),
        (["pause", "approve"], "approve"),
        (["fly"], "fly"),
    ],
)
def test_an_act_without_effect_is_refused(at, acts, refused):
    loop = at("auto", NewLabels(10_000))
    loop.tick(*(act(each, act_id=f"a{number}") for number, each in enumerate(acts)))
    assert [r[:2] for r in refusals(loop)] == [(refused, f"a{len(acts) - 1}")]


def test_an_approval_of_what_is_not_open_is_refused_by_name(at):
    loop = at("suggest")
    loop.tick()
    loop.tick(act("approve", "p-old"))
    assert "p-old" in refusals(loop)[0][2]
    assert loop.state.wish is not None


def test_a_level_that_does_not_exist_is_refused(at):
    loop = at("suggest")
    loop.tick(level("yolo"))
    assert refusals(loop)[0][:2] == ("autonomy", "l1")
    assert loop.state.autonomy == "suggest"


@pytest.mark.parametrize("by_hand", [True, False])
def test_after_an_undo_the_triggers_wait_for_a_cooldown(at, by_hand):
    loop = at("auto", Every("2h"), cooldown_ns=4 * HOUR_NS)
    loop.state.last_request_ns = loop.now_ns - 9 * DAY_NS  # the schedule has long been due
    loop.tick(act("pause"), *([act("undo", act_id="a2")] if by_hand else []))
    back = about(RolledBack, "v2", at_ns=loop.now_ns, previous="v1")
    loop.tick(back, act("resume", act_id="a3"))
    assert ("learning_requested" in loop.kinds()) == (not by_hand)
    loop.tick(hours=3)
    assert "learning_requested" in loop.kinds()


def test_a_question_survives_a_snapshot(at):
    loop = at("suggest")
    loop.tick()
    copy = decode(encode(loop.state))
    copy.config_ = loop.state.config_
    outs = [STAGE.step(s, [act("approve")], loop.now_ns + 1) for s in (loop.state, copy)]
    assert [r.canonical() for r in outs[0]] == [r.canonical() for r in outs[1]]
    assert encode(copy) == encode(loop.state)
