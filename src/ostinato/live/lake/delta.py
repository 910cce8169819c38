"""The one place that knows Delta: tables that grow by whole ticks, and are on disk when told so.

A Delta commit is not synced when it returns, and several tables cannot be committed together. So
versions count only once they are named elsewhere (`ostinato.live.lake.lake`), after `sync`; what
lies beyond them is taken away and made again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, write_deltalake
from deltalake.exceptions import DeltaError

from ostinato.core.errors import StoreError
from ostinato.stores.durable import sync_folder

CHECKPOINT_EVERY: Final = 100
"""Commits between checkpoints, which spare readers from reading all commits."""

_COMMITS: Final = "_delta_log"


@dataclass(slots=True)
class GrowingTable:
    """A Delta table with one writer, which only ever appends.

    Parameters
    ----------
    path
        Its folder.
    """

    path: Path
    _synced: set[str] = field(default_factory=set)

    def version(self) -> int:
        """Return the newest version, finished or not; -1: there is none."""
        return max(self._versions(), default=-1)

    def cut(self, version: int) -> None:
        """Take away the commits after a version (-1: all); their files are litter from then on."""
        for later in [each for each in self._versions() if each > version]:
            self._commit_file(later).unlink()
            self._synced.discard(str(self._commit_file(later)))  # the next of its name is another
        if (self.path / _COMMITS).is_dir():
            sync_folder(self.path / _COMMITS)

    def append(self, rows: pl.DataFrame, told: dict[str, str]) -> int:
        """Add rows in a commit that says where they come from; return the version.

        Raises
        ------
        StoreError
            If it cannot be written.
        """
        with _explained(self.path):
            write_deltalake(
                str(self.path),
                rows,
                mode="append",
                commit_properties=CommitProperties(custom_metadata=told),
                post_commithook_properties=PostCommitHookProperties(
                    create_checkpoint=False, cleanup_expired_logs=False
                ),
            )
            return int(DeltaTable(str(self.path)).version())

    def sync(self) -> None:
        """Put all files of the table on disk, and their names."""
        with _explained(self.path):
            for folder, _, names in sorted(os.walk(self.path)):
                fresh = [name for name in sorted(names) if f"{folder}/{name}" not in self._synced]
                for name in fresh:
                    _sync_file(Path(folder, name))
                    self._synced.add(f"{folder}/{name}")
                if fresh:
                    sync_folder(Path(folder))
            sync_folder(self.path.parent)

    def checkpoint(self, version: int) -> None:
        """Write a checkpoint now and then; of a version that is finished."""
        if version > 0 and version % CHECKPOINT_EVERY == 0:
            with _explained(self.path):
                DeltaTable(str(self.path), version=version).create_checkpoint()

    def scan(self, version: int) -> pl.LazyFrame:
        """Return the rows of a version, to be read as needed."""
        with _explained(self.path):
            return pl.scan_delta(str(self.path), version=version)

    def _versions(self) -> list[int]:
        folder = self.path / _COMMITS
        if not folder.is_dir():
            return []
        return sorted(int(path.stem) for path in folder.glob("*.json") if path.stem.isdigit())

    def _commit_file(self, version: int) -> Path:
        return self.path / _COMMITS / f"{version:020d}.json"


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(
            "A table of the lake could not be used",
            found=f"{path} ({str(error).splitlines()[0]})",
            hint="Check the folder and the free space on the disk. Nothing is lost: what the lake "
            "lacks stays in the event log.",
        ) from error
