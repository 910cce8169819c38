"""Posted outcomes become what a replay tells of a column; what nobody declared is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ostinato as ost
from ostinato.live.engine.feed import Place, Turn
from ostinato.live.engine.outcomes_told import outcomes_told
from ostinato.live.events import OutcomesGiven
from ostinato.live.schema import Field, InputSchema

SCHEMA = InputSchema(
    loop="small",
    task="binary",
    fields=(Field("x", "number"), Field("who", "integer")),
    features=1,
    unit="who",
    slices=(),
    classes=(0, 1),
    first_offset=0,
    start_ns=0,
)


@pytest.fixture
def loop() -> ost.Loop:
    from sklearn.linear_model import LogisticRegression

    return ost.Loop(
        name="small",
        task="binary",
        time="at",
        features=["x"],
        unit="who",
        label=ost.Label("y", delay="1h"),
        learner=LogisticRegression(),
        outcomes=[ost.Outcome(name="revenue"), ost.Outcome(name="visits")],
    )


def given(*outcomes: tuple[Any, Any, str, int, float]) -> OutcomesGiven:
    ids, units, names, times, values = (list(each) for each in zip(*outcomes, strict=True))
    return OutcomesGiven(ids=ids, units=units, names=names, times_ns=times, values=values)


def turn(*events: OutcomesGiven, now_ns: int = 1_000) -> Turn:
    return Turn(
        tick=3,
        now_ns=now_ns,
        policies=[],
        batch=[],
        requests=[],
        labels=None,
        outcomes=list(events),
        events=[],
        place=Place(offset=0, tick=4, now_ns=now_ns, row=0),
    )


def test_outcomes_of_predictions_are_told_by_name_in_order_of_time(loop: ost.Loop) -> None:
    told = outcomes_told(
        loop,
        SCHEMA,
        turn(
            given(("b", None, "revenue", 30, 3.0), ("a", None, "visits", 20, 1.0)),
            given(("c", None, "revenue", 10, 4.0), ("d", None, "weather", 10, 9.0)),
            given(("e", None, "revenue", 5_000, 5.0)),
        ),
    )
    assert [(each.name, each.ids.tolist()) for each in told] == [
        ("revenue", ["c", "b", "e"]),
        ("visits", ["a"]),
    ]
    revenue = told[0]
    assert revenue.times_ns.tolist() == [10, 30, 1_000], "none is later than its tick"
    assert revenue.values.tolist() == [4.0, 3.0, 5.0]
    assert not revenue.by_unit


def test_outcomes_of_units_carry_the_hash_that_requests_of_the_unit_have(loop: ost.Loop) -> None:
    (told,) = outcomes_told(
        loop,
        SCHEMA,
        turn(given((None, 7, "revenue", 10, 1.0), (None, "nobody", "revenue", 20, 2.0))),
    )
    asked = SCHEMA.unit_hashes(SCHEMA.frame([(0.5, 7)]), ["p"])
    assert told.by_unit
    assert told.ids.tolist() == asked.tolist()
    assert told.values.tolist() == [1.0], "a unit of another type is nobody's"
    assert told.ids.dtype == np.uint64


def test_nothing_is_told_where_nothing_is_declared_or_nothing_came(loop: ost.Loop) -> None:
    assert outcomes_told(loop, SCHEMA, turn()) == []
    assert outcomes_told(loop, SCHEMA, turn(given(("d", None, "weather", 10, 9.0)))) == []
