from __future__ import annotations

import pytest

from ostinato.core.clock import VirtualClock
from ostinato.core.errors import ConfigError
from ostinato.live.access import Access, check_open_access, is_loopback
from ostinato.live.config import ServiceConfig
from ostinato.live.gateway.http import HttpError, Request
from ostinato.live.gateway.route import SCOPES
from ostinato.live.tokens import Tokens


@pytest.fixture
def tokens(tmp_path):
    return Tokens(tmp_path / "tokens.json", clock=VirtualClock(10**18), monotonic=VirtualClock(0))


def request(**headers):
    return Request("GET", "/", headers={k.replace("_", "-"): v for k, v in headers.items()})


def refused(access, asked, scope):
    with pytest.raises(HttpError) as error:
        access.check(asked, scope)
    return error.value


def challenge(error):
    return dict(error.response().headers)["www-authenticate"]


@pytest.mark.parametrize("scope", SCOPES)
def test_token_lets_in_for_its_scopes_and_tells_who_asks(tokens, scope):
    secret = tokens.create("shop", [scope])
    access = Access(tokens)

    asked = request(authorization=f"bearer {secret}")
    access.check(asked, scope)

    assert asked.who == "shop"
    for other in SCOPES:
        if other != scope:
            error = refused(access, request(authorization=f"Bearer {secret}"), other)
            assert error.status == 403
            assert repr(other) in error.what
            assert f'scope="{other}"' in challenge(error)


def test_probes_are_answered_to_anybody(tokens):
    Access(tokens).check(request(), None)
    Access(None).check(request(origin="https://elsewhere.example"), None)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "token x", "\r\n"])
def test_request_without_a_token_is_told_how_to_bring_one(tokens, header):
    error = refused(Access(tokens), request(authorization=header), "read")

    assert error.status == 401
    assert challenge(error) == 'Bearer realm="ostinato"'
    assert refused(Access(tokens), request(), "read").status == 401


def test_unknown_token_is_refused_and_never_told(tokens):
    secret = tokens.create("shop", ["predict"])
    for wrong in (f"{secret}x", secret[:-1], "x" * 100_000, "ost_\ud800"):
        error = refused(Access(tokens), request(authorization=f"Bearer {wrong}"), "read")
        assert error.status == 401
        assert 'error="invalid_token"' in challenge(error)
        told = f"{error} {error.to_dict()} {error.response().body!r} {error.headers}"
        assert wrong[4:] not in told
        assert secret[4:-1] not in told


def test_unreadable_tokens_let_nobody_in_and_are_not_told(tokens):
    tokens.path.write_text('{"tokens": [{"name": "hidden"}]}')

    error = refused(Access(tokens), request(authorization="Bearer ost_x"), "read")

    assert error.status == 503
    assert b"hidden" not in error.response().body


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "127.0.0.1:8000"},
        {"host": "localhost:8000", "origin": "http://localhost:3000"},
        {"host": "[::1]:8000", "origin": "http://127.0.0.1"},
    ],
)
def test_open_service_answers_its_own_machine(headers):
    asked = request(**headers)
    Access(None).check(asked, "operate")
    assert asked.who == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "rebound.example:8000"},
        {"host": ""},
        {"host": "["},
        {"host": "127.0.0.1.example"},
        {"host": "127.0.0.1", "origin": "https://elsewhere.example"},
        {"host": "127.0.0.1", "origin": "null"},
    ],
)
def test_open_service_refuses_what_a_page_from_elsewhere_sends(headers):
    assert refused(Access(None), request(**headers), "operate").status == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "box.example", ""])
def test_open_access_is_refused_where_others_reach_it(host):
    config = ServiceConfig(target="flights.py", loop="flights", host=host, open_access=True)
    with pytest.raises(ConfigError, match="open to others"):
        check_open_access(config)


def test_open_access_on_loopback_and_tokens_anywhere_are_fine():
    plain = {"target": "flights.py", "loop": "flights"}
    check_open_access(ServiceConfig(**plain, host="127.0.0.1", open_access=True))
    check_open_access(ServiceConfig(**plain, host="0.0.0.0", open_access=False))


def test_loopback_addresses_are_known():
    assert all(map(is_loopback, ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "LOCALHOST"]))
    assert not any(map(is_loopback, ["localhost.example", "10.0.0.1", "", "127.0.0.1.", "%"]))
