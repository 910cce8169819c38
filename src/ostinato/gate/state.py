"""What the gates remember."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.gate.config import GateConfig
from ostinato.gate.ledger import Ledger


@dataclass(slots=True)
class GateState:
    """The version the next candidate must beat, and how often each validation set was used.

    `compared_with` holds, per training order under way and then per candidate, the champion at the
    time of the order: the one whose scores stand beside the candidate's. `broken` holds, by feature
    that is not served as it is computed, why.
    """

    champion: str | None = None
    compared_with: dict[str, str | None] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    broken: dict[str, str] = field(default_factory=dict)
    config_: GateConfig | None = None
