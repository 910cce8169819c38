"""An accepted candidate that waits, and what happens when it is overtaken."""

from __future__ import annotations

from ostinato.core.records import ProposalLapsed, Record, RolloutEnded
from ostinato.release.state import ReleaseState


def lapse(state: ReleaseState, now_ns: int, reason: str, *, outcome: str = "kept") -> list[Record]:
    """Let the candidate that waits go, if one does: it is not rolled out any more."""
    waiting, state.waiting = state.waiting, None
    if waiting is None:
        return []
    state.priors.pop(waiting.version, None)
    ended = RolloutEnded(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=waiting.version,
        outcome=outcome,
        reason=f"It was not rolled out: {reason}",
    )
    return [ended, *withdraw(waiting.version, waiting.proposal, now_ns, reason)]


def withdraw(version: str, proposal: str, now_ns: int, reason: str) -> list[Record]:
    """Take back the question whether a version may be released, if it was asked."""
    if not proposal:
        return []
    lapsed = ProposalLapsed(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=version,
        reason=reason,
        action="release",
        proposal=proposal,
    )
    return [lapsed]
