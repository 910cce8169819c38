"""Bad input, the whole list: each is a clear error that says what to do, and nothing is lost."""

import numpy as np
import polars as pl
import pytest

from ostinato import features
from ostinato.core.errors import ConfigError, DataError, OstinatoError, StoreError
from ostinato.features.asof import as_of
from ostinato.features.online import OnlineStore
from ostinato.features.plan import make_plan
from ostinato.features.prepare import EventBatch
from ostinato.features.reading import read_sources
from ostinato.features.schema_book import SchemaBook, load_book, save_book

LANDINGS = features.Events("landings", time="landed")


def mean(window: str = "1h") -> features.Aggregate:
    return features.mean(LANDINGS, "delay", by="carrier", window=window, name="recent_delay")


def events(source: str = "landings", delay: object = 5.0) -> EventBatch:
    times = np.array([100], dtype=np.int64)
    return EventBatch(
        source=source,
        times_ns=times,
        known_ns=times,
        frame=pl.DataFrame({"carrier": ["a"], "delay": [delay]}),
    )


@pytest.fixture
def store() -> OnlineStore:
    """Make a store that has seen one event and one request."""
    made = OnlineStore(make_plan([mean()]))
    made.ingest(events())
    assert made.lookup([("a",)], [200]) == [(5.0,)]
    return made


@pytest.fixture
def unharmed(store):
    """Check at the end that the store answers as before: nothing is lost."""
    yield store
    assert store.lookup([("a",)], [300]) == [(5.0,)]


def told(raised: pytest.ExceptionInfo[OstinatoError]) -> str:
    """Return the error as people read it, after a look at whether it is whole."""
    error = raised.value
    assert error.found is not None
    assert error.expected is not None or error.hint is not None
    return str(error)


def test_a_feature_of_an_unknown_source_is_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        features.mean("landings", "delay", by="carrier", window="1h")

    assert "has no source; was: 'landings'" in told(raised)


def test_events_of_an_unknown_source_are_refused(unharmed) -> None:
    with pytest.raises(ConfigError) as online:
        unharmed.ingest(events("takeoffs"))
    with pytest.raises(ConfigError) as asof:
        as_of(
            unharmed.plan,
            pl.DataFrame({"carrier": ["a"]}),
            np.array([1]),
            {"takeoffs": events("takeoffs")},
        )

    for raised in (online, asof):
        assert "'takeoffs'" in told(raised)
        assert "expected: landings" in told(raised)


def test_two_definitions_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        make_plan([mean(), mean("2h")])

    assert "Two features have the name 'recent_delay'" in told(raised)


def test_two_definitions_of_one_source_are_refused() -> None:
    late = features.Events("landings", time="landed", delay="1h")
    with pytest.raises(ConfigError) as raised:
        make_plan([mean(), features.count(late, by="carrier", window="1h")])

    assert "Two sources have the name 'landings'" in told(raised)


@pytest.mark.parametrize("by", [None, (), "", {}])
def test_a_window_without_a_key_is_refused(by) -> None:
    with pytest.raises(ConfigError) as raised:
        features.mean(LANDINGS, "delay", by=by, window="1h")

    assert "a window and no key" in told(raised)


@pytest.mark.parametrize("window", ["soon", "", "-1h", "0s", "1 hour", 60])
def test_a_window_that_is_no_duration_is_refused(window) -> None:
    with pytest.raises(ConfigError) as raised:
        features.mean(LANDINGS, "delay", by="carrier", window=window)

    assert "window" in told(raised)


def test_an_option_that_no_aggregate_has_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError) as raised:
        features.count(LANDINGS, by="carrier", window="1h", defalt=0)
    assert "defalt=0" in told(raised)
    assert raised.value.hint == "Did you mean 'default'?"
    with pytest.raises(ConfigError, match="unknown option"):
        features.decayed_mean(LANDINGS, "delay", by="carrier", half_life="1h", hop="1m")


@pytest.mark.parametrize("default", ["none", float("nan"), float("inf"), [0]])
def test_a_default_that_is_no_number_is_refused(default) -> None:
    with pytest.raises(ConfigError) as raised:
        features.mean(LANDINGS, "delay", by="carrier", window="1h", default=default)
    assert repr(default) in told(raised)


@pytest.mark.parametrize("key", [7, 7.0, True])
def test_keys_of_requests_and_events_that_can_never_meet_are_refused(key) -> None:
    asked = pl.DataFrame({"carrier": [None, key]})
    with pytest.raises(DataError) as raised:
        as_of(make_plan([mean()]), asked, np.array([200, 201]), {"landings": events()})
    assert repr(key) in told(raised)
    assert "'a'" in told(raised)


def test_a_key_without_any_value_is_of_no_kind_and_refused_nowhere() -> None:
    asked = pl.DataFrame({"carrier": pl.Series([None], dtype=pl.Int64)})
    found = as_of(make_plan([mean()]), asked, np.array([200]), {"landings": events()})
    assert found.rows() == [(None,)]


