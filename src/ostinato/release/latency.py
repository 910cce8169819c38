"""Whether the challenger answers slower than a champion of the same age."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats, LatencyObserved
from ostinato.stats.quantiles import QuantileComparison

_TIGHTEST: Final = 20.0
"""The bounds are tightest when so many requests lie beyond the quantile: 2,000 for p99."""


@dataclass(slots=True)
class LatencyWatch:
    """Requests of warm replicas, compared by a quantile.

    A replica that started before the rollout is no match for the challenger's: its caches are full
    and its code is compiled. So only replicas that started since count, of both versions, and of
    each only what comes after its warm-up: the first `warm_requests` requests and the first
    `warm_ns`, whichever takes longer. While no champion of that age reports, there is no verdict.

    Each step of the rollout is a test of its own, of requests since it was entered: latencies
    follow the hours of the day, and arms whose shares changed meanwhile hold other hours each.

    Parameters
    ----------
    test
        The evidence.
    since_ns
        Start of the rollout; older replicas do not count.
    step_ns
        Start of the step; older requests do not count, except for the warm-up.
    warm_requests, warm_ns
        Length of the warm-up.
    replicas
        Requests seen per replica, by version and start.

    Source: a fresh baseline as in Kayenta (Netflix and Google 2018); the test:
    `ostinato.stats.quantiles`.
    """

    test: QuantileComparison
    since_ns: int
    step_ns: int
    warm_requests: int
    warm_ns: int
    replicas: dict[str, int] = field(default_factory=dict)
    registered: bool = False

    @classmethod
    def begin(
        cls,
        *,
        quantile: float,
        margin: float,
        beta: float,
        since_ns: int,
        warm_requests: int,
        warm_ns: int,
        steps: int,
    ) -> LatencyWatch:
        """Start with no request seen; all steps share `beta` (union bound)."""
        tightest = round(_TIGHTEST / (1.0 - quantile))
        return cls(
            test=QuantileComparison.begin(
                level=quantile, margin=margin, beta=beta / steps, tightest_at=tightest
            ),
            since_ns=since_ns,
            step_ns=since_ns,
            warm_requests=warm_requests,
            warm_ns=warm_ns,
        )

    def enter(self, now_ns: int) -> None:
        """Begin the test of the next step; replicas that are warm stay so."""
        self.step_ns = now_ns
        if not self.test.n:
            return
        self.registered = False
        self.test = QuantileComparison.begin(
            level=self.test.level,
            margin=self.test.margin,
            beta=self.test.beta,
            tightest_at=self.test.tightest_at,
        )

    def observe(self, observed: LatencyObserved, champion: str, challenger: str) -> None:
        """Count what a fresh replica measured after its warm-up."""
        fresh = observed.replica_since_ns >= self.since_ns
        if not fresh or observed.version not in (champion, challenger) or not len(observed):
            return
        warm, nothing = self._warm(observed), np.empty(0)
        if observed.version == champion:
            self.test.update(warm, nothing)
        else:
            self.test.update(nothing, warm)

    def evidence(self) -> dict[str, Any]:
        """Write down the bounds of both quantiles, milliseconds; None where there is none."""
        (_, high), (low, _) = self.test.bounds()
        return {
            "quantile": self.test.level,
            "margin": self.test.margin,
            "requests": self.test.candidate.n,
            "requests_champion": self.test.incumbent.n,
            "latency_ms_at_least": low,
            "latency_ms_champion_at_most": high if np.isfinite(high) else None,
        }

    def _warm(self, observed: LatencyObserved) -> Floats:
        replica = f"{observed.version} since {observed.replica_since_ns}"
        before = self.replicas.get(replica, 0)
        self.replicas[replica] = before + len(observed)
        number = before + np.arange(len(observed))
        late = observed.times_ns >= max(observed.replica_since_ns + self.warm_ns, self.step_ns)
        found: Floats = observed.latencies_ms[late & (number >= self.warm_requests)]
        return found
