from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.live.gateway.http import HttpError, answer
from ostinato.live.gateway.route import Route, RouteTable, only_loop, shown


async def nothing(request):
    return answer({})


def table():
    return RouteTable(
        [
            Route("GET", "/v2", "read", nothing),
            Route("GET", "/v2/models/{loop}", "read", nothing),
            Route("POST", "/v2/models/{loop}/infer", "predict", nothing),
            Route("GET", "/v2/models/{loop}/ready", None, nothing),
            Route("POST", "/v2/models/{loop}/versions/{version}/infer", "predict", nothing),
        ]
    )


def test_path_is_found_with_the_parts_that_vary():
    route, arguments = table().find("POST", "/v2/models/a%20b/versions/v001/infer")

    assert route.scope == "predict"
    assert arguments == {"loop": "a b", "version": "v001"}


def test_head_is_answered_by_the_route_of_get():
    assert table().find("HEAD", "/v2")[0].method == "GET"


@pytest.mark.parametrize("path", ["/", "/v3", "/v2/", "/v2/models/", "/v2/models//infer", "", "//"])
def test_unknown_path_is_not_found(path):
    with pytest.raises(HttpError) as error:
        table().find("GET", path)
    assert error.value.status == 404


def test_unknown_method_names_those_there_are():
    with pytest.raises(HttpError) as error:
        table().find("DELETE", "/v2/models/flights")

    assert error.value.status == 405
    assert error.value.response().headers == (("allow", "GET, HEAD"),)


def test_slashes_in_a_part_do_not_reach_another_route():
    _, arguments = table().find("GET", "/v2/models/..%2F..%2Fetc/ready")

    assert arguments == {"loop": "../../etc"}


def test_two_routes_for_one_method_and_path_are_a_bug():
    with pytest.raises(AssertionError, match="GET /v2 has two routes"):
        RouteTable([Route("GET", "/v2", None, nothing), Route("GET", "/v2", "read", nothing)])


def test_another_loop_is_not_found():
    only_loop("flights", "flights")
    with pytest.raises(HttpError) as error:
        only_loop("flights", "trains\r\nx: y")
    assert error.value.status == 404
    assert "\n" not in error.value.found


@settings(deadline=None)
@given(st.text(), st.text())
def test_any_path_with_an_unknown_method_is_refused_with_an_answer(method, path):
    with pytest.raises(HttpError) as error:
        table().find(f"x{method}", path)
    assert error.value.status in {404, 405}
    assert error.value.response().body.startswith(b"{")


@settings(deadline=None)
@given(st.text(st.characters()))
def test_what_is_shown_of_a_client_is_one_printable_line(text):
    assert shown(text).isprintable()
