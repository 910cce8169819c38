from __future__ import annotations

import numpy as np
import pytest

from ostinato.core.records import AutonomySet, OperatorActed
from ostinato.core.snapshot import decode, encode
from ostinato.release.plans import Canary, Immediate
from ostinato.release.stage import STAGE

CANARY = Canary(steps=(0.1, 0.5, 1.0), over="4h", min_samples=20, cap="9d")
WORSE = {"v1": np.full(400, 1.0), "v2": np.full(400, 2.0)}


def act(what, subject="", *, who="ana", why="it is time", act_id="a1"):
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
        ts_event_ns=0, ts_record_ns=0, subject="demo", reason="", level=name, who="ana"
    )


@pytest.fixture
def at(world):
    """A loop with v1 as champion, at a level of autonomy."""

    def make(name="auto", rollout=CANARY):
        loop = world(rollout)
        loop.tick(level(name))
        return loop

    return make


def refusals(loop):
    return [(r.act, r.subject, r.reason) for r in loop.made if r.kind == "act_refused"]


# ---------------------------------------------------------------- autonomy


@pytest.mark.parametrize("name", ["suggest", "approve"])
def test_an_accepted_candidate_waits_until_somebody_approves(at, name):
    loop = at(name)
    loop.accept("v2")
    asked = loop.last("action_proposed")
    loop.tick()

    assert loop.kinds() == ["action_proposed"]
    assert (asked.action, asked.subject) == ("release", "v2")
    loop.tick(act("approve", asked.proposal))
    advanced = loop.last("rollout_advanced")
    assert (advanced.subject, advanced.share) == ("v2", 0.1)
    assert advanced.evidence["approved_by"] == "ana"
    assert advanced.evidence["proposal"] == asked.proposal
    assert loop.state.waiting is None


def test_approve_without_a_name_is_about_the_one_that_is_open(at):
    loop = at("approve", Immediate(min_samples=20))
    loop.accept("v2")
    loop.tick(act("approve"))
    assert loop.state.routes.champion == "v2"
    assert loop.last("promoted").evidence["approved_by"] == "ana"


def test_approve_of_another_proposal_is_left_to_whoever_made_it(at):
    loop = at("approve")
    loop.accept("v2")
    loop.tick(act("approve", "p-other"))
    assert loop.kinds() == ["action_proposed"]


def test_a_newer_candidate_takes_the_place_of_the_one_that_waits(at):
    loop = at("approve")
    loop.accept("v2")
    loop.accept("v3")
    assert loop.kinds() == [
        "action_proposed",
        "rollout_ended",
        "proposal_lapsed",
        "action_proposed",
    ]
    assert loop.last("rollout_ended").subject == "v2"
    assert "v3" in loop.last("rollout_ended").reason
    loop.tick(act("approve"))
    assert loop.state.rollout.challenger == "v3"


@pytest.mark.parametrize("by", ["promote", "undo"])
def test_a_new_champion_overtakes_the_one_that_waits(at, by):
    loop = at("auto", Immediate(min_samples=20))
    loop.accept("v2")
    loop.tick(level("approve"))
    loop.accept("v3")
    proposal = loop.last("action_proposed").proposal
    loop.tick(act(by, "v1" if by == "promote" else ""))
    assert loop.state.routes.champion == "v1"
    assert loop.last("proposal_lapsed").proposal == proposal
    assert loop.last("rollout_ended").subject == "v3"


def test_a_proposal_that_lapses_in_the_tick_of_its_approval_is_refused(at):
    loop = at("approve", Immediate(min_samples=20))
    loop.accept("v2")
    loop.tick(act("promote", "v2", act_id="a1"), act("approve", act_id="a2"))
    assert loop.state.routes.champion == "v2"
    assert [(what, subject) for what, subject, _ in refusals(loop)] == [("approve", "a2")]


def test_with_auto_the_one_that_waits_begins_at_once(at):
    loop = at("approve")
    loop.accept("v2")
    loop.tick(level("auto"))
    assert loop.kinds() == ["action_proposed", "proposal_lapsed", "rollout_advanced"]


