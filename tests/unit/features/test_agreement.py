from __future__ import annotations

import pytest
from sklearn.linear_model import LogisticRegression

from ostinato.core.errors import ConfigError
from ostinato.features import Events, Parity, mean
from ostinato.loop import Loop

LANDINGS = Events("landings", time="at", columns={"carrier": "text", "delay": "number"})


def delay(**options):
    return mean(LANDINGS, "delay", by="carrier", window="3h", **options)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tolerance", 0.0),
        ("tolerance", 0.5),
        ("rtol", -1.0),
        ("atol", float("nan")),
        ("false_alarm", 1.0),
        ("sample", 0.0),
        ("sample", 1.5),
        ("previous", ["delay"]),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(field, value):
    with pytest.raises(ConfigError, match=rf"Parity\({field}="):
        Parity(**{field: value})


def test_where_a_value_is_logged_is_no_part_of_what_it_is():
    assert delay(logged="served_delay").version == delay().version


def test_a_logged_column_needs_a_name():
    with pytest.raises(ConfigError, match="logged"):
        delay(logged="")


def make_loop(feature, **changes):
    settings = {
        "name": "flights",
        "task": "binary",
        "time": "at",
        "label": "late",
        "learner": LogisticRegression(),
        "features": [feature],
    }
    return Loop(**{**settings, **changes})


def test_the_truth_is_refused_as_a_logged_value():
    with pytest.raises(ConfigError, match="holds the truth"):
        make_loop(delay(logged="late"))


@pytest.mark.parametrize(
    ("field", "value"), [("parity", True), ("train_on", "yesterday"), ("train_on", None)]
)
def test_a_loop_refuses_what_it_does_not_know(field, value):
    with pytest.raises(ConfigError, match=rf"Loop\({field}="):
        make_loop(delay(), **{field: value})
