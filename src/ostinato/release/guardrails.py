"""What a rollout must not make worse: further metrics, serving errors, latency."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A further metric that the challenger must not make worse by more than a margin.

    Parameters
    ----------
    metric
        Name of the metric (`ostinato.stats.metrics.METRICS`), compared by its loss per row.
    margin
        Relative rise of that loss that is tolerated, in (0, 1).
    beta
        Probability of aborting a challenger that stays within the margin, in (0, 1). Default: an
        equal part of what the other guardrails leave of the rollout's `beta`.
    """

    metric: str
    _: KW_ONLY
    margin: float = 0.02
    beta: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.metric, str) or not self.metric or not 0 < self.margin < 1:
            raise ConfigError(
                "Guardrail(...) holds a value out of range",
                found=f"metric={self.metric!r}, margin={self.margin}",
                expected="the name of a metric, and a margin in (0, 1)",
            )
        _check_beta(self.name, self.beta)

    @property
    def name(self) -> str:
        """What the journal calls it."""
        return self.metric


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingErrors:
    """The challenger must not fail to score much more often than the champion.

    Both are asked to score every request. Only requests that exactly one of them failed count, so
    rows that nobody can score, and outages that hit both, say nothing. A challenger that fails
    altogether is out after about a dozen requests. In every rollout, unless the policy says other
    values.

    Parameters
    ----------
    risk
        Tolerated ratio of the challenger's failures to the champion's, >= 1.
    beta
        Probability of aborting a challenger that stays within the risk, in (0, 1). Default: as for
        `Guardrail`.
    """

    risk: float = 1.1
    beta: float | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.risk < math.inf:
            raise ConfigError(
                "ServingErrors(risk=...) is out of range", found=self.risk, expected=">= 1"
            )
        _check_beta(self.name, self.beta)

    @property
    def name(self) -> str:
        """What the journal calls it."""
        return "serving errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyGuard:
    """The challenger must not answer much slower than a champion of the same age.

    Rests on what the replicas that serve report (`LatencyObserved`); a replay has no such reports,
    and the guardrail then says nothing. Only replicas started since the rollout began count, after
    their warm-up: without a fresh champion beside the challenger there is no verdict.

    Parameters
    ----------
    quantile
        Of the latency of single requests, in (0, 1).
    margin
        Relative rise that is tolerated, > 0.
    warm_requests, warm_up
        A replica's first requests and first time, left out until both are over. Errors are never
        left out (`ServingErrors`).
    beta
        Probability of aborting a challenger that stays within the margin, in (0, 1). Default: as
        for `Guardrail`.
    """

    quantile: float = 0.99
    margin: float = 0.2
    warm_requests: int = 500
    warm_up: str = "60s"
    beta: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1 or not 0 < self.margin < math.inf or self.warm_requests < 0:
            raise ConfigError(
                "LatencyGuard(...) holds a value out of range",
                found=f"quantile={self.quantile}, margin={self.margin}, "
                f"warm_requests={self.warm_requests}",
                expected="a quantile in (0, 1), a margin > 0, warm_requests >= 0",
            )
        duration_ns(self.warm_up, name="LatencyGuard(warm_up=...)")
        _check_beta(self.name, self.beta)

    @property
    def name(self) -> str:
        """What the journal calls it."""
        return f"latency p{100 * self.quantile:g}"


Guard = Guardrail | LatencyGuard | ServingErrors


def check_guardrails(given: object, total: float, *, where: str) -> tuple[Guard, ...]:
    """Return the guardrails of a rollout, serving errors among them, or say what is wrong.

    Raises
    ------
    ConfigError
        If one is something else, stands twice, or their error rates are more than `total`.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ConfigError(f"{where} is not a list", found=repr(given), expected="a list")
    given = tuple(given)
    wrong = [each for each in given if not isinstance(each, Guard)]
    if wrong:
        raise ConfigError(
            f"{where} holds something else",
            found=repr(wrong[0]),
            expected='Guardrail("error_rate"), LatencyGuard(), ServingErrors()',
        )
    names = [each.name for each in given]
    if len(dict.fromkeys(names)) < len(names):
        raise ConfigError(
            f"{where} holds the same one twice", found=", ".join(names), expected="each once"
        )
    missing = () if ServingErrors().name in names else (ServingErrors(),)
    guards = (*missing, *given)
    budgets(guards, total, where=where)
    return guards


def budgets(guards: Sequence[Guard], total: float, *, where: str = "") -> dict[str, float]:
    """Return the error rate of each guardrail by name; those without share what is left equally.

    Any of them aborts, so the error rates add up (union bound): together `total` at most.

    Raises
    ------
    ConfigError
        If what was given leaves nothing for the others.
    """
    given = [each.beta for each in guards if each.beta is not None]
    left, open_ones = total - math.fsum(given), len(guards) - len(given)
    if left < -1e-12 or (open_ones and left <= 1e-12):
        raise ConfigError(
            f"{where} have error rates that are too large together",
            found=f"beta of {math.fsum(given):g} given, {open_ones} without",
            expected=f"a sum below the rollout's beta, {total:g}",
            hint="Lower their beta, or give the rollout a larger one.",
        )
    return {each.name: left / open_ones if each.beta is None else each.beta for each in guards}


def _check_beta(name: str, beta: float | None) -> None:
    if beta is not None and not 0 < beta < 1:
        raise ConfigError(
            f"The guardrail {name!r} has a beta out of range", found=beta, expected="in (0, 1)"
        )
