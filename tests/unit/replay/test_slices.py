from __future__ import annotations

import msgspec
import numpy as np
import polars as pl
import pytest

import ostinato as ost
from ostinato.core.errors import ConfigError, DataError
from ostinato.live.schema import InputSchema, make_schema
from ostinato.loop.plan import make_plan
from ostinato.replay.history import make_history
from ostinato.replay.slices import MOST_VALUES, Slices


@pytest.fixture
def frame():
    rng = np.random.default_rng(3)
    return pl.DataFrame(
        {
            "place": [("a", "b", None)[i] for i in rng.integers(0, 3, 400)],
            "age": rng.integers(18, 90, 400),
            "film": [f"m{min(each, 200)}" for each in rng.zipf(1.5, 400)],
        }
    )


def test_a_pair_puts_each_row_into_the_group_of_its_two_values(frame):
    slices = Slices.fit(frame, ["place", "age"], [("place", "age")])

    codes = slices.codes(frame)
    names = np.array(slices.names)[codes]

    assert codes.shape == (400, slices.width) == (400, 3)
    assert (names[:, 2] == [f"{a}, {b}" for a, b in names[:, :2]]).all()
    assert slices.first_groups(1) == 4  # two places, missing, others
    assert slices.first_groups(2) == codes[:, 2].min()


def test_combinations_that_are_not_frequent_or_not_known_share_a_group(frame):
    many = pl.DataFrame({"one": [str(i % 30) for i in range(900)], "two": ["x", "y", "z"] * 300})
    slices = Slices.fit(many, ["one", "two"], [("one", "two")])
    later = pl.DataFrame({"one": ["0", "new", "0"], "two": ["x", "x", "new"]})

    names = np.array(slices.names)[slices.codes(later)[:, 2]]

    assert len(slices.pairs[0].values) == 30  # 30 combinations occur
    assert names.tolist() == ["one=0, two=x", "one, two=(other)", "one, two=(other)"]
    wide = pl.DataFrame(
        {"one": [str(i % 40) for i in range(800)], "two": list("xyz") * 266 + ["x", "y"]}
    )
    assert len(Slices.fit(wide, ["one", "two"], [("one", "two")]).pairs[0].values) == MOST_VALUES


def test_the_most_frequent_items_are_groups_whatever_came_first():
    films = pl.DataFrame({"film": [f"rare {i}" for i in range(100)] + ["hit"] * 3})

    assert "film=hit" not in Slices.fit(films, ["film"]).names
    assert Slices.fit(films, ["film"], items="film").names[0] == "film=hit"


def test_a_service_groups_rows_as_a_replay_does(world, make_loop):
    table = world(400).with_columns(sex=pl.Series(["f", "m", None, "m"] * 100))
    loop = make_loop(
        monitors=ost.Monitors(sensitive=["sex"], pairs=[("kind", "sex")], items="kind")
    )
    history = make_history(loop, table, start=None, end=None, begin_ns=2**62)
    schema = make_schema(loop, table, history)
    told = msgspec.json.decode(msgspec.json.encode(schema), type=InputSchema)

    frame = table.select(told.names)

    assert told.names[-1] == "sex"
    assert told.group_names == history.group_names
    np.testing.assert_array_equal(told.groups(frame), history.groups)


def test_gates_and_triggers_keep_to_the_slices_of_the_loop(world, make_loop):
    table = world(600).with_columns(sex=pl.Series(["f", "m"] * 300))
    loop = make_loop(monitors=ost.Monitors(sensitive=["sex"], pairs=[("kind", "sex")]))
    history = make_history(loop, table, start=None, end=None)
    plan = make_plan(
        loop,
        ost.policies.triggered(triggers=[ost.Degradation(by_slice=True)]),
        scorer=None,
        classes=2,
        group_names=history.group_names,
        data_from_ns=0,
        matured_to_ns=0,
        bucket_ns=1,
        seed=0,
        slice_groups=history.slices.first_groups(len(loop.slices)),
    )

    assert set(plan.stages["gate"].group_names) == {"kind=a", "kind=b", "kind=c", "kind=(other)"}
    assert plan.stages["decide"].triggers[0].columns == 1
    assert plan.stages["watch"].groups == len(history.group_names)


@pytest.mark.parametrize(
    ("monitors", "words"),
    [
        ({"pairs": [("kind", "x0")]}, "x0"),
        ({"sensitive": ["y"]}, "truth"),
        ({"items": ""}, "items"),
    ],
)
def test_columns_that_cannot_be_slices_are_refused(make_loop, monitors, words):
    with pytest.raises(ConfigError, match=words):
        make_loop(monitors=ost.Monitors(**monitors))


def test_a_sensitive_column_that_the_data_lacks_is_named(world, make_loop):
    loop = make_loop(monitors=ost.Monitors(sensitive=["sex"]))

    with pytest.raises(DataError, match="sex"):
        make_history(loop, world(400), start=None, end=None)
