"""False alarms, over many seeds: what no single seed can show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from ostinato.core.records import LossesObserved, Promoted, RolledBack, TriggerChanged
from ostinato.sim.observe import Evidence
from ostinato.sim.policies import E_ARL
from ostinato.sim.verdict import Finding

NAME: Final = "alarms within budget"

CHART: Final = "degradation (e,"
"""How the names of the triggers begin that are held to their promise."""

_ALARMS: Final = ("act", "held")
_BAD_BASELINES: Final = 0.03
"""Share of champions whose baseline, estimated from few rows, lies below their true loss: the
upper bound of two standard errors that baselines use is passed by 2.3 %. Such a chart alarms
rightly by its own numbers."""

_SIGMAS: Final = 5.0
"""How far the count may be above its expectation. Smaller: sound batches fail by chance."""


def count_alarms(evidence: Evidence) -> Counter[str]:
    """Count, in a world that stands still, what the lone e-detectors saw and said.

    Returns
    -------
    Counter
        ``still events`` (losses of the champion), ``still champions``, ``still alarms``; empty
        where the world moves.
    """
    found = Counter[str]()
    if not evidence.still:
        return found
    said: dict[str, str] = {}
    champion: str | None = None
    watched: set[str] = set()
    for step in evidence.steps:
        for record in step.made:
            if isinstance(record, TriggerChanged) and record.subject.startswith(CHART):
                watched.add(record.subject)
                alarmed = record.stance in _ALARMS and said.get(record.subject) not in _ALARMS
                found["still alarms"] += alarmed
                said[record.subject] = record.stance
            elif isinstance(record, LossesObserved) and champion in record.losses:
                found["still events"] += len(record)
            elif isinstance(record, Promoted | RolledBack):
                promoted = isinstance(record, Promoted)
                champion = record.subject if promoted else record.previous
                found["still champions"] += 1
    return found if watched else Counter()


def check_alarms(counts: Mapping[str, Any]) -> list[Finding]:
    """Hold the alarms of many seeds to what the charts promise: one in so many events."""
    expected = counts.get("still events", 0) / E_ARL
    expected += _BAD_BASELINES * counts.get("still champions", 0)
    alarms = counts.get("still alarms", 0)
    if alarms <= expected + _SIGMAS * max(expected, 1.0) ** 0.5:
        return []
    text = (
        f"{alarms} false alarms in {counts.get('still events', 0)} events, {expected:.1f} allowed"
    )
    return [Finding(checker=NAME, tick=-1, text=text)]
