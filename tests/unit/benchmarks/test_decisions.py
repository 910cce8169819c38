"""The acceptance table, small: the promises hold, and the usual rules fail where they must."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import decisions
from acceptance import retraining, worlds
from acceptance.check import Effort, Skipped, at_least, at_most, told
from acceptance.judges import interval_judge
from acceptance.monitoring import cusum_delay, oracle_limit

REAL_DATA = {"T1", "T2"}


@pytest.mark.parametrize("row", [row for row in decisions.ROWS if row not in REAL_DATA])
def test_a_row_keeps_its_rules_in_the_quick_run(row):
    found = decisions.measure(row, Effort(quick=True))

    failed = [check for check in found["checks"] if check["passed"] is False]

    assert found["checks"]
    assert not failed


def test_a_row_that_breaks_a_rule_is_told_and_ends_with_1(monkeypatch, capsys):
    broken = ("broken", lambda effort: [told("seen", 1.0), at_most("rate", 0.2, 0.1)])
    monkeypatch.setattr(decisions, "ROWS", {"X": broken})
    monkeypatch.setattr(decisions, "ProcessPoolExecutor", _Here)
    monkeypatch.setattr("sys.argv", ["decisions.py"])

    code = decisions.main()

    assert code == 1
    assert "Not kept: X." in capsys.readouterr().out


def test_a_rule_that_must_fail_and_does_not_breaks_its_row(monkeypatch):
    toothless = ("toothless", lambda effort: [at_least("naive", 0.05, 0.3, teeth=True)])
    monkeypatch.setitem(decisions.ROWS, "X", toothless)

    assert not decisions.measure("X", Effort())["passed"]


def test_a_row_without_its_data_is_skipped_and_says_why(monkeypatch):
    def absent(effort):
        raise Skipped("there is no such stream")

    monkeypatch.setitem(decisions.ROWS, "X", ("absent", absent))

    found = decisions.measure("X", Effort())

    assert found["skipped"] == "there is no such stream"
    assert found["passed"]


def test_the_schedule_of_the_oracle_is_the_best_of_all_schedules():
    lost = retraining.excess(np.random.default_rng(0), 9) * 30

    best = min(
        _cost(lost, 1.5, (0, *cuts))
        for count in range(9)
        for cuts in itertools.combinations(range(1, 9), count)
    )

    assert retraining.oracle(lost, 1.5) == pytest.approx(best)


def test_the_oracle_chart_keeps_its_run_length():
    limit, up, down = oracle_limit(0.1, 0.2, 2_000)
    rng = np.random.default_rng(1)

    lengths = [cusum_delay(rng.random(20_000) < 0.1, limit, up, down, 0) for _ in range(300)]

    assert np.mean(np.minimum(lengths, 20_000)) == pytest.approx(2_000, rel=0.25)


def test_correlated_errors_keep_their_rate_and_come_in_runs():
    losses = worlds.correlated_errors(np.random.default_rng(2), 0.1, 200_000, 0.8)

    assert losses.mean() == pytest.approx(0.1, abs=0.01)
    assert np.corrcoef(losses[1:], losses[:-1])[0, 1] > 0.4


def test_clipped_heavy_tails_have_the_mean_that_was_asked_for():
    losses = worlds.pareto_losses(np.random.default_rng(3), 400_000, 0.1)

    assert losses.mean() == pytest.approx(0.1, abs=0.003)
    assert losses.max() == 1.0


def test_the_interval_judge_stops_a_canary_that_is_far_off():
    rng = np.random.default_rng(4)
    control = rng.normal(10.0, 1.0, (4, 120))

    assert interval_judge(rng.normal(10.0, 1.0, (4, 120)), control)
    assert not interval_judge(rng.normal(13.0, 1.0, (4, 120)), control)


def _cost(lost, price, starts):
    ends = (*starts[1:], len(lost))
    spans = zip(starts, ends, strict=True)
    return price * (len(starts) - 1) + sum(lost[a, a:b].sum() for a, b in spans)


class _Here:
    """Runs jobs in this process."""

    def __init__(self, max_workers):
        self.max_workers = max_workers

    def __enter__(self):
        return self

    def __exit__(self, *why):
        return None

    map = staticmethod(map)
