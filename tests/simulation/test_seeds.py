"""The whole loop in made-up worlds, with everything that goes wrong: every seed must hold."""

from __future__ import annotations

from collections import Counter

import pytest

from ostinato.sim import simulate
from ostinato.sim.alarms import check_alarms
from ostinato.sim.elsewhere import elsewhere
from ostinato.sim.world import TICKS

CHUNKS, SEEDS, SHORTER = 20, 10, 40
"""Shorter lives than the command's, so that more of them fit into the time of a test run."""


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_seed_holds(chunk):
    seeds = range(chunk * SEEDS, (chunk + 1) * SEEDS)

    verdicts = [simulate(seed, ticks=SHORTER) for seed in seeds]

    failed = [(v.seed, v.outcome, v.findings[:3], v.error) for v in verdicts if v.outcome != "ok"]
    assert failed == [], f"again: python -m ostinato.sim --seed N --ticks {SHORTER}"
    counts = sum((Counter(verdict.counts) for verdict in verdicts), Counter())
    assert counts["promoted"] >= SEEDS, "a world in which nothing happens shows nothing"
    assert counts["rows"] > 500 * SEEDS
    assert counts["rows_matured"] > SEEDS
    assert check_alarms(counts) == []


def test_a_seed_decides_everything():
    first, again, other = simulate(5), simulate(5), simulate(6)

    assert first == again
    assert first.head != other.head


def test_another_order_of_hashes_changes_nothing():
    verdict = simulate(3)

    assert elsewhere(verdict, ticks=TICKS, fault="") == verdict


def test_fewer_ticks_are_a_shorter_run():
    verdict = simulate(1, ticks=10)

    assert verdict.outcome == "ok"
    assert verdict.counts["ticks"] < simulate(1).counts["ticks"]
