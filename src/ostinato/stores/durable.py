"""Files that are there as a whole or not at all, and are on disk when the call returns."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ostinato.core.errors import StoreError


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the operating system says about a file into a `StoreError`."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            "The registry could not be used",
            found=f"{error.filename or path} ({error.strerror or error})",
            hint="Check the path, the permissions and the free space on the disk.",
        ) from error


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Put a file in place: written and synced under another name, renamed, folder synced.

    A crash leaves the old file or the new one, and perhaps a ``.tmp`` file that nobody reads.
    `private`: only its owner may read it, from its first byte on.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(partial, "wb", opener=_private if private else None) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)  # on a full disk every attempt would leave one more
        raise
    sync_folder(path.parent)


def _private(path: str, flags: int) -> int:
    handle = os.open(path, flags, 0o600)
    # A file that a crash left under this name keeps its own permissions otherwise.
    Path(path).chmod(0o600)
    return handle


def append_line(path: Path, line: bytes) -> None:
    """Add a line at the end of a file; first cut off a torn line that a crash left there."""
    assert b"\n" not in line, "a line is one line"
    whole = len(_untorn(path))
    with path.open("r+b" if path.exists() else "xb") as file:
        file.truncate(whole)
        file.seek(whole)
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def whole_lines(path: Path) -> list[bytes]:
    """Return the lines of a file that end with a line feed; none if there is no file."""
    return _untorn(path).split(b"\n")[:-1]


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable (on Windows they are without)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _untorn(path: Path) -> bytes:
    content = path.read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1]
