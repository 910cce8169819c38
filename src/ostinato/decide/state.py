"""What deciding remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ostinato.decide.config import DecideConfig
from ostinato.decide.trigger import Reference

VOID: Final = {"void": True}
"""Stands for a process that ran under other parameters of a trigger of the same name."""


@dataclass(slots=True)
class DecideState:
    """Trigger states and what holds them back.

    `stances` is what the journal last said of each trigger; `calm_since_ns` is since when a trigger
    that warned has been quiet; `registered` what it last said of its
    processes. `busy` names what is under way ("" when nothing is), `rolling_out`
    the version a rollout is about. `references` holds the validation losses of the versions in
    play: candidate, champion, previous champion.
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
    config_: DecideConfig | None = None
