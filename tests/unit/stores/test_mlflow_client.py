from __future__ import annotations

import logging
import os
import socket
from pathlib import Path

import pytest

from ostinato.core.clock import Stopwatch
from ostinato.core.errors import StoreError
from ostinato.stores import MlflowRegistry
from ostinato.stores.mlflow_client import open_client, reached


@pytest.fixture
def silent_server():
    """A server that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_loading_the_stores_does_not_load_mlflow(in_another_process):
    code = "import sys, ostinato, ostinato.stores; print('mlflow' in sys.modules)"
    assert in_another_process(code) == "False"


def test_a_new_store_is_made_and_used_without_a_word(mlflow_store):
    url, printed = mlflow_store
    assert printed == ""
    folder = Path(url.removeprefix("sqlite:///")).parent
    assert sorted(path.name for path in folder.iterdir()) == ["mlartifacts", "mlflow.db"]


def test_server_that_is_not_there_is_a_store_error_at_once(free_port, mlflow_url):
    registry = MlflowRegistry(f"http://127.0.0.1:{free_port}", "flight-delays")
    watch = Stopwatch()
    with watch, pytest.raises(StoreError, match="Connection refused"):
        registry.versions()
    assert watch.wall_seconds < 3


def test_server_that_does_not_answer_is_a_store_error_soon(silent_server, monkeypatch, mlflow_url):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")  # what the user set counts
    registry = MlflowRegistry(silent_server, "flight-delays")
    watch = Stopwatch()
    with watch, pytest.raises(StoreError, match="timed out"):
        registry.versions()
    assert 1 <= watch.wall_seconds < 4


def test_patience_is_short_inside_and_the_environment_as_before_outside(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
    names = ("MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES")
    before = dict(os.environ)
    with reached("http://models:5000"):
        assert [os.environ[name] for name in names] == ["3", "5"]
        with reached("http://models:5000", answer_seconds=60):
            assert [os.environ[name] for name in names] == ["60", "5"]
        assert [os.environ[name] for name in names] == ["3", "5"]
    assert dict(os.environ) == before


def test_log_levels_are_as_before_outside():
    logger = logging.getLogger("mlflow")
    before = logger.level
    with reached("http://models:5000"):
        assert logger.level == logging.CRITICAL
    assert logger.level == before


def test_password_in_the_url_is_not_told():
    url = "postgresql://loop:secret@host/mlflow"
    with pytest.raises(StoreError) as caught, reached(url):
        raise ConnectionError(f"no way to {url}")
    assert "secret" not in str(caught.value)
    assert "postgresql://***@host/mlflow" in str(caught.value)


def test_database_that_is_none_is_a_store_error(tmp_path, mlflow_url):
    (tmp_path / "file.db").write_text("This is no database at all, but it is long enough." * 99)
    (tmp_path / "folder.db").mkdir()
    for path in ("file.db", "folder.db", "file.db/below.db"):
        watch = Stopwatch()
        with watch, pytest.raises(StoreError, match="could not be used"):
            open_client(f"sqlite:///{tmp_path / path}")
        assert watch.wall_seconds < 3


def test_telemetry_is_off(mlflow_url):
    MlflowRegistry(mlflow_url, "first")
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