def test_a_loop_that_only_observes_ends_its_rollout_and_releases_nothing(at):
    loop = at("auto")
    loop.accept("v2")
    loop.tick(level("observe"))
    loop.accept("v3")
    loop.tick()
    ended = [(r.subject, r.outcome) for r in loop.made if r.kind == "rollout_ended"]
    assert ended == [("v2", "kept"), ("v3", "kept")]
    assert loop.state.routes.champion == "v1"
    loop.tick(act("promote", "v3"))
    assert loop.state.routes.champion == "v3"


def test_the_first_champion_serves_whatever_the_autonomy(world):
    loop = world(CANARY, champion=None)
    loop.tick(level("observe"), act("pause"))
    loop.accept("v1")
    assert loop.state.routes.champion == "v1"


def test_a_level_that_does_not_exist_changes_nothing(at):
    loop = at("approve")
    loop.tick(level("yolo"))
    assert loop.state.autonomy == "approve"


def test_harm_ends_a_rollout_without_asking(at):
    loop = at("approve")
    loop.accept("v2")
    loop.tick(act("approve"))
    loop.tick(act("pause"))
    for _ in range(8):
        loop.show(WORSE)
    ended = loop.last("rollout_ended")
    assert (ended.subject, ended.outcome) == ("v2", "aborted")


def test_a_worse_champion_is_rolled_back_without_asking(at):
    loop = at("approve", Immediate(min_samples=20, abort_null="always"))
    loop.accept("v2")
    loop.tick(act("approve"))
    loop.tick(act("pause"))
    for _ in range(8):
        loop.show(WORSE)
    assert loop.last("rolled_back").previous == "v1"
    loop.tick(act("undo", act_id="u1"))
    assert refusals(loop)[-1][:2] == ("undo", "u1")  # one step back, and that was it


# ---------------------------------------------------------------- acts


def test_promote_lets_the_challenger_serve_now_and_says_who_wanted_it(at):
    loop = at("auto")
    loop.accept("v2")
    loop.tick(act("promote"))
    promoted = loop.last("promoted")
    assert (promoted.subject, promoted.previous) == ("v2", "v1")
    assert promoted.reason == "ana promoted it: it is time"
    assert promoted.evidence["by"] == "ana"
    assert loop.state.rollout is None
    assert loop.state.look_back.champion == "v1"  # it is watched like any other


def test_promote_takes_the_candidate_that_waits(at):
    loop = at("approve")
    loop.accept("v2")
    loop.tick(act("promote"))
    assert loop.state.routes.champion == "v2"
    assert loop.kinds() == ["action_proposed", "promoted"]


def test_promote_of_another_version_ends_the_rollout(at):
    loop = at("auto", Immediate(min_samples=20))
    loop.accept("v2")
    loop.state.config_ = at("auto").state.config_
    loop.accept("v3")
    loop.tick(act("promote", "v1"))
    assert loop.last("rollout_ended").subject == "v3"
    assert loop.state.routes.champion == "v1"
    assert loop.state.routes.canary is None


@pytest.mark.parametrize(
    ("subject", "why"),
    [("", "There is no challenger"), ("v1", "champion already"), ("v9", "gates did not accept")],
)
def test_promote_is_refused_without_a_verdict_of_the_gates(at, subject, why):
    loop = at("auto")
    epoch = loop.state.routes.epoch
    loop.tick(act("promote", subject))
    ((what, act_id, reason),) = refusals(loop)
    assert (what, act_id) == ("promote", "a1")
    assert why in reason
    assert loop.state.routes.epoch == epoch


def test_abort_ends_the_rollout(at):
    loop = at("auto")
    loop.accept("v2")
    loop.tick(act("abort"))
    ended = loop.last("rollout_ended")
    assert (ended.subject, ended.outcome, ended.reason) == (
        "v2",
        "aborted",
        "ana aborted it: it is time",
    )
    assert loop.state.routes.canary is None


