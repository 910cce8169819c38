from __future__ import annotations

import base64
import importlib.util
import json
import re
import sys
import zlib
from pathlib import Path

import pytest

from ostinato.replay.report import render_comparison, render_replay
from ostinato.replay.report.diagnoses import CARDS_MAX
from ostinato.replay.report.timeline import POINTS_MAX
from ostinato.replay.report.watching import LANES_MAX, watch_data

_SPEC = importlib.util.spec_from_file_location(
    "synthetic", Path(__file__).with_name("synthetic.py")
)
synthetic = importlib.util.module_from_spec(_SPEC)
sys.modules["synthetic"] = synthetic
_SPEC.loader.exec_module(synthetic)


@pytest.fixture(scope="module")
def watched():
    return synthetic.with_watching(synthetic.replay_document(ticks=2400))


def of(document):
    return watch_data({"p": document})["p"]


def test_alarms_that_stand_come_first_and_the_worst_of_them_on_top(watched):
    found = [(each["resolved"] is None, each["severity"]) for each in of(watched)["alarms"]]
    assert found == [
        (True, "critical"),
        (True, "warning"),
        (True, "warning"),
        (False, "warning"),
        (False, "info"),
    ]


def test_lanes_are_in_the_order_of_the_first_alarm(watched):
    assert of(watched)["lanes"] == [
        "drift/temp",
        "quality/temp:missing",
        "drift/wind",
        "performance/log_loss @origin=JFK",
    ]


def test_more_alarmed_streams_than_fit_are_left_to_the_table(watched):
    one = watched["alarms"][0]
    many = [
        {**one, "stream": f"drift/x{i}", "raised": f"2013-03-{1 + i % 28:02d}"} for i in range(60)
    ]
    found = of({**watched, "alarms": many})
    assert len(found["lanes"]) == LANES_MAX
    assert len(found["alarms"]) == 60


def test_streams_that_are_not_drawn_are_counted(watched):
    found = of(watched)
    assert len(found["lines"]) == 6
    assert found["quiet"] == 208
    assert found["lines"]["fairness/sex:demographic_parity"]["family"] == "fairness"


def test_a_stream_that_alarmed_before_its_first_long_window_has_no_line(watched):
    none = {name: [] for name in ("time", "value", "reference", "low", "high", "floor")}
    lines = {**watched["monitors"]["lines"], "quality/new": none}
    found = of({**watched, "monitors": {**watched["monitors"], "lines": lines}})
    assert "quality/new" not in found["lines"]


def test_a_long_course_keeps_the_windows_that_moved_most(watched):
    count = 9 * POINTS_MAX + 5
    value = [0.4] * count
    value[1000], value[2000] = 0.9, 0.1
    line = {
        "time": [f"t{i}" for i in range(count)],
        "value": value,
        **{name: [0.4] * count for name in ("reference", "low", "high", "floor")},
    }
    monitors = {"streams": [{"stream": "drift/a", "family": "drift"}], "lines": {"drift/a": line}}
    found = of({**watched, "monitors": monitors})["lines"]["drift/a"]
    assert len(found["time"]) <= POINTS_MAX
    assert {"t1000", "t2000"} <= set(found["time"])
    assert sorted(set(found["value"])) == [0.1, 0.4, 0.9]


def test_what_could_not_be_measured_is_one_row_per_reason(watched):
    rows = of(watched)["unmeasured"]
    assert {
        "monitor": "losses",
        "what": "carrier=HA, carrier=OO",
        "reason": "9 rows of 100",
    } in rows
    monitor = {**watched["watch"]["monitors"][0], "unmeasured": {f"c{i}": "none" for i in range(7)}}
    rows = of({**watched, "watch": {**watched["watch"], "monitors": [monitor]}})["unmeasured"]
    assert rows == [{"monitor": "inputs", "what": "c0, c1, c2, c3 and 3 more", "reason": "none"}]


def test_diagnoses_are_cards_the_newest_first_and_lead_to_their_entry(watched):
    cards = of(watched)["diagnoses"]
    assert len(cards) == 4
    assert [each["time"] for each in cards] == sorted((c["time"] for c in cards), reverse=True)
    first = cards[0]
    assert watched["decisions"][first["index"]]["kind"] == "diagnosis_made"
    assert first["loss"]["low"] == 0.04
    assert first["parts"][1] == {
        "name": "concept drift",
        "change": 0.045,
        "low": 0.03,
        "high": 0.06,
    }
    assert first["broken"][0]["what"] == "missing"
    assert first["columns"] == [
        {"column": "temp", "change": 0.03, "verdict": "moved and costs"},
        {"column": "wind", "change": None, "verdict": "moved; unclear"},
    ]
    assert first["slices"] == [
        {"slice": "origin = JFK and hour = 17", "change": 0.2, "verdict": "fails anew"}
    ]
    many = [watched["decisions"][first["index"]]] * 30
    assert len(of({**watched, "decisions": many})["diagnoses"]) == CARDS_MAX


def test_a_diagnosis_of_too_few_rows_is_a_card_without_parts(watched):
    bare = {
        "kind": "diagnosis_made",
        "time": "2013-03-01T00:00:00Z",
        "subject": "v1",
        "reason": "There are 3 rows.",
        "evidence": {"cause": "none found", "parts": {}, "unmeasured": {"all": "3 rows"}},
    }
    card = of({**watched, "decisions": [bare]})["diagnoses"][0]
    assert card["parts"] == []
    assert card["unmeasured"] == {"all": "3 rows"}


def test_estimates_are_those_of_who_served(watched):
    found = of(watched)["estimates"]
    times = [each["time"] for each in found]
    assert len(set(times)) == len(times) > 50
    serving = {v["version"]: (v["serving_from"], v["serving_to"]) for v in watched["versions"]}
    first = [t for t in times if t <= serving["v1"][1]]
    assert times[: len(first)] == first, "a later champion begins after it was promoted"
    assert {each["covered"] for each in found} == {True, False, None}
    assert of({**watched, "versions": []})["estimates"] == []


def test_verdicts_are_told_and_feedback_with_its_own_numbers(watched):
    feedback, business = of(watched)["verdicts"]
    assert feedback["figures"] == {"explored": 0.08, "naive loss": 0.41}
    assert (business["about"], business["figures"]) == ("business revenue", {})


def test_gaps_are_the_champions_with_what_each_group_has(watched):
    (gap,) = of(watched)["fairness"]
    assert gap["measure"] == "demographic parity difference"
    assert (gap["value"], gap["low"]) == (0.13, 0.08)
    assert gap["groups"] == [{"group": "f", "value": 0.31}, {"group": "m", "value": 0.44}]


def test_where_nothing_is_watched_there_is_nothing_to_show(watched):
    assert of({**watched, "watch": None}) is None
    assert of(synthetic.replay_document(ticks=240)) is None


def test_the_page_holds_what_was_watched_by_policy(watched):
    page = render_comparison(
        {
            **synthetic.comparison_document(policies=("static", "triggered"), ticks=240),
            "replays": {
                "static": synthetic.replay_document("static", ticks=240),
                "watched": watched,
            },
        }
    )
    packed = re.search(r'id="watch">([^<]*)<', page).group(1)
    found = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert found["static"] is None
    assert found["watched"]["budget"]["declared"] == 1.0


def test_numbers_that_are_none_become_null(watched):
    alarms = [{**watched["alarms"][0], "low": float("nan"), "high": float("inf")}]
    text = render_replay({**watched, "alarms": alarms})
    packed = re.search(r'id="watch">([^<]*)<', text).group(1)
    found = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert next(iter(found.values()))["alarms"][0]["low"] is None
