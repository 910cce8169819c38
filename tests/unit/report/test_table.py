from __future__ import annotations

from ostinato.replay.report.table import baseline_of, colours_of, placed, policy_rows

TABLE = [
    {
        "policy": "static",
        "m": 0.5,
        "m_low": 0.49,
        "m_high": 0.51,
        "value": 0.0,
        "regret": 9.0,
        "cost": 0.0,
    },
    {
        "policy": "triggered",
        "m": 0.4,
        "m_low": 0.39,
        "m_high": 0.41,
        "value": 9.0,
        "regret": 0.0,
        "cost": 2.0,
    },
]


def test_the_baseline_is_static_wherever_it_stands():
    assert baseline_of(["a", "static"]) == "static"
    assert baseline_of(["a", "b"]) == "a"
    assert baseline_of(["static"]) is None


def test_every_policy_has_a_colour_of_its_own():
    colours = colours_of(["a", "static", "b", "c"])
    assert colours["static"] == -1
    assert len(set(colours.values())) == 4


def test_the_best_figure_of_a_column_is_marked():
    static, triggered = policy_rows(TABLE, "m", lower_is_better=True, advised="triggered")
    assert triggered.best == {"m", "value", "regret"}
    assert static.best == frozenset()
    assert (static.advised, triggered.advised) == (False, True)


def test_where_higher_is_better_the_highest_metric_is_marked():
    static, _ = policy_rows(TABLE, "m", lower_is_better=False, advised=None)
    assert "m" in static.best


def test_equal_figures_have_no_best():
    rows = policy_rows(
        [TABLE[0], {**TABLE[0], "policy": "b"}], "m", lower_is_better=True, advised=None
    )
    assert all(not row.best for row in rows)


def test_intervals_lie_on_one_scale():
    static, triggered = policy_rows(TABLE, "m", lower_is_better=True, advised=None)
    assert triggered.interval is not None
    assert static.interval is not None
    assert triggered.interval.high < static.interval.low


def test_an_interval_without_ends_is_not_drawn():
    assert placed([None, 1.0, 2.0], [0.0, 2.0]) is None
    assert placed([float("nan"), 1.0, 2.0], [0.0, 2.0]) is None
