"""Worlds that theory leaves out: correlated, seasonal and heavy-tailed streams, changing effects.

W1 looks at alarms, W2 at releases, W3 at the minute-by-minute judging of canaries. There is no
theorem for most of these; rules are set only where ours promises something.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy.signal import lfilter

from acceptance.check import Check, Effort, at_least, at_most, told
from acceptance.judges import interval_judge, peeked_z
from acceptance.monitoring import delay, run_lengths
from acceptance.monitors import chunk_alarms, first_after, river_alarms, river_names
from acceptance.product import NO_GATES, release
from acceptance.worlds import (
    EVENTS_PER_DAY,
    correlated_errors,
    errors,
    hours,
    pareto_losses,
    season,
)
from ostinato.stats import EDetector, SeasonalBaseline

RATE = 0.1
BLOCK = 16  # events per mean, where errors come in runs


def _correlated(rho):
    return lambda rng, events, begin, factor: correlated_errors(rng, RATE * factor, events, rho)


def _seasonal(swing):
    return lambda rng, events, begin, factor: errors(
        rng, np.minimum(RATE * factor * season(events, swing, begin=begin), 1.0)
    )


def _heavy(rng, events, begin, factor):
    return pareto_losses(rng, events, RATE * factor)


def _level(rng, events, begin, factor):
    return errors(rng, np.full(events, RATE * factor))


STREAMS = {
    "independent": _level,
    "AR(1) .5": _correlated(0.5),
    "AR(1) .8": _correlated(0.8),
    "daily +-20%": _seasonal(0.2),
    "daily +-50%": _seasonal(0.5),
    "Pareto, clipped": _heavy,
}


def w1(effort: Effort) -> list[Check]:
    null, repeats = effort((1_000_000, 8), (200_000, 3))
    checks = []
    for index, (world, make) in enumerate(STREAMS.items()):
        if effort.quick and world not in {"AR(1) .8", "daily +-50%"}:
            continue
        rng = np.random.default_rng([21, index])
        reference = make(rng, 10 * EVENTS_PER_DAY, 0, 1.0)
        losses = make(rng, null, 0, 1.0)
        profile = SeasonalBaseline.fit(reference, hours(len(reference)), 24)
        alarms = len(_ours(profile, losses)) - 1
        million = 1e6 / null
        clinging = world.startswith("AR")
        what = f"{world}: false alarms / 1e6, ours"
        # The promise is about the mean given the past. In runs of errors that mean is above the
        # baseline for a while, so event by event nothing is promised; over blocks it nearly is.
        checks.append(
            told(what, alarms * million) if clinging else at_most(what, alarms * million, 2)
        )
        rules = _rules(reference, binary=world != "Pareto, clipped", quick=effort.quick)
        counts = {name: len(rule(losses)) * million for name, rule in rules.items()}
        late = {name: [] for name in ("ours", *rules)}
        for run in range(repeats):
            noise = np.random.default_rng([21, index, run])
            before = EVENTS_PER_DAY + run * EVENTS_PER_DAY // repeats
            stream = np.concatenate([make(noise, before, 0, 1.0), make(noise, 20_000, before, 1.5)])
            allowed = profile.at(hours(len(stream)))
            late["ours"].append(delay(_detector(profile), stream, allowed, before))
            for name, rule in rules.items():
                late[name].append(first_after(rule(stream), before))
            if clinging:
                late.setdefault("blocks", []).append(_block_delay(reference, stream, before))
        found = float(np.median(late["ours"]))
        checks.append(at_most(f"{world}: delay of x1.5, ours", found, 3_000))
        if clinging:
            alarms = len(_over_blocks(reference, losses)) - 1
            what = f"{world}: false alarms / 1e6, ours over blocks of {BLOCK}"
            checks.append(at_most(what, alarms * million, 2))
            what = f"{world}: delay of x1.5, ours over blocks of {BLOCK}"
            checks.append(at_most(what, float(np.median(late["blocks"])), 5_000))
        for name, count in counts.items():
            checks.append(told(f"  {name}: false alarms / 1e6", count))
            checks.append(told(f"  {name}: delay of x1.5", float(np.median(late[name]))))
    return checks


def _detector(profile: SeasonalBaseline) -> EDetector:
    return EDetector.begin(profile.mean, m_max=profile.highest)


def _ours(profile: SeasonalBaseline, losses: np.ndarray) -> list[int]:
    return run_lengths(_detector(profile), losses, profile.at(hours(len(losses))))


def _blocks(losses: np.ndarray) -> np.ndarray:
    return losses[: len(losses) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=1)


def _block_detector(reference: np.ndarray) -> tuple[EDetector, float]:
    """As the trigger sets it up, over means of blocks; the run length stays one in a million."""
    blocks = _blocks(reference)
    allowed = 1.05 * blocks.mean() + 2.0 * blocks.std() / np.sqrt(len(blocks))
    return EDetector.begin(float(blocks.mean()), m_max=allowed, arl=1e6 / BLOCK), allowed


def _over_blocks(reference: np.ndarray, losses: np.ndarray) -> list[int]:
    detector, allowed = _block_detector(reference)
    blocks = _blocks(losses)
    return run_lengths(detector, blocks, np.full(len(blocks), allowed))


def _block_delay(reference: np.ndarray, stream: np.ndarray, before: int) -> float:
    detector, allowed = _block_detector(reference)
    blocks = _blocks(stream)
    return BLOCK * delay(detector, blocks, np.full(len(blocks), allowed), before // BLOCK)


def _rules(reference: np.ndarray, *, binary: bool, quick: bool) -> dict:
    names = () if quick else river_names(binary=binary)
    rules = {f"River {name}": lambda x, name=name: river_alarms(name, x) for name in names}
    for size in (500, 2_000):
        rules[f"3-sigma chart per {size}"] = lambda x, size=size: chunk_alarms(reference, x, size)
    return rules


# ---------------------------------------------------------------- releases

LEVEL, SPREAD = 0.4, 0.1  # mean loss of the champion; spread of one paired difference
MARGIN = 0.01 * LEVEL  # the default margin of a rollout
PER_HOUR, HOLDOUT_DAYS, LIVE_DAYS = 100, 7, 4


RULES = (
    "gates and proof",
    "average, then peeked z",
    "proof alone",
    "peeked z alone",
    "intervals",
)


def independent(rng, effect, rows):
    return rng.normal(effect, SPREAD, rows)


def day_effects(rng, effect, rows):
    """Each day has a mean of its own, spread by .3 of a row's spread."""
    day = np.arange(rows) // (24 * PER_HOUR)
    return rng.normal(effect + rng.normal(0.0, 0.3 * SPREAD, day[-1] + 1)[day], SPREAD)


