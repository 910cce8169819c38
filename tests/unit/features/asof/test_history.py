import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato import features
from ostinato.core.errors import ConfigError, DataError
from ostinato.features.asof import as_of
from ostinato.features.plan import make_plan
from ostinato.features.prepare import EventBatch

SECOND = 1_000_000_000


def assert_same(frame: pl.DataFrame, expected: dict[str, list[float | None]]) -> None:
    """Compare to the last bit: text of hexadecimal floats tells where it differs."""
    assert frame.columns == list(expected)
    assert set(frame.dtypes) <= {pl.Float64}
    for name, values in expected.items():
        found = [None if value is None else value.hex() for value in frame[name].to_list()]
        assert found == [None if value is None else float(value).hex() for value in values], name


def stream(seed: int, events: int, *, span: int = 60 * SECOND, late: int = 0, keys: int = 3):
    """Make events that come late and out of order, at few moments, so that many are tied."""
    rng = np.random.default_rng(seed)
    times = rng.integers(-span // 10, span // 10, events) * 10
    times[::3] = times[::3] // SECOND * SECOND  # on the edges of tiles
    known = times + rng.integers(0, late + 1, events) * rng.integers(-1, 2, events)
    delays = np.round(rng.normal(0, 100, events), 3)
    delays[rng.random(events) < 0.2] = 0.0
    return {
        "times": times,
        "known": known,
        "carrier": [None if key == 0 else f"c{key}" for key in rng.integers(0, keys + 1, events)],
        "delay": [None if rng.random() < 0.1 else float(delay) for delay in delays],
        "plane": [None if p == 0 else int(p) for p in rng.integers(0, 12, events)],
    }


def asked(seed: int, count: int, *, span: int = 60 * SECOND, keys: int = 3):
    rng = np.random.default_rng(seed)
    times = rng.integers(-span // 10, span // 5, count) * 10
    times[::4] = times[::4] // SECOND * SECOND
    names = [None if key == 0 else f"c{key}" for key in rng.integers(0, keys + 2, count)]
    return pl.DataFrame({"carrier": names}, schema={"carrier": pl.String}), times


@pytest.mark.parametrize(
    ("window", "hop"), [("10s", None), ("7s", "3s"), ("20s", "20s"), ("1ns", "1ns"), ("30s", "1ns")]
)
@pytest.mark.parametrize("late", [0, 5 * SECOND, 40 * SECOND])
@pytest.mark.parametrize("workers", [1, 2])
def test_every_aggregate_is_what_looking_at_all_events_gives(
    every_kind, batch_of, brute_force, window, hop, late, workers
):
    plan = make_plan(every_kind(window, hop))
    events = {"landings": batch_of(**stream(1, 150, late=late))}
    requests, times = asked(2, 60)

    found = as_of(plan, requests, times, events, workers=workers)

    assert_same(found, brute_force(plan, requests, times, events))
    assert found.select(pl.all().is_not_null().sum()).row(0)[0] > 20


@pytest.mark.parametrize("seed", range(4))
def test_several_windows_and_keys_of_one_source_do_not_mix(every_kind, batch_of, brute_force, seed):
    plan = make_plan([*every_kind("5s", "2s"), *every_kind("15s", "2s"), *every_kind("9s", "1s")])
    events = {"landings": batch_of(**stream(seed, 200, late=8 * SECOND, keys=40))}
    requests, times = asked(seed + 10, 60, keys=40)

    found = as_of(plan, requests, times, events, workers=2)

    assert_same(found, brute_force(plan, requests, times, events))


def test_other_sources_keys_and_filters_are_kept_apart(landings, batch_of, brute_force):
    own = features.labels()
    plan = make_plan(
        [
            features.sum(landings, "delay", by={"origin": "carrier"}, window="9s"),
            features.mean(own, "label", by=["carrier", "origin"], window="30s", default=0.5),
            features.count(
                landings, by="carrier", window="9s", where=pl.col("delay") > 0, name="late"
            ),
            features.max(landings, pl.col("delay") * 2, by="carrier", window="9s", name="twice"),
        ]
    )
    known = stream(3, 150, late=3 * SECOND)
    labels = batch_of(
        "labels",
        times=known["times"],
        known=known["known"],
        carrier=known["carrier"],
        origin=known["carrier"][::-1],
        label=[float(value or 0.0) for value in known["delay"]],
    )
    events = {"landings": batch_of(**known), "labels": labels}
    requests, times = asked(4, 80)
    requests = requests.with_columns(origin=requests["carrier"].reverse())

    found = as_of(plan, requests, times, events)

    assert_same(found, brute_force(plan, requests, times, events))


def test_what_belongs_to_the_loop_is_not_seen_at_its_very_moment(batch_of):
    plan = make_plan([features.count(features.labels(), by="carrier", window="1h")])
    labels = batch_of("labels", times=[10], carrier=["a"])
    requests = pl.DataFrame({"carrier": ["a", "a"]})

    found = as_of(plan, requests, np.array([10, 11]), {"labels": labels})

    assert found.to_series().to_list() == [0.0, 1.0]


def test_a_window_reaches_to_the_beginning_of_the_tile_it_ends_in(landings, batch_of):
    plan = make_plan([features.count(landings, by="carrier", window="10ns", hop="4ns")])
    events = {"landings": batch_of(times=[-5, -4, -1, 0, 3, 4], carrier=["a"] * 6)}
    requests = pl.DataFrame({"carrier": ["a"] * 4})

    found = as_of(plan, requests, np.array([6, 5, 13, 14]), events)

    # 6 - 10 = -4 lies in the tile [-4, 0), 5 - 10 in [-8, -4), 13 - 10 in [0, 4), 14 - 10 in [4, 8)
    assert found.to_series().to_list() == [5.0, 6.0, 3.0, 1.0]


def test_an_event_that_is_known_when_its_window_is_over_is_never_seen(every_kind, batch_of):
    plan = make_plan(every_kind("5s", "1s"))
    late = batch_of(times=[0], known=[60 * SECOND], carrier=["a"], delay=[7.0], plane=[1])
    requests = pl.DataFrame({"carrier": ["a", "a", "a"]})

    found = as_of(plan, requests, np.array([0, 30, 60]) * SECOND, {"landings": late})

    nothing = as_of(plan, requests, np.array([0, 30, 60]) * SECOND, {})
    kept = [name for name in found.columns if not name.startswith("decayed")]
    assert found.select(kept).equals(nothing.select(kept))


def test_wedges_that_grow_and_shrink_keep_the_smallest_and_largest(landings, batch_of, brute_force):
    plan = make_plan(
        [
            features.min(landings, "delay", by="carrier", window="400ns", hop="1ns"),
            features.max(landings, "delay", by="carrier", window="400ns", hop="1ns"),
        ]
    )
    times = np.arange(900)
    known = times + np.where(times % 7 == 0, 90, 0)
    delay = np.abs(times - 500) * 1.0
    events = {"landings": batch_of(times=times, known=known, carrier=["a"] * 900, delay=delay)}
    asked_at = np.arange(0, 1400, 23)
    requests = pl.DataFrame({"carrier": ["a"] * len(asked_at)})

    found = as_of(plan, requests, asked_at, events)

    assert_same(found, brute_force(plan, requests, asked_at, events))


def test_more_different_values_than_are_kept_are_estimated(landings, batch_of, brute_force):
    plan = make_plan(
        [
            features.distinct(landings, "plane", by="carrier", window=window, exact_to=exact_to)
            for window, exact_to in (("1000ns", 64), ("300ns", 256), ("5000ns", 256))
        ]
    )
    rng = np.random.default_rng(5)
    times = np.sort(rng.integers(0, 5000, 4000))
    planes = [f"N{number}" for number in rng.integers(0, 2000, 4000)]
    events = {"landings": batch_of(times=times, carrier=["a"] * 4000, plane=planes)}
    asked_at = rng.integers(0, 6000, 30)
    requests = pl.DataFrame({"carrier": ["a"] * 30})

    found = as_of(plan, requests, asked_at, events)

    assert_same(found, brute_force(plan, requests, asked_at, events))
    assert found.to_series(2).max() > 1200


def test_sums_are_exact_whatever_was_taken_off_before(landings, batch_of):
    plan = make_plan([features.sum(landings, "delay", by="carrier", window="10ns", hop="1ns")])
    delay = [1e13, 0.1, 0.2, 0.3]
    events = {"landings": batch_of(times=[0, 20, 20, 20], carrier=["a"] * 4, delay=delay)}
    requests = pl.DataFrame({"carrier": ["a", "a"]})

    found = as_of(plan, requests, np.array([0, 25]), events)

    assert found.to_series().to_list() == [1e13, 0.6]  # 0.1 + 0.2 + 0.3 is 0.6000000000000001


def test_the_longest_windows_see_everything(landings, batch_of, brute_force):
    plan = make_plan(
        [
            features.count(landings, by="carrier", window="53375d"),
            features.decayed_mean(landings, "delay", by="carrier", half_life="53375d"),
        ]
    )
    first = -53_375 * 86_400 * SECOND
    events = {"landings": batch_of(times=[first, 0], carrier=["a", "a"], delay=[1.0, 2.0])}
    requests, times = pl.DataFrame({"carrier": ["a", "a"]}), np.array([first, 0])

    found = as_of(plan, requests, times, events)

    assert found.to_series(0).to_list() == [1.0, 2.0]
    assert_same(found, brute_force(plan, requests, times, events))


def test_requests_may_come_in_any_order(every_kind, batch_of):
    plan = make_plan(every_kind("10s"))
    events = {"landings": batch_of(**stream(6, 200, late=SECOND))}
    requests, times = asked(7, 100)
    shuffled = np.random.default_rng(8).permutation(100)

    found = as_of(plan, requests, times, events)

    assert as_of(plan, requests[shuffled], times[shuffled], events).equals(found[shuffled])


def test_sources_without_events_give_columns_all_the_same(every_kind, batch_of):
    plan = make_plan(every_kind("10s"))
    requests = pl.DataFrame({"carrier": ["a", None]})
    empty = batch_of(times=[], carrier=[], delay=[], plane=[])

    for events in ({}, {"landings": empty}):
        found = as_of(plan, requests, np.array([5, 5]), events)

        assert found.schema == dict.fromkeys(plan.names, pl.Float64)
        counted = {n for n in plan.names if found[n].to_list() == [0.0, None]}
        assert {name.rsplit("_", 1)[0] for name in counted} == {
            "events", "count", "sum", "rate", "distinct", "all_distinct"
        }  # fmt: skip
        assert all(found[n].null_count() == 2 for n in plan.names if n not in counted)


def test_no_requests_give_no_rows(every_kind, batch_of):
    plan = make_plan(every_kind("10s"))
    events = {"landings": batch_of(**stream(1, 20))}
    requests = pl.DataFrame({"carrier": []}, schema={"carrier": pl.String})

    found = as_of(plan, requests, np.array([], dtype=np.int64), events)

    assert found.shape == (0, len(plan.names))


def test_a_plan_without_windows_gives_no_columns():
    assert (
        as_of(make_plan(["distance"]), pl.DataFrame({"distance": [1]}), np.array([0]), {}).width
        == 0
    )


def test_a_default_stands_for_what_is_missing(landings, batch_of):
    plan = make_plan([features.mean(landings, "delay", by="carrier", window="9s", default=-1)])
    events = {"landings": batch_of(times=[0], carrier=["a"], delay=[3.0])}

    found = as_of(plan, pl.DataFrame({"carrier": ["a", "b", None]}), np.array([1, 1, 1]), events)

    assert found.to_series().to_list() == [3.0, -1.0, -1.0]


def test_keys_match_whatever_type_they_have(landings, batch_of):
    plan = make_plan([features.count(landings, by="carrier", window="9s")])
    events = {"landings": batch_of(times=[0, 0], carrier=[3, 4])}

    found = as_of(plan, pl.DataFrame({"carrier": [3.0, None]}), np.array([1, 1]), events)

    assert found.to_series().to_list() == [1.0, None]


def test_a_source_that_no_feature_reads_is_refused(landings, batch_of):
    plan = make_plan([features.count(landings, by="carrier", window="9s")])
    events = {"takeoffs": batch_of("takeoffs", times=[0], carrier=["a"])}

    with pytest.raises(ConfigError, match="No feature reads the source 'takeoffs'") as caught:
        as_of(plan, pl.DataFrame({"carrier": ["a"]}), np.array([1]), events)

    assert "expected: landings" in str(caught.value)


def test_requests_without_a_column_of_the_key_are_refused(landings):
    plan = make_plan([features.count(landings, by={"origin": "carrier"}, window="9s")])

    with pytest.raises(DataError, match="Requests lack columns: origin"):
        as_of(plan, pl.DataFrame({"carrier": ["a"]}), np.array([1]), {})


def test_requests_without_times_are_refused(landings):
    plan = make_plan([features.count(landings, by="carrier", window="9s")])

    with pytest.raises(DataError, match="Requests and their times do not fit"):
        as_of(plan, pl.DataFrame({"carrier": ["a"]}), np.array([1, 2]), {})


def test_no_threads_are_refused(landings):
    plan = make_plan([features.count(landings, by="carrier", window="9s")])

    with pytest.raises(ConfigError, match="workers"):
        as_of(plan, pl.DataFrame({"carrier": ["a"]}), np.array([1]), {}, workers=0)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_request_sees_the_future(data):
    """Whatever becomes known after a request can be anything: the features stay as they are."""
    landings = features.Events("landings", time="landed")
    options = {"by": "carrier", "window": "6s", "hop": "2s"}
    plan = make_plan(
        [
            features.sum(landings, "delay", **options),
            features.min(landings, "delay", **options),
            features.last(landings, "delay", **options),
            features.quantile(landings, "delay", 0.5, **options),
            features.distinct(landings, "delay", exact_to=2, **options),
            features.decayed_mean(landings, "delay", by="carrier", half_life="2s"),
        ]
    )
    moments = st.integers(-20, 20)
    past = st.tuples(moments, moments, st.sampled_from("ab"), st.integers(-3, 3))
    given_events = data.draw(st.lists(past, max_size=30))
    now = data.draw(moments)
    others = data.draw(st.lists(past, max_size=30))
    seen = [event for event in given_events if max(event[:2]) <= now]
    future = [event for event in others if max(event[:2]) > now]
    places = data.draw(st.permutations(range(len(seen) + len(future))))
    order = sorted(places[: len(seen)]) + sorted(
        places[len(seen) :]
    )  # what is seen keeps its order
    mixed = [event for _, event in sorted(zip(order, seen + future, strict=True))]

    def compute(events):
        columns = [list(column) for column in zip(*events, strict=True)] or [[], [], [], []]
        batch = EventBatch(
            source="landings",
            times_ns=np.array(columns[0], dtype=np.int64) * SECOND,
            known_ns=np.array(columns[1], dtype=np.int64) * SECOND,
            frame=pl.DataFrame({"carrier": columns[2], "delay": columns[3]}),
        )
        requests = pl.DataFrame({"carrier": ["a", "b"]})
        return as_of(plan, requests, np.array([now, now]) * SECOND, {"landings": batch}, workers=1)

    assert compute(mixed).equals(compute(seen))
