"""In which steps an accepted candidate gets traffic."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns, format_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout(ABC):
    """What all rollouts have in common.

    Parameters
    ----------
    margin
        Relative rise of the loss that still counts as no worse, > 0. Also the harm that is
        promoted with probability at most `alpha`.
    alpha, beta
        Probability of promoting a candidate that is worse by the margin, and of aborting one that
        is no worse, however often it is looked at.
    min_samples
        Labelled rows before any verdict.
    cap
        How long a rollout may take; after it the champion stays.
    watch
        How long the previous champion keeps scoring after a promotion, to roll back to; ``None``
        turns automatic rollback off.
    holdback
        Share of the units that stays on the previous champion until the next promotion, in
        [0, 0.5]. It is drawn independently of any canary's units and comes before them: of the
        units held back a canary gets none.
    """

    margin: float = 0.01
    alpha: float = 0.05
    beta: float = 0.05
    min_samples: int = 500
    cap: str = "28d"
    watch: str | None = "7d"
    holdback: float = 0.0

    def __post_init__(self) -> None:
        inside = 0 < self.alpha < 1 and 0 < self.beta < 1 and 0 <= self.holdback <= 0.5
        if not inside or not 0 < self.margin < 1 or self.min_samples < 1:
            raise ConfigError(
                f"{type(self).__name__}(...) holds a value out of range",
                found=f"margin={self.margin}, alpha={self.alpha}, beta={self.beta}, "
                f"min_samples={self.min_samples}, holdback={self.holdback}",
                expected="margin, alpha and beta in (0, 1), min_samples >= 1, holdback in [0, 0.5]",
            )
        what = type(self).__name__
        cap = duration_ns(self.cap, name=f"{what}(cap=...)")
        if self.watch is not None:
            duration_ns(self.watch, name=f"{what}(watch=...)")
        dwell = sum(nanoseconds for _, nanoseconds in self.stages())
        if dwell > cap:
            raise ConfigError(
                f"{what}(cap=...) is shorter than its steps take",
                found=f"cap={self.cap!r}, steps of {format_duration(dwell)} together",
                expected="a cap of at least that",
                hint="Every rollout would end without a verdict.",
            )

    @property
    def proves(self) -> bool:
        """Whether the candidate must prove itself on live requests before it is promoted."""
        return True

    @abstractmethod
    def stages(self) -> tuple[tuple[float, int], ...]:
        """Return the steps before promotion: (share of the units, nanoseconds to dwell)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Immediate(Rollout):
    """Promote as soon as the gates have passed; the way back stays warm."""

    @property
    def proves(self) -> bool:
        return False

    def stages(self) -> tuple[tuple[float, int], ...]:
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow(Rollout):
    """Score every request without answering any, until proved.

    Parameters
    ----------
    over
        Least time in the shadow.
    """

    over: str = "1d"

    def stages(self) -> tuple[tuple[float, int], ...]:
        return ((0.0, duration_ns(self.over, name="Shadow(over=...)")),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary(Rollout):
    """Answer a growing share of the units.

    Parameters
    ----------
    steps
        Shares, rising, the last one 1.0. The units of a step are among those of the next.
    over
        Least time for all steps before the last together.
    """

    steps: Sequence[float] = (0.01, 0.05, 1.0)
    over: str = "24h"

    def __post_init__(self) -> None:
        steps = tuple(self.steps)
        object.__setattr__(self, "steps", steps)
        rising = all(a < b for a, b in pairwise(steps))
        if len(steps) < 2 or not rising or not steps[0] > 0 or steps[-1] != 1.0:
            raise ConfigError(
                "Canary(steps=...) is not a rising list of shares that ends with 1.0",
                found=repr(list(steps)),
                expected="for example [0.01, 0.05, 1.0]",
            )
        # Called by name: dataclass(slots=True) makes a new class, which super() would not know.
        Rollout.__post_init__(self)

    def stages(self) -> tuple[tuple[float, int], ...]:
        shares = tuple(self.steps)[:-1]
        dwell = duration_ns(self.over, name="Canary(over=...)") // len(shares)
        return tuple((share, dwell) for share in shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreen(Rollout):
    """Warm the candidate in the shadow, then move all units at once; the old one stays loaded.

    Parameters
    ----------
    warm
        Time in the shadow, scoring every request.
    """

    warm: str = "1h"

    @property
    def proves(self) -> bool:
        return False

    def stages(self) -> tuple[tuple[float, int], ...]:
        return ((0.0, duration_ns(self.warm, name="BlueGreen(warm=...)")),)
