"""The table in force: who answers which request, and what is loaded for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ostinato.core.ids import hash_key, hash_unit
from ostinato.core.records import Routes
from ostinato.live.events import Id
from ostinato.live.gateway.version import Version
from ostinato.live.published import Published, Undo
from ostinato.serve.assign import assign_one, owner, versions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a gateway serves by; replaced as a whole, never changed.

    Parameters
    ----------
    published
        As the engine wrote it.
    routes
        The routes that hold: those published, or after an undo the previous champion's.
    undone
        Whether an undo holds that the engine has not folded yet.
    versions
        Versions that score each request, champion first.
    spares
        Who answers where a version fails, in order.
    loaded
        Versions in memory.
    split
        Whether chance decides who answers.
    """

    published: Published
    routes: Routes
    undone: bool
    versions: tuple[str, ...]
    spares: tuple[str, ...]
    loaded: Mapping[str, Version]
    split: bool

    @property
    def epoch(self) -> int:
        """The epoch in force."""
        return self.routes.epoch

    @property
    def since_ns(self) -> int:
        """When this replica began: with the version it loaded last, for all of them."""
        return max((version.since_ns for version in self.loaded.values()), default=0)

    def sole(self) -> Version | None:
        """Return the champion if it answers every request and may do so inside the event loop."""
        if self.split or self.routes.champion is None:
            return None
        champion = self.loaded.get(self.routes.champion)
        return champion if champion is not None and champion.inline else None

    def role(self, loop: str, unit: int | None, row: Sequence[Any], prediction_id: Id) -> int:
        """Return the role in which a request is answered.

        Parameters
        ----------
        loop
            Name of the loop.
        unit
            Which value of the row says who it belongs to; None: each request is its own.
        row, prediction_id
            The request.
        """
        hashed = hash_key(prediction_id) if unit is None else hash_unit(row[unit])
        return assign_one(self.routes, hashed, loop=loop)

    def owner(self, role: int) -> str | None:
        """Return the version that answers in a role."""
        return owner(self.routes, role)


def wanted(published: Published) -> tuple[str, ...]:
    """Return every version that a gateway keeps loaded for these routes."""
    named = (
        published.champion,
        published.previous,
        published.canary,
        published.holdback,
        *published.shadows,
    )
    return tuple(dict.fromkeys(version for version in named if version is not None))


def make_table(published: Published, undo: Undo | None, loaded: Mapping[str, Version]) -> Table:
    """Make the table of what was published, an undo that still holds, and what is loaded."""
    undone = undo is not None and published.epoch <= undo.epoch and published.previous is not None
    routes = _previous(published) if undone else _routes(published)
    spares = (routes.champion, published.previous, published.champion)
    return Table(
        published=published,
        routes=routes,
        undone=undone,
        versions=versions_of(routes),
        spares=tuple(dict.fromkeys(version for version in spares if version is not None)),
        loaded={name: loaded[name] for name in wanted(published) if name in loaded},
        split=_is_split(routes),
    )


def _routes(published: Published) -> Routes:
    return Routes(
        epoch=published.epoch,
        champion=published.champion,
        canary=published.canary,
        canary_share=published.canary_share,
        holdback=published.holdback,
        holdback_share=published.holdback_share,
        shadows=published.shadows,
        explore_share=published.explore_share,
    )


def _previous(published: Published) -> Routes:
    # Whatever was being tried ends with the champion it was tried against.
    return Routes(
        epoch=published.epoch,
        champion=published.previous,
        explore_share=published.explore_share,
    )


def _is_split(routes: Routes) -> bool:
    canary = routes.canary is not None and routes.canary_share > 0
    holdback = routes.holdback is not None and routes.holdback_share > 0
    return canary or holdback or routes.explore_share > 0


EMPTY: Final = make_table(Published(epoch=0), None, {})
"""Nobody answers but the loop's constant, where it has one."""
