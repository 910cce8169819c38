import pytest

from ostinato import features
from ostinato.core.errors import ConfigError
from ostinato.core.units import HOUR_NS, SECOND_NS
from ostinato.features.freshness import freshness
from ostinato.features.plan import make_plan

HOURLY = features.Events("landings", time="landed", stale_after="1h")


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
