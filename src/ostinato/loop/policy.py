"""`Policy`: when to learn, from what, how to prove and how to release it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ostinato.core.canonical import digest
from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns
from ostinato.decide.trigger import Trigger
from ostinato.gate.calibration import Calibration
from ostinato.gate.minimum_delta import MinimumDelta
from ostinato.gate.no_worse_slice import NoWorseSlice
from ostinato.gate.verdict import Gate
from ostinato.learn.windows import Expanding, Window
from ostinato.release.plans import Canary, Rollout


def default_gates() -> tuple[Gate, ...]:
    """Return the gates a candidate meets unless the policy says otherwise."""
    return (MinimumDelta(), NoWorseSlice(), Calibration())


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy is a contract: what it does not allow, the engine does not do.

    Parameters
    ----------
    triggers
        Each can ask for a new model by itself; none: the first champion stays for ever.
    window
        Which matured rows a candidate learns from.
    gates
        All must pass.
    rollout
        How an accepted candidate gets traffic.
    cooldown
        Least time between two requests to learn.
    max_retrains, per
        The retrain budget: at most so many requests within any such period.
    holdout
        Length of the recent holdout that candidates are proved on.
    warm_start
        Whether a candidate continues from the champion, where the estimator can.
    train_timeout
        Seconds after which a training counts as hung; ``None``: no limit.

    Raises
    ------
    ConfigError
        If values contradict each other.

    Examples
    --------
    >>> Policy().digest == Policy().digest
    True
    """

    triggers: Sequence[Trigger] = ()
    window: Window = field(default_factory=Expanding)
    gates: Sequence[Gate] = field(default_factory=default_gates)
    rollout: Rollout = field(default_factory=Canary)
    cooldown: str = "1d"
    max_retrains: int = 60
    per: str = "30d"
    holdout: str = "7d"
    warm_start: bool = False
    train_timeout: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "triggers", tuple(self.triggers))
        object.__setattr__(self, "gates", tuple(self.gates))
        for name, value in (("cooldown", self.cooldown), ("per", self.per), ("holdout", self.holdout)):
            duration_ns(value, name=f"Policy({name}=...)")
        if self.max_retrains < 1:
            raise ConfigError(
                "Policy(max_retrains=...) contradicts having triggers",
                found=self.max_retrains,
                expected="at least 1",
                hint="Use policies.static() for a model that is never retrained.",
            )
        if self.train_timeout is not None and self.train_timeout <= 0:
            raise ConfigError("Policy(train_timeout=...) is not positive", found=self.train_timeout)
        names = [trigger.name for trigger in self.triggers]
        if len(set(names)) < len(names):
            raise ConfigError("Policy(triggers=...) holds the same trigger twice", found=", ".join(names))
        self._check_cooldown()

    def _check_cooldown(self) -> None:
        cooldown = duration_ns(self.cooldown)
        for trigger in self.triggers:
            period = getattr(trigger, "_period_ns", 0)
            if 0 < period < cooldown:
                raise ConfigError(
                    "Policy(cooldown=...) contradicts its schedule",
                    found=f"cooldown={self.cooldown!r} with {trigger.name}",
                    expected="a cool-down no longer than the period",
                    hint=f"Set cooldown to at most the period of {trigger.name}.",
                )

    @property
    def digest(self) -> str:
        """SHA-256 of everything the policy says."""
        return digest(self)
