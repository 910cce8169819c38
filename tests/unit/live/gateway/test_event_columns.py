from __future__ import annotations

import pytest

from ostinato import features
from ostinato.features.plan import make_plan
from ostinato.live.gateway.event_columns import EventColumns
from ostinato.live.gateway.http import HttpError
from ostinato.live.schema import Field, SourceSpec


def columns_of(**declared):
    source = features.Events("landings", time="landed", **declared)
    plan = make_plan([features.mean(source, "delay", by={"origin": "airport"}, window="1h")])
    spec = SourceSpec(
        name="landings",
        time="landed",
        columns=(
            Field("airport", "text"),
            Field("delay", "integer"),
            *(Field(n, k) for n, k in source.columns.items() if n not in ("airport", "delay")),
        ),
        renamed=dict(source.renamed),
    )
    return EventColumns(spec, plan)


def test_a_column_that_features_read_has_to_be_there():
    with pytest.raises(HttpError, match="'delay' of events"):
        columns_of().take([{"airport": "JFK"}])


def test_what_the_declaration_says_stands_for_a_column_that_is_gone():
    taken = columns_of(missing={"delay": 5}).take(
        [{"airport": "JFK"}, {"airport": "JFK", "delay": None}, {"airport": "LGA", "delay": 2}]
    )

    assert taken["delay"] == [5, None, 2], "a value that is missing stays so"


def test_a_column_that_is_only_declared_may_be_left_out():
    columns = columns_of(columns={"wet": "boolean"})
    full = {"airport": "JFK", "delay": 1, "wet": True}

    taken = columns.take([full, {"airport": "JFK", "delay": 1}])

    assert taken["wet"] == [True, None]
    with pytest.raises(HttpError, match="'wet' of events"):
        columns.take([full | {"wet": "yes"}])


def test_numbers_that_are_not_whole_are_taken_where_nothing_else_is_declared():
    events = [{"airport": "JFK", "delay": 1}, {"airport": "JFK", "delay": 2.5}]

    assert columns_of().take(events)["delay"] == [1.0, 2.5]
    with pytest.raises(HttpError) as error:
        columns_of(columns={"delay": "integer"}).take(events)
    assert error.value.what == "'delay' of events[1] has another type"
    assert error.value.found == "2.5"


def test_the_name_of_now_counts_where_an_earlier_one_is_there_too():
    columns = columns_of(renamed={"late": "delay", "lateness": "delay"})
    events = [
        {"airport": "JFK", "late": 1},
        {"airport": "JFK", "late": 1, "delay": 2},
        {"airport": "JFK", "lateness": 3},
    ]

    assert columns.take(events)["delay"] == [1, 2, 3]
    assert columns.further(events).counts == {}


def test_further_columns_are_told_with_what_they_hold():
    given = {"airport": "JFK", "delay": 1, "id": 3, "time": 5, "landed": 5}
    events = [given | {"runway": 4, "note": None}, given, given | {"runway": 2.5, "crew": ["a"]}]

    further = columns_of().further(events)

    assert further.counts == {"crew": 1, "note": 1, "runway": 2}
    assert further.kinds == {"crew": "list", "note": "", "runway": "number"}
