from __future__ import annotations

import pytest

from ostinato.replay.report.timeline import POINTS_MAX, Grid, condense


def timeline(times, **columns):
    n = len(times)
    blank = {
        name: [None] * n
        for name in ("m", "expected", "limit", "evidence", "evidence_limit", "champion")
    }
    shares = {name: [0.0] * n for name in ("challenger_share", "holdback_share")}
    return {"time": times, "n": [1] * n, "labelled": [1] * n, **blank, **shares, **columns}


def hours(count):
    return [f"2013-01-{1 + h // 24:02}T{h % 24:02}:00:00Z" for h in range(count)]


def test_a_year_of_hours_becomes_days():
    times = [f"{2013 + day // 365}-01-01T00:00:00Z" for day in (0, 365)]
    grid = Grid.over([timeline(times)])
    assert grid.width == "1d"
    assert grid.buckets == 366


@pytest.mark.parametrize(
    "end", ["2013-01-01T00:20:00Z", "2013-03-01T00:00:00Z", "2099-01-01T00:00:00Z"]
)
def test_no_span_gives_more_points_than_a_line_may_have(end):
    grid = Grid.over([timeline(["2013-01-01T00:00:00Z", end])])
    assert 1 <= grid.buckets <= POINTS_MAX


def test_all_policies_share_the_grid_that_holds_the_longest():
    short, long = (
        timeline(["2013-02-01T00:00:00Z"]),
        timeline(["2013-01-01T00:00:00Z", "2013-03-01T00:00:00Z"]),
    )
    grid = Grid.over([short, long])
    assert grid.times()[0] == "2013-01-01T00:00:00Z"
    assert 0 <= grid.place(["2013-02-01T00:00:00Z"])[0] < grid.buckets


def test_the_metric_is_weighted_by_labels():
    times = ["2013-01-01T00:00:00Z", "2013-01-01T01:00:00Z", "2013-12-31T00:00:00Z"]
    line = timeline(times, m=[1.0, 4.0, None], labelled=[3, 1, 0], n=[5, 5, 2])
    got = condense(line, Grid.over([line]), "m")
    assert got["metric"][0] == pytest.approx((3 * 1.0 + 1 * 4.0) / 4)
    assert got["metric"][-1] is None
    assert (got["n"][0], got["labelled"][0]) == (10, 4)


def test_a_bucket_shows_its_highest_evidence_and_its_last_champion():
    times = ["2013-01-01T00:00:00Z", "2013-01-01T01:00:00Z", "2013-12-31T00:00:00Z"]
    line = timeline(times, evidence=[5.5, 0.1, None], champion=["v1", "v2", "v2"])
    got = condense(line, Grid.over([line]), "m")
    assert got["evidence"][0] == 5.5
    assert got["evidence"][-1] is None
    assert got["champion"][0] == "v2"


def test_columns_that_are_missing_altogether_are_empty():
    line = {"time": hours(3), "n": [1, 1, 1], "labelled": [1, 1, 1], "m": [1.0, 1.0, 1.0]}
    got = condense(line, Grid.over([line]), "m")
    assert set(got["limit"]) == {None}


def test_an_empty_timeline_gives_an_empty_grid():
    line = timeline([])
    assert condense(line, Grid.over([line]), "m")["metric"] == []
