"""The whole loop in made-up worlds, with everything that goes wrong: every seed must hold."""

from __future__ import annotations

from collections import Counter

import pytest

from ostinato.sim import simulate

CHUNKS, SEEDS = 15, 20


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_seed_holds(chunk):
    verdicts = [simulate(seed) for seed in range(chunk * SEEDS, (chunk + 1) * SEEDS)]

    failed = [(v.seed, v.outcome, v.findings[:3], v.error) for v in verdicts if v.outcome != "ok"]
    assert failed == []
    counts = sum((Counter(verdict.counts) for verdict in verdicts), Counter())
    assert counts["promoted"] > SEEDS
    assert counts["crashes"] > SEEDS
    assert counts["rows"] > 1000 * SEEDS


def test_a_seed_decides_everything():
    assert simulate(5) == simulate(5)
    assert simulate(5).head != simulate(6).head
