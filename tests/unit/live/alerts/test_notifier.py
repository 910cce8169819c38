"""People hear what they should know: once, together, not too often, and in the end all of it."""

from __future__ import annotations

from typing import Any

import pytest

from ostinato.core.errors import StoreError
from ostinato.core.records import Promoted, TrainingFailed, TriggerChanged
from ostinato.live.alerts.address import Address
from ostinato.live.alerts.notifier import PER_HOUR, TRIES, Notifier

DAY_S = 86_400


def test_an_alarm_that_stands_is_told_once_and_its_end_too(written: Any, begun: Any) -> None:
    _, tell = begun()
    written.raised("drift/temp")
    assert tell() == [[("raised", "drift/temp")]]
    written.add(Promoted, "v002", previous="v001")
    assert tell() == []
    written.resolved("drift/temp")
    assert tell() == [[("resolved", "drift/temp")]]
    assert tell() == []


def test_all_of_one_tick_is_one_message_the_worst_first(
    written: Any, begun: Any, phone: Any
) -> None:
    notifier, _ = begun()
    written.raised("drift/temp")
    written.raised("quality/temp:missing", "critical")
    written.add(TrainingFailed, "flights", request="t-1")
    notifier.tell(written.journal, 0)
    ((_, message),) = phone.heard
    assert message.severity == "critical"
    assert message.title == "flights: 1 critical alarm, 1 warning alarm, 1 decision"
    first, *_, link = message.text.splitlines()
    assert first == (
        "critical: quality/temp:missing. It moved. "
        "(since 1970-01-01T00:00:00Z; evidence 10^9.1, needed 10^5.4)"
    )
    assert link == "http://here:8000/loops/flights/alarms"
    (worst, *_) = message.body["notices"]
    assert worst["evidence"]["value"] == 0.31
    assert worst["link"].endswith("/alarms?name=quality%2Ftemp%3Amissing")


def test_it_is_told_again_when_it_grows_worse_and_not_when_it_eases(
    written: Any, begun: Any
) -> None:
    _, tell = begun()
    written.raised("performance/log_loss")
    tell()
    written.raised("performance/log_loss", "critical")
    assert tell() == [[("worse", "performance/log_loss")]]
    written.raised("performance/log_loss", "warning")
    assert tell() == []


def test_people_are_reminded_after_a_day_unless_somebody_acknowledged(
    written: Any, begun: Any, phone: Any
) -> None:
    notifier, tell = begun()
    written.raised("drift/temp")
    written.raised("drift/wind")
    tell()
    written.acknowledged("drift/wind")
    phone.wait(DAY_S - 1)
    assert tell() == []
    assert notifier.tell(written.journal, 0) == 1.0, "the reminder comes by itself"
    phone.wait(1)
    assert tell() == [[("reminder", "drift/temp")]]
    written.resolved("drift/wind")
    assert tell() == [[("resolved", "drift/wind")]], "who acknowledged wants to hear of the end"


def test_what_is_silenced_is_told_when_the_silence_is_over(written: Any, begun: Any) -> None:
    _, tell = begun()
    written.silenced("drift/*", until_ns=5 * 10**9)
    written.raised("drift/temp")
    written.raised("quality/temp")
    assert tell() == [[("raised", "quality/temp")]]
    written.raised("drift/wind")
    written.resolved("drift/wind")
    assert tell() == [[("raised", "drift/temp")]], "it ended at second 5; the wind came and went"


def test_a_silence_can_be_ended(written: Any, begun: Any) -> None:
    _, tell = begun()
    written.silenced("*", until_ns=10**18)
    written.raised("drift/temp")
    assert tell() == []
    written.silenced("*", until_ns=0)
    assert tell() == [[("raised", "drift/temp")]]


def test_an_address_is_told_from_its_severity_on(written: Any, begun: Any, phone: Any) -> None:
    pager, feed = Address("https://pager", "critical"), Address("https://feed", "info")
    notifier, _ = begun(pager, feed)
    written.raised("drift/temp")
    written.add(Promoted, "v002", previous="v001")
    written.raised("performance/log_loss", "critical")
    notifier.tell(written.journal, 0)
    told = {url: message.body["count"] for url, message in phone.heard}
    assert told == {"https://pager": 1, "https://feed": 3}
    phone.take()
    written.resolved("drift/temp")
    notifier.tell(written.journal, 0)
    assert [url for url, _ in phone.heard] == ["https://feed"]


