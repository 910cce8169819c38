"""What the service has to reach beside the others: each rule holds, and each can be missed."""

from __future__ import annotations

import json

import pytest

from servers.report import as_json, check_lines, speed_lines
from servers.server import BEST, OURS, PEER
from servers.speed import MANY, ONE, Point, Reading, Results
from servers.targets import checks


def reading(name, kind, number, *, rate, p50=1.0, p99=2.0, commit=None, failed=0):
    point = Point(rate=rate, p50_ms=p50, p99_ms=p99, per_cpu_second=rate, failed=failed)
    return Reading(
        server=name,
        kind=kind,
        round=number,
        points={MANY: point, ONE: point},
        memory_mib=100.0,
        started_seconds=1.0,
        share_of_a_core=1.0,
        commit_ms=commit,
    )


def met(**changes):
    """A service that just reaches every target, changed in one place."""
    fields = {"rate": 20_000.0, "p50": 1.2, "p99": 2.0, "commit": 0.2} | changes
    results = Results()
    for number in range(3):
        results.readings += [
            reading("ostinato", OURS, number, **fields),
            reading("ostinato, async", OURS, number, rate=20_000.0),
            reading("granian best case", BEST, number, rate=40_000.0),
            reading("mlflow models serve", PEER, number, rate=400.0),
            reading("LitServe", PEER, number, rate=1_000.0),
        ]
    return results


def broken(results):
    return [check.what for check in checks(results) if check.passed is False]


def test_a_service_that_just_reaches_every_target_passes():
    assert broken(met()) == []


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (
            {"rate": 19_900.0},
            [
                "requests/s at 64 connections / mlflow models serve",
                "requests/s at 64 connections / LitServe",
                "requests/s at 64 connections / granian best case",
            ],
        ),
        ({"p50": 1.3}, ["group commits slower than granian best case at 1"]),
        (
            {"p99": 2.1},
            [
                "p99 at 64 / mlflow models serve",
                "p99 at 1 / mlflow models serve",
                "p99 at 64 / LitServe",
                "p99 at 1 / LitServe",
            ],
        ),
        ({"failed": 1}, ["failed requests of ostinato"]),
    ],
)
def test_each_target_can_be_missed_by_itself(change, rules):
    assert broken(met(**change)) == rules


def test_ratios_are_taken_within_a_round_and_the_median_counts():
    results = Results()
    # The machine is ten times slower in the second round: for both, which must not matter.
    for number, pace in enumerate((1.0, 0.1, 1.0)):
        results.readings += [
            reading("ostinato", OURS, number, rate=30_000.0 * pace),
            reading("granian best case", BEST, number, rate=40_000.0 * pace),
        ]

    share = next(check for check in checks(results) if "/ granian" in check.what)

    assert share.value == pytest.approx(0.75)


def test_a_service_of_ours_that_does_not_start_is_a_rule_not_kept():
    results = Results(failures={"ostinato": "it ended with 2", "LitServe": "no network"})

    assert broken(results) == ["ostinato does not run"]
    assert "failed: LitServe: no network" in speed_lines(results)


def test_the_table_has_a_line_for_each_server_and_the_rules_say_no():
    results = met(rate=100.0)

    assert len(speed_lines(results)) == 2 + 5
    assert any(line.rstrip().endswith("| NO   |") for line in check_lines(checks(results)))


def test_figures_that_are_no_numbers_are_null_in_json():
    told = {"low": float("-inf"), "each": [1.5, float("nan")], 64: (2,)}

    assert json.loads(as_json(told)) == {"low": None, "each": [1.5, None], "64": [2]}
