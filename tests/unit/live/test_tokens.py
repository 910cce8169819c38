from __future__ import annotations

import os
import stat
import sys
import threading

import pytest

from ostinato.core.clock import VirtualClock
from ostinato.core.errors import ConfigError, StoreError
from ostinato.live.tokens import REREAD_NS, Tokens

DAY_NS = 86_400 * 10**9


@pytest.fixture
def clock():
    return VirtualClock(10**18)


@pytest.fixture
def monotonic():
    return VirtualClock(0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.json"


@pytest.fixture
def tokens(path, clock, monotonic):
    return Tokens(path, clock=clock, elapsed_ns=monotonic.now_ns)


def test_secret_finds_its_token_and_others_find_none(tokens):
    shop = tokens.create("shop", ["predict"])
    ops = tokens.create("ops@work", ["read", "operate", "read"])

    assert tokens.find(shop).name == "shop"
    assert tokens.find(ops).scopes == ("operate", "read")
    for wrong in (
        "",
        "ost_",
        shop[:-1],
        f"{shop}x",
        shop.upper(),
        tokens.listed()[0].sha256,
        "\ud800",
    ):
        assert tokens.find(wrong) is None


def test_secret_has_256_bits_and_is_kept_nowhere(tokens, path):
    secrets = [tokens.create(f"t{n}", ["predict"]) for n in range(20)]

    assert len(set(secrets)) == 20
    assert all(secret.startswith("ost_") and len(secret) == 4 + 43 for secret in secrets)
    for file in sorted(path.parent.iterdir()):
        kept = file.read_text()
        assert not any(secret in kept or secret[4:] in kept for secret in secrets)
    assert not any(secret in repr(tokens.listed()) + repr(vars(tokens)) for secret in secrets)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are otherwise there")
def test_file_is_for_its_owner_only_even_after_a_crash_left_an_open_one(tokens, path):
    left = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    left.write_text("x")
    left.chmod(0o666)

    tokens.create("shop", ["predict"])

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_expired_token_is_refused_from_its_moment_on(tokens, clock):
    secret = tokens.create("shop", ["predict"], expires="1d")

    clock.advance_to(10**18 + DAY_NS - 1)
    assert tokens.find(secret) is not None
    clock.advance_to(10**18 + DAY_NS)
    assert tokens.find(secret) is None
    assert tokens.listed()[0].expires_ns == 10**18 + DAY_NS


def test_what_another_process_changes_is_seen_soon(tokens, path, clock, monotonic):
    other = Tokens(path, clock=clock, elapsed_ns=monotonic.now_ns)
    assert other.find("ost_x") is None

    secret = tokens.create("shop", ["predict"])
    monotonic.advance_to(REREAD_NS)
    assert other.find(secret).name == "shop"

    tokens.revoke("shop")
    monotonic.advance_to(2 * REREAD_NS)
    assert other.find(secret) is None


def test_file_is_not_looked_at_for_each_request(tokens, path, monotonic):
    secret = tokens.create("shop", ["predict"])
    assert tokens.find(secret) is not None
    path.unlink()
    assert tokens.find(secret) is not None
    monotonic.advance_to(REREAD_NS)
    assert tokens.find(secret) is None


@pytest.mark.parametrize("content", ["", "{", '{"tokens": [{"name": "x"}]}', '{"tokens": 3}'])
def test_nobody_is_let_in_by_a_file_that_cannot_be_read(tokens, path, monotonic, content):
    secret = tokens.create("shop", ["predict"])
    assert tokens.find(secret) is not None
    path.write_text(content)
    for look in range(1, 4):
        monotonic.advance_to(look * REREAD_NS)
        with pytest.raises(StoreError):
            tokens.find(secret)


@pytest.mark.parametrize("name", ["", " ", "a b", "../x", "a\nb", "x" * 65, "-a", "é"])
def test_name_that_cannot_be_used_is_refused(tokens, name):
    with pytest.raises(ConfigError, match="cannot have this name"):
        tokens.create(name, ["predict"])


@pytest.mark.parametrize("scopes", [[], ["admin"], ["predict", "Read"]])
def test_scope_that_there_is_not_is_refused(tokens, scopes):
    with pytest.raises(ConfigError, match="scope"):
        tokens.create("shop", scopes)


def test_name_is_taken_until_its_token_is_revoked(tokens):
    first = tokens.create("shop", ["predict"])
    with pytest.raises(ConfigError, match="There is a token of this name"):
        tokens.create("shop", ["predict"])

    tokens.revoke("shop")
    second = tokens.create("shop", ["predict"])

    assert tokens.find(first) is None
    assert tokens.find(second) is not None
    with pytest.raises(ConfigError, match="no token of this name"):
        tokens.revoke("nobody")


def test_tokens_made_at_once_are_all_kept(path, clock, monotonic):
    def make(number):
        Tokens(path, clock=clock, elapsed_ns=monotonic.now_ns).create(f"t{number}", ["read"])

    # Each opens the lock file for itself, as processes do.
    threads = [threading.Thread(target=make, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    listed = Tokens(path, clock=clock, elapsed_ns=monotonic.now_ns).listed()
    assert sorted(token.name for token in listed) == [f"t{n}" for n in range(8)]