def test_a_trigger_is_news_where_it_is_held_back(written: Any, begun: Any) -> None:
    _, tell = begun()
    for stance in ("warn", "act", "held"):
        written.add(TriggerChanged, stance, stance=stance)
        assert tell() == ([[("decision", "trigger_changed")]] if stance == "held" else [])


def test_more_than_so_many_an_hour_wait_and_are_told_together(
    written: Any, begun: Any, phone: Any
) -> None:
    notifier, tell = begun()
    for number in range(PER_HOUR):
        written.raised(f"drift/x{number}")
        tell()
        phone.wait(60)
    assert notifier.tell(written.journal, 0) == pytest.approx(3600 - 60 * PER_HOUR)
    written.raised("quality/x", "critical")
    (told,) = tell()
    assert told[0] == ("raised", "quality/x"), "a quarter is kept for critical alarms"
    assert len(told) == 4, "with it goes what was held back"
    written.raised("drift/late")
    written.raised("drift/short")
    written.resolved("drift/short")
    assert tell() == []
    phone.wait(3600)
    (told,) = tell()
    assert sorted(told) == [("passed", "drift/short"), ("raised", "drift/late")]


def test_a_restart_goes_on_where_it_stopped(written: Any, begun: Any, phone: Any) -> None:
    _, tell = begun()
    written.raised("drift/temp")
    tell()
    written.raised("drift/wind")
    written.resolved("drift/temp")
    again = phone.notifier()
    again.begin(written.journal)
    again.tell(written.journal, 0)
    (told,) = phone.take()
    assert sorted(told) == [("raised", "drift/wind"), ("resolved", "drift/temp")]


def test_a_new_address_is_told_what_stands_and_nothing_of_the_past(
    written: Any, phone: Any
) -> None:
    written.raised("drift/temp")
    written.raised("drift/wind")
    written.resolved("drift/wind")
    written.add(TrainingFailed, "flights", request="t-1")
    notifier = phone.notifier()
    notifier.begin(written.journal)
    notifier.tell(written.journal, 0)
    assert phone.take() == [[("raised", "drift/temp")]]


def test_one_that_is_away_holds_up_no_other_and_is_told_when_it_is_back(
    written: Any, begun: Any, phone: Any
) -> None:
    phone.away.add("https://a/x")
    notifier, _ = begun(Address("https://a/x"), Address("https://b/y"))
    written.raised("drift/temp")
    assert notifier.tell(written.journal, 0) == 5.0
    assert [url for url, _ in phone.heard] == ["https://b/y"]
    (status, other) = notifier.statuses()
    assert (status.address, status.tries, other.tries) == ("https://a", 1, 0)
    assert status.trouble == "A phone is off: https://a"
    notifier.tell(written.journal, 0)
    assert len(phone.tried) == 2, "it waits before it tries again"
    written.raised("drift/wind")
    phone.away.clear()
    phone.wait(5)
    phone.take()
    notifier.tell(written.journal, 0)
    told = {url: [n["name"] for n in m.body["notices"]] for url, m in phone.heard}
    assert told == {"https://a/x": ["drift/temp", "drift/wind"], "https://b/y": ["drift/wind"]}
    assert notifier.statuses()[0].trouble == ""


def test_a_message_that_is_never_taken_does_not_keep_back_later_ones_for_ever(
    written: Any, phone: Any
) -> None:
    def refuses_poison(address: Address, message: Any) -> None:
        phone.tried.append(address.url)
        if "poison" in message.text:
            raise StoreError("refused")
        phone.heard.append((address.url, message))

    notifier: Notifier = phone.notifier()
    notifier.send = refuses_poison
    notifier.begin(written.journal)
    written.raised("drift/poison")
    for _ in range(TRIES):
        notifier.tell(written.journal, 0)
        phone.wait(300)
    assert not phone.heard
    assert notifier.statuses()[0].untold == 1
    written.raised("drift/temp")
    notifier.tell(written.journal, 0)
    ((_, message),) = phone.heard
    assert [each["name"] for each in message.body["notices"]] == ["drift/temp"]
    assert message.body["untold"] == 1
    assert "not told again: 1" in message.text
    assert notifier.statuses()[0].untold == 0
    assert len(phone.tried) == TRIES + 1
