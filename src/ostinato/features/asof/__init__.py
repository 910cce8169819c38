"""Windowed features over history: for each request what it could have seen, and nothing later.

in: a plan, requests with their times, events of its sources. out: one column per windowed feature.
State kept: none.

`history` is the way in; `groups` sorts events and requests by key, `sweep` runs the compiled passes
(`totals`, `extremes`, `decay`, `ranks`) over parts of the keys at once.
"""

from ostinato.features.asof.history import as_of

__all__ = ["as_of"]
