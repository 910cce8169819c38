"""In which steps an accepted candidate gets traffic."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns, format_duration
from ostinato.release.guardrails import Guard, Guardrail, budgets, check_guardrails
from ostinato.release.terms import NULLS, Terms


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
        is no worse, however often it is looked at; `null` and `abort_null` say what worse means.
        The guardrails share a second `beta`.
    null, abort_null, back_null
        What is tested before promoting, aborting and rolling back. ``"always"``: worse
        at every row; quickest, and wrong where the effect changes sign. ``"average"``: worse on
        average over the rows so far, whatever the effect does meanwhile; says nothing of days to
        come that differ from those seen. ``"daily"``: worse on average over days, each day one
        observation; holds where the days differ from each other, and takes weeks to prove what the
        others prove in days. Harm that no ordinary day explains is seen within hours; by
        ``"daily"`` also when it begins later, while the others must first use up what good rows
        before it have gained. Where the days are not known (validation rows of fewer than three,
        or selective labels) harm is asked about on average. Where the label depends on the answer
        each arm has one sequence of its average instead, at the smaller of the two error rates.
        Days need time: within the default watch harm of five to eight margins and more is rolled
        back, less only by a longer one. With ``back_null="average"`` a week is enough for three to
        five margins, but a version whose days swing by several margins is rolled back for a bad
        week: 6 of 10 equal ones at 24,000 rows a day and day effects of six margins.
    min_samples
        Labelled rows before any verdict.
    cap
        How long a rollout may take; after it the champion stays.
    watch
        How long the previous champion keeps scoring after a promotion, to roll back to; the watch
        ends when the labels of that time are in. Where labels depend on the answer only serving
        errors are watched. ``None`` turns automatic rollback off.
    holdback
        Share of the units that stays on the previous champion until the next promotion, in
        [0, 0.5]; where the policy had none at the last promotion, from the next one on. It is
        drawn independently of any canary's units and comes before them: of the units held back a
        canary gets none.
    guardrails
        What else must not get worse (`Guardrail`, `LatencyGuard`, `ServingErrors`); any aborts.
        `ServingErrors` is always among them.
    """

    margin: float = 0.01
    alpha: float = 0.05
    beta: float = 0.05
    null: str = "average"
    abort_null: str = "daily"
    back_null: str = "daily"
    min_samples: int = 500
    cap: str = "28d"
    watch: str | None = "14d"
    holdback: float = 0.0
    guardrails: Sequence[Guard] = ()

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
        for name in ("null", "abort_null", "back_null"):
            if getattr(self, name) not in NULLS:
                raise ConfigError(
                    f"{what}({name}=...) is unknown",
                    found=repr(getattr(self, name)),
                    expected=", ".join(NULLS),
                )
        guards = check_guardrails(self.guardrails, self.beta, where=f"{what}(guardrails=...)")
        object.__setattr__(self, "guardrails", guards)
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

    @property
    def terms(self) -> Terms:
        """The terms of the proof of a rollout; where nothing must be proved it can still abort."""
        stages = self.stages()
        return Terms(
            margin=self.margin,
            alpha=self.alpha,
            beta=self.beta,
            min_samples=self.min_samples,
            share=stages[-1][0] if stages else 0.0,
            null=self.null if self.proves else "",
            abort_null=self.abort_null,
        )

    @property
    def back_terms(self) -> Terms:
        """The terms of the proof that decides on the way back: only harm is asked for.

        Without pairs there is nothing to compare: the previous champion answers nobody.
        """
        return replace(self.terms, null="", abort_null=self.back_null, share=0.0)

    def guard_terms(self, name: str, *, back: bool = False) -> Terms:
        """The terms of a metric's guardrail, in a rollout or on the way back."""
        guard = next(each for each in self.guardrails if each.name == name)
        assert isinstance(guard, Guardrail), "only a metric's guardrail is a proof"
        beta = self.guard_budgets()[name]
        terms = self.back_terms if back else self.terms
        return replace(terms, null="", margin=guard.margin, beta=beta)

    @property
    def guard_metrics(self) -> tuple[str, ...]:
        """Names of the further metrics that guardrails look at."""
        return tuple(each.metric for each in self.guardrails if isinstance(each, Guardrail))

    def guard_budgets(self) -> dict[str, float]:
        """Error rate of each guardrail by name."""
        return budgets(self.guardrails, self.beta)

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
    harm_budget
        Most harm that a step after the first may do, as loss times rows: it is entered once the
        rows it is expected to answer until the cap, times the harm per row that cannot be ruled
        out (the 95 % bound, at the traffic of late), are within. ``None``: no limit.
    """

    steps: Sequence[float] = (0.01, 0.05, 1.0)
    over: str = "24h"
    harm_budget: float | None = None

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
        if self.harm_budget is not None and not self.harm_budget > 0:
            raise ConfigError(
                "Canary(harm_budget=...) is not positive",
                found=self.harm_budget,
                expected="loss times rows, or None for no limit",
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
