from __future__ import annotations

import os
import socket

import msgspec
import pytest

from ostinato.core.errors import ConfigError, InputError
from ostinato.live.config import ServiceConfig
from ostinato.live.layout import Layout
from ostinato.live.lock import FolderLock, holder
from ostinato.live.overview import overview
from ostinato.live.service import (
    check_config,
    check_port,
    free_port,
    link_of,
    read_config,
    service_url,
    settle,
)

CONFIG = ServiceConfig(target="/work/flights.py", loop="flights")


def changed(**values):
    return msgspec.structs.replace(CONFIG, **values)


def test_a_first_start_changes_nothing_and_is_read_back(tmp_path):
    layout = Layout(tmp_path / "service")
    assert settle(layout, CONFIG) == []
    assert read_config(layout) == CONFIG


def test_a_restart_with_other_options_says_which(tmp_path):
    settle(Layout(tmp_path), CONFIG)
    changes = settle(Layout(tmp_path), changed(port=9000, alerts=("http://x/secret",)))
    assert changes == ["--port: 8000 -> 9000", "--alert: none -> warning=http://x"]
    assert read_config(Layout(tmp_path)).port == 9000


@pytest.mark.parametrize("alert", ["no address", "loud=https://hooks.example", "nowhere://x"])
def test_an_address_that_nobody_can_be_told_at_is_refused(alert, tmp_path):
    with pytest.raises(ConfigError, match=r"is no URL|knows no such address"):
        settle(Layout(tmp_path), changed(alerts=(alert,)))


def test_people_are_linked_to_where_they_reach_the_service():
    assert link_of(CONFIG) == service_url(CONFIG)
    assert link_of(changed(link="https://models.example/")) == "https://models.example"


def test_secrets_of_addresses_are_not_shown(tmp_path):
    settle(Layout(tmp_path), changed(alerts=("critical=https://hooks.example/secret",)))
    assert overview(Layout(tmp_path))["service"]["alerts"] == ("critical=https://hooks.example",)


def test_how_far_it_acts_by_itself_is_told_to_the_first_start_alone(tmp_path):
    layout = Layout(tmp_path)
    settle(layout, CONFIG)
    layout.status.write_text("{}")
    assert settle(layout, changed(autonomy="auto")) == []
    assert read_config(layout).autonomy == "suggest"


@pytest.mark.parametrize("values", [{"loop": "other"}, {"seed": 1}, {"clock": "events"}])
def test_what_cannot_change_is_refused_and_stays(tmp_path, values):
    settle(Layout(tmp_path), CONFIG)
    with pytest.raises(ConfigError, match="cannot change in a folder"):
        settle(Layout(tmp_path), changed(**values))
    assert read_config(Layout(tmp_path)) == CONFIG


def test_open_access_is_for_this_machine_only():
    with pytest.raises(ConfigError, match="open to the whole network"):
        check_config(changed(host="0.0.0.0"))
    check_config(changed(host="0.0.0.0", open_access=False))
    check_config(changed(host="::1"))


@pytest.mark.parametrize(
    "values", [{"gateways": 0}, {"port": 0}, {"port": 70_000}, {"tick": "soon"}, {"tick": "0s"}]
)
def test_values_no_service_can_run_with_are_refused(values):
    with pytest.raises(ConfigError):
        check_config(changed(**values))


def test_a_folder_without_a_service_is_named(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        read_config(Layout(tmp_path))


def test_a_port_somebody_listens_on_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        with pytest.raises(InputError, match="cannot listen"):
            check_port("127.0.0.1", taken.getsockname()[1])
    check_port("127.0.0.1", free_port())


def test_an_address_of_all_interfaces_is_reached_through_loopback():
    assert service_url(changed(host="0.0.0.0")) == "http://127.0.0.1:8000"
    assert service_url(changed(host="::1", port=81)) == "http://[::1]:81"


def test_a_lock_says_who_holds_it_and_only_while_it_is_held(tmp_path):
    path = tmp_path / "lock"
    assert holder(path) is None
    with FolderLock(path):
        assert holder(path) == os.getpid()
        with pytest.raises(InputError, match=f"process {os.getpid()}"), FolderLock(path):
            pass
    assert holder(path) is None
