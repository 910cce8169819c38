"""What our service has to reach beside the others: each rule a `Check` over paired rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from acceptance.check import Check, at_least, at_most, told
from servers.server import PEER
from servers.speed import MANY, ONE, Point, Results

OURS, OURS_ASYNC = "ostinato", "ostinato, async"
BEST, BARE = "granian best case", "bare best case"
TIMES_FASTER = {"mlflow models serve": 50.0}
TIMES_FASTER_ELSE = 20.0
SHARE_OF_BEST = 0.5
EQUAL = 1.1
"""Ratio of medians that counts as equal: paired rounds on two shared cores differ by that much."""


def ratios(
    results: Results, ours: str, other: str, connections: int, of: Callable[[Point], float]
) -> list[float]:
    """Ours over the other's, round by round; empty where they never met."""
    mine, theirs = results.of(ours), results.of(other)
    return [
        of(mine[number].points[connections]) / of(theirs[number].points[connections])
        for number in sorted(mine.keys() & theirs.keys())
    ]


def checks(results: Results) -> list[Check]:
    """All rules that the readings can decide; a server of ours that failed is a rule not kept."""
    found = [
        at_most(f"{name} does not run", 1.0, 0.0)
        for name in (OURS, OURS_ASYNC)
        if name in results.failures
    ]
    for name in dict.fromkeys(each.server for each in results.readings if each.kind == PEER):
        found += _against_peer(results, name)
    return found + _against_best(results) + _failed(results)


def _against_peer(results: Results, name: str) -> list[Check]:
    found = []
    if rates := ratios(results, OURS, name, MANY, lambda point: point.rate):
        rule = TIMES_FASTER.get(name, TIMES_FASTER_ELSE)
        what = f"requests/s at {MANY} connections / {name}"
        found.append(at_least(what, statistics.median(rates), rule))
    for connections in (MANY, ONE):
        if tails := ratios(results, OURS, name, connections, lambda point: point.p99_ms):
            what = f"p99 at {connections} / {name}"
            found.append(at_most(what, statistics.median(tails), 1.0))
    return found


def _against_best(results: Results) -> list[Check]:
    found = []
    if rates := ratios(results, OURS, BEST, MANY, lambda point: point.rate):
        what = f"requests/s at {MANY} connections / {BEST}"
        found.append(at_least(what, statistics.median(rates), SHARE_OF_BEST))
    if rates := ratios(results, OURS, BARE, MANY, lambda point: point.rate):
        what = f"requests/s at {MANY} connections / {BARE}"
        found.append(told(what, statistics.median(rates)))
    slower = _commits_slower(results)
    if slower is not None:
        found.append(at_most(f"group commits slower than {BEST} at 1", slower, 1.0))
    if medians := ratios(results, OURS_ASYNC, BEST, ONE, lambda point: point.p50_ms):
        what = f"median latency at 1 in async mode / {BEST}"
        found.append(at_most(what, statistics.median(medians), EQUAL))
    return found


def _commits_slower(results: Results) -> float | None:
    """How many commits of this disk lie between our median latency and the best case's."""
    mine, best = results.of(OURS), results.of(BEST)
    found = [
        (mine[number].points[ONE].p50_ms - best[number].points[ONE].p50_ms) / commit
        for number in sorted(mine.keys() & best.keys())
        if (commit := mine[number].commit_ms)
    ]
    return statistics.median(found) if found else None


def _failed(results: Results) -> list[Check]:
    """No request of ours may fail, in any window."""
    return [
        at_most(f"failed requests of {name}", sum(lost), 0.0)
        for name in (OURS, OURS_ASYNC)
        if (lost := [p.failed for r in results.of(name).values() for p in r.points.values()])
    ]
