"""What serving needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.core.ports import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """Configuration of the serve stage.

    Parameters
    ----------
    loop
        Name of the loop; salts the assignment, so that two loops split units independently.
    scorer
        Where versions are scored.
    fallback
        What the loop answers when no version can score: one number, or one per class; None: NaN.
    """

    loop: str
    scorer: Scorer
    fallback: tuple[float, ...] | None = None
