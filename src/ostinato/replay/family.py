"""The policies that are tried where nobody names any: never more than the history has room for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from ostinato.core.errors import ConfigError
from ostinato.core.units import duration_ns
from ostinato.decide.new_labels import NewLabels
from ostinato.learn.windows import Last, SinceChange
from ostinato.loop.check import check_fit
from ostinato.loop.loop import Loop
from ostinato.loop.policies import scheduled, static, triggered
from ostinato.loop.policy import Policy
from ostinato.replay.history import NEVER, History

_TIMES_IN_PAST: Final = 3
"""A schedule must come round so often before the choice; one that comes round once shows nothing
but that one training."""

_FEWEST_LABELS: Final = 200


def family(loop: Loop, history: History, *, until_ns: int) -> dict[str, Policy]:
    """Return the policies to choose from, by name; the static one first.

    Parameters
    ----------
    loop
        Its own policy is one of them.
    history
        Rows before the start say how many labels make a round number of new ones.
    until_ns
        Until when they will be judged; no row after it counts.
    """
    span = until_ns - history.start_ns
    found: dict[str, Policy] = {"static": static()}
    for period in ("7d", "14d", "30d"):
        if _fits(period, span):
            found[f"every {period}"] = scheduled(period)
    if _fits("14d", span):
        found["every 14d, last 30d"] = scheduled("14d", window=Last("30d"))
    labels = _labels_before_start(history)
    later = int(np.searchsorted(history.times_ns, until_ns, side="right")) - history.first
    if labels >= _FEWEST_LABELS and later >= _TIMES_IN_PAST * labels:
        found[f"every {labels:,} labels"] = Policy(triggers=(NewLabels(labels),))
    for tolerance in (0.02, 0.05, 0.1):
        found[f"triggered {tolerance:.0%}"] = triggered(tolerance)
    found["triggered 5%, since change"] = triggered(0.05, window=SinceChange())
    found["triggered 5%, last 30d"] = triggered(0.05, window=Last("30d"))
    if loop.policy.digest not in {policy.digest for policy in found.values()}:
        found["the loop's own"] = loop.policy
    return {name: policy for name, policy in found.items() if _possible(loop, policy)}


def with_static(policies: Mapping[str, Policy]) -> dict[str, Policy]:
    """Put a static policy before the others when there is none."""
    if any(not policy.triggers for policy in policies.values()):
        return dict(policies)
    name = "static" if "static" not in policies else "static (never learns)"
    return {name: static(), **policies}


def _fits(period: str, span_ns: int) -> bool:
    return _TIMES_IN_PAST * duration_ns(period) <= span_ns


def _labels_before_start(history: History) -> int:
    known = history.label_times_ns[: history.first] != NEVER
    return int(np.count_nonzero(known & ~np.isnan(history.labels[: history.first])))


def _possible(loop: Loop, policy: Policy) -> bool:
    try:
        check_fit(loop.label, policy)
        replace(loop, policy=policy)
    except ConfigError:
        return False
    return True
