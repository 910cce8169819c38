"""How old the newest event of each source is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ostinato.features.plan import FeaturePlan
from ostinato.features.sources import Events


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh a source is.

    Parameters
    ----------
    source
        Its name.
    newest_ns
        When its newest event happened; None: there is none.
    age_ns
        How long ago that is; None where there is none.
    stale_after_ns
        From which age on it is stale, as declared; None: never.
    features
        Those that are made of it.
    """

    source: str
    newest_ns: int | None
    age_ns: int | None
    stale_after_ns: int | None
    features: tuple[str, ...]

    @property
    def stale(self) -> bool:
        """Whether it is older than declared, or should have events and has none."""
        if self.stale_after_ns is None:
            return False
        return self.age_ns is None or self.age_ns > self.stale_after_ns


def freshness(
    plan: FeaturePlan, newest_ns: Mapping[str, int | None], now_ns: int
) -> tuple[Freshness, ...]:
    """Say how fresh the sources of a plan are.

    Parameters
    ----------
    plan
        The features.
    newest_ns
        By source when its newest event happened (`OnlineStore.freshness`).
    now_ns
        The time to reckon from; an event is not younger than 0.
    """
    return tuple(_freshness(plan, name, newest_ns.get(name), now_ns) for name in plan.sources)


def _freshness(plan: FeaturePlan, name: str, newest_ns: int | None, now_ns: int) -> Freshness:
    source = plan.sources[name]
    return Freshness(
        source=name,
        newest_ns=newest_ns,
        age_ns=None if newest_ns is None else max(now_ns - newest_ns, 0),
        stale_after_ns=source.stale_after_ns if isinstance(source, Events) else None,
        features=plan.reading(name),
    )
