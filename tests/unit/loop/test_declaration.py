from __future__ import annotations

import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from ostinato import features
from ostinato.core.errors import ConfigError
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.learn.schedules import Schedule
from ostinato.loop import Label, Loop, Policy, Prices
from ostinato.loop.check import check_fit
from ostinato.release import Canary, Shadow


def loop(**changes):
    fields = {
        "name": "flights",
        "task": "binary",
        "time": "scheduled",
        "features": ["carrier", "distance"],
        "label": Label("late", delay="6h"),
        "learner": LogisticRegression(),
    }
    return Loop(**(fields | changes))


def test_a_loop_takes_its_metric_from_its_task():
    assert loop().metric == "log_loss"
    assert loop(task="regression").metric == "mae"


def test_a_column_name_is_a_label_that_is_known_at_once():
    found = loop(label="late").label

    assert found == Label("late")
    assert (found.delay_ns, found.horizon_ns, found.revise_ns) == (0, 0, 0)


@pytest.mark.parametrize(
    ("label", "horizon_ns", "revise_ns"),
    [
        (Label("y", delay="6h"), 6 * HOUR_NS, 6 * HOUR_NS),
        (Label("y", delay="6h", horizon="2d", revise="1h"), 2 * DAY_NS, HOUR_NS),
        (Label("y", time="landed"), 30 * DAY_NS, 30 * DAY_NS),
    ],
)
def test_a_label_knows_when_it_is_overdue(label, horizon_ns, revise_ns):
    assert (label.horizon_ns, label.revise_ns) == (horizon_ns, revise_ns)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"time": "t", "delay": "1h"}, r"Label\(time=..., delay=...\)"),
        ({"time": "y"}, r"Label\(column, time=...\)"),
        ({"delay": "6h", "horizon": "1h"}, r"Label\(horizon=...\) .* Label\(delay=...\)"),
        ({"never": "positive"}, r"Label\(never=...\)"),
        ({"delay": "soon"}, r"Label\(delay=...\)"),
        ({"horizon": "-1d"}, r"Label\(horizon=...\)"),
        ({"revise": "0s"}, r"Label\(revise=...\)"),
        ({"column": ""}, r"Label\(column\)"),
    ],
)
def test_a_label_that_contradicts_itself_is_refused_by_name(fields, named):
    with pytest.raises(ConfigError, match=named):
        Label(**({"column": "y"} | fields))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"false_positive": 1.0}, r"false_positive=..., false_negative=..."),
        ({"train_hour": -1.0}, r"Prices\(train_hour=...\)"),
        ({"label": float("nan")}, r"Prices\(label=...\)"),
        ({"false_positive": -1.0, "false_negative": 1.0}, r"Prices\(false_positive=...\)"),
    ],
)
def test_a_price_that_is_none_is_refused_by_name(fields, named):
    with pytest.raises(ConfigError, match=named):
        Prices(**fields)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": "my flights"}, r"Loop\(name="),
        ({"name": ""}, r"Loop\(name="),
        ({"task": "ranking"}, r"Loop\(task="),
        ({"time": None}, r"Loop\(time="),
        ({"features": []}, r"Loop\(features=...\) is empty"),
        ({"features": "carrier"}, r"Loop\(features=...\) is not a list"),
        ({"features": ["a", "b", "a"]}, r"Loop\(features=...\) names columns twice; was: a"),
        ({"features": ["carrier", "late"]}, r"Loop\(features=...\) holds the truth; was: late"),
        ({"label": Label("late", time="landed"), "features": ["landed"]}, r"holds the truth"),
        ({"label": Label("late", time="scheduled")}, r"Loop\(time=...\) holds the truth"),
        ({"slices": ["late"]}, r"Loop\(slices=...\) holds the truth"),
        ({"unit": "late"}, r"Loop\(unit=...\) holds the truth"),
        ({"label": 7}, r"Loop\(label="),
        ({"metric": "beauty"}, r"Loop\(metric=...\) does not fit"),
        ({"metric": "mae"}, r"Loop\(metric=...\) does not fit"),
        ({"holdout": 0.0}, r"Loop\(holdout="),
        ({"holdout": 0.6}, r"Loop\(holdout="),
        ({"policy": "triggered"}, r"Loop\(policy="),
        ({"prices": 5.0}, r"Loop\(prices="),
        ({"classes": ["yes"]}, r"Loop\(classes=...\) does not fit Loop\(task="),
        ({"classes": ["a", "b", "c"]}, r"Loop\(classes="),
        ({"classes": ["a", "a"]}, r"Loop\(classes="),
        ({"task": "regression", "classes": [0, 1]}, r"Loop\(classes="),
        (
            {"task": "regression", "label": Label("late", never="negative")},
            r'Label\(never="negative"\)',
        ),
        (
            {"task": "regression", "prices": Prices(false_positive=1.0, false_negative=2.0)},
            r"Prices\(false_positive=..., .*contradict Loop\(task=",
        ),
    ],
)
def test_a_loop_that_contradicts_itself_is_refused_by_name(fields, named):
    with pytest.raises(ConfigError, match=named):
        loop(**fields)


