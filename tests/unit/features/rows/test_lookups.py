from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from ostinato.core.errors import ConfigError, DataError
from ostinato.core.units import from_datetime
from ostinato.features import Lookup
from ostinato.features.plan import make_plan
from ostinato.features.rows import row_features


def day(month, number=1, year=2013):
    return datetime(year, month, number, tzinfo=UTC)


HOUSES = pl.DataFrame(
    {
        "house": [1, 1, 2, None],
        "street": ["a", "a", "b", "b"],
        "since": [day(1), day(3), day(1), day(1)],
        "until": [day(2), None, None, None],
        "rooms": [3, 4, 5, 6],
    }
)


def rooms(table=HOUSES, kinds=None, **changes):
    fields = {
        "table": table,
        "key": ["house", "street"],
        "column": "rooms",
        "valid_from": "since",
        "valid_to": "until",
    }
    lookup = Lookup("rooms", **(fields | changes))
    return row_features(make_plan([lookup]), kinds or {"house": "integer", "street": "text"})


def at(month, number, *rows, computer):
    return [row[0] for row in computer.rows(rows, [from_datetime(day(month, number))] * 3)]


def test_a_value_holds_from_its_beginning_up_to_its_end():
    computer = rooms(HOUSES)

    assert at(1, 1, (1, "a"), (1.0, "a"), (1, "b"), computer=computer) == [3, 3, None]
    assert at(2, 1, (1, "a"), (2, "b"), (None, "b"), computer=computer) == [None, 5, None]
    assert at(3, 1, (1, "a"), (2, "b"), (9, "b"), computer=computer) == [4, 5, None]


def test_without_ends_a_value_holds_until_the_next():
    computer = rooms(HOUSES, valid_to=None)

    assert at(2, 15, (1, "a"), (2, "b"), (3, "b"), computer=computer) == [3, 5, None]
    assert at(3, 1, (1, "a"), (2, "b"), (3, "b"), computer=computer) == [4, 5, None]


def test_what_is_not_in_the_table_gets_the_default():
    computer = rooms(HOUSES.clear(), default=0)
    requests = pl.DataFrame({"house": [1], "street": ["a"]})

    assert computer.rows([(1, "a")], [0]) == [(0,)]
    assert computer.table(requests, np.zeros(1, dtype=np.int64)).rows() == [(0,)]


def test_a_table_is_read_from_a_file(tmp_path):
    HOUSES.write_csv(tmp_path / "houses.csv")

    computer = rooms(tmp_path / "houses.csv")

    assert at(3, 1, (1, "a"), (2, "b"), (2, "a"), computer=computer) == [4, 5, None]


def test_a_table_is_made_by_a_function_when_it_is_needed():
    assert at(3, 1, (1, "a"), (2, "b"), (2, "a"), computer=rooms(lambda: HOUSES)) == [4, 5, None]


def test_rows_of_a_table_without_a_key_match_nobody():
    table = pl.DataFrame({"house": [1.0, float("nan"), None, None], "rooms": [1, 2, 3, 4]})

    computer = rooms(table, {"house": "number"}, key="house", valid_from=None, valid_to=None)

    assert computer.rows([(1,), (None,), (float("nan"),)], [0, 0, 0]) == [(1,), (None,), (None,)]


@pytest.mark.parametrize(
    ("table", "changes", "named"),
    [
        (
            pl.concat([HOUSES, HOUSES[:1]]),
            {"valid_from": None, "valid_to": None},
            r"holds 2 keys more than once; was: house=1, street='a'",
        ),
        (
            HOUSES.with_columns(until=None),
            {},
            r"two values of a key at one time; was: house=1, street='a' from 2013-03-01",
        ),
        (
            HOUSES.with_columns(since=pl.lit(day(1))),
            {"valid_to": None},
            r"two values of a key at one time",
        ),
        (HOUSES.drop("rooms", "until"), {}, r"'rooms' lacks columns: rooms, until"),
        (HOUSES.with_columns(rooms="since"), {}, r"'rooms' gives what no model takes"),
        (
            HOUSES.with_columns(pl.col("house").cast(pl.String)),
            {},
            r"key of the look-up 'rooms' is of another kind in its table; was: 'house': String",
        ),
        (
            HOUSES.with_columns(until=pl.lit(day(1, year=2012))),
            {},
            r"4 rows of the look-up 'rooms' end before they begin",
        ),
        (HOUSES.with_columns(since=pl.lit(None, dtype=pl.Datetime)), {}, r"since of the look-up"),
        ("no-such-file.parquet", {}, r"data file does not exist"),
        (7, {}, r"The data is no table"),
    ],
)
def test_a_table_that_cannot_answer_is_refused(table, changes, named):
    with pytest.raises(DataError, match=named):
        rooms(table, **changes)


def test_a_default_of_another_kind_than_the_column_is_refused():
    with pytest.raises(ConfigError, match=r"default of the feature 'rooms'"):
        rooms(HOUSES, default="none")
