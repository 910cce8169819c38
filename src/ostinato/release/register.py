"""The journal gets the parameters of every sequential process before it decides anything.

They are fixed before its first row counts. Where rows had to set the scale first (the burn-in), and
more of the same tick follow, the journal gets them at the end of that tick: with rows in the
process, but before anything rests on it.
"""

from __future__ import annotations

from typing import Any, Final

from ostinato.core.records import EvidenceRegistered
from ostinato.release.config import ReleaseConfig
from ostinato.release.state import ReleaseState

_FIXED: Final = "Its parameters are fixed before its first row."
_CHANGED: Final = "Its parameters were changed: it begins anew, and what it had gathered is void."


def register(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> list[EvidenceRegistered]:
    """Return a decision for each process that began since the last call."""
    rollout, back, guards = state.rollout, state.look_back, state.look_back_guards
    out: list[EvidenceRegistered] = []
    if rollout is not None:
        found = rollout.proof.registrations(config.rollout.terms)
        found += rollout.guards.registrations(config)
        if rollout.ratio is not None:
            found += rollout.ratio.registrations()
        out += _decisions(rollout.challenger, found, now_ns, restarted=rollout.restarted)
    if back is not None and guards is not None:
        found = back.registrations(config.rollout.back_terms) + guards.registrations(config)
        found = [(f"after promotion: {use}", parameters) for use, parameters in found]
        out += _decisions(back.challenger, found, now_ns, restarted=back.restarted)
    return out


def _decisions(
    version: str, found: list[tuple[str, dict[str, Any]]], now_ns: int, *, restarted: bool
) -> list[EvidenceRegistered]:
    return [
        EvidenceRegistered(
            ts_event_ns=now_ns,
            ts_record_ns=now_ns,
            subject=version,
            process=use,
            reason=_CHANGED if restarted else _FIXED,
            evidence=parameters,
            restarted=restarted,
        )
        for use, parameters in found
    ]
