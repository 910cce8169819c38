"""What serving remembers."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.core.records import Routes
from ostinato.serve.config import ServeConfig


@dataclass(slots=True)
class ServeState:
    """The routes in force and the versions that last failed to score (name: rows lost so far).

    `classes` is how many numbers a score has, as last seen; 0 for one number. A version that fails
    altogether answers NaN in that shape.
    """

    routes: Routes = field(default_factory=Routes)
    faulty: dict[str, int] = field(default_factory=dict)
    classes: int = 0
    config_: ServeConfig | None = None
