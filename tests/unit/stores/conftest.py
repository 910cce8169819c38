from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from itertools import count

import pytest

from ostinato.stores import MlflowRegistry, SqliteEventLog, SqliteJournal


@pytest.fixture
def opened():
    """Open stores that are closed when the test ends, whatever happens."""
    stores = []

    def open_store(adapter, *arguments, **options):
        stores.append(adapter(*arguments, **options))
        return stores[-1]

    yield open_store
    for store in reversed(stores):
        store.close()


@pytest.fixture
def journal(tmp_path, opened) -> SqliteJournal:
    return opened(SqliteJournal, tmp_path / "journal.db")


@pytest.fixture
def log(tmp_path, opened) -> SqliteEventLog:
    return opened(SqliteEventLog, tmp_path / "events.db")


@pytest.fixture
def in_another_process():
    """Run Python code in a process of its own; return what it printed."""

    def run(code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
        return done.stdout.strip()

    return run


MAKE_STORE = """
    from ostinato.checks.samples import START_NS, sample_lineage
    from ostinato.stores import MlflowRegistry

    registry = MlflowRegistry("{url}", "first")
    registry.register("v1", b"one", sample_lineage())
    registry.set_alias("champion", "v1", ts_event_ns=START_NS)
    assert registry.load("v1") == b"one"
"""


@pytest.fixture(scope="session")
def mlflow_store(tmp_path_factory):
    """Make one MLflow store, which takes seconds: its URL, and all that was printed meanwhile."""
    if find_spec("mlflow") is None:
        pytest.skip("MLflow is not installed")
    folder = tmp_path_factory.mktemp("a store")
    url = f"sqlite:///{folder / 'mlflow.db'}"
    code = textwrap.dedent(MAKE_STORE.format(url=url))
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=100,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout
    return url, done.stdout


@pytest.fixture
def mlflow_url(mlflow_store):
    return mlflow_store[0]


@pytest.fixture
def mlflow_registry(mlflow_url, request):
    """Make empty registries in one store: each has a model of its own."""
    numbers = count()
    name = re.sub(r"\W", "-", request.node.name)

    def make(**options):
        return MlflowRegistry(mlflow_url, f"{name}-{next(numbers)}", **options)

    return make
