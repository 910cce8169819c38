"""What learning remembers."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.learn.config import LearnConfig
from ostinato.learn.hard import HardCases
from ostinato.learn.line import Anchor, Line


@dataclass(slots=True)
class LearnState:
    """How far labels have matured, who is champion, how many trainings were asked for.

    `matured_to_ns` is None as long as nothing has matured. `hard` holds the known-hard cases,
    `line` what is behind each version that can still serve, `anchor` the older version that
    candidates are compared with too.
    """

    matured_to_ns: int | None = None
    champion: str | None = None
    requests: int = 0
    hard: HardCases = field(default_factory=HardCases)
    line: Line = field(default_factory=Line)
    anchor: Anchor = field(default_factory=Anchor)
    config_: LearnConfig | None = None
