"""Publish what was decided: the routes that gateways obey, and the status that people read."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.live.engine.saved import Saved
from ostinato.live.layout import Layout
from ostinato.live.published import Published, Status, read, write
from ostinato.loop.kernel import LoopState


@dataclass(slots=True)
class Publisher:
    """Writes ``routes.json`` and ``status.json``; the routes only when they change.

    Parameters
    ----------
    layout
        Where.
    """

    layout: Layout
    _written: Published | None = field(default=None)

    def publish(self, state: LoopState, saved: Saved, *, decisions: int) -> None:
        """Write what holds after a tick; its decisions are in the journal."""
        routes = routes_of(state, saved)
        if routes.champion is not None:
            self._write_routes(routes)
        write(self.layout.status, status_of(state, saved, decisions))

    def _write_routes(self, routes: Published) -> None:
        if self._written is None:
            self._written = read(self.layout.routes, Published)
        if routes != self._written:
            write(self.layout.routes, routes)
            self._written = routes


def routes_of(state: LoopState, saved: Saved) -> Published:
    """Return the routes in force, and what gateways need to obey them."""
    routes = state.stages["release"].routes
    named = (routes.champion, saved.previous, routes.canary, routes.holdback, *routes.shadows)
    return Published(
        epoch=routes.epoch,
        champion=routes.champion,
        previous=saved.previous,
        canary=routes.canary,
        canary_share=routes.canary_share,
        holdback=routes.holdback,
        holdback_share=routes.holdback_share,
        shadows=routes.shadows,
        explore_share=routes.explore_share,
        artifacts={v: saved.artifacts[v] for v in dict.fromkeys(named) if v is not None},
    )


def status_of(state: LoopState, saved: Saved, decisions: int) -> Status:
    """Return what the engine last did."""
    release = state.stages["release"]
    return Status(
        tick=saved.place.tick,
        now_ns=saved.place.now_ns,
        folded_offset=saved.place.offset,
        decisions=decisions,
        epoch=release.routes.epoch,
        champion=release.routes.champion,
        challenger=None if release.rollout is None else release.rollout.challenger,
        training=tuple(each.order.request for each in saved.open),
    )