def test_a_shadow_that_can_never_collect_evidence_is_refused_with_both_fields_named():
    label = Label("late", delay="6h", affected_by_prediction=True)

    with pytest.raises(
        ConfigError, match=r"affected_by_prediction=True\) contradicts Policy\(roll"
    ):
        loop(label=label, policy=Policy(rollout=Shadow()))

    assert loop(label=label, policy=Policy(rollout=Canary())).label == label


def test_selective_labels_need_a_share_that_chance_lets_through():
    label = Label("repaid", delay="20d", selective=True)

    with pytest.raises(
        ConfigError, match=r"selective=True\) contradicts Policy\(explore=0\)"
    ) as no:
        loop(label=label)

    assert "Policy(explore=0.02)" in str(no.value)
    assert loop(label=label, policy=Policy(explore=0.02)).policy.explore == 0.02


@pytest.mark.parametrize("share", [-0.01, 0.51, float("nan")])
def test_a_share_to_explore_beyond_half_of_the_units_is_refused(share):
    with pytest.raises(ConfigError, match=r"Policy\(explore=...\)"):
        Policy(explore=share)


@pytest.mark.parametrize("other", [{"affected_by_prediction": True}, {"never": "negative"}])
def test_selective_labels_contradict_what_needs_all_labels(other):
    with pytest.raises(ConfigError, match=r"Label\(selective=True\) contradicts Label\("):
        Label("repaid", selective=True, **other)


@pytest.mark.parametrize(("delay", "cap", "fits"), [("28d", "28d", False), ("27d", "28d", True)])
def test_labels_that_all_come_after_the_end_of_a_rollout_are_refused(delay, cap, fits):
    label, policy = Label("repaid", delay=delay), Policy(rollout=Canary(cap=cap))

    if fits:
        check_fit(label, policy)
        return
    with pytest.raises(
        ConfigError, match=r"delay=\.\.\.\) contradicts Policy\(rollout=Canary\(cap"
    ):
        check_fit(label, policy)


def test_labels_that_may_take_long_but_need_not_are_not_refused():
    check_fit(Label("repaid", time="known", horizon="60d"), Policy(rollout=Canary(cap="28d")))


def test_a_schedule_needs_a_line_of_models_that_go_on_from_each_other():
    schedules = {"alpha": Schedule(falls_over=4)}

    with pytest.raises(
        ConfigError, match=r"Policy\(schedules=...\) contradicts Policy\(warm_start=False\)"
    ) as no:
        Policy(schedules=schedules)

    assert "alpha" in str(no.value)
    assert Policy(schedules=schedules, warm_start=True).schedules == schedules


def test_a_loop_knows_the_names_of_its_features_and_the_columns_they_need():
    landings = features.Events("landings", time="landed", columns={"delay": "number"})
    late = features.mean(landings, "delay", by="carrier", window="3h", name="recent")
    kept = ["distance", features.Expr("far", pl.col("distance") > 1000), late]

    made = loop(features=kept)

    assert made.features == tuple(kept)
    assert made.feature_names == ("distance", "far", "recent")
    assert made.inputs == ("distance", "carrier")
    assert made.feature_plan.windowed == (late,)


def test_aggregates_of_labels_read_the_label_as_it_becomes_known_and_no_column_of_it():
    share = features.mean(features.labels(), "label", by="carrier", window="1d")

    made = loop(features=["carrier", share], label=Label("label", time="landed"))

    assert made.inputs == ("carrier",)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (
            [features.Expr("soon", pl.col("late") + 1)],
            r"Loop\(features=...\) holds the truth; was: late",
        ),
        ([features.Function("soon", len, inputs=["landed"])], r"holds the truth; was: landed"),
        (
            [features.mean(features.labels(), "label", by="late", window="1d")],
            r"holds the truth; was: late",
        ),
        ([features.Expr("late", pl.col("x"))], r"holds the truth; was: late"),
        (
            [features.Expr("x", pl.col("x") + 1)],
            r"has the name of a column in Loop\(features=...\)",
        ),
        (
            ["x", features.Expr("origin", pl.col("x"))],
            r"has the name of a column in Loop\(slices=...\); was: origin",
        ),
        (
            ["x", features.Expr("plane", pl.col("x"))],
            r"has the name of a column in Loop\(unit=...\); was: plane",
        ),
        (["x", features.Expr("scheduled", pl.col("x"))], r"column in Loop\(time=...\)"),
        (["x", 7], r"neither a column nor a declaration; was: 7"),
        (["x", features.windows], r"neither a column nor a declaration"),
        (7, r"Loop\(features=...\) is not a list of columns and features; was: 7"),
        (
            [features.Expr("a", pl.col("x")), features.Expr("a", pl.col("y"))],
            r"Two features have the name 'a'; was: Expr, Expr",
        ),
    ],
)
def test_features_that_leak_or_share_a_name_are_refused(given, named):
    label = Label("late", time="landed")

    with pytest.raises(ConfigError, match=named):
        loop(features=given, label=label, slices=["origin"], unit="plane")
