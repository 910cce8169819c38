"""The one place that loads MLflow and talks to it: quietly, and with little patience.

MLflow is loaded when a client is opened, not before: it takes a second and 75 MB. Of MLflow only
`mlflow-skinny` is needed, with SQLAlchemy and Alembic for a store in a database.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ostinato.core.errors import OstinatoError, StoreError

if TYPE_CHECKING:
    from mlflow import MlflowClient

ANSWER_SECONDS: Final = 3
"""How long a server may take to answer a call. Smaller: a busy server looks dead. Larger: the
caller learns late that nobody is there; with one retry, twice this long at most."""

TRANSFER_SECONDS: Final = 60
"""How long a server may take to store or begin to send an artifact. Smaller: a server that hands
large models on to slow storage never succeeds. Larger: one that dies meanwhile is noticed late."""

_DATABASE_TRIES: Final = 2  # MLflow's own 10 tries take two minutes
_LOUD: Final = ("mlflow", "alembic", "urllib3.connectionpool")
_turn: Final = threading.RLock()  # the environment, log levels and warnings are the process's
_ours: Final[set[str]] = set()  # variables that hold what we put there, not what the user did


def open_client(url: str) -> MlflowClient:
    """Open MLflow's tracking store and registry at one of MLflow's own URLs.

    A database that is new gets its tables. For a server nothing is sent yet.

    Raises
    ------
    StoreError
        If MLflow is not installed, or the database cannot be opened.
    """
    client_class = _load()
    with reached(url):
        _check_sqlite(url)
        client = client_class(tracking_uri=url, registry_uri=url)
        client._get_registry_client()  # noqa: SLF001 - opened now: what fails, fails here
        return client


@contextmanager
def reached(url: str, *, answer_seconds: int = ANSWER_SECONDS) -> Iterator[None]:
    """Talk to MLflow inside a ``with`` block: no noise, no long waits, one kind of error.

    MLflow would repeat a call that fails for minutes; here it is repeated once, so that a caller
    can go on and come back later. Variables that the user set (``MLFLOW_HTTP_REQUEST_TIMEOUT`` and
    the like) are left as they are. Threads take turns, since MLflow reads the environment of the
    process.

    Parameters
    ----------
    url
        Where MLflow is, for the message; a password in it is not shown.
    answer_seconds
        How long a server may take to answer.

    Raises
    ------
    StoreError
        If MLflow refused the call, or could not be reached.
    """
    with _turn, ExitStack() as stack:
        stack.enter_context(_environment(answer_seconds))
        stack.enter_context(_silence())
        try:
            yield
        except OstinatoError:
            raise
        except Exception as error:  # a client of many libraries: SQL, HTTP, files, clouds
            raise StoreError(
                "The MLflow registry could not be used",
                found=f"{_shown(url)} ({type(error).__name__}: {_shown(str(error))[:500]})",
                expected="an MLflow server or store that answers",
                hint="Is it running, and is the URL right? What failed can be tried again.",
            ) from error


def error_code(error: Exception) -> str:
    """Return MLflow's name of an error ("RESOURCE_DOES_NOT_EXIST"), "" if it has none."""
    return str(getattr(error, "error_code", ""))


def _load() -> type[MlflowClient]:
    # Read once, when MLflow is loaded; what it would send home is the user's business.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mlflow import MlflowClient  # noqa: PLC0415 - loads late, see the module
            from mlflow.store.db import utils  # noqa: PLC0415
    except ImportError as error:
        raise StoreError(
            "MLflow cannot be loaded",
            found=str(error),
            expected="mlflow-skinny (or mlflow) with SQLAlchemy and Alembic",
            hint='Install them: pip install "ostinato[live]".',
        ) from error
    utils.MAX_RETRY_COUNT = _DATABASE_TRIES
    client: type[MlflowClient] = MlflowClient
    return client


@contextmanager
def _environment(answer_seconds: int) -> Iterator[None]:
    wanted = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(answer_seconds),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
        "MLFLOW_HTTP_REQUEST_BACKOFF_JITTER": "0",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    before = {
        name: os.environ.get(name) for name in wanted if name in _ours or name not in os.environ
    }
    os.environ.update({name: wanted[name] for name in before})
    _ours.update(before)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
                _ours.discard(name)
            else:
                os.environ[name] = value


@contextmanager
def _silence() -> Iterator[None]:
    # Errors are raised and told by us; MLflow's own warnings are for those who can change MLflow.
    levels = {name: logging.getLogger(name).level for name in _LOUD}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _check_sqlite(url: str) -> None:
    # MLflow retries whatever SQLite refuses, even a path that can never be a database.
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA schema_version")


def _shown(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//***@", text)
