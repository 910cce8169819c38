from __future__ import annotations

import pytest

from ostinato.core.errors import ConfigError
from ostinato.core.units import DAY_NS, HOUR_NS
from ostinato.decide import Every, NewLabels
from ostinato.decide.trigger import Seen

MONDAY_NS = 4 * DAY_NS  # 1970-01-05


def seen(now_ns: int, *, last_request_ns: int = 0, labels_since: int = 0) -> Seen:
    return Seen(now_ns=now_ns, last_request_ns=last_request_ns, labels_since=labels_since)


def test_a_period_is_counted_from_the_last_request():
    every = Every("7d")

    stances = [
        every.look(None, seen(now, last_request_ns=DAY_NS)) for now in (8 * DAY_NS - 1, 8 * DAY_NS)
    ]

    assert stances == ["quiet", "act"]


def test_a_cron_expression_is_due_at_its_next_time_in_utc():
    every = Every("0 3 * * 1")
    due = MONDAY_NS + 3 * HOUR_NS

    stances = [every.look(None, seen(now, last_request_ns=HOUR_NS)) for now in (due - 1, due)]

    assert stances == ["quiet", "act"]
    assert every.due_ns(due) == due + 7 * DAY_NS


def test_a_schedule_works_before_1970():
    every = Every("0 3 * * *")

    due = every.due_ns(-10 * DAY_NS)

    assert due == -10 * DAY_NS + 3 * HOUR_NS


@pytest.mark.parametrize(
    ("when", "period_ns"),
    [
        ("6h", 6 * HOUR_NS),
        ("0 3 * * *", DAY_NS),
        ("0 3 * * 1,2", DAY_NS),
        ("0 */4 * * *", 4 * HOUR_NS),
    ],
)
def test_the_period_is_the_least_time_between_two_scheduled_times(when, period_ns):
    assert Every(when).period_ns == period_ns


@pytest.mark.parametrize("when", ["", "sometimes", "-1d", "0 3 * *", 7, None])
def test_what_is_no_duration_is_refused(when):
    with pytest.raises(ConfigError, match=r"Every\(\.\.\.\) is not a positive duration"):
        Every(when)


@pytest.mark.parametrize("when", ["0 3 * * 9", "0 0 30 2 *", "0 3 * * 1 *"])
def test_a_cron_expression_that_cannot_be_read_is_refused(when):
    with pytest.raises(ConfigError, match="cron expression that cannot be read"):
        Every(when)


def test_a_schedule_says_when_it_is_due_next():
    finding = Every("7d").explain(None, seen(DAY_NS))

    assert finding.reason == "The schedule (7d) is not due yet."
    assert finding.evidence == {
        "last_request": "1970-01-01T00:00:00Z",
        "due": "1970-01-08T00:00:00Z",
    }


@pytest.mark.parametrize(("labels", "stance"), [(99, "quiet"), (100, "act"), (5000, "act")])
def test_enough_new_labels_ask_for_a_model(labels, stance):
    trigger, now = NewLabels(100), seen(0, labels_since=labels)

    assert trigger.look(None, now) == stance
    assert trigger.explain(None, now).evidence == {"labels": labels, "wanted": 100}


@pytest.mark.parametrize("count", [0, -5, 2.5, True, "100"])
def test_a_count_that_is_no_positive_whole_number_is_refused(count):
    with pytest.raises(ConfigError, match="NewLabels"):
        NewLabels(count)
