"""What releasing remembers."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.core.records import Routes
from ostinato.release.config import ReleaseConfig
from ostinato.release.guards import Guards
from ostinato.release.prior import Prior
from ostinato.release.proof import Proof
from ostinato.release.ratio import Ratio
from ostinato.release.traffic import Rate


@dataclass(slots=True)
class RolloutState:
    """The rollout under way: which step, since when, its evidence and its guardrails.

    `ratio` counts the units of the step, None in the shadow. `frozen`: the shares were off, nothing
    is decided any more; `waiting`: the journal knows that the next step costs too much;
    `restarted`: the plan was changed while it ran, and its evidence began anew.
    """

    challenger: str
    began_ns: int
    step: int
    step_since_ns: int
    proof: Proof
    guards: Guards
    ratio: Ratio | None = None
    frozen: bool = False
    waiting: bool = False
    restarted: bool = False


@dataclass(slots=True)
class ReleaseState:
    """The routes, the rollout under way, and the watch over the last promotion until a time.

    `priors` holds what the gates' recent set said of the candidates that are still in play, by
    version and metric; `requests` and `labelled` how many rows come; every prediction up to
    `matured_to_ns` has matured, -1: none.
    """

    routes: Routes = field(default_factory=Routes)
    rollout: RolloutState | None = None
    look_back: Proof | None = None
    look_back_guards: Guards | None = None
    look_back_until_ns: int | None = None
    priors: dict[str, dict[str, Prior]] = field(default_factory=dict)
    requests: Rate = field(default_factory=Rate)
    labelled: Rate = field(default_factory=Rate)
    matured_to_ns: int = -1
    config_: ReleaseConfig | None = None
