"""A registry in a folder that can be read without Ostinato.

- ``artifacts/<sha256>``: the bytes of an artifact,
- ``versions/<version>.json``: artifact, lineage and place in the order of one version, as canonical
  JSON with its own digest,
- ``aliases.jsonl``: every move of every alias, one line each.

Nothing is cached: what another process registers is seen at once. Processes take turns at writing
(the loop writes, the rest read); threads of one process may write as they like.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from ostinato.core.canonical import canonical_json, plain
from ostinato.core.errors import StoreError
from ostinato.core.ports import Lineage
from ostinato.stores.alias_moves import Move, history, is_news, targets
from ostinato.stores.artifact import checked_artifact, content_hash
from ostinato.stores.closing import Closable
from ostinato.stores.durable import append_line, explained, whole_lines, write_whole
from ostinato.stores.sealed import changed_description, sealed, unsealed
from ostinato.stores.version_text import (
    checked_name,
    read_lineage,
    refused_version,
    unknown_version,
)


class FolderRegistry(Closable):
    """The `Registry` port on a folder.

    Parameters
    ----------
    path
        The folder; made if there is none.

    Raises
    ------
    StoreError
        If the folder cannot be made.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        with explained(self.path):
            for folder in ("artifacts", "versions"):
                (self.path / folder).mkdir(parents=True, exist_ok=True)

    def register(self, version: str, artifact: bytes, lineage: Lineage) -> str:
        checked_name(version, what="version")
        content = content_hash(artifact)
        with self._lock, explained(self.path):
            given = {"artifact": content, "lineage": plain(lineage)}
            if self._document_path(version).exists():
                self._check_same(version, given)
                self._store_artifact(content, artifact)
                return content
            self._store_artifact(content, artifact)
            document = {**given, "version": version, "order": len(self._names())}
            write_whole(self._document_path(version), sealed(document))
        return content

    def load(self, version: str) -> bytes:
        expected = self._document(version)["artifact"]
        path = self._artifact_path(expected)
        with explained(path):
            artifact = path.read_bytes()
        return checked_artifact(artifact, expected, version=version, place=str(path))

    def lineage(self, version: str) -> Lineage:
        return read_lineage(self._document(version)["lineage"])

    def versions(self) -> list[str]:
        ordered = sorted((self._document(name)["order"], name) for name in self._names())
        return [name for _, name in ordered]

    def set_alias(self, alias: str, version: str, *, ts_event_ns: int) -> None:
        checked_name(alias, what="alias")
        self._document(version)
        move = Move(alias=alias, version=version, ts_event_ns=ts_event_ns)
        with self._lock, explained(self._aliases_path):
            if is_news(self._moves(), move):
                append_line(self._aliases_path, canonical_json(move).encode())

    def aliases(self) -> dict[str, str]:
        return targets(self._moves())

    def alias_history(self, alias: str) -> list[tuple[int, str]]:
        return history(self._moves(), alias)

    def close(self) -> None:
        """Do nothing: no file stays open between calls."""

    @property
    def _aliases_path(self) -> Path:
        return self.path / "aliases.jsonl"

    def _artifact_path(self, content: str) -> Path:
        return self.path / "artifacts" / content

    def _document_path(self, version: str) -> Path:
        return self.path / "versions" / f"{version}.json"

    def _names(self) -> list[str]:
        with explained(self.path):
            return sorted(
                path.stem
                for path in (self.path / "versions").iterdir()
                if path.suffix == ".json" and not path.name.startswith(".")
            )

    def _store_artifact(self, content: str, artifact: bytes) -> None:
        path = self._artifact_path(content)
        if not path.exists() or path.read_bytes() != artifact:
            write_whole(path, artifact)

    def _check_same(self, version: str, given: dict[str, Any]) -> None:
        kept = self._document(version)
        for what in ("artifact", "lineage"):
            if canonical_json(given[what]) != canonical_json(kept[what]):
                found, expected = canonical_json(given[what]), canonical_json(kept[what])
                raise refused_version(version, what, found, expected)

    def _document(self, version: str) -> dict[str, Any]:
        path = self._document_path(checked_name(version, what="version"))
        if not path.exists():
            raise unknown_version(version, self._names())
        with explained(path):
            content = path.read_bytes()
        document = unsealed(content, place=str(path))
        if document.get("version") != version:
            raise changed_description(str(path), f"version {document.get('version')}")
        return document

    def _moves(self) -> list[Move]:
        path = self._aliases_path
        with explained(path):
            lines = whole_lines(path)
        try:
            return [_move(json.loads(line)) for line in lines]
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                "The history of the aliases cannot be read",
                found=f"{path} ({type(error).__name__}: {error})",
                expected="one JSON object with alias, version and ts_event_ns per line",
                hint="Restore the file from a backup.",
            ) from error


def _move(line: dict[str, Any]) -> Move:
    return Move(alias=line["alias"], version=line["version"], ts_event_ns=line["ts_event_ns"])
