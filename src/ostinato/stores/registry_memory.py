"""A registry in memory, for tests and for replays whose models need not outlive them."""

from __future__ import annotations

from ostinato.core.ports import Lineage
from ostinato.stores.alias_moves import Move, history, is_news, targets
from ostinato.stores.artifact import checked_artifact, content_hash
from ostinato.stores.closing import Closable
from ostinato.stores.version_text import (
    checked_name,
    lineage_text,
    parse_lineage,
    refused_version,
    unknown_version,
)


class MemoryRegistry(Closable):
    """The `Registry` port on dicts. A lineage goes through its text, as it does on disk."""

    __slots__ = ("_artifacts", "_moves", "_versions")

    def __init__(self) -> None:
        self._artifacts: dict[str, bytes] = {}
        self._versions: dict[str, tuple[str, str]] = {}
        self._moves: list[Move] = []

    def register(self, version: str, artifact: bytes, lineage: Lineage) -> str:
        checked_name(version, what="version")
        given = content_hash(artifact), lineage_text(lineage)
        kept = self._versions.setdefault(version, given)
        for what, found, expected in zip(("artifact", "lineage"), given, kept, strict=True):
            if found != expected:
                raise refused_version(version, what, found, expected)
        self._artifacts[given[0]] = bytes(artifact)
        return given[0]

    def load(self, version: str) -> bytes:
        expected, _ = self._known(version)
        artifact = self._artifacts[expected]
        return checked_artifact(artifact, expected, version=version, place="memory")

    def lineage(self, version: str) -> Lineage:
        return parse_lineage(self._known(version)[1])

    def versions(self) -> list[str]:
        return list(self._versions)

    def set_alias(self, alias: str, version: str, *, ts_event_ns: int) -> None:
        checked_name(alias, what="alias")
        self._known(version)
        move = Move(alias=alias, version=version, ts_event_ns=ts_event_ns)
        if is_news(self._moves, move):
            self._moves.append(move)

    def aliases(self) -> dict[str, str]:
        return targets(self._moves)

    def alias_history(self, alias: str) -> list[tuple[int, str]]:
        return history(self._moves, alias)

    def close(self) -> None:
        """Do nothing: the versions stay readable."""

    def _known(self, version: str) -> tuple[str, str]:
        if checked_name(version, what="version") not in self._versions:
            raise unknown_version(version, self.versions())
        return self._versions[version]
