"""The guardrails of one pair at work: any crossing is reason enough to stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats, LatencyObserved, LossesObserved, PredictionsMade
from ostinato.core.units import duration_ns
from ostinato.release.config import ReleaseConfig
from ostinato.release.guardrails import Guardrail, LatencyGuard, ServingErrors
from ostinato.release.latency import LatencyWatch
from ostinato.release.prior import Prior
from ostinato.release.proof import Proof
from ostinato.stats.conditional import ConditionalBinomial

_EACH_HALF: Final = 0.5  # both score every request: a lone failure is either's with equal chance


@dataclass(slots=True)
class Guards:
    """Evidence against `challenger`: proofs of further metrics, lone failures, latencies.

    `registered` says whether the journal knows the parameters of `serving`.
    """

    champion: str
    challenger: str
    metrics: dict[str, Proof]
    serving: ConditionalBinomial
    latencies: dict[str, LatencyWatch] = field(default_factory=dict)
    registered: bool = False

    @classmethod
    def begin(
        cls,
        config: ReleaseConfig,
        *,
        champion: str,
        challenger: str,
        since_ns: int,
        priors: Mapping[str, Prior],
        side_by_side: bool,
    ) -> Guards:
        """Start with no evidence.

        `priors` by metric set the scale of the proofs; `side_by_side` says whether both versions
        answer, from replicas started since: else there are no latencies to compare, and no losses
        without pairs.
        """
        rollout = config.rollout
        share = rollout.guard_budgets()
        found = cls(
            champion=champion,
            challenger=challenger,
            metrics={},
            serving=ConditionalBinomial.begin(),
        )
        for guard in rollout.guardrails:
            match guard:
                case ServingErrors():
                    found.serving = ConditionalBinomial.begin(
                        risk=guard.risk, beta=share[guard.name]
                    )
                case LatencyGuard() if side_by_side:
                    found.latencies[guard.name] = LatencyWatch.begin(
                        quantile=guard.quantile,
                        margin=guard.margin,
                        beta=share[guard.name],
                        since_ns=since_ns,
                        warm_requests=guard.warm_requests,
                        warm_ns=duration_ns(guard.warm_up),
                        steps=len(rollout.stages()),
                    )
                case Guardrail() if side_by_side or config.paired:
                    proof = Proof(
                        champion=champion,
                        challenger=challenger,
                        since_ns=since_ns,
                        paired=config.paired,
                        prior=priors.get(guard.metric),
                        lenient=True,
                        explored=config.explored,
                        metric=guard.metric,
                    )
                    proof.begin(rollout.guard_terms(guard.name))
                    found.metrics[guard.name] = proof
        return found

    def observe(self, observed: LossesObserved, config: ReleaseConfig) -> None:
        """Count the further losses of matured rows."""
        for name, proof in self.metrics.items():
            proof.take(observed, config.rollout.guard_terms(name))

    def serve(self, made: PredictionsMade) -> None:
        """Count the requests that exactly one of the two failed to score."""
        ours, theirs = made.scores.get(self.challenger), made.scores.get(self.champion)
        if ours is None or theirs is None:
            return
        failed, healthy = unanswered(ours), ~unanswered(theirs)
        alone = np.count_nonzero(failed & healthy), np.count_nonzero(~failed & ~healthy)
        if any(alone):
            self.serving.update(*alone, _EACH_HALF)

    def enter(self, now_ns: int) -> None:
        """Begin a step of the rollout, in which the shares are other ones."""
        for watch in self.latencies.values():
            watch.enter(now_ns)

    def time(self, observed: LatencyObserved) -> None:
        """Count the latencies that a replica measured."""
        for watch in self.latencies.values():
            watch.observe(observed, self.champion, self.challenger)

    def crossed(self, config: ReleaseConfig) -> tuple[str, dict[str, Any]]:
        """Return what the challenger does and the evidence of the first guardrail that broke.

        The text stands between "The challenger" and "the champion."; "" where none broke.
        """
        if self.serving.crossed:
            return "fails to score more often than", {
                "guardrail": "serving errors",
                "failures": self.serving.canary,
                "failures_champion": self.serving.n - self.serving.canary,
                "risk": self.serving.risk,
                "log_e_abort": self.serving.log_e,
            }
        for name, proof in self.metrics.items():
            terms = config.rollout.guard_terms(name)
            if proof.harmful(terms):
                broken = f"has a {name} worse by more than {terms.margin:.1%} than that of"
                return broken, {"guardrail": name, **proof.evidence(terms)}
        for name, watch in self.latencies.items():
            if watch.test.crossed:
                broken = f"has a {name} longer by more than {watch.test.margin:.0%} than that of"
                return broken, {"guardrail": name, **watch.evidence()}
        return "", {}

    def registrations(self, config: ReleaseConfig) -> list[tuple[str, dict[str, Any]]]:
        """Return (what for, parameters) of each process that the journal does not know yet."""
        found: list[tuple[str, dict[str, Any]]] = []
        if not self.registered:
            self.registered = True
            found.append(("guardrail: serving errors", self.serving.registered()))
        for name, proof in self.metrics.items():
            made = proof.registrations(config.rollout.guard_terms(name))
            found += [(f"guardrail: {name}", parameters) for _, parameters in made]
        for name, watch in self.latencies.items():
            if not watch.registered:
                watch.registered = True
                found.append((f"guardrail: {name}", watch.test.registered()))
        return found


def unanswered(scores: Floats) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Say which rows a version failed to score, (n,)."""
    return np.isnan(scores if scores.ndim == 1 else scores[:, 0])
