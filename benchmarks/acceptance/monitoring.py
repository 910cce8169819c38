"""Alarms on a stream of losses: how often for nothing (B1), how late (B2), in a season (B3)."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import solve_banded

from acceptance.check import Check, Effort, at_least, at_most, told
from acceptance.monitors import first_after, p_chart_alarms, river_alarms, river_names
from acceptance.worlds import EVENTS_PER_DAY, errors, hours, season
from ostinato.stats import EDetector, SeasonalBaseline

PIECE = 8_192  # events handed over at once
SHIFTS = (
    (0.10, 0.11),
    (0.10, 0.12),
    (0.10, 0.15),
    (0.10, 0.20),
    (0.02, 0.025),
    (0.02, 0.03),
    (0.02, 0.04),
    (0.02, 0.08),
)
QUIET = {"ADWIN": {"delta": 1e-14}, "PageHinkley": {"threshold": 400}}


def run_lengths(detector: EDetector, losses: np.ndarray, baselines: np.ndarray) -> list[int]:
    """Events to each alarm, started anew after each; the last, unfinished one is negative."""
    lengths, begun = [], detector.n
    for start in range(0, len(losses), PIECE):
        detector.update(losses[start : start + PIECE], baselines[start : start + PIECE])
        if detector.crossed:
            lengths.append(detector.crossed_at - begun)
            detector.reset()
            begun = detector.n
    return [*lengths, begun - detector.n]


def average_run_length(lengths: list[int]) -> tuple[float, int]:
    """Maximum likelihood under a constant alarm rate: all events over alarms; and the alarms."""
    alarms = sum(length > 0 for length in lengths)
    return sum(abs(length) for length in lengths) / max(alarms, 1), alarms


def b1(effort: Effort) -> list[Check]:
    arl, runs, events = effort((1e6, 60, 6_000_000), (1e5, 6, 500_000))
    checks = []
    for rate in (0.1, 0.02):
        lengths = []
        for run in range(runs):
            rng = np.random.default_rng([1, run])
            detector = EDetector.begin(rate, arl=arl)
            for _ in range(0, events, 500_000):
                # Pieces, so that memory stays small; a run length may span them.
                found = errors(rng, np.full(500_000, rate))
                lengths = _joined(lengths, run_lengths(detector, found, np.full(500_000, rate)))
            lengths.append(0)
        found, alarms = average_run_length(lengths)
        error = 1.0 / math.sqrt(max(alarms, 1))
        bound = 0.75 if not effort.quick else max(0.5, 1.0 - 3.0 * error)
        checks.append(at_least(f"average run length / promised, p={rate}", found / arl, bound))
        checks.append(told(f"  its relative standard error ({alarms} alarms)", error))
        losses = errors(np.random.default_rng([1, 99]), np.full(effort(4_000_000, 400_000), rate))
        million = len(losses) / 1e6
        for size in (500, 2_000):
            peer = len(p_chart_alarms(rate, losses, size)) / million
            what = f"3-sigma p-chart per {size}: false alarms / 1e6, p={rate}"
            checks.append(
                at_least(what, peer, 1.5, teeth=True)
                if size == 500 and not effort.quick
                else told(what, peer)
            )
        if not effort.quick:
            for name in river_names():
                peer = len(river_alarms(name, losses[:1_000_000]))
                checks.append(told(f"River {name}: false alarms / 1e6, p={rate}", peer))
    return checks


def _joined(lengths: list[int], more: list[int]) -> list[int]:
    """Join run lengths over the border of two pieces of one run."""
    if lengths and lengths[-1] < 0:
        first = more[0]
        glued = abs(lengths[-1]) + abs(first)
        return [*lengths[:-1], glued if first > 0 else -glued, *more[1:]]
    return [*lengths, *more]


def oracle_limit(p0: float, p1: float, arl: float) -> tuple[float, float, float]:
    """Limit and steps (for an error, for a success) of the CUSUM that knows both rates.

    Run lengths solve (I - P) L = 1 on a lattice fine enough for the smaller step; the limit is
    found by bisection. CUSUM with the true likelihood ratio is optimal (Moustakides 1986).
    """
    up, down = math.log(p1 / p0), math.log((1.0 - p1) / (1.0 - p0))
    unit = -down / 8.0
    rise, fall = round(up / unit), 8
    low, high = 1.0, math.log(arl) + 3.0
    for _ in range(14):
        limit = 0.5 * (low + high)
        found = _chart_run_length(p0, rise, fall, max(int(limit / unit), 1))
        low, high = (limit, high) if found < arl else (low, limit)
    return low, up, down


def _chart_run_length(p0: float, rise: int, fall: int, states: int) -> float:
    band = np.zeros((rise + fall + 1, states))
    band[rise] = 1.0
    if rise < states:
        band[0, rise:] = -p0  # from i to i + rise
    band[rise + fall, : states - fall] = -(1.0 - p0)  # from i to i - fall
    # Falls below zero end at zero: the first states all lead there, a dense first column that
    # Sherman and Morrison take care of: A = B - (1 - p0) u e0' with u the first `fall` states.
    u = np.zeros(states)
    u[1:fall] = 1.0 - p0
    u[0] = 1.0 - p0
    solved = solve_banded((fall, rise), band, np.column_stack([np.ones(states), u]))
    plain, along = solved[:, 0], solved[:, 1]
    return float(plain[0] + along[0] * plain[0] / (1.0 - along[0]))


def cusum_delay(losses: np.ndarray, limit: float, up: float, down: float, begun: int) -> float:
    """Events after `begun` until the oracle's alarm; infinite when there is none."""
    free = np.cumsum(np.where(losses > 0, up, down))
    over = free - np.minimum(np.minimum.accumulate(free), 0.0) >= limit
    over[:begun] = False
    return int(over.argmax()) + 1 - begun if over.any() else math.inf


