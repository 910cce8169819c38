"""What deciding remembers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ostinato.decide.config import DecideConfig
from ostinato.decide.trigger import Reference


@dataclass(slots=True)
class DecideState:
    """Trigger states and what holds them back.

    `stances` is what the journal last said of each trigger. `busy` names what is under way ("" when
    nothing is). `references` holds the validation losses of the candidate, the champion and the
    previous champion.
    """

    triggers: list[Any] = field(default_factory=list)
    stances: list[str] = field(default_factory=list)
    champion: str | None = None
    busy: str = ""
    last_request_ns: int = -1
    requests_ns: list[int] = field(default_factory=list)
    labels_since: int = 0
    references: dict[str, Reference] = field(default_factory=dict)
    config_: DecideConfig | None = None
