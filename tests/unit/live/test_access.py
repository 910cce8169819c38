from __future__ import annotations

import pytest

from ostinato.core.clock import VirtualClock
from ostinato.core.errors import ConfigError
from ostinato.live.access import Guard, check_open_access, is_loopback
from ostinato.live.config import ServiceConfig
from ostinato.live.gateway.http import HttpError
from ostinato.live.gateway.limits import RateLimit
from ostinato.live.gateway.route import SCOPES
from ostinato.live.tokens import Tokens

ADDRESS = "10.0.0.1:50123"


@pytest.fixture
def tokens(tmp_path):
    return Tokens(
        tmp_path / "tokens.json",
        clock=VirtualClock(10**18),
        elapsed_ns=VirtualClock(0).now_ns,
    )


def guard(tokens, per_second=0):
    return Guard(tokens, RateLimit(per_second, elapsed_ns=VirtualClock(0).now_ns))


def refused(guard, scope, authorization="", address=ADDRESS, **headers):
    with pytest.raises(HttpError) as error:
        guard.admit(scope, authorization, address, **headers)
    return error.value


def challenge(error):
    return dict(error.response().headers)["www-authenticate"]


@pytest.mark.parametrize("scope", SCOPES)
def test_token_lets_in_for_its_scopes_and_tells_who_asks(tokens, scope):
    secret = tokens.create("shop", [scope])

    assert guard(tokens).admit(scope, f"bearer {secret}", ADDRESS) == "shop"

    for other in SCOPES:
        if other != scope:
            error = refused(guard(tokens), other, f"Bearer {secret}")
            assert error.status == 403
            assert repr(other) in error.what
            assert f'scope="{other}"' in challenge(error)


def test_probes_are_answered_to_anybody(tokens):
    assert guard(tokens, per_second=1).admit(None, "", ADDRESS) == ""
    open_guard = guard(None, per_second=1)
    for _ in range(3):
        assert open_guard.admit(None, "", ADDRESS, origin="https://elsewhere.example") == ""


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "token x", "\r\n"])
def test_request_without_a_token_is_told_how_to_bring_one(tokens, header):
    error = refused(guard(tokens), "read", header)

    assert error.status == 401
    assert challenge(error) == 'Bearer realm="ostinato"'


def test_unknown_token_is_refused_and_never_told(tokens):
    secret = tokens.create("shop", ["predict"])
    for wrong in (f"{secret}x", secret[:-1], "x" * 100_000, "ost_\ud800"):
        error = refused(guard(tokens), "read", f"Bearer {wrong}")
        assert error.status == 401
        assert 'error="invalid_token"' in challenge(error)
        told = f"{error} {error.to_dict()} {error.response().body!r} {error.headers}"
        assert wrong[4:] not in told
        assert secret[4:-1] not in told


def test_unreadable_tokens_let_nobody_in_and_are_not_told(tokens):
    tokens.path.write_text('{"tokens": [{"name": "hidden"}]}')

    error = refused(guard(tokens), "read", "Bearer ost_x")

    assert error.status == 503
    assert b"hidden" not in error.response().body


def test_requests_are_counted_by_token_wherever_they_come_from(tokens):
    shop, ops = tokens.create("shop", ["predict"]), tokens.create("ops", ["predict"])
    limited = guard(tokens, per_second=2)

    for address in ("10.0.0.1:1", "10.0.0.2:2"):
        limited.admit("predict", f"Bearer {shop}", address)
    assert refused(limited, "predict", f"Bearer {shop}", "10.0.0.3:3").status == 429
    assert limited.admit("predict", f"Bearer {ops}", "10.0.0.1:4") == "ops"


def test_guesses_are_counted_by_address_on_any_port(tokens):
    limited = guard(tokens, per_second=2)

    statuses = [
        refused(limited, "predict", f"Bearer ost_{n}", f"10.0.0.1:{n}").status for n in range(4)
    ]

    assert statuses == [401, 401, 429, 429]


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
    assert guard(None).admit("operate", "", "127.0.0.1:5", **headers) == ""


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
    assert refused(guard(None), "operate", **headers).status == 403


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