def b2(effort: Effort) -> list[Check]:
    # A monitor that has run for a while: fresh statistics start at zero and are slower.
    runs, before = effort(400, 30), effort(20_000, 2_000)
    checks = []
    for p0, p1 in SHIFTS if not effort.quick else (SHIFTS[2], SHIFTS[6]):
        limit, up, down = oracle_limit(p0, p1, 1e6)
        horizon = max(int(8 * limit / (p1 * up + (1 - p1) * down)), 6_000)
        ours, oracle, chunks = [], [], []
        for run in range(runs):
            rng = np.random.default_rng([2, run])
            losses = errors(rng, np.r_[np.full(before, p0), np.full(horizon, p1)])
            ours.append(delay(EDetector.begin(p0), losses, np.full(len(losses), p0), before))
            oracle.append(cusum_delay(losses, limit, up, down, before))
            late = p_chart_alarms(p0, losses[before:], 2_000)
            chunks.append(late[0] if len(late) else math.inf)
        ratio = float(np.median(ours) / np.median(oracle))
        what = f"{p0} -> {p1}"
        checks.append(at_most(f"median delay / oracle CUSUM, {what}", ratio, effort(1.4, 1.7)))
        checks.append(told("  ours, events", np.median(ours)))
        checks.append(told("  3-sigma p-chart per 2000, events", np.median(chunks)))
        if not effort.quick and p1 in {0.12, 0.15, 0.04}:
            checks += [
                told(f"  River {name}, events", _river_delay(name, p0, p1))
                for name in river_names()
            ]
    return checks


def delay(detector: EDetector, losses: np.ndarray, baselines: np.ndarray, before: int) -> float:
    detector.update(losses[:before], baselines[:before])
    if detector.crossed:
        detector.reset()
    for start in range(before, len(losses), 1_024):
        detector.update(losses[start : start + 1_024], baselines[start : start + 1_024])
        if detector.crossed:
            return detector.crossed_at - before
    return math.inf


def _river_delay(name: str, p0: float, p1: float) -> float:
    delays = []
    for run in range(11):
        rng = np.random.default_rng([2, 100, run])
        losses = errors(rng, np.r_[np.full(20_000, p0), np.full(30_000, p1)])
        delays.append(first_after(river_alarms(name, losses), 20_000))
    return float(np.median(delays))


def b3(effort: Effort) -> list[Check]:
    rate, swing = 0.1, 0.2
    streams, events, shifts = effort((6, 1_000_000, 24), (1, 400_000, 8))
    alarms, level, peers = 0, 0, {}
    for stream in range(streams):
        rng = np.random.default_rng([3, stream])
        profile = _profile(rng, rate, swing)
        losses = errors(rng, rate * season(events, swing))
        alarms += len(run_lengths(_detector(profile), losses, profile.at(hours(events)))) - 1
        level += len(run_lengths(EDetector.begin(rate), losses, np.full(events, rate))) - 1
        if stream == 0:
            peers = {
                f"River {name}": river_alarms(name, losses[: effort(events, 200_000)])
                for name in river_names()
            } | {
                f"3-sigma p-chart per {size}": p_chart_alarms(rate, losses, size)
                for size in (500, 2_000)
            }
    counts = {name: len(found) * 1e6 / events for name, found in peers.items()}
    checks = [
        at_most(f"false alarms in {streams * events:,} seasonal events", alarms, 1),
        at_least(
            "same detector without the season: false alarms / 1e6",
            level * 1e6 / events / streams,
            10,
            teeth=True,
        ),
        *(told(f"{name}: false alarms / 1e6", found) for name, found in counts.items()),
        *_season_delays(rate, swing, shifts, effort),
    ]
    if "River ADWIN" in counts and not effort.quick:
        checks.append(at_least("ADWIN: false alarms / 1e6", counts["River ADWIN"], 20, teeth=True))
    return checks


def _season_delays(rate: float, swing: float, shifts: int, effort: Effort) -> list[Check]:
    ours, quiet, usual = [], {}, []
    for run in range(shifts):
        rng = np.random.default_rng([3, 100, run])
        profile = _profile(rng, rate, swing)
        before = EVENTS_PER_DAY * 2 + run * EVENTS_PER_DAY // shifts  # any hour of the day
        rates = rate * season(before + EVENTS_PER_DAY * 2, swing)
        rates[before:] *= 1.5
        losses = errors(rng, rates)
        ours.append(delay(_detector(profile), losses, profile.at(hours(len(losses))), before))
        if river_names() and not effort.quick:
            usual.append(first_after(river_alarms("ADWIN", losses), before))
            # The settings that keep them as quiet as ours in this season, found by trying.
            for name, setting in QUIET.items():
                found = first_after(river_alarms(name, losses, **setting), before)
                quiet.setdefault(name, []).append(found)
    found = float(np.median(ours))
    checks = [at_most("median delay of x1.5, events", found, effort(1_500, 2_000))]
    if usual:
        what = "River ADWIN: delay of x1.5, alarms for nothing counted in"
        checks.append(told(what, float(np.median(usual))))
    for name, late in quiet.items():
        what = f"River {name} made as quiet as ours: delay of x1.5 / ours"
        checks.append(at_least(what, float(np.median(late)) / found, 2.0, teeth=True))
    return checks


def _profile(rng: np.random.Generator, rate: float, swing: float) -> SeasonalBaseline:
    events = 10 * EVENTS_PER_DAY
    losses = errors(rng, rate * season(events, swing))
    return SeasonalBaseline.fit(losses, hours(events), 24)


def _detector(profile: SeasonalBaseline) -> EDetector:
    return EDetector.begin(profile.mean, m_max=profile.highest)