def test_abort_turns_down_the_candidate_that_waits(at):
    loop = at("approve")
    loop.accept("v2")
    loop.tick(act("abort"))
    assert loop.last("rollout_ended").outcome == "aborted"
    assert loop.last("proposal_lapsed").subject == "v2"
    assert loop.state.waiting is None


@pytest.mark.parametrize("subject", ["", "v9"])
def test_abort_without_a_rollout_is_refused(at, subject):
    loop = at("auto")
    loop.tick(act("abort", subject))
    assert refusals(loop)[0][:2] == ("abort", "a1")


def test_abort_of_another_version_than_the_challenger_is_refused(at):
    loop = at("auto")
    loop.accept("v2")
    loop.tick(act("abort", "v9"))
    assert loop.state.rollout.challenger == "v2"
    assert "v9" in refusals(loop)[0][2]


def test_undo_goes_back_long_after_the_watch_and_ends_a_rollout(at):
    loop = at("auto", Immediate(min_samples=20, watch="1d"))
    loop.accept("v2")
    loop.tick(hours=24 * 9)
    assert loop.state.look_back is None
    loop.state.config_ = at("auto").state.config_
    loop.accept("v3")
    loop.tick(act("undo"))
    back = loop.last("rolled_back")
    assert (back.subject, back.previous, back.reason) == ("v2", "v1", "ana went back: it is time")
    assert loop.last("rollout_ended").subject == "v3"
    assert loop.state.routes.champion == "v1"
    assert loop.state.routes.shadows == ()


def test_undo_is_one_step_and_refused_where_there_is_none(at):
    loop = at("auto", Immediate(min_samples=20))
    loop.tick(act("undo", act_id="u1"))
    loop.accept("v2")
    loop.tick(act("undo", act_id="u2"))
    loop.tick(act("undo", act_id="u3"))
    assert [subject for _, subject, _ in refusals(loop)] == ["u1", "u3"]
    assert loop.kinds().count("rolled_back") == 1


def test_undo_survives_a_snapshot(at):
    loop = at("auto", Immediate(min_samples=20, watch=None))
    loop.accept("v2")
    copy = decode(encode(loop.state))
    copy.config_ = loop.state.config_
    made = STAGE.step(copy, [act("undo")], loop.now_ns + 1)
    assert [r.kind for r in made] == ["rolled_back", "routes_changed"]
    assert copy.routes.champion == "v1"


def test_a_paused_rollout_stays_where_it_is_and_says_so_once(at):
    loop = at("auto")
    loop.accept("v2")
    loop.tick(act("pause"))
    for _ in range(5):
        loop.tick()
    held = [r for r in loop.made if r.kind == "rollout_held"]
    assert [(h.share, h.next_share) for h in held] == [(0.1, 0.5)]
    assert "paused by ana" in held[0].reason
    loop.tick(act("resume"))
    assert loop.last("rollout_advanced").share == 0.5
    loop.tick(act("pause"))
    assert loop.state.rollout.paused is False  # the next pause is told again


def test_a_candidate_accepted_in_a_pause_waits_for_its_end(at):
    loop = at("auto")
    loop.tick(act("pause"))
    loop.accept("v2")
    loop.tick()
    assert loop.kinds() == ["rollout_held"]
    loop.tick(act("resume"))
    assert loop.last("rollout_advanced").subject == "v2"


@pytest.mark.parametrize("what", ["promote", "approve"])
def test_nothing_is_released_by_hand_in_a_pause(at, what):
    loop = at("approve")
    loop.accept("v2")
    loop.tick(act("pause"))
    loop.tick(act(what, act_id="a2"))
    assert loop.state.routes.champion == "v1"
    assert loop.state.rollout is None
    # An approval is refused by `decide`, which knows of both kinds of proposals.
    assert [r[0] for r in refusals(loop)] == (["promote"] if what == "promote" else [])


def test_undo_and_abort_go_on_in_a_pause(at):
    loop = at("auto", Immediate(min_samples=20))
    loop.accept("v2")
    loop.tick(act("pause"))
    loop.tick(act("undo"))
    assert loop.state.routes.champion == "v1"
