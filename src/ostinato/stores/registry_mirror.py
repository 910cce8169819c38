"""A registry in a folder, and another one that follows it: at once, or when it is there again.

The folder is the truth: whoever registers a version or moves an alias waits for it alone. What the
mirror lacks is found by comparing the two, so nothing has to be remembered over a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ostinato.core.errors import StoreError
from ostinato.core.ports import Lineage, Registry
from ostinato.stores.alias_moves import Move
from ostinato.stores.closing import Closable
from ostinato.stores.registry_folder import FolderRegistry


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorState:
    """What a mirror lacks, as far as is known: everything, if it was never reached.

    Parameters
    ----------
    versions
        Versions it lacks, in the order in which it will get them.
    moves
        Moves of aliases it lacks, in that order.
    error
        Why it did not get further; None: it was there.
    """

    versions: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    error: StoreError | None = None

    @property
    def is_level(self) -> bool:
        """Whether the mirror holds all that the folder holds."""
        return self.error is None and not self.versions and not self.moves


class MirroredRegistry(Closable):
    """The `Registry` port on a folder, followed by another registry.

    Every call is answered by the folder. `sync` brings the mirror up to it: call it now and then,
    from one thread at a time; nothing happens in the background.

    Parameters
    ----------
    primary
        The folder.
    mirror
        Opens the other registry; called again after each failure. It should raise `StoreError`
        soon, rather than wait, when the registry is away.
    """

    def __init__(self, primary: FolderRegistry, mirror: Callable[[], Registry]) -> None:
        self.primary, self.mirror = primary, mirror
        self._registry: Registry | None = None  # None: to be opened and compared with the folder
        self._versions: set[str] = set()  # what the mirror was last known to hold
        self._moves: set[Move] = set()

    def register(self, version: str, artifact: bytes, lineage: Lineage) -> str:
        return self.primary.register(version, artifact, lineage)

    def load(self, version: str) -> bytes:
        return self.primary.load(version)

    def lineage(self, version: str) -> Lineage:
        return self.primary.lineage(version)

    def versions(self) -> list[str]:
        return self.primary.versions()

    def set_alias(self, alias: str, version: str, *, ts_event_ns: int) -> None:
        self.primary.set_alias(alias, version, ts_event_ns=ts_event_ns)

    def aliases(self) -> dict[str, str]:
        return self.primary.aliases()

    def alias_history(self, alias: str) -> list[tuple[int, str]]:
        return self.primary.alias_history(alias)

    def sync(self, limit: int | None = None) -> MirrorState:
        """Give the mirror what it lacks: versions first, then moves, each in order.

        It stops at the first step that fails; what was done stays done, and the next call goes on
        there. A mirror that is level is not asked anything.

        Parameters
        ----------
        limit
            Most versions and moves to carry over in this call, >= 1; None: all.

        Returns
        -------
        MirrorState
            What is still pending, and why.

        Raises
        ------
        StoreError
            If the folder cannot tell what it holds.
        """
        assert limit is None or limit >= 1, "a call carries over one thing at least"
        error = None
        try:
            self._follow(limit)
        except StoreError as failed:
            error = failed
            self._leave()
        return MirrorState(
            versions=tuple(self._lacking_versions()),
            moves=tuple(self._lacking_moves()),
            error=error,
        )

    def close(self) -> None:
        """Close both."""
        self._leave()
        self.primary.close()

    def _follow(self, limit: int | None) -> None:
        versions, moves = self._lacking_versions(), self._lacking_moves()
        if self._registry is None:
            self._registry = self._meet()
            versions, moves = self._lacking_versions(), self._lacking_moves()
        for version in versions[:limit]:
            self._give(self._registry, version)
            self._versions.add(version)
        for move in moves[: None if limit is None else max(limit - len(versions), 0)]:
            _tell(self._registry, move)
            self._moves.add(move)

    def _meet(self) -> Registry:
        """Open the mirror and see what it holds."""
        registry = self.mirror()
        try:
            self._versions = set(registry.versions())
            self._moves = set(_moves_of(registry))
            # Given again, a version with other content is refused before an alias points to it,
            # and a registry that lost half of a move mends it.
            pointed = sorted(set(self.primary.aliases().values()) & self._versions)
            for version in pointed:
                self._give(registry, version)
            last = {move.alias: move for move in _moves_of(self.primary) if move in self._moves}
            for move in last.values():
                _tell(registry, move)
        except BaseException:
            _close(registry)
            raise
        return registry

    def _give(self, registry: Registry, version: str) -> None:
        registry.register(version, self.primary.load(version), self.primary.lineage(version))

    def _leave(self) -> None:
        registry, self._registry = self._registry, None
        if registry is not None:
            _close(registry)

    def _lacking_versions(self) -> list[str]:
        return [name for name in self.primary.versions() if name not in self._versions]

    def _lacking_moves(self) -> list[Move]:
        return [move for move in _moves_of(self.primary) if move not in self._moves]


def _moves_of(registry: Registry) -> list[Move]:
    """Return all moves of all aliases by time; those of one alias stay in their order."""
    moves = (
        Move(alias=alias, version=version, ts_event_ns=ts_event_ns)
        for alias in sorted(registry.aliases())
        for ts_event_ns, version in registry.alias_history(alias)
    )
    return sorted(moves, key=lambda move: move.ts_event_ns)


def _tell(registry: Registry, move: Move) -> None:
    registry.set_alias(move.alias, move.version, ts_event_ns=move.ts_event_ns)


def _close(registry: Registry) -> None:
    if isinstance(registry, Closable):
        registry.close()
