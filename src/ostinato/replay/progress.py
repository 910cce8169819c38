"""What a long run says about itself while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run is.

    Parameters
    ----------
    policy, policy_index, policies
        Which policy is being replayed, its place (from 0) and how many there are.
    events, events_total
        Requests done and to do under this policy.
    now_ns
        The simulated date.
    decisions
        Entries in the journal so far.
    """

    policy: str
    policy_index: int
    policies: int
    events: int
    events_total: int
    now_ns: int
    decisions: int


Report = Callable[[Progress], None]
