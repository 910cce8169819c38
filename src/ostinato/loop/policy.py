"""`Policy`: when to learn, from what, how to prove and how to release it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ostinato.core.canonical import digest, plain
from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns, format_duration
from ostinato.decide.compose import alone, check_triggers
from ostinato.decide.every import Every
from ostinato.decide.trigger import Trigger
from ostinato.gate.calibration import Calibration
from ostinato.gate.minimum_delta import MinimumDelta
from ostinato.gate.no_regression import NoRegression
from ostinato.gate.no_worse_slice import NoWorseSlice
from ostinato.gate.verdict import Gate
from ostinato.learn.schedules import Schedule
from ostinato.learn.windows import Expanding, Window
from ostinato.release.plans import Canary, Rollout


def default_gates() -> tuple[Gate, ...]:
    """Return the gates a candidate meets unless the policy says otherwise."""
    return (MinimumDelta(), NoWorseSlice(), Calibration(), NoRegression())


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
        Length of the recent holdout that candidates are proved on; shorter where the champion
        learned later rows.
    warm_start
        Whether a candidate continues from the champion, where the estimator can.
    explore
        Share of the champion's units, in [0, 0.5], that chance marks for exploration: their
        label is sought whatever the answer was (role ``explore``). Needed where labels are
        selective; each answer is logged with its probability either way.
    train_timeout
        Seconds after which a training counts as hung; ``None``: no limit.
    schedules
        Settings of the learner that follow from the updates its line has behind it, by parameter
        (``"learning_rate"``, or ``"step__alpha"`` inside a pipeline): each a `Schedule`. Only with
        `warm_start`, and from the second training on.

    Raises
    ------
    ConfigError
        If a value is out of range, or two of them contradict each other.

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
    explore: float = 0.0
    train_timeout: float | None = None
    schedules: Mapping[str, Schedule] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("triggers", "gates"):
            object.__setattr__(self, name, _as_tuple(getattr(self, name), name))
        check_triggers(tuple(self.triggers), where="Policy(triggers=...)")
        self._check_kinds()
        for name in ("cooldown", "per", "holdout"):
            duration_ns(getattr(self, name), name=f"Policy({name}=...)")
        if self.max_retrains < 1:
            raise ConfigError(
                "Policy(max_retrains=...) is not positive",
                found=self.max_retrains,
                expected="at least 1",
                hint="Use policies.static() for a model that is never retrained.",
            )
        if not 0 <= self.explore <= 0.5:
            raise ConfigError(
                "Policy(explore=...) is out of range", found=self.explore, expected="[0, 0.5]"
            )
        if self.train_timeout is not None and not self.train_timeout > 0:
            raise ConfigError(
                "Policy(train_timeout=...) is not positive",
                found=self.train_timeout,
                expected="seconds, or None for no limit",
            )
        self._check_cooldown()
        self._check_schedules()
        self._check_written()

    def _check_written(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            try:
                plain(value)
            except TypeError as error:
                raise ConfigError(
                    f"Policy({each.name}=...) cannot be written down",
                    found=str(error),
                    expected="values that read the same in every process",
                    hint="Make it a frozen dataclass, or give it a __repr__ of what it is made of.",
                ) from error

    def _check_kinds(self) -> None:
        wrong = [gate for gate in self.gates if not callable(getattr(gate, "judge", None))]
        wrong += [gate for gate in self.gates if isinstance(gate, type)]
        for name, value, fits, expected in (
            ("gates", wrong, not wrong, "MinimumDelta(), NoWorseSlice(), ..."),
            (
                "window",
                self.window,
                isinstance(self.window, Window),
                'Last("60d"), Expanding(), ...',
            ),
            ("rollout", self.rollout, isinstance(self.rollout, Rollout), "Canary(), Shadow(), ..."),
        ):
            if not fits:
                raise ConfigError(
                    f"Policy({name}=...) is something else", found=repr(value), expected=expected
                )
        names = [gate.name for gate in self.gates]
        if len(set(names)) < len(names):
            raise ConfigError(
                "Policy(gates=...) holds the same gate twice",
                found=", ".join(names),
                expected="each gate once",
            )

    def _check_schedules(self) -> None:
        given = self.schedules
        fits = isinstance(given, Mapping) and all(
            isinstance(name, str) and isinstance(each, Schedule) for name, each in given.items()
        )
        if not fits:
            raise ConfigError(
                "Policy(schedules=...) is something else",
                found=repr(given),
                expected='for example {"learning_rate": Schedule(falls_over=10)}',
            )
        object.__setattr__(self, "schedules", {name: given[name] for name in sorted(given)})
        if given and not self.warm_start:
            raise ConfigError(
                "Policy(schedules=...) contradicts Policy(warm_start=False)",
                found=f"schedules of {', '.join(self.schedules)}, and models that learn from "
                "scratch each time: they have no updates behind them",
                expected="schedules together with warm_start=True",
                hint="Give the learner itself the setting it is to have, or take warm_start=True.",
            )

    def _check_cooldown(self) -> None:
        cooldown = duration_ns(self.cooldown)
        for trigger in alone(tuple(self.triggers)):
            if isinstance(trigger, Every) and trigger.period_ns < cooldown:
                raise ConfigError(
                    f"Policy(cooldown=...) contradicts its trigger Every({trigger.when!r})",
                    found=f"cooldown={self.cooldown!r}, every {format_duration(trigger.period_ns)}",
                    expected="a cool-down no longer than the period",
                    hint=f"Set cooldown to at most {format_duration(trigger.period_ns)}.",
                )

    @property
    def digest(self) -> str:
        """SHA-256 of everything the policy says."""
        return digest(self)


def _as_tuple(value: Any, name: str) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ConfigError(
            f"Policy({name}=...) is not a list", found=repr(value), expected=f"a list of {name}"
        )
    return tuple(value)
