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
    `restarted`: the plan was changed while it ran, and its evidence began anew; `paused`: the
    journal knows that it would go on, were the loop not paused.
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
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A candidate that the gates accepted and that is not rolled out yet.

    `proposal` is what it waits for approval under, "" before that is asked; `held`: the journal
    knows that it waits for the end of a pause.
    """

    version: str
    proposal: str = ""
    held: bool = False


@dataclass(slots=True)
class ReleaseState:
    """The routes, the rollout under way, and the watch over the last promotion until a time.

    `priors` holds what the gates' recent set said of the candidates that are still in play, by
    version and metric; `requests` and `labelled` how many rows come; every prediction up to
    `matured_to_ns` has matured, -1: none.

    `previous` is who was champion before the last promotion, where `undo` leads; None once that was
    taken back. `accepted` are the versions that the gates let through, newest last. `autonomy` is
    one of `AUTONOMY`, `paused` names who paused the loop ("": nobody).
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
    previous: str | None = None
    waiting: Waiting | None = None
    accepted: list[str] = field(default_factory=list)
    autonomy: str = "auto"
    paused: str = ""
    config_: ReleaseConfig | None = None
