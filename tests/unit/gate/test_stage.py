from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.records import (
    CandidateTrained,
    ParityBroken,
    ParityRestored,
    Promoted,
    RolledBack,
    TrainingFailed,
    TrainingRequested,
)
from ostinato.core.snapshot import decode, encode
from ostinato.gate import Calibration, GateConfig, MinimumDelta, NoWorseSlice
from ostinato.gate.stage import start, step


def begin(*gates, champion="v1", task="regression", metric="mae", explored=False):
    config = GateConfig(gates=gates, task=task, metric=metric, group_names=(), explored=explored)
    state = start(config)
    state.champion = champion
    return state


def decision(kind, subject, **fields):
    return kind(ts_event_ns=0, ts_record_ns=0, subject=subject, reason="", **fields)


def ordered(request, champion):
    return decision(
        TrainingRequested,
        "schedule",
        request=request,
        from_ns=0,
        to_ns=1,
        holdout_from_ns=1,
        matured_to_ns=2,
        half_life_ns=None,
        warm_start_from=None,
        champion=champion,
        seed=0,
    )


def trained(request, version):
    return decision(CandidateTrained, version, request=request, artifact="")


def test_the_first_champion_has_nothing_to_beat(make_set, make_evaluated):
    state = begin(MinimumDelta(), champion=None)
    worse = make_set(np.random.default_rng(0), gain=-5)

    out = step(state, [make_evaluated(worse)], 0)

    assert [record.kind for record in out] == ["candidate_accepted"]


def test_every_gate_is_judged_and_all_must_pass(make_set, make_evaluated):
    rng = np.random.default_rng(0)
    state = begin(MinimumDelta(), NoWorseSlice(), Calibration())

    good = step(state, [make_evaluated(make_set(rng, gain=0.2))], 0)
    bad = step(state, [make_evaluated(make_set(rng, gain=-0.2))], 0)

    assert [record.kind for record in good] == ["gate_judged"] * 3 + ["candidate_accepted"]
    assert [record.kind for record in bad] == ["gate_judged"] * 3 + ["candidate_rejected"]
    assert bad[-1].reason.startswith("minimum delta: fail.")


def test_where_labels_are_selective_sets_that_chance_did_not_choose_prove_nothing(
    make_set, make_evaluated
):
    rng = np.random.default_rng(0)
    state = begin(MinimumDelta(), explored=True)
    recent = make_set(rng, gain=0.2)

    chosen_by_champion = step(state, [make_evaluated(recent)], 0)
    by_chance = step(state, [make_evaluated(replace(recent, explored=True))], 0)

    assert [each.verdict for each in (chosen_by_champion[0], by_chance[0])] == [
        "inconclusive",
        "pass",
    ]
    assert chosen_by_champion[-1].kind == "candidate_rejected"
    assert by_chance[-1].kind == "candidate_accepted"


@pytest.mark.parametrize("champion", ["v1", None])
@pytest.mark.parametrize("answer", [np.nan, np.inf])
def test_a_candidate_that_answers_no_number_is_rejected(champion, answer, make_set, make_evaluated):
    recent = make_set(np.random.default_rng(0), gain=0.2)
    recent.candidate[7] = answer

    out = step(begin(MinimumDelta(), champion=champion), [make_evaluated(recent)], 0)

    assert [record.kind for record in out] == ["candidate_rejected"]
    assert "recent set" in out[0].reason


def test_a_champion_that_answered_infinity_does_not_stop_the_gates(make_set, make_evaluated):
    recent = make_set(np.random.default_rng(0), gain=0.2)
    recent.champion[:5] = np.inf

    out = step(begin(MinimumDelta()), [make_evaluated(recent)], 0)

    assert out[-1].kind == "candidate_accepted"
    assert out[0].evidence["recent"]["rows"] == 1995


def test_a_candidate_without_rows_is_rejected_for_want_of_evidence(make_evaluated):
    out = step(begin(MinimumDelta()), [make_evaluated()], 0)

    assert (out[0].verdict, out[-1].kind) == ("inconclusive", "candidate_rejected")


def test_a_candidate_compared_with_a_champion_that_left_is_rejected(make_set, make_evaluated):
    rng = np.random.default_rng(0)
    state = begin(MinimumDelta(), champion="v2")
    back = decision(RolledBack, "v2", previous="v1")
    history = [ordered("t-1", "v2"), back, trained("t-1", "v3")]

    out = step(state, [*history, make_evaluated(make_set(rng, gain=0.5), version="v3")], 0)

    assert [record.kind for record in out] == ["candidate_rejected"]
    assert "v2" in out[0].reason
    assert state.compared_with == {}


def test_a_candidate_compared_with_the_one_that_serves_is_judged(make_set, make_evaluated):
    rng = np.random.default_rng(0)
    state = begin(MinimumDelta(), champion=None)
    history = [decision(Promoted, "v1", previous=None), ordered("t-1", "v1"), trained("t-1", "v2")]

    out = step(state, [*history, make_evaluated(make_set(rng, gain=0.5))], 0)

    assert out[-1].kind == "candidate_accepted"


def test_a_training_that_failed_is_forgotten():
    state = begin()

    step(state, [ordered("t-1", "v1"), decision(TrainingFailed, "s", request="t-1")], 0)

    assert state.compared_with == {}


def test_a_worse_candidate_is_never_accepted_and_an_equal_one_seldom(make_set, make_evaluated):
    rng = np.random.default_rng(9)
    accepted = {}
    for gain in (-0.03, 0.0, 0.05):
        accepted[gain] = 0
        for _ in range(100):
            sets = [
                make_set(rng, name, gain=gain, day_effect=0.02) for name in ("recent", "random")
            ]
            state = begin(MinimumDelta(), NoWorseSlice())
            accepted[gain] += (
                step(state, [make_evaluated(*sets)], 0)[-1].kind == "candidate_accepted"
            )

    assert accepted[-0.03] == 0
    assert accepted[0.0] <= 10
    assert accepted[0.05] >= 70


def test_the_state_survives_its_plain_form():
    state = begin()
    step(state, [ordered("t-1", "v1")], 0)

    copy = decode(encode(state))

    assert (copy.champion, copy.compared_with) == ("v1", {"t-1": "v1"})


# ---------------------------------------------------------------- parity of features


def broken(feature="visits"):
    evidence = {"text": "The source is 1 d late."}
    return replace(decision(ParityBroken, feature, cause="lag"), evidence=evidence)


def judged_beside(parity, records, make_set, make_evaluated):
    state = begin(champion=None)
    state.config_ = replace(state.config_, parity=parity)
    good = make_evaluated(make_set(np.random.default_rng(0), gain=0.2))
    return state, step(state, [good, *records], 0)


def test_no_candidate_is_accepted_while_parity_is_broken(make_set, make_evaluated):
    state, out = judged_beside(True, [broken()], make_set, make_evaluated)

    kept = decode(encode(state))

    assert [record.kind for record in out] == ["candidate_rejected"]
    assert "parity of visits is broken. The source is 1 d late." in out[0].reason
    assert kept.broken == {"visits": "The source is 1 d late."}


def test_candidates_are_judged_again_when_parity_is_restored(make_set, make_evaluated):
    restored = [broken(), decision(ParityRestored, "visits")]

    _, out = judged_beside(True, restored, make_set, make_evaluated)

    assert [record.kind for record in out] == ["candidate_accepted"]


def test_broken_parity_rules_nobody_out_where_the_loop_says_so(make_set, make_evaluated):
    _, out = judged_beside(False, [broken()], make_set, make_evaluated)

    assert [record.kind for record in out] == ["candidate_accepted"]
