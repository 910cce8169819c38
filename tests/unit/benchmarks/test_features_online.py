"""The benchmark of windowed features, small."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import features_online
from acceptance.check import Skipped
from servers import environments
from windowed import others
from windowed.world import plan, world


@pytest.fixture
def quick(monkeypatch, tmp_path):
    def arguments(*more):
        monkeypatch.setattr(features_online.ours, "STARTS", 1)
        monkeypatch.setattr("sys.argv", ["x", "--quick", "--cache", str(tmp_path), *more])

    return arguments


def test_the_quick_run_measures_ours_and_others(quick, capsys):
    quick("--json")

    code = features_online.main()

    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [each["features"] for each in told["ours"]] == ["numbers", "with sketches"]
    assert all(each["aggregates"] == 20 for each in told["ours"])
    assert all(each["row_us"] > each["batch_row_us"] > 0 for each in told["ours"])
    assert [each["aggregates"] for each in told["others"]][:2] == [20, 20]
    assert len(told["memory_mib"]) == 3


def test_people_read_tables(quick, capsys):
    quick("--only", "dict")

    features_online.main()

    assert "a plain dict" in capsys.readouterr().out


def test_a_rule_that_is_not_kept_is_told(quick):
    found = features_online.ours.Ours(
        **dict.fromkeys(features_online.ours.Ours.__dataclass_fields__, 1e9)
    )
    slow = replace(found, aggregates_per_s=1.0, features="slow")

    kept = [check.passed for check in features_online.checks([found], [1.0, 1.0, 1.0])]
    broken = [check.passed for check in features_online.checks([slow], [1.0, 1.0, 2.1])]

    assert kept == [True, True, True, True]
    assert broken == [False, True, True, False]


def test_feast_that_cannot_be_installed_is_left_out(tmp_path, monkeypatch):
    def refuse(command):
        raise environments.NotInstalled("no network")

    monkeypatch.setattr(environments, "_run", refuse)

    with pytest.raises(Skipped, match="no network"):
        others.feast(world(10, 10), tmp_path, 5)


def test_windows_by_hand_forget_what_is_over():
    window = others.Rolling(10)
    for when, value in [(0, 5.0), (4, 1.0), (9, 2.0)]:
        window.put(when, value)
    assert (window.mean(), window.largest[0][1]) == (pytest.approx(8 / 3), 5.0)

    window.expire(13)

    assert (window.mean(), window.largest[0][1]) == (1.5, 2.0)


def test_all_events_are_in_the_store(monkeypatch):
    monkeypatch.setattr(features_online.ours, "BATCH", 100)
    made = world(2_000, 50)
    store, _ = features_online.ours.filled(plan(sketches=False), made)

    assert store.pending == 0
    assert store.dropped == 0
    assert store.freshness() == {"landings": int(made.times[-1])}
