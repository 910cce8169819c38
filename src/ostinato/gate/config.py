"""What the gates need to know."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.gate.verdict import Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class GateConfig:
    """Configuration of the gate stage: the gates in order, the task and metric, slice names.

    `explored`: labels come only where the answer lets them, so that only sets of explored rows
    count. `parity`: no candidate is accepted while a feature is not served as it is computed.
    """

    gates: tuple[Gate, ...]
    task: str
    metric: str
    group_names: tuple[str, ...]
    explored: bool = False
    parity: bool = False
