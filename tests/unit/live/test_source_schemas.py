import pytest

from ostinato import features
from ostinato.core.errors import StoreError
from ostinato.features.plan import make_plan
from ostinato.live.events import EventsGiven
from ostinato.live.fields import Field, SourceSpec
from ostinato.live.source_schemas import MOST_FURTHER, SourceSchemas

SPECS = {
    "landings": SourceSpec(
        name="landings",
        time="landed",
        columns=(Field("carrier", "text"), Field("delay", "number")),
    )
}
FIRST = {"carrier": "text", "delay": "number"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "schemas.json"


def kept(path) -> SourceSchemas:
    landings = features.Events("landings", time="landed")
    plan = make_plan([features.mean(landings, "delay", by="carrier", window="1h")])
    return SourceSchemas(path, plan, SPECS)


def given(known_ns: int, delay: object = 1.0, **further: str) -> EventsGiven:
    return EventsGiven(
        source="landings",
        ids=[None],
        times_ns=[1],
        known_ns=[known_ns],
        columns={"carrier": ["a"], "delay": [delay]},
        further=further,
    )


def test_columns_that_came_up_are_a_new_version(path) -> None:
    schemas = kept(path)

    for event in (given(5), given(6, plane="text"), given(7), given(8, plane="text")):
        schemas.take(event)

    assert [e.schema.columns for e in schemas.book.entries] == [FIRST, {**FIRST, "plane": "text"}]
    assert [e.since_ns for e in schemas.book.entries] == [5, 6]
    assert schemas.book.versions() == {"landings": 2}


def test_a_column_without_a_value_in_some_events_is_no_change(path) -> None:
    schemas = kept(path)

    for event in (given(5), given(6, delay=None), given(7, note="")):
        schemas.take(event)

    assert schemas.book.versions() == {"landings": 1}


def test_a_client_that_makes_up_names_of_columns_does_not_fill_the_book(path) -> None:
    schemas = kept(path)
    schemas.take(given(4))

    for number in range(70):
        schemas.take(given(5 + number, **{f"{name}{number}": "text" for name in "abc"}))

    entries = schemas.book.entries
    assert len(entries) == 1 + 34
    assert len(entries[-1].schema.columns) == len(FIRST) + MOST_FURTHER
    schemas.take(given(99, a0="number"))
    assert schemas.book.kinds("landings")["a0"] == "number", "what is in it is followed on"


def test_the_book_is_written_where_there_is_something_new(path) -> None:
    schemas = kept(path)
    schemas.save()
    assert not path.exists()

    schemas.take(given(5))
    schemas.save()

    assert kept(path).book == schemas.book


def test_the_same_log_taken_in_again_makes_the_same_book(path) -> None:
    log = [given(5), given(6, plane="text"), given(7, gate="integer")]
    schemas = kept(path)
    for event in log:
        schemas.take(event)
    schemas.save()

    again = kept(path)
    for event in log[1:]:  # a crash before the snapshot was written
        again.take(event)

    assert again.book == schemas.book


def test_a_damaged_book_stops_the_service_and_is_left_as_it_is(path) -> None:
    path.write_bytes(b"{")

    with pytest.raises(StoreError, match="book of schemas cannot be read"):
        kept(path)

    assert path.read_bytes() == b"{"
