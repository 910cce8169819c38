from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ostinato.core.records import ValidationSet
from ostinato.core.units import DAY_NS
from ostinato.gate import GateConfig, NoRegression
from ostinato.gate.case import make_case


def answers(rng, rows, *, error=0.2, flips=0.02, mends=0.02, name="recent", golden=0):
    """Binary rows on which the champion errs and the candidate flips and mends by given shares."""
    labels = (rng.random(rows) < 0.5).astype(float)
    wrong = rng.random(rows) < error
    draw = rng.random(rows)
    ours_wrong = np.where(wrong, draw >= mends / error, draw < flips)
    marked = np.zeros(rows, dtype=bool)
    marked[:golden] = True
    return ValidationSet(
        name=name,
        times_ns=np.sort(rng.integers(0, 8 * DAY_NS, rows)),
        labels=labels,
        groups=np.zeros((rows, 0), dtype=np.int32),
        candidate=np.where(ours_wrong, 1 - labels, labels) * 0.8 + 0.1,
        champion=np.where(wrong, 1 - labels, labels) * 0.8 + 0.1,
        golden=marked,
    )


def judge(evaluated, gate=None, *, task="binary", metric="log_loss"):
    config = GateConfig(gates=(), task=task, metric=metric, group_names=())
    return (gate or NoRegression()).judge(make_case(config, evaluated))


def test_the_flip_rate_is_told_beside_its_cap(make_evaluated):
    rows = answers(np.random.default_rng(0), 3000)

    found = judge(make_evaluated(rows))

    right = [(rows.labels == (scores > 0.5)) for scores in (rows.candidate, rows.champion)]
    facts = found.evidence["recent"]
    assert found.verdict == "pass"
    assert facts["flip_rate"] == pytest.approx((right[1] & ~right[0]).mean())
    assert facts["bar"] == pytest.approx((~right[1]).mean() / 2)
    assert facts["low"] < facts["flip_rate"] < facts["high"] < facts["bar"]


def test_more_flips_than_half_the_champions_error_fail_though_the_mean_gains(make_evaluated):
    rows = answers(np.random.default_rng(0), 3000, flips=0.15, mends=0.19)

    found = judge(make_evaluated(rows))

    assert (rows.candidate.round() == rows.labels).mean() > (
        rows.champion.round() == rows.labels
    ).mean()
    assert found.verdict == "fail"
    assert found.reason.startswith("More rows flip from right to wrong than allowed; an effect of ")


@pytest.mark.parametrize(("cap", "least", "most"), [(0.04, 1, 24), (0.02, 190, 200)])
def test_at_its_cap_a_rate_fails_seldom_and_far_above_it_nearly_always(
    cap, least, most, make_evaluated
):
    rng = np.random.default_rng(3)
    gate = NoRegression(max_flip_rate=cap)
    failed = 0
    for _ in range(200):  # of the right rows, 80 %, one in twenty flips: 4 % of all
        rows = answers(rng, 1500, flips=0.05, mends=0.05)
        failed += judge(make_evaluated(rows), gate).verdict == "fail"

    assert least <= failed <= most


def test_a_golden_row_that_flips_fails_whatever_else_is_better(make_evaluated):
    rng = np.random.default_rng(1)
    recent = answers(rng, 2000, flips=0.0, mends=0.15)
    hard = answers(rng, 300, flips=0.0, golden=20, name="hard")
    first = int(np.flatnonzero((hard.champion > 0.5) == hard.labels)[0])
    hard.candidate[first] = 1 - hard.candidate[first]

    strict = judge(make_evaluated(recent, hard))
    lenient = judge(make_evaluated(recent, hard), NoRegression(golden=1))

    assert (strict.verdict, lenient.verdict) == ("fail", "pass")
    assert strict.reason == "1 of 20 golden rows flip from right to wrong; a single one shows."
    assert strict.evidence["golden"] == {"rows": 20, "flipped": 1, "allowed": 0}


def test_a_golden_row_the_champion_gets_wrong_is_no_regression(make_evaluated):
    rng = np.random.default_rng(1)
    hard = answers(rng, 300, error=1.0, mends=0.0, golden=20, name="hard")

    found = judge(make_evaluated(answers(rng, 2000), hard))

    assert (found.verdict, found.evidence["golden"]["flipped"]) == ("pass", 0)


def test_for_regression_right_is_a_loss_within_a_factor_of_the_champions_mean(make_evaluated):
    rng = np.random.default_rng(2)
    rows = answers(rng, 1000)
    champion = np.abs(rng.normal(0.0, 1.0, 1000))
    recent = replace(rows, labels=np.zeros(1000), champion=champion, candidate=champion.copy())
    limit = 2 * champion.mean()
    near = rng.permutation(np.flatnonzero(champion <= limit))[:300]
    recent.candidate[near] = limit * 1.01

    found = judge(make_evaluated(recent), task="regression", metric="mae")

    assert found.verdict == "fail"
    assert found.evidence["recent"]["flip_rate"] == pytest.approx(0.3)
    assert found.evidence["recent"]["champion_error"] == pytest.approx((champion > limit).mean())


def test_few_rows_are_passed_by(make_evaluated):
    found = judge(make_evaluated(answers(np.random.default_rng(0), 30, flips=0.5)))

    assert found.verdict == "pass"
    assert found.reason == "Only 30 rows to count flips on; no effect would have shown."