def test_an_aggregate_over_text_is_refused_wherever_it_comes_from(unharmed) -> None:
    table = pl.DataFrame({"landed": [1], "carrier": ["a"], "delay": ["late"]})
    source = features.Events("landings", time="landed", data=table)
    read = make_plan([features.mean(source, "delay", by="carrier", window="1h", name="x")])
    requests = pl.DataFrame({"carrier": ["a"]})

    with pytest.raises(DataError) as reading:
        read_sources(read)
    with pytest.raises(DataError) as online:
        unharmed.ingest(events(delay="late"))
    with pytest.raises(DataError) as asof:
        as_of(unharmed.plan, requests, np.array([1]), {"landings": events(delay="late")})

    assert "The feature 'x' needs numbers in delay of the source 'landings'" in told(reading)
    for raised in (online, asof):
        assert "numbers in delay of the source 'landings'" in told(raised)


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 2.0**44, -(2.0**44)])
def test_a_number_that_cannot_be_summed_up_is_refused(unharmed, value) -> None:
    with pytest.raises(DataError) as raised:
        unharmed.ingest(events(delay=value))

    assert "delay of the source 'landings'" in told(raised)
    assert repr(value) in told(raised)


def test_a_number_just_small_enough_is_taken(store) -> None:
    store.ingest(events(delay=np.nextafter(2.0**44, 0)))

    assert store.lookup([("a",)], [300]) == [((np.nextafter(2.0**44, 0) + 5.0) / 2,)]


def test_events_without_a_time_are_refused() -> None:
    table = pl.DataFrame({"landed": [1, None], "carrier": ["a", "b"], "delay": [1.0, 2.0]})
    nowhere = table.drop("landed")

    for data, message in (
        (table, "1 events of the source 'landings' have no time"),
        (nowhere, "'landings' has no time column 'landed'"),
    ):
        source = features.Events("landings", time="landed", data=data)
        with pytest.raises(DataError) as raised:
            read_sources(make_plan([features.count(source, by="carrier", window="1h")]))
        assert message in told(raised)


def test_events_that_lack_a_column_are_refused(unharmed) -> None:
    batch = events()
    short = EventBatch(
        source="landings",
        times_ns=batch.times_ns,
        known_ns=batch.known_ns,
        frame=batch.frame.drop("delay"),
    )

    with pytest.raises(DataError) as raised:
        unharmed.ingest(short)

    assert "lack columns: delay" in told(raised)


def test_a_clock_that_goes_back_is_refused(unharmed) -> None:
    with pytest.raises(DataError) as before:
        unharmed.lookup([("a",)], [199])
    with pytest.raises(DataError) as within:
        unharmed.lookup([("a",), ("a",)], [250, 249])
    with pytest.raises(DataError) as pruned:
        unharmed.prune(199)

    for raised in (before, within, pruned):
        assert "The clock went back" in told(raised)


def test_an_event_that_comes_late_is_no_clock_that_goes_back(store) -> None:
    early = np.array([50], dtype=np.int64)
    frame = pl.DataFrame({"carrier": ["a"], "delay": [7.0]})

    store.ingest(EventBatch(source="landings", times_ns=early, known_ns=early + 200, frame=frame))

    assert store.lookup([("a",)], [250]) == [(6.0,)]


def test_a_state_of_another_definition_is_refused(store) -> None:
    with pytest.raises(StoreError) as raised:
        OnlineStore.restore(make_plan([mean("2h")]), store.snapshot())

    assert "of other features" in told(raised)


def test_a_changed_definition_has_another_version_and_a_changed_table_has_not() -> None:
    moved = features.Events("landings", time="landed", data="elsewhere.parquet")
    kept = features.mean(moved, "delay", by="carrier", window="1h", name="recent_delay")

    assert make_plan([mean("2h")]).versions != make_plan([mean()]).versions
    assert make_plan([kept]).versions == make_plan([mean()]).versions


@pytest.mark.parametrize("rule", [{"renamed": {"late": "delay"}}, {"missing": {"delay": 0.0}}])
def test_a_rule_for_changed_columns_is_no_other_definition(rule) -> None:
    ruled = features.Events("landings", time="landed", **rule)
    kept = features.mean(ruled, "delay", by="carrier", window="1h", name="recent_delay")

    assert make_plan([kept]).versions == make_plan([mean()]).versions


def test_a_state_file_that_is_damaged_is_refused_wherever_the_damage_is(store) -> None:
    whole = store.snapshot()
    rng = np.random.default_rng(1)
    places = rng.integers(len(whole), size=50).tolist()
    damaged = [whole[:place] for place in places]
    damaged += [whole[:p] + bytes([whole[p] ^ 1]) + whole[p + 1 :] for p in places]

    for data in (b"", b"no state", *damaged):
        with pytest.raises(StoreError) as raised:
            OnlineStore.restore(store.plan, data)
        assert "The snapshot of the feature store" in told(raised)

    assert OnlineStore.restore(store.plan, whole).lookup([("a",)], [300]) == [(5.0,)]


def test_a_book_of_schemas_that_is_damaged_is_refused_and_kept(tmp_path) -> None:
    path = tmp_path / "schemas.json"
    save_book(path, SchemaBook())
    torn = path.read_bytes()[:-5]
    path.write_bytes(torn)

    with pytest.raises(StoreError) as raised:
        load_book(path)

    assert "Restore the file from a backup" in told(raised)
    assert path.read_bytes() == torn
