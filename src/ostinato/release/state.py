"""What releasing remembers."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.core.records import Routes
from ostinato.release.config import ReleaseConfig
from ostinato.release.proof import Prior, Proof


@dataclass(slots=True)
class RolloutState:
    """The rollout under way: which step, since when, and its evidence."""

    challenger: str
    began_ns: int
    step: int
    step_since_ns: int
    proof: Proof


@dataclass(slots=True)
class ReleaseState:
    """The routes, the rollout under way, and the watch over the last promotion until a time.

    `priors` holds what the gates' recent set said of the candidates that are still in play,
    `faulty` the versions that serving said could not score requests in this tick.
    """

    routes: Routes = field(default_factory=Routes)
    rollout: RolloutState | None = None
    look_back: Proof | None = None
    look_back_until_ns: int | None = None
    priors: dict[str, Prior] = field(default_factory=dict)
    faulty: list[str] = field(default_factory=list)
    config_: ReleaseConfig | None = None
