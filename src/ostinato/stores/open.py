"""Stores by URL: what a configuration or the command line says, opened.

- ``memory:`` keeps everything in memory,
- ``sqlite:///data/journal.db`` and ``file:///data/registry`` name an absolute path on this machine,
- anything else is a path, relative to the working folder.

A registry can also be MLflow's: ``http://host:5000`` and ``https://...`` name a server,
``mlflow+sqlite:///data/mlflow.db`` a file on this machine, ``mlflow+<url>`` whatever else MLflow
opens.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import polars as pl

from ostinato.core.errors import ConfigError
from ostinato.stores.eventlog_memory import MemoryEventLog
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_memory import MemoryJournal
from ostinato.stores.journal_sqlite import SqliteJournal
from ostinato.stores.registry_folder import FolderRegistry
from ostinato.stores.registry_memory import MemoryRegistry
from ostinato.stores.registry_mlflow import MlflowRegistry

# At least two letters, so that a Windows drive is not a scheme.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)
_DATABASE: Final = ("sqlite:///path", "file:///path")
_REGISTRY: Final = ("file:///path", "mlflow+sqlite:///path", "http://host", "https://host")


def open_journal(url: str | Path, *, readonly: bool = False) -> MemoryJournal | SqliteJournal:
    """Open the journal at a URL or path.

    Raises
    ------
    ConfigError
        If the URL cannot be read.
    StoreError
        If there is something else at that place, or another process writes to it.

    Examples
    --------
    >>> open_journal("memory:").head()
    (0, '')
    """
    path = _path(url, "journal", _DATABASE)
    return MemoryJournal() if path is None else SqliteJournal(path, readonly=readonly)


def open_eventlog(url: str | Path, *, readonly: bool = False) -> MemoryEventLog | SqliteEventLog:
    """Open the event log at a URL or path; raises as `open_journal`."""
    path = _path(url, "event log", _DATABASE)
    return MemoryEventLog() if path is None else SqliteEventLog(path, readonly=readonly)


def open_registry(
    url: str | Path,
    *,
    loop: str | None = None,
    sample: pl.DataFrame | None = None,
    classes: int = 0,
) -> MemoryRegistry | FolderRegistry | MlflowRegistry:
    """Open the registry at a URL or path; raises as `open_journal`.

    Parameters
    ----------
    url
        The URL or path.
    loop
        Name of the loop, which is the registered model's in MLflow; needed there alone.
    sample, classes
        What versions take and answer, for their signature in MLflow; see `MlflowRegistry`.
    """
    remote = _mlflow_url(url)
    if remote is not None:
        if loop is None:
            raise ConfigError(
                "A registry in MLflow needs the name of the loop",
                found=repr(url),
                expected='open_registry(url, loop="flight-delays")',
                hint="The registered model has that name.",
            )
        return MlflowRegistry(remote, loop, sample=sample, classes=classes)
    path = _path(url, "registry", _REGISTRY)
    return MemoryRegistry() if path is None else FolderRegistry(path)


def _mlflow_url(url: str | Path) -> str | None:
    """Return MLflow's own URL of a registry, None if it is not MLflow's."""
    match = None if isinstance(url, Path) else _SCHEME.fullmatch(url)
    if match is None:
        return None
    scheme, rest = match[1].lower(), match[2]
    if scheme == "mlflow+sqlite":
        # For SQLAlchemy three slashes begin a relative path; here they begin the absolute one.
        return f"sqlite:///{_path(url, 'registry', _REGISTRY)}"
    if scheme not in ("http", "https") and not scheme.startswith("mlflow+"):
        return None
    if not rest.startswith("//") or not rest.strip("/"):
        raise _unusable(str(url), "registry", _REGISTRY, "Say where MLflow is.")
    return f"{scheme.removeprefix('mlflow+')}:{rest}"


def _path(url: str | Path, what: str, known: tuple[str, ...]) -> Path | None:
    if isinstance(url, Path):
        return url
    match = _SCHEME.fullmatch(url)
    if match is None:
        if not url.strip():
            raise _unusable(url, what, known, "Say where the store lies.")
        return Path(url)
    scheme, rest = match[1].lower(), match[2]
    if scheme == "memory":
        if rest.strip("/"):
            raise _unusable(url, what, known, "A store in memory has no path.")
        return None
    if f"{scheme}:///path" not in known:
        raise _unusable(url, what, known, f"The scheme {scheme}: is not known here.")
    if not rest.startswith("///") or not rest.strip("/"):
        raise _unusable(url, what, known, "Write three slashes, or a plain path.")
    return Path("/" + unquote(rest).lstrip("/"))


def _unusable(url: str, what: str, known: tuple[str, ...], hint: str) -> ConfigError:
    return ConfigError(
        f"The {what} cannot be opened from this URL",
        found=repr(url),
        expected=f"memory:, {', '.join(known)} or a plain path",
        hint=hint,
    )
