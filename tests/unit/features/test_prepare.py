import numpy as np
import polars as pl
import pytest

from ostinato import features
from ostinato.core.errors import ConfigError, DataError
from ostinato.features.keys import hash_value, key_hash
from ostinato.features.online import OnlineStore
from ostinato.features.plan import make_plan
from ostinato.features.prepare import EventBatch, prepare


def batch(**columns: list[object]) -> EventBatch:
    times = np.array(columns.pop("times"), dtype=np.int64)
    known = np.array(columns.pop("known", times), dtype=np.int64)
    return EventBatch(
        source="landings", times_ns=times, known_ns=known, frame=pl.DataFrame(columns)
    )


def tally_of(*declared: features.Aggregate):
    return make_plan(declared).tallies[0]


def test_events_stand_in_the_order_in_which_they_became_known(landings) -> None:
    tally = tally_of(features.mean(landings, "delay", by="carrier", window="1h"))

    made = prepare(
        tally, batch(times=[1, 5, 2], known=[9, 4, 3], carrier=["a"] * 3, delay=[1, 2, 3])
    )

    assert made.avail_ns.tolist() == [3, 5, 9]  # none is seen before it has happened
    assert made.values[:, 0].tolist() == [3.0, 2.0, 1.0]


def test_the_loops_own_events_are_not_seen_at_their_very_moment() -> None:
    tally = tally_of(features.mean(features.labels(), "label", by="carrier", window="1h"))

    assert prepare(tally, batch(times=[7], carrier=["a"], label=[1])).avail_ns.tolist() == [8]


def test_events_without_a_key_or_outside_the_filter_are_left_out(landings) -> None:
    where = pl.col("delay") > 0
    tally = tally_of(features.count(landings, by="carrier", window="1h", where=where, name="n"))

    made = prepare(
        tally, batch(times=[1, 2, 3, 4], carrier=["a", None, "b", "c"], delay=[1, 1, 0, None])
    )

    assert made.keys.tolist() == [key_hash(["a"])]


def test_values_are_numbers_and_different_values_are_hashed(landings) -> None:
    tally = tally_of(
        features.mean(landings, pl.col("delay") * 2, by="carrier", window="1h", name="m"),
        features.distinct(landings, "plane", by="carrier", window="1h"),
    )

    made = prepare(
        tally, batch(times=[1, 2], carrier=["a", "a"], delay=[1.5, None], plane=["N1", None])
    )

    assert made.values[0, 0] == 3.0
    assert np.isnan(made.values[1, 0])
    assert made.hashes[0, 0] == hash_value("N1")
    assert made.has[:, 0].tolist() == [True, False]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["late"], "needs numbers in delay of the source 'landings'"),
        ([float("inf")], "cannot be summed up"),
        ([1e14], "cannot be summed up"),
    ],
)
def test_what_cannot_be_summed_up_is_refused(landings, column, message) -> None:
    tally = tally_of(features.mean(landings, "delay", by="carrier", window="1h"))

    with pytest.raises(DataError, match=message):
        prepare(tally, batch(times=[1], carrier=["a"], delay=column))


def test_a_missing_column_is_named(landings) -> None:
    tally = tally_of(features.mean(landings, "delay", by="carrier", window="1h"))

    with pytest.raises(DataError, match="lack columns: carrier"):
        prepare(tally, batch(times=[1], delay=[1.0]))


@pytest.mark.parametrize("count", [1, 100])
def test_a_filter_that_is_neither_true_nor_false_is_refused(landings, count) -> None:
    counted = features.count(landings, by="carrier", window="1h", where=pl.col("gate"), name="n")
    given = batch(times=[1] * count, carrier=["a"] * count, gate=[2] * count)

    with pytest.raises(DataError, match="neither true nor false"):
        prepare(tally_of(counted), given)
    with pytest.raises(DataError, match="neither true nor false"):
        OnlineStore(make_plan([counted])).ingest(given)


@pytest.mark.parametrize("wrong", [pl.lit(1.0), pl.len(), pl.all(), pl.col("delay", "gate")])
@pytest.mark.parametrize("role", ["column", "where"])
def test_an_expression_without_columns_or_of_several_is_refused(landings, wrong, role) -> None:
    column = wrong if role == "column" else "delay"
    where = wrong if role == "where" else None

    with pytest.raises(ConfigError, match="not of named columns, or is several"):
        features.sum(landings, column, by="carrier", window="1h", where=where, name="n")
