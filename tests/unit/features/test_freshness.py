import numpy as np
import polars as pl
import pytest

from ostinato import features
from ostinato.core.errors import ConfigError
from ostinato.core.units import HOUR_NS, SECOND_NS
from ostinato.features.freshness import empty_windows, freshness, newest_of
from ostinato.features.plan import make_plan
from ostinato.features.prepare import EventBatch

HOURLY = features.Events("landings", time="landed", stale_after="1h")


def events(times, known=None, **columns) -> dict[str, EventBatch]:
    times = np.array(times, dtype=np.int64) * HOUR_NS
    known = times if known is None else np.array(known, dtype=np.int64) * HOUR_NS
    frame = pl.DataFrame({"carrier": ["a"] * len(times), **columns})
    return {"landings": EventBatch(source="landings", times_ns=times, known_ns=known, frame=frame)}


def plan(source=HOURLY):
    return make_plan(
        [
            features.count(source, by="carrier", window="2h"),
            features.rate(features.labels(), by="carrier", window="1d"),
        ]
    )


def test_the_age_of_a_source_is_that_of_its_newest_event() -> None:
    landings, labels = freshness(plan(), {"landings": 5 * HOUR_NS}, 5 * HOUR_NS + SECOND_NS)

    assert (landings.source, landings.age_ns, landings.stale) == ("landings", SECOND_NS, False)
    assert landings.features == ("landings_count_2h_by_carrier",)
    assert (labels.source, labels.newest_ns, labels.stale) == ("labels", None, False)


@pytest.mark.parametrize(
    ("newest_ns", "stale"),
    [(None, True), (0, True), (4 * HOUR_NS - 1, True), (4 * HOUR_NS, False), (9 * HOUR_NS, False)],
)
def test_a_source_is_stale_when_its_newest_event_is_older_than_declared(newest_ns, stale) -> None:
    landings = freshness(plan(), {"landings": newest_ns}, 5 * HOUR_NS)[0]

    assert landings.stale == stale


def test_a_source_that_declares_no_age_is_never_stale(landings) -> None:
    assert not freshness(plan(landings), {}, 5 * HOUR_NS)[0].stale


def test_an_age_that_is_no_duration_is_refused_where_it_is_declared() -> None:
    with pytest.raises(ConfigError, match="stale_after of the source 'landings'"):
        features.Events("landings", time="landed", stale_after="often")


def test_only_events_that_requests_can_see_count_as_newest() -> None:
    given = events([1, 2, 3, 4], known=[1, 9, 3, 4])

    assert newest_of(plan(), given, 3 * HOUR_NS) == {"landings": 3 * HOUR_NS, "labels": None}
    assert newest_of(plan(), given, 0)["landings"] is None


def test_requests_without_an_event_in_their_window_are_counted() -> None:
    requests = pl.DataFrame({"carrier": ["a", "a", "b", None]})
    times = np.array([2, 9, 2, 2]) * HOUR_NS
    wet = {"where": pl.col("wet"), "name": "wet"}
    declared = [
        features.mean(HOURLY, "delay", by="carrier", window="2h"),
        features.count(HOURLY, by="carrier", window="30d", default=7),
        features.last(HOURLY, "delay", by="carrier", window="30d", **wet),
        features.decayed_mean(HOURLY, "delay", by="carrier", half_life="1h"),
    ]

    found = empty_windows(
        make_plan(declared), requests, times, events([1], delay=[None], wet=[False])
    )

    assert list(found.values()) == [0.75, 0.5, 1.0, 0.5]
