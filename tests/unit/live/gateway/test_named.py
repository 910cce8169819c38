from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.named import ids_of, times_of


def test_ids_and_times_are_one_per_row():
    assert ids_of([7, "7"], 2) == [7, "7"]
    assert ids_of("a", 1) == ["a"]
    assert times_of(["1970-01-01T00:00:01Z", "1970-01-01 00:00:01", 5], 3, timed=True) == [
        10**9,
        10**9,
        5,
    ]
    assert ids_of(None, 3) is None
    assert times_of(None, 3, timed=False) is None


@pytest.mark.parametrize("value", ["", "x" * 201, True, None, 1.5, 2**63, [1], {}])
def test_id_that_cannot_be_used_is_refused(value):
    with pytest.raises(HttpError, match="prediction id"):
        ids_of([value], 1)


@pytest.mark.parametrize(
    "value", ["soon", "9999-01-01", "1969-12-31", -1, True, None, 1.5, 2**63, [1], {}, ""]
)
def test_time_that_cannot_be_read_is_refused(value):
    with pytest.raises(HttpError, match="time cannot be read"):
        times_of([value], 1, timed=True)


def test_time_is_refused_where_requests_are_stamped_when_they_come():
    with pytest.raises(HttpError, match="cannot be given"):
        times_of([1], 1, timed=False)


def test_wrong_number_of_ids_is_refused():
    with pytest.raises(HttpError, match="one value per row"):
        ids_of([1, 2], 3)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_time_or_refused(text):
    try:
        (time_ns,) = times_of([text], 1, timed=True)
    except HttpError as error:
        assert error.response().status == 400  # noqa: PT017 - what was raised by chance is checked
    else:
        assert isinstance(time_ns, int)