def alternating(rng, effect, rows):
    """Good and bad days take turns, ten margins up and down."""
    day = np.arange(rows) // (24 * PER_HOUR)
    turn = np.where((day + rng.integers(2)) % 2 == 0, 10.0, -10.0) * MARGIN
    return rng.normal(effect + turn, SPREAD)


def autoregressive(rho):
    def make(rng, effect, rows):
        noise = rng.normal(size=rows) * SPREAD * np.sqrt(1.0 - rho * rho)
        return effect + lfilter([1.0], [1.0, -rho], noise)

    return make


EFFECTS = {
    "independent": independent,
    "day effects": day_effects,
    "alternating days": alternating,
    "AR(1) .5": autoregressive(0.5),
    "AR(1) .8": autoregressive(0.8),
}


def losses_of(rng: np.random.Generator, differences: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses of champion and candidate with these differences, which are cut at +-.3."""
    champion = LEVEL + 0.1 * (rng.random(len(differences)) - 0.5)
    return champion, champion - np.clip(differences, -0.3, 0.3)


def outcomes(make, effect, runs, seed) -> dict[str, Counter]:
    """Count what each rule does with the same candidates: holdout first, then live rows."""
    rows = (HOLDOUT_DAYS + LIVE_DAYS) * 24 * PER_HOUR
    held = HOLDOUT_DAYS * 24 * PER_HOUR
    found = {name: Counter() for name in RULES}
    for run in range(runs):
        rng = np.random.default_rng([22, seed, run])
        differences = make(rng, effect, rows)
        champion, candidate = losses_of(rng, differences)
        both = {"rows_per_hour": PER_HOUR, "holdout_days": HOLDOUT_DAYS, "tick_rows": 3 * PER_HOUR}
        found["gates and proof"][release(champion, candidate, **both)[0]] += 1
        found["proof alone"][release(champion, candidate, policy=NO_GATES, **both)[0]] += 1
        peeked = peeked_z(differences[held:], MARGIN)[0]
        better = differences[:held].mean() > 0.0
        found["average, then peeked z"][peeked if better else "rejected"] += 1
        found["peeked z alone"][peeked] += 1
        found["intervals"][_by_intervals(rng, champion[held:], candidate[held:])] += 1
    return found


def _by_intervals(rng, champion: np.ndarray, candidate: np.ndarray) -> str:
    """Half of the rows to each arm, a point per 10 rows, looks every 6 hours for a day."""
    points = 24 * PER_HOUR // 10
    canary = candidate[: 24 * PER_HOUR].reshape(points, 10)[:, :5].mean(axis=1)
    control = champion[: 24 * PER_HOUR].reshape(points, 10)[:, 5:].mean(axis=1)
    passed = interval_judge(
        canary[None], control[None], every=points // 4, critical=1, only_up=True
    )
    return "promoted" if passed else "aborted"


def w2(effort: Effort) -> list[Check]:
    runs = effort(160, 12)
    checks = []
    for index, (world, make) in enumerate(EFFECTS.items()):
        if effort.quick and world not in {"independent", "alternating days"}:
            continue
        worse = outcomes(make, -MARGIN, runs, index)
        for name, counts in worse.items():
            share = counts["promoted"] / runs
            what = f"{world}, worse by the margin: promoted, {name}"
            if name == "gates and proof":
                # Clustering by day keeps the gate's 5 %; the proof then asks again.
                checks.append(at_most(what, share, 0.03 if world == "day effects" else 0.01))
            else:
                checks.append(told(what, share))
        better = outcomes(make, 3.0 * MARGIN, runs // 4, 10 + index)
        for name, counts in better.items():
            aborted = counts["aborted"] / (runs // 4)
            promoted = counts["promoted"] / (runs // 4)
            checks.append(told(f"{world}, better by 3 margins: aborted, {name}", aborted))
            checks.append(told(f"{world}, better by 3 margins: promoted, {name}", promoted))
    return checks


def w3(effort: Effort) -> list[Check]:
    """Healthy canaries, 10 metrics by the minute for four hours, two of them critical."""
    runs, metrics, minutes = effort((100, 10, 240), (8, 10, 240))
    checks = []
    for rho in (0.0, 0.5, 0.8):
        wrong = 0
        for run in range(runs):
            rng = np.random.default_rng([23, run])
            noise = rng.normal(size=(2, metrics, minutes + 50)) * np.sqrt(1.0 - rho * rho)
            points = 10.0 + lfilter([1.0], [1.0, -rho], noise)[:, :, 50:]
            wrong += not interval_judge(points[0], points[1])
        what = f"interval judge: healthy canaries failed, AR(1) {rho}"
        share = wrong / runs
        if rho == 0.8:
            checks.append(at_least(what, share, 0.5, teeth=True))
        else:
            checks.append(told(what, share))
    return checks
