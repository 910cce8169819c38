"""A replay carries out examinations with rows and labels as they were known."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

import ostinato as ost
from ostinato.core.units import DAY_NS
from ostinato.core.watched import ExaminationRequested
from ostinato.decide.actions import policy_facts
from ostinato.learn.hard import never_trained
from ostinato.replay.examining import REFERENCE_LEAST, Examiner
from ostinato.replay.history import make_history
from ostinato.replay.run import make_run, ticks
from ostinato.replay.scores import ModelScores
from ostinato.replay.training import Trainer
from ostinato.stores.journal_memory import MemoryJournal


def begun(loop, table):
    history = make_history(loop, table, start=None, end=None)
    trainer = Trainer(loop=loop, history=history, scores=ModelScores(history.frame))
    run = make_run(
        loop,
        loop.policy,
        history,
        trainer,
        tick="1d",
        seed=0,
        train_takes="10m",
        journal=MemoryJournal(),
    )
    run.begin()
    return run


def decide_config(run):
    return run.state.stages["decide"].config_


def asked(run, from_ns, to_ns, now_ns):
    return ExaminationRequested(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject="schedule",
        reason="It is time.",
        evidence={"policy": policy_facts(run.state.stages["decide"], decide_config(run), now_ns)},
        request="e-1",
        champion=run.recorder.champion,
        from_ns=from_ns,
        to_ns=to_ns,
    )


def examined(run, from_ns, to_ns, now_ns):
    """Run to a moment, ask, and return what the next tick brings."""
    for tick_ns, stop in ticks(run.history, "1d"):
        if tick_ns > now_ns:
            break
        run.tick(tick_ns, stop)
    run._carry_out(asked(run, from_ns, to_ns, now_ns), now_ns)
    run.tick(tick_ns, stop)
    found = [json.loads(each.body) for each in run.journal.entries()]
    return [each for each in found if each["kind"] == "diagnosis_made" and each["request"] == "e-1"]


@pytest.fixture(scope="module")
def static(make_loop):
    return partial(make_loop, policy=ost.policies.static())


def test_a_change_of_concept_is_diagnosed_and_journalled(world, static):
    run = begun(static(), world(6000, change=0.5))

    found = examined(run, 32 * DAY_NS, 45 * DAY_NS, 46 * DAY_NS)

    assert len(found) == 1
    diagnosis = found[0]
    assert (diagnosis["cause"], diagnosis["request"]) == ("concept drift", "e-1")
    assert diagnosis["subject"] == run.recorder.champion
    assert "ostinato retrain" in diagnosis["action"]


def test_labels_that_are_not_known_yet_do_not_count(world, static):
    run = begun(static(label=ost.Label("y", delay="3d", horizon="4d")), world(6000))

    diagnosis = examined(run, 43 * DAY_NS, 46 * DAY_NS, 46 * DAY_NS)[0]

    assert diagnosis["evidence"]["rows"]["labelled"][1] == 0
    assert diagnosis["evidence"]["rows"]["current"] > 200
    assert "too few labels" in diagnosis["reason"]


def test_the_reference_is_rows_that_the_champion_did_not_learn_from(world, static):
    run = begun(static(), world(6000))
    trained, history = run.orders[run.recorder.champion], run.history
    order = asked(run, 40 * DAY_NS, 45 * DAY_NS, 46 * DAY_NS)
    examiner = Examiner(loop=run.loop, policy=run.policy, history=history, scores=None)

    rows = examiner._reference_rows(history, order, trained, np.ones(len(history), dtype=np.bool_))

    learned = (history.times_ns >= trained.from_ns) & (history.times_ns < trained.to_ns)
    held = never_trained(history.unit_hashes, loop="small", share=run.loop.holdout)
    assert not (learned & ~held)[rows].any()
    assert len(rows) == len(np.unique(rows)) >= REFERENCE_LEAST
    assert history.times_ns[rows].max() < 40 * DAY_NS


def test_policies_that_are_compared_share_an_examination(world, static):
    run = begun(static(), world(3000))
    for tick_ns, stop in list(ticks(run.history, "1d"))[:30]:
        run.tick(tick_ns, stop)

    for name in ("e-1", "e-2"):
        order = replace(asked(run, 20 * DAY_NS, 30 * DAY_NS, tick_ns), request=name)
        run._carry_out(order, tick_ns)

    made = [each[1][0] for each in run.due]
    assert [each.request for each in made] == ["e-1", "e-2"]
    assert made[0].evidence is made[1].evidence


def test_where_labels_are_selective_only_explored_rows_are_examined(world, make_loop):
    label = ost.Label("y", delay="6h", horizon="12h", selective=True)
    policy = ost.Policy(explore=0.3)
    run = begun(make_loop(label=label, policy=policy), world(6000))

    diagnosis = examined(run, 32 * DAY_NS, 45 * DAY_NS, 46 * DAY_NS)[0]

    rows = diagnosis["evidence"]["rows"]
    assert 0.2 < rows["current"] / 1300 < 0.4
    assert rows["reference"] < 1000
