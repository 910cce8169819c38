from __future__ import annotations

import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.units import HOUR_NS
from ostinato.release import BlueGreen, Canary, Immediate, Shadow


def test_each_plan_says_its_steps_before_promotion():
    assert Immediate().stages() == ()
    assert Shadow(over="2h").stages() == ((0.0, 2 * HOUR_NS),)
    assert BlueGreen(warm="3h").stages() == ((0.0, 3 * HOUR_NS),)
    assert Canary(steps=[0.1, 0.5, 1.0], over="8h").stages() == (
        (0.1, 4 * HOUR_NS),
        (0.5, 4 * HOUR_NS),
    )


def test_immediate_and_blue_green_ask_for_no_proof():
    assert [p.proves for p in (Immediate(), BlueGreen(), Shadow(), Canary())] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    "steps", [[], [1.0], [0.5, 0.5, 1.0], [0.2, 0.1, 1.0], [0.0, 1.0], [0.1, 0.9], [0.5, 1.0, 1.5]]
)
def test_steps_that_are_no_rising_list_up_to_all_units_are_refused(steps):
    with pytest.raises(ConfigError, match=r"Canary\(steps="):
        Canary(steps=steps)


def test_a_canary_and_a_holdback_may_overlap_for_they_are_drawn_independently():
    plan = Canary(steps=[0.5, 0.8, 1.0], holdback=0.3)

    assert (plan.stages()[-1][0], plan.holdback) == (0.8, 0.3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Canary(cap="12h", over="24h"),
        lambda: Shadow(cap="1h", over="2h"),
        lambda: BlueGreen(cap="1h", warm="2h"),
    ],
)
def test_a_cap_shorter_than_the_steps_take_is_refused(make):
    with pytest.raises(ConfigError, match=r"\(cap=\.\.\.\) is shorter than its steps take"):
        make()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("margin", 0.0),
        ("margin", 1.0),
        ("alpha", 0.0),
        ("beta", 1.0),
        ("min_samples", 0),
        ("holdback", 0.6),
        ("holdback", -0.1),
        ("cap", "never"),
        ("watch", "0d"),
    ],
)
def test_each_value_out_of_range_is_refused_by_name(field, value):
    with pytest.raises(ConfigError) as caught:
        Canary(**{field: value})
    assert field in str(caught.value)
