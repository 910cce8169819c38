from __future__ import annotations

from pathlib import Path

import pytest

from ostinato.core.errors import ConfigError
from ostinato.stores import (
    FolderRegistry,
    MemoryEventLog,
    MemoryJournal,
    MemoryRegistry,
    MlflowRegistry,
    SqliteEventLog,
    SqliteJournal,
    open_eventlog,
    open_journal,
    open_registry,
)

OPENERS = (open_journal, open_eventlog, open_registry)


@pytest.mark.parametrize("url", ["memory:", "memory://", "MEMORY:"])
def test_memory_opens_in_memory(url):
    kinds = [type(opener(url)) for opener in OPENERS]
    assert kinds == [MemoryJournal, MemoryEventLog, MemoryRegistry]


@pytest.mark.parametrize("scheme", ["sqlite://", "file://", "sqlite:///", "file:///", ""])
def test_url_and_plain_path_name_the_same_file(tmp_path, scheme):
    for opener, kind in ((open_journal, SqliteJournal), (open_eventlog, SqliteEventLog)):
        path = tmp_path / kind.__name__
        with opener(f"{scheme}{path}") as store:
            assert type(store) is kind
            assert store.path == path


def test_registry_opens_in_a_folder(tmp_path):
    for url in (tmp_path, str(tmp_path), f"file://{tmp_path}"):
        registry = open_registry(url)
        assert (type(registry), registry.path) == (FolderRegistry, tmp_path)


@pytest.mark.parametrize(
    ("url", "opened_url"),
    [
        ("http://models:5000", "http://models:5000"),
        ("https://models/mlflow", "https://models/mlflow"),
        ("mlflow+http://models:5000", "http://models:5000"),
    ],
)
def test_registry_opens_on_an_mlflow_server_before_it_is_there(url, opened_url, mlflow_url):
    with open_registry(url, loop="flight-delays") as registry:
        assert (type(registry), registry.url) == (MlflowRegistry, opened_url)
        assert registry.name == "flight-delays"


def test_registry_opens_in_an_mlflow_file(mlflow_url):
    path = mlflow_url.removeprefix("sqlite:///")
    for url in (f"mlflow+sqlite://{path}", f"mlflow+sqlite:///{path.replace(' ', '%20')}"):
        with open_registry(url, loop="flight-delays") as registry:
            assert registry.url == mlflow_url
            assert registry.aliases() == {}


def test_registry_in_mlflow_needs_the_name_of_the_loop():
    with pytest.raises(ConfigError, match="needs the name of the loop"):
        open_registry("http://models:5000")


def test_percent_signs_are_read_in_urls_only(tmp_path):
    assert open_registry(f"file://{tmp_path}/a%20b").path == tmp_path / "a b"
    assert open_registry(f"{tmp_path}/a%20b").path == tmp_path / "a%20b"


def test_plain_path_is_relative_to_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_journal("data/journal.db"), open_eventlog(Path("data/events.db")):
        assert (tmp_path / "data/journal.db").is_file()
        assert (tmp_path / "data/events.db").is_file()


def test_readonly_is_passed_on(tmp_path):
    with open_journal(tmp_path / "j.db"), open_journal(tmp_path / "j.db", readonly=True) as reader:
        assert reader.head() == (0, "")


@pytest.mark.parametrize(
    ("opener", "url", "known"),
    [
        (open_journal, "postgresql://host/db", "memory:, sqlite:///path, file:///path or a plain"),
        (open_eventlog, "nats://host", "memory:, sqlite:///path, file:///path or a plain path"),
        (open_registry, "sqlite:///registry.db", "memory:, file:///path, mlflow+sqlite:///path"),
        (open_registry, "s3://bucket/folder", "http://host, https://host or a plain path"),
        (open_registry, "mlflow+sqlite://mlflow.db", "mlflow+sqlite:///path"),
        (open_registry, "mlflow+http:host", "http://host"),
        (open_registry, "http://", "http://host"),
        (open_journal, "sqlite:journal.db", "sqlite:///path"),
        (open_journal, "sqlite://journal.db", "sqlite:///path"),
        (open_journal, "sqlite:///", "sqlite:///path"),
        (open_journal, "memory:journal", "memory:"),
        (open_journal, "", "a plain path"),
    ],
)
def test_url_that_cannot_be_opened_is_refused_with_the_known_ones(opener, url, known):
    with pytest.raises(ConfigError) as caught:
        opener(url)
    assert known in caught.value.expected
    assert caught.value.found == repr(url)
    assert caught.value.hint
