"""Gates on a holdout (B13): how many promotions do harm, how many healthy releases are stopped.

Judged by the gates as the policy declares them: `MinimumDelta` and `NoWorseSlice` over validation
sets of a week, where the rows of one day count as one cluster.
"""

from __future__ import annotations

import numpy as np

from acceptance.check import Check, Effort, at_least, at_most, told
from ostinato.core.records import CandidateEvaluated, ValidationSet
from ostinato.core.units import DAY_NS
from ostinato.gate import MinimumDelta, NoWorseSlice
from ostinato.gate.verdict import Case
from ostinato.stats.shrink import npmle

CHAMPION_LOSS = 0.1
DISAGREE = 0.06


def case(gains: np.ndarray, groups: np.ndarray, names: tuple[str, ...], days: int = 7) -> Case:
    """A candidate whose gain on each row of the recent holdout is known."""
    rows = len(gains)
    losses = np.full(rows, CHAMPION_LOSS)
    recent = ValidationSet(
        name="recent",
        times_ns=np.arange(rows, dtype=np.int64) * (days * DAY_NS) // rows,
        labels=np.zeros(rows),
        groups=groups,
        candidate=losses - gains,
        champion=losses,
    )
    evaluated = CandidateEvaluated(
        ts_event_ns=0,
        ts_record_ns=0,
        version="v2",
        sets=(recent,),
        latency_ms_per_row=0.0,
        artifact_bytes=0,
    )
    return Case(
        evaluated=evaluated,
        sets={"recent": recent},
        gains={"recent": gains},
        champion_losses={"recent": losses},
        group_names=names,
        task="binary",
    )


def _gains(rng: np.random.Generator, effects: np.ndarray) -> np.ndarray:
    drawn = rng.random(len(effects))
    better = (DISAGREE + effects) / 2.0
    return np.where(drawn < better, 1.0, np.where(drawn < DISAGREE, -1.0, 0.0))


def b13(effort: Effort) -> list[Check]:
    return [*_candidates(effort), *_slices(effort)]


def _candidates(effort: Effort) -> list[Check]:
    rows, candidates, repeats = 20_000, 200, effort(100, 2)
    gate = MinimumDelta(delta=0.002 / CHAMPION_LOSS)
    plain = MinimumDelta()
    nothing = np.zeros((rows, 0), dtype=np.int32)
    kept = {"observed better": [], "lower bound > 0": [], "lower bound > .2pp": []}
    for repeat in range(repeats):
        rng = np.random.default_rng([13, repeat])
        for effect in rng.normal(-0.001, 0.003, candidates):
            gains = _gains(rng, np.full(rows, effect))
            if gains.mean() <= 0:
                continue  # no bound below the mean can be above a bar of 0 or more
            held = case(gains, nothing, ())
            kept["observed better"].append(effect)
            if plain.judge(held).verdict == "pass":
                kept["lower bound > 0"].append(effect)
            if gate.judge(held).verdict == "pass":
                kept["lower bound > .2pp"].append(effect)
    harmful = {
        rule: float(np.mean(np.array(effects) < 0)) if effects else 0.0
        for rule, effects in kept.items()
    }
    checks = [
        at_least("harmful among those observed better", harmful["observed better"], 0.1, teeth=True)
    ]
    for rule, bound in (("lower bound > 0", 0.05), ("lower bound > .2pp", 0.01)):
        checks.append(at_most(f"harmful among promoted, {rule}", harmful[rule], bound))
    checks += [
        told(f"gain of 200 candidates in points, {rule}", 100 * sum(effects) / repeats)
        for rule, effects in kept.items()
    ]
    return checks


def _slices(effort: Effort) -> list[Check]:
    trials, slices = effort(300, 20), 100
    names = tuple(f"s{index}" for index in range(slices))
    gate = NoWorseSlice()
    blocked, raw, found, harmed, normal, free = 0, 0, 0, 0, [], []
    for trial in range(2 * trials):
        rng = np.random.default_rng([13, 1, trial])
        sizes = np.maximum(rng.lognormal(np.log(490), 1.0, slices), 20).astype(np.int64)
        codes = rng.permutation(np.repeat(np.arange(slices, dtype=np.int32), sizes))
        effects = np.zeros(slices)
        bad = rng.choice(np.flatnonzero(sizes >= 200), 2, replace=False)
        healthy = trial < trials
        if not healthy:
            effects[bad] = -0.03, -0.06
        gains = _gains(rng, effects[codes])
        held = gate.judge(case(gains, codes[:, None], names))
        z, means, errors = _by_slice(gains, codes, sizes, 0.05 * CHAMPION_LOSS)
        if healthy:
            blocked += held.verdict == "fail"
            raw += bool((z[sizes >= 200] < -1.645).any())
            continue
        harmed += 2
        said = set(held.evidence.get("harmed", ()))
        found += sum(names[each] in said for each in bad)
        worst = bad[1]
        normal.append(_normal_prior(means, errors)[worst] / effects[worst])
        free.append(npmle(means, errors).means[worst] / effects[worst])
    return [
        at_most("healthy releases blocked by a slice", blocked / trials, effort(0.05, 0.11)),
        at_least("raw p < .05 on any of 100 slices: blocked", raw / trials, 0.5, teeth=True),
        told("harmed slices named (3 and 6 points worse)", found / harmed),
        at_most(
            "share of a 6-point harm a normal prior still shows, median",
            float(np.median(normal)),
            0.6,
            teeth=True,
        ),
        at_least("  a prior without a shape (NPMLE), median", float(np.median(free)), 0.75),
    ]


def _by_slice(gains, codes, sizes, margin):
    sums = np.bincount(codes, weights=gains, minlength=len(sizes))
    squares = np.bincount(codes, weights=gains * gains, minlength=len(sizes))
    means = sums / sizes
    errors = np.sqrt(np.maximum(squares / sizes - means * means, 1e-4) / sizes)
    return (means + margin) / errors, means, errors


def _normal_prior(means, errors):
    """Effects when all slices share one normal prior, by the method of moments."""
    centre = np.average(means, weights=1.0 / errors**2)
    spread = max(float(np.mean((means - centre) ** 2 - errors**2)), 1e-8)
    return centre + spread / (spread + errors**2) * (means - centre)
