"""What serving remembers."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.core.records import Routes
from ostinato.serve.config import ServeConfig


@dataclass(slots=True)
class ServeState:
    """The routes in force and the versions that last failed to score (name: rows lost so far)."""

    routes: Routes = field(default_factory=Routes)
    faulty: dict[str, int] = field(default_factory=dict)
    config_: ServeConfig | None = None
