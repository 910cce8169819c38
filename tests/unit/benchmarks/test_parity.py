"""The parity benchmark, small: the rules hold, faults are planted as they are named."""

from __future__ import annotations

import sys
from argparse import Namespace

import numpy as np
import pytest

import parity
from acceptance.check import Effort, at_most
from skew.peers import distances, flags
from skew.streams import run, stream
from skew.world import FAULTS, ISSUE, World, features_of

ARGUMENTS = Namespace(workers=1, streams=1)


@pytest.fixture(scope="module")
def world():
    return World(0)


@pytest.mark.parametrize("part", ["alarm", "false", "restored"])
def test_a_part_keeps_its_rules_in_the_quick_run(part):
    checks = parity.ROWS[part](Effort(quick=True), ARGUMENTS)

    assert [check.what for check in checks if check.passed is False] == []


@pytest.mark.parametrize("fault", ["late 1 h", "time zone -3.5 h", "unit 60"])
def test_a_fault_on_half_a_percent_is_found_and_named(fault):
    found = run((fault, 0.005, 1, "numpy"))

    assert 0 < found.rows <= 5_000
    assert found.last
    assert not any(found.peers.values())


def test_the_six_causes_of_the_issue_are_planted():
    assert len(ISSUE) == 6
    assert {fault for faults in ISSUE.values() for fault in faults} <= set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_half_a_percent_of_the_rows_differ(world, fault):
    rng = np.random.default_rng(3)
    requests = world.requests(10_000, rng)

    served, truth = stream(world, fault, features_of(fault)[0], 0.005, requests, rng)

    differ = ~((served == truth) | (np.isnan(served) & np.isnan(truth)))
    assert differ.mean() == pytest.approx(0.005, abs=0.0022)  # three standard errors


def test_a_monitor_of_distributions_sees_what_moves_them_and_not_single_rows():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=5_000)
    few = np.where(rng.random(5_000) < 0.005, 60.0 * truth, truth)

    assert not any(list(flags(few, truth, rng).values())[:3])
    assert all(flags(truth + 5.0, truth, rng).values())
    assert distances(truth, truth)["PSI .1"] == 0.0


def test_a_rule_that_is_not_kept_ends_with_1(monkeypatch, capsys):
    def broken(effort, arguments):
        """Broken on purpose."""
        return [at_most("rate", 0.2, 0.1)]

    monkeypatch.setattr(parity, "ROWS", {"broken": broken})
    monkeypatch.setattr(sys, "argv", ["parity.py"])

    assert parity.main() == 1
    assert "Not kept: rate." in capsys.readouterr().out
