"""What the gates remember."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.gate.config import GateConfig


@dataclass(slots=True)
class GateState:
    """The version the next candidate is compared with."""

    champion: str | None = None
    config_: GateConfig | None = None
