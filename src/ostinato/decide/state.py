"""What deciding remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ostinato.decide.alarms import AlarmBook
from ostinato.decide.config import DecideConfig
from ostinato.decide.examining import Examining
from ostinato.decide.parity import ParityState
from ostinato.decide.trigger import Reference

VOID: Final = {"void": True}
"""Stands for a process that ran under other parameters of a trigger of the same name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A model that the triggers want: what the request will say, once it may be made."""

    subject: str
    reason: str
    evidence: Mapping[str, Any]
    change_ns: int | None


@dataclass(slots=True)
class DecideState:
    """Trigger states and what holds them back.

    `stances` is what the journal last said of each trigger; `calm_since_ns` is since when a trigger
    that warned has been quiet; `registered` what it last said of its
    processes. `busy` names what is under way ("" when nothing is), `rolling_out`
    the version a rollout is about. `references` holds the validation losses of the versions in
    play: candidate, champion, previous champion.

    `autonomy` is one of `AUTONOMY`; `paused` names who paused the loop ("": nobody); `training`:
    an order has no verdict yet. `wish` waits for approval under the id `proposal`. `waiting` is the
    accepted candidate whose release waits for approval under the id `waits_as`. `undo_ns` is when
    an undo was last asked for, `rested_ns` when one was done: the cool-down begins then, too.
    `champion_since_ns` is when the champion became it. `parity` holds the evidence on features as
    served, where any are compared; `alarms` what monitors found, `examining` why that is.
    """

    triggers: list[Any] = field(default_factory=list)
    stances: list[str] = field(default_factory=list)
    registered: list[Any] = field(default_factory=list)
    calm_since_ns: list[int | None] = field(default_factory=list)
    champion: str | None = None
    busy: str = ""
    rolling_out: str | None = None
    last_request_ns: int | None = None
    requests_ns: list[int] = field(default_factory=list)
    labels_since: int = 0
    references: dict[str, Reference] = field(default_factory=dict)
    autonomy: str = "auto"
    paused: str = ""
    training: bool = False
    wish: Wish | None = None
    proposal: str = ""
    waiting: str | None = None
    waits_as: str = ""
    undo_ns: int | None = None
    rested_ns: int | None = None
    champion_since_ns: int = 0
    parity: ParityState | None = None
    alarms: AlarmBook = field(default_factory=AlarmBook)
    examining: Examining = field(default_factory=Examining)
    config_: DecideConfig | None = None
