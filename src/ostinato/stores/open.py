"""Stores by URL: what a configuration or the command line says, opened.

- ``memory:`` keeps everything in memory,
- ``sqlite:///data/journal.db`` and ``file:///data/registry`` name an absolute path on this machine,
- anything else is a path, relative to the working folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from ostinato.core.errors import ConfigError
from ostinato.stores.eventlog_memory import MemoryEventLog
from ostinato.stores.eventlog_sqlite import SqliteEventLog
from ostinato.stores.journal_memory import MemoryJournal
from ostinato.stores.journal_sqlite import SqliteJournal
from ostinato.stores.registry_folder import FolderRegistry
from ostinato.stores.registry_memory import MemoryRegistry

# At least two letters, so that a Windows drive is not a scheme.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", re.DOTALL)
_DATABASE: Final = ("sqlite", "file")
_FOLDER: Final = ("file",)


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


def open_registry(url: str | Path) -> MemoryRegistry | FolderRegistry:
    """Open the registry at a URL or path; raises as `open_journal`."""
    path = _path(url, "registry", _FOLDER)
    return MemoryRegistry() if path is None else FolderRegistry(path)


def _path(url: str | Path, what: str, schemes: tuple[str, ...]) -> Path | None:
    if isinstance(url, Path):
        return url
    match = _SCHEME.fullmatch(url)
    if match is None:
        if not url.strip():
            raise _unusable(url, what, schemes, "Say where the store lies.")
        return Path(url)
    scheme, rest = match[1].lower(), match[2]
    if scheme == "memory":
        if rest.strip("/"):
            raise _unusable(url, what, schemes, "A store in memory has no path.")
        return None
    if scheme not in schemes:
        raise _unusable(url, what, schemes, f"The scheme {scheme}: is not known here.")
    if not rest.startswith("///") or not rest.strip("/"):
        raise _unusable(url, what, schemes, "Write three slashes, or a plain path.")
    return Path("/" + unquote(rest).lstrip("/"))


def _unusable(url: str, what: str, schemes: tuple[str, ...], hint: str) -> ConfigError:
    known = ["memory:", *(f"{scheme}:///path" for scheme in schemes), "a plain path"]
    return ConfigError(
        f"The {what} cannot be opened from this URL",
        found=repr(url),
        expected=f"{', '.join(known[:-1])} or {known[-1]}",
        hint=hint,
    )
