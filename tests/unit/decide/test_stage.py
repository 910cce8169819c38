from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.records import (
    ROLES,
    CandidateAccepted,
    CandidateRejected,
    RolledBack,
    RolloutEnded,
    TrainingFailed,
)
from ostinato.core.snapshot import decode, encode
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.decide import Degradation, Every, NewLabels, all_of
from ostinato.decide.stage import STAGE, step
from ostinato.decide.trigger import Finding
from ostinato.loop.policy import Policy


class Swinging:
    """A trigger whose warning comes and goes every tick."""

    name = "swinging"
    stances = ("quiet",)

    def begin(self):
        return [0]

    def observe(self, state, losses, champion):
        state[0] += 1

    def foresee(self, state, early, champion):
        pass

    def advance(self, state, now_ns):
        pass

    def kept(self, state, candidate):
        pass

    def registered(self, state):
        return None

    def renew(self, state, reference):
        pass

    def requested(self, state, now_ns):
        pass

    def look(self, state, seen):
        return self.stances[(seen.now_ns // HOUR_NS) % len(self.stances)]

    def explain(self, state, seen):
        return Finding(reason="It swings.")


def decision(kind, subject="c", **fields):
    return kind(ts_event_ns=0, ts_record_ns=0, subject=subject, reason="", **fields)


def rejected(subject="c"):
    return decision(CandidateRejected, subject)


def requests(world):
    return [record for record in world.made if record.kind == "learning_requested"]


def test_the_first_thing_asked_for_is_a_first_champion(world):
    loop = world(Every("7d"), champion=None)

    out = loop.tick()

    assert [record.subject for record in out] == ["first champion"]
    assert loop.tick() == []


def test_a_first_champion_that_failed_is_asked_for_again_after_the_cool_down(world):
    loop = world(champion=None, cooldown_ns=3 * HOUR_NS)
    loop.tick()
    loop.tick(decision(TrainingFailed, request="t-1"))

    loop.tick()
    early = len(requests(loop))
    loop.tick()

    assert (early, len(requests(loop))) == (1, 2)


def test_the_journal_hears_of_a_trigger_only_when_it_changes_its_mind(world):
    loop = world(NewLabels(100), Every("300d"))

    for _ in range(50):
        loop.tick()

    assert loop.kinds() == ["trigger_changed", "trigger_changed"]
    assert loop.made[0].evidence == {"labels": 0, "wanted": 100}


def test_a_trigger_that_acts_is_quiet_again_after_its_request(world, make_losses):
    loop = world(NewLabels(100))
    loop.tick(make_losses(loop.now_ns, np.zeros(100)))
    loop.tick()

    assert loop.stances() == ["quiet", "act", "quiet"]
    assert len(requests(loop)) == 1
    assert requests(loop)[0].evidence == {"labels": 100, "wanted": 100}


def test_one_model_is_asked_for_at_a_time(world, make_losses):
    loop = world(NewLabels(10))
    loop.tick(make_losses(loop.now_ns, np.zeros(10)))
    for _ in range(5):
        loop.tick(make_losses(loop.now_ns, np.zeros(10)))
    busy = len(requests(loop))
    held = loop.made[-1]

    loop.tick(rejected())

    assert busy == 1
    assert (held.stance, "one at a time" in held.reason) == ("held", True)
    assert held.evidence["labels"] == 10
    assert len(requests(loop)) == 2


def test_a_failed_training_and_an_ended_rollout_open_the_lock(world, make_losses):
    loop = world(NewLabels(10))
    for opening in (
        [decision(TrainingFailed, request="t-1")],
        [decision(CandidateAccepted), decision(RolloutEnded, outcome="kept")],
    ):
        loop.tick(make_losses(loop.now_ns, np.zeros(10)))
        assert loop.state.busy
        for record in opening:
            loop.tick(record)
        assert not loop.state.busy

    assert len(requests(loop)) == 2


def test_a_rollout_that_ended_does_not_open_the_lock_of_the_one_that_took_its_place(world):
    loop = world()
    loop.tick(decision(CandidateAccepted, "c1"))

    loop.tick(decision(CandidateAccepted, "c2"), decision(RolloutEnded, "c1", outcome="kept"))
    loop.tick(rejected("c3"))

    assert loop.state.busy == "c2 is being rolled out"


def test_the_cool_down_holds_an_alarm_back_and_lets_it_go(world, make_losses):
    loop = world(NewLabels(10), cooldown_ns=6 * HOUR_NS)

    for _ in range(6):
        loop.tick(make_losses(loop.now_ns, np.zeros(10)))

    assert loop.stances() == ["quiet", "held", "act"]
    assert "cool-down of 6h" in loop.made[1].reason


def test_the_retrain_budget_is_kept_in_every_period(world, make_losses):
    loop = world(NewLabels(1), max_requests=3, per_ns=DAY_NS, cooldown_ns=1)
    moments = []

    for _ in range(72):
        out = loop.tick(make_losses(loop.now_ns, np.zeros(1)), rejected())
        moments += [r.ts_event_ns for r in out if r.kind == "learning_requested"]

    assert len(moments) == 9
    assert all(
        later - earlier >= DAY_NS for earlier, later in zip(moments, moments[3:], strict=False)
    )
    assert any("budget of 3 retrainings per 1d is spent" in record.reason for record in loop.made)


def test_two_triggers_that_act_at_once_ask_once_and_share_what_they_know(world, make_losses):
    loop = world(NewLabels(30 * 40), Degradation(season="none", arl=1e3), cooldown_ns=30 * HOUR_NS)
    for tick in range(30):
        losses = np.full(40, 0.1 if tick < 15 else 1.0)
        loop.tick(make_losses(loop.now_ns, losses))

    (request,) = requests(loop)

    assert request.subject == "1200 new labels"
    assert request.change_ns is not None
    loop.tick()
    assert loop.state.stances == ["quiet", "quiet"]


def test_a_warning_that_swings_does_not_fill_the_journal(world):
    trigger = Swinging()
    trigger.stances = ("warn", "quiet", "quiet", "warn", "quiet")
    loop = world(trigger)

    for _ in range(200):
        loop.tick()
    trigger.stances = ("quiet",)
    for _ in range(30):
        loop.tick()

    assert len(loop.stances()) <= 3
    assert loop.stances()[-2:] == ["warn", "quiet"]


def test_a_new_champion_is_measured_by_what_it_achieved_when_it_was_proved(
    world, make_evaluated, make_promoted
):
    rng = np.random.default_rng(0)
    loop = world(Degradation(season="none"), champion=None)
    errors = (rng.random(900) < 0.2).astype(float)
    loop.tick(make_evaluated("v1", errors))

    loop.tick(make_promoted("v1"))

    assert loop.state.triggers[0].baseline.mean == errors.mean()


def test_a_rollback_brings_the_previous_baseline_back(world, make_evaluated, make_promoted):
    loop = world(Degradation(season="none"), champion=None)
    loop.tick(make_evaluated("v1", np.resize([1.0, 0, 0, 0], 800)))
    loop.tick(make_promoted("v1"))
    loop.tick(make_evaluated("v2", np.resize([1.0, 0], 800)))
    loop.tick(make_promoted("v2", previous="v1"))
    loop.tick(make_evaluated("v3", np.zeros(800)))

    loop.tick(decision(RolledBack, "v2", previous="v1"))

    assert loop.state.champion == "v1"
    assert loop.state.triggers[0].baseline.mean == 0.25
    assert sorted(loop.state.references) == ["v1", "v3"]


def test_references_of_versions_out_of_play_are_forgotten(world, make_evaluated, make_promoted):
    loop = world(Every("7d"))
    for number in range(5):
        loop.tick(make_evaluated(f"r{number}", np.zeros(600)))
        loop.tick(rejected(f"r{number}"))
    for number in range(2, 6):
        loop.tick(make_evaluated(f"v{number}", np.zeros(600)))
        loop.tick(make_promoted(f"v{number}", previous=f"v{number - 1}"))

    assert sorted(loop.state.references) == ["v4", "v5"]


def test_answers_of_other_versions_do_not_count_where_acting_changes_the_label(world, make_losses):
    counted = {}
    for paired in (True, False):
        loop = world(Degradation(season="none"), paired=paired)
        observed = make_losses(loop.now_ns, np.zeros(100))
        observed.answered[:90] = 1  # another version
        loop.tick(observed)
        counted[paired] = len(loop.state.triggers[0].pending)

    assert counted == {True: 100, False: 10}


def test_where_labels_are_selective_only_explored_rows_count(world, make_losses):
    loop = world(Degradation(season="none"), explored=True)
    observed = make_losses(loop.now_ns, np.zeros(100))
    observed.roles[:30] = ROLES.index("explore")

    loop.tick(observed)

    assert len(loop.state.triggers[0].pending) == 30


def test_a_populated_state_survives_its_plain_form(
    world, make_losses, make_evaluated, make_promoted
):
    rng = np.random.default_rng(0)
    charts = [Degradation(chart=chart) for chart in ("e", "ewma", "cusum", "shewhart")]
    loop = world(NewLabels(500), all_of(Every("2d"), charts[0]), *charts[1:], champion=None)
    loop.tick(make_evaluated("v1", (rng.random(900) < 0.1).astype(float)))
    loop.tick(make_promoted("v1"))
    copy = decode(encode(loop.state))
    copy.config_ = loop.state.config_
    batches = [make_losses(loop.now_ns, (rng.random(60) < 0.3).astype(float)) for _ in range(80)]

    outs = []
    for state in (loop.state, copy):
        now_ns, made = loop.now_ns, []
        for batch in batches:
            now_ns += HOUR_NS
            made += step(state, [batch], now_ns)
        outs.append([record.canonical() for record in made])

    assert outs[0] == outs[1]
    assert len(outs[0]) > 5
    assert encode(copy) == encode(loop.state)
    assert copy.references["v1"].losses.flags.writeable


def test_a_tick_with_nothing_new_costs_next_to_nothing(world, make_losses):
    loop = world(Every("0 3 * * 1"), NewLabels(10**9), Degradation(season="none"))
    loop.tick(make_losses(loop.now_ns, np.full(600, 0.1)))
    best = float("inf")

    for _ in range(20):
        begun = time.perf_counter()
        for _ in range(20):
            step(loop.state, [], loop.now_ns)
        best = min(best, (time.perf_counter() - begun) / 20)

    assert best < 100e-6


def registered(world):
    return [record for record in world.made if record.kind == "evidence_registered"]


def test_a_process_is_registered_before_anything_is_decided_on_it(
    world, make_evaluated, make_promoted, make_losses
):
    loop = world(Degradation(season="none", arl=1e3), Every("300d"), champion=None)
    loop.tick(make_evaluated("v1", np.resize([1.0, 0, 0, 0], 800)))
    loop.made.clear()
    loop.tick(make_promoted("v1"), make_losses(loop.now_ns, np.resize([1.0, 0, 0, 0], 500)))

    kinds = loop.kinds()
    (entry,) = registered(loop)

    assert kinds.index("evidence_registered") < kinds.index("trigger_changed")
    assert entry.process == "mixture Shiryaev-Roberts e-detector"
    assert entry.subject == Degradation(season="none").name
    assert (entry.evidence["arl"], entry.evidence["reference_rows"]) == (1e3, 800)
    assert entry.evidence["expected"] == [0.25]
    assert not entry.restarted


def test_a_process_is_registered_anew_when_it_begins_anew_and_not_otherwise(
    world, make_evaluated, make_promoted, make_losses
):
    loop = world(Degradation(season="none", arl=1e3), champion=None)
    loop.tick(make_evaluated("v1", np.resize([1.0, 0, 0, 0], 800)))
    loop.tick(make_promoted("v1"))
    for _ in range(5):
        loop.tick(make_losses(loop.now_ns, np.resize([1.0, 0, 0, 0], 40)))
    before = len(registered(loop))

    loop.tick(make_losses(loop.now_ns, np.ones(400)))
    after_reset = [entry.evidence["begun_at_event"] for entry in registered(loop)]
    loop.tick(make_evaluated("v2", np.resize([1.0, 0], 800)))
    loop.tick(make_promoted("v2", previous="v1"))

    assert before == 1
    assert after_reset == [0, 600]
    assert [entry.evidence["expected"] for entry in registered(loop)] == [[0.25], [0.25], [0.5]]


def test_a_baseline_of_live_rows_is_registered_when_it_is_known(world, make_losses):
    loop = world(all_of(Every("300d"), Degradation(season="none", reference_rows=100)))
    loop.tick(make_losses(loop.now_ns, np.resize([1.0, 0, 0, 0], 60)))
    early = len(registered(loop))
    loop.tick(make_losses(loop.now_ns, np.resize([1.0, 0, 0, 0], 60)))

    (entry,) = registered(loop)

    assert early == 0
    assert entry.process == "several processes"
    assert list(entry.evidence) == ["method", Degradation(season="none").name]


def test_a_trigger_that_lacks_a_method_is_refused_by_name():
    without = type("Without", (), {k: v for k, v in vars(Swinging).items() if k != "registered"})

    with pytest.raises(ConfigError, match="lacks methods of the contract"):
        Policy(triggers=[without()])


def test_a_process_begun_anew_by_a_changed_policy_says_that_what_it_had_gathered_is_void(
    world, make_evaluated, make_promoted, make_losses
):
    kept, changed = Degradation(season="none", chart="ewma"), Degradation(season="none", arl=1e4)
    loop = world(Degradation(season="none"), kept, champion=None)
    loop.tick(make_evaluated("v1", np.resize([1.0, 0, 0, 0], 800)))
    loop.tick(make_promoted("v1"))
    loop.made.clear()

    config = replace(loop.state.config_, triggers=(Every("300d"), kept, changed))
    STAGE.adopt(loop.state, config, loop.now_ns)
    loop.tick(make_losses(loop.now_ns, np.resize([1.0, 0, 0, 0], 40)))

    (entry,) = registered(loop)
    assert (entry.subject, entry.restarted) == (changed.name, True)
    assert entry.evidence["arl"] == 1e4
    assert [bool(each) for each in loop.state.registered] == [False, True, True]


@dataclass(frozen=True, slots=True)
class Counting(NewLabels):
    """A trigger with a setting that does not stand in the policy."""

    _secret: int = 0


def of_another_module():
    """A class that is called like the first one and is another."""

    @dataclass(frozen=True, slots=True)
    class Counting(NewLabels):
        _secret: int = 0

    return Counting


@pytest.mark.parametrize(
    ("other", "goes_on"),
    [
        (Counting(5), True),
        (Counting(5, _secret=1), False),
        (of_another_module()(5), False),
        (all_of(Counting(5)), False),
    ],
)
def test_a_trigger_goes_on_only_if_its_type_and_all_its_fields_are_the_same(world, other, goes_on):
    loop = world(Counting(5))

    STAGE.adopt(loop.state, replace(loop.state.config_, triggers=(other,)), loop.now_ns)

    assert loop.state.stances == ["quiet" if goes_on else ""]


def test_a_trigger_goes_on_when_a_private_setting_of_one_inside_it_is_the_same(world):
    loop = world(all_of(Counting(5, _secret=1), Every("7d")))
    before = loop.state.triggers[0]
    config = loop.state.config_

    same = replace(config, triggers=(all_of(Counting(5, _secret=1), Every("7d")),))
    STAGE.adopt(loop.state, same, loop.now_ns)
    kept = loop.state.triggers[0] is before
    other = replace(config, triggers=(all_of(Counting(5, _secret=2), Every("7d")),))
    STAGE.adopt(loop.state, other, loop.now_ns)

    assert kept
    assert loop.state.triggers[0] is not before
