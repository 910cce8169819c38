from __future__ import annotations

from dataclasses import replace

import numpy as np

from ostinato.gate import GateConfig, MinimumDelta, NoWorseThanAnchor
from ostinato.gate.case import make_case


def judge(evaluated, gate=None):
    config = GateConfig(gates=(), task="regression", metric="mae", group_names=())
    return (gate or NoWorseThanAnchor()).judge(make_case(config, evaluated))


def test_small_losses_that_no_single_comparison_shows_add_up_against_the_anchor(
    make_set, make_evaluated
):
    rng = np.random.default_rng(0)
    small, whole = 0, 0
    gate = MinimumDelta(better_on=(), no_worse_on=(), no_harm_on=("recent",))
    for _ in range(30):
        # The tenth step of one per cent each: against the champion it is lost in the noise.
        step = make_set(rng, gain=-0.01, rows=1500)
        drifted = replace(step, anchor=step.champion * 0.9)
        small += judge(make_evaluated(step), gate).verdict == "fail"
        whole += judge(make_evaluated(drifted)).verdict == "fail"

    assert small <= 3
    assert whole >= 28


def test_where_the_world_changed_the_anchor_does_not_block(make_set, make_evaluated):
    rng = np.random.default_rng(1)
    recent = make_set(rng, gain=0.3)

    found = judge(make_evaluated(replace(recent, anchor=recent.champion * 1.5)))

    facts = found.evidence
    assert found.verdict == "pass"
    assert facts["gain"] > 0.5 * facts["anchor_loss"]


def test_a_candidate_as_good_as_the_anchor_is_seldom_blocked(make_set, make_evaluated):
    rng = np.random.default_rng(2)
    blocked = 0
    for _ in range(100):
        recent = make_set(rng, gain=0.0, day_effect=0.02)
        blocked += judge(make_evaluated(replace(recent, anchor=recent.champion))).verdict != "pass"

    assert blocked <= 5


def test_without_an_anchor_and_on_few_rows_nothing_is_said(make_set, make_evaluated):
    rng = np.random.default_rng(3)
    recent = make_set(rng, gain=-0.5)
    silent = np.full(len(recent), np.nan)
    silent[:40] = recent.champion[:40]

    none = judge(make_evaluated(recent))
    few = judge(make_evaluated(replace(recent, anchor=silent)))

    assert (none.verdict, few.verdict) == ("pass", "pass")
    assert none.reason.startswith("There is no older version")
    assert few.reason == "Only 40 rows beside the anchor; no effect would have shown."


def test_rows_the_anchor_could_not_answer_are_left_out(make_set, make_evaluated):
    rng = np.random.default_rng(4)
    recent = make_set(rng, gain=-0.3)
    anchor = recent.champion.copy()
    anchor[:500] = np.nan

    found = judge(make_evaluated(replace(recent, anchor=anchor)))

    assert (found.verdict, found.evidence["rows"]) == ("fail", 1500)
