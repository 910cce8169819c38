"""What joining needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinConfig:
    """Configuration of the join stage.

    Parameters
    ----------
    horizon_ns
        A label that has not come this long after its prediction is overdue.
    revise_ns
        How long after maturity a label may still be revised; later revisions are counted and left
        out. Too small loses corrections; too large keeps more rows in memory.
    never
        What an overdue label means: ``"censored"`` (unknown for ever) or ``"negative"`` (class 0).
    classes
        Number of classes a label may have, 0 for regression.
    early
        Whether to tell of every prediction when it is awaited and when it gets its first label,
        mature or not: `LabelsAwaited`, `RowsLabelled`.
    outcomes
        Business outcomes that are joined to predictions: name to horizon in nanoseconds.
    """

    horizon_ns: int
    revise_ns: int
    never: str
    classes: int
    early: bool = False
    outcomes: Mapping[str, int] = field(default_factory=dict)
