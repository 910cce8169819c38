"""Messages reach webhooks and what Apprise reaches; refusals are told without secrets."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from ostinato.core.errors import ConfigError, StoreError
from ostinato.live.alerts.address import Address, read_address
from ostinato.live.alerts.apprise_alerts import check
from ostinato.live.alerts.channel import send
from ostinato.live.alerts.message import Sender, trial

MESSAGE = trial(Sender(loop="flights", link="http://here:8000"))


def test_a_webhook_gets_json_and_its_refusal_is_told_without_its_secrets(taker: Any) -> None:
    host, took = taker
    address = Address(f"http://{host}/hook?secret=1")
    send(address, MESSAGE)
    ((path, content),) = took.taken
    assert path == "/hook?secret=1"
    assert json.loads(content) == MESSAGE.body
    took.status = 500
    with pytest.raises(StoreError, match="status 500") as refused:
        send(address, MESSAGE)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://["])
def test_a_webhook_that_is_not_there_is_told(url: str) -> None:
    with pytest.raises(StoreError, match="did not take"):
        send(Address(url), MESSAGE)


def test_what_apprise_reaches_gets_title_and_text(taker: Any) -> None:
    host, took = taker
    address = read_address(f"info=json://{host}/secret")
    assert (address.least, address.shown) == ("info", "json://...")
    check(address.url)
    send(address, MESSAGE)
    ((path, content),) = took.taken
    told = json.loads(content)
    assert path == "/secret"
    assert (told["title"], told["type"]) == ("flights: test", "info")
    assert "alerts of the loop arrive here" in told["message"]
    took.status = 500
    with pytest.raises(StoreError, match="not taken") as refused:
        send(address, MESSAGE)
    assert "secret" not in str(refused.value)


def test_an_address_that_apprise_does_not_know_is_refused_without_its_secrets() -> None:
    with pytest.raises(ConfigError, match="knows no such address") as refused:
        check("nowhere://secret")
    assert "secret" not in str(refused.value)


def test_without_apprise_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match="need Apprise") as refused:
        check("json://somewhere")
    assert refused.value.hint == "pip install 'ostinato[alerts]'"


@pytest.mark.parametrize("declared", ["hooks.example", "critical=", "loud=http", ""])
def test_what_is_no_address_is_refused(declared: str) -> None:
    with pytest.raises(ConfigError, match="is no URL"):
        read_address(declared)
