"""Planted defects: each must be caught by the checker that is there for it."""

from __future__ import annotations

from collections import Counter

import pytest

from ostinato.loop import kernel
from ostinato.sim import simulate
from ostinato.sim.alarms import CHART, check_alarms
from ostinato.sim.alarms import NAME as ALARMS
from ostinato.sim.checkers import CHECKERS
from ostinato.sim.elsewhere import elsewhere
from ostinato.sim.faults import FAULTS
from ostinato.sim.verdict import EXIT_CODES
from ostinato.sim.world import TICKS, make_world

WITHIN = 60
"""Seeds in which a defect must show: not every world gives it the chance."""

SPECIAL = ("hash_order", "noisy_alarm")


def watched_and_still(world):
    triggers = world.loop.policy.triggers
    return world.concept.still and any(trigger.name.startswith(CHART) for trigger in triggers)


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in SPECIAL])
def test_a_planted_defect_is_caught_by_its_checker(name):
    planted = FAULTS[name]

    for seed in range(WITHIN):
        verdict = simulate(seed, planted=planted)
        meant = [f for f in verdict.findings if f.checker == planted.checker]
        if meant and verdict.outcome == planted.outcome:
            break
    else:
        pytest.fail(f"{name} was not caught within {WITHIN} seeds")

    assert meant[0].tick >= 0
    assert verdict.exit_code == EXIT_CODES[planted.outcome] != 0
    assert simulate(seed).outcome == "ok", "without the defect the seed holds"


def test_an_order_of_hashes_that_reaches_the_journal_is_caught():
    planted = FAULTS["hash_order"]
    verdict = simulate(0, planted=planted)

    found = elsewhere(verdict, ticks=TICKS, fault=planted.name)

    assert verdict.outcome == "ok", "within one process it cannot be seen"
    assert (found.outcome, found.findings[0].checker) == (planted.outcome, planted.checker)


def test_alarms_that_come_too_often_are_caught_over_many_seeds():
    counts = Counter()
    still = [seed for seed in range(10 * WITHIN) if watched_and_still(make_world(seed, ticks=1))]

    for seed in still:
        counts.update(simulate(seed, planted=FAULTS["noisy_alarm"]).counts)
        if check_alarms(counts):
            break

    assert [finding.checker for finding in check_alarms(counts)] == [ALARMS]


def test_every_checker_has_a_defect_that_it_must_catch():
    caught = {planted.checker for planted in FAULTS.values()}

    assert caught >= {*CHECKERS, ALARMS, "no exception"}


def test_a_planted_defect_leaves_the_kernel_as_it_was():
    before = kernel.STAGES

    simulate(0, ticks=3, planted=FAULTS["exception"])

    assert kernel.STAGES is before
