"""What learning remembers."""

from __future__ import annotations

from dataclasses import dataclass

from ostinato.learn.config import LearnConfig


@dataclass(slots=True)
class LearnState:
    """How far labels have matured, who is champion, and how many trainings were asked for."""

    matured_to_ns: int = -1
    champion: str | None = None
    requests: int = 0
    config_: LearnConfig | None = None
