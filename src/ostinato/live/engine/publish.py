"""Publish what was decided: the routes that gateways obey, and the status that people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ostinato.core.errors import StoreError
from ostinato.live.engine.saved import Saved
from ostinato.live.engine.watch_status import watch_status
from ostinato.live.layout import Layout
from ostinato.live.published import (
    AlertStatus,
    MissingStatus,
    ParityStatus,
    Published,
    SourceStatus,
    Status,
    Undo,
    read,
    write,
)
from ostinato.loop.kernel import LoopState
from ostinato.loop.standing import standing


@dataclass(slots=True)
class Publisher:
    """Writes ``routes.json`` and ``status.json``; the routes only when they change.

    Parameters
    ----------
    layout
        Where.
    registry, lake, features
        How the mirror of the registry, the lake and the state of features are, in words.
    sources
        How the sources of features stand.
    missing
        Features that are missing in another share of rows than in training.
    parity, parity_trouble
        How features stand that are compared, and why they cannot be.
    alerts
        How it stands with each address of alerts.
    """

    layout: Layout
    registry: str = ""
    lake: str = ""
    features: str = ""
    sources: tuple[SourceStatus, ...] = ()
    missing: tuple[MissingStatus, ...] = ()
    parity: tuple[ParityStatus, ...] = ()
    parity_trouble: str = ""
    alerts: tuple[AlertStatus, ...] = ()
    _written: Published | None = field(default=None)

    def publish(self, state: LoopState, saved: Saved, *, decisions: int) -> None:
        """Write what holds after a tick; its decisions are in the journal."""
        routes = routes_of(state, saved)
        if routes.champion is not None:
            self._write_routes(routes)
        status = status_of(state, saved, decisions)
        status = msgspec.structs.replace(
            status,
            registry=self.registry,
            lake=self.lake,
            features=self.features,
            sources=self.sources,
            missing=self.missing,
            parity=self.parity,
            parity_trouble=self.parity_trouble,
            watch=watch_status(state, saved.watched, saved.place.now_ns),
            alerts=self.alerts,
        )
        write(self.layout.status, status)

    def settle(self, acts: Sequence[str]) -> None:
        """Take away an undo whose act is folded: done or refused, the routes say what holds."""
        undo = read(self.layout.undo, Undo)
        if undo is not None and undo.act_id in acts:
            self.layout.undo.unlink(missing_ok=True)

    def _write_routes(self, routes: Published) -> None:
        if self._written is None:
            self._written = self._found()
        if routes != self._written:
            write(self.layout.routes, routes)
            self._written = routes

    def _found(self) -> Published | None:
        try:
            return read(self.layout.routes, Published)
        except StoreError:
            return None  # damaged: what follows from the log is written over it


def routes_of(state: LoopState, saved: Saved) -> Published:
    """Return the routes in force, and what gateways need to obey them."""
    routes, stands = state.stages["release"].routes, standing(state)
    named = (routes.champion, stands.previous, routes.canary, routes.holdback, *routes.shadows)
    return Published(
        epoch=routes.epoch,
        champion=routes.champion,
        previous=stands.previous,
        canary=routes.canary,
        canary_share=routes.canary_share,
        holdback=routes.holdback,
        holdback_share=routes.holdback_share,
        shadows=routes.shadows,
        explore_share=routes.explore_share,
        artifacts={v: saved.artifacts[v] for v in dict.fromkeys(named) if v is not None},
        paused=bool(stands.paused),
    )


def status_of(state: LoopState, saved: Saved, decisions: int) -> Status:
    """Return what the engine last did."""
    stands, join = standing(state), state.stages["join"]
    return Status(
        tick=saved.place.tick,
        now_ns=saved.place.now_ns,
        folded_offset=saved.place.offset,
        decisions=decisions,
        epoch=stands.epoch,
        champion=stands.champion,
        challenger=stands.challenger,
        autonomy=stands.autonomy,
        paused=bool(stands.paused),
        training=tuple(each.order.request for each in saved.open),
        proposals=stands.proposals,
        rollout=stands.rollout,
        verdict=saved.verdict,
        metrics={
            "rows": float(saved.place.row),
            "answers_held": float(len(saved.place.held)),
            "label_coverage": stands.coverage,
            "challenger_share": stands.share,
            **{f"join {name}": float(count) for name, count in sorted(join.counts.items())},
            **{f"rows lost by {name}": float(n) for name, n in sorted(stands.faulty.items())},
        },
    )
