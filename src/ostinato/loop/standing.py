"""Where a loop stands, read off its state: for status pages, exporters and people."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.decide.state import DecideState
from ostinato.join.state import JoinState
from ostinato.loop.kernel import LoopState
from ostinato.release.state import ReleaseState


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a loop stands after a step.

    Parameters
    ----------
    epoch
        Of the routes in force.
    champion, previous
        Who serves, and where `undo` leads; None where there is nobody.
    challenger
        The version whose rollout is under way.
    rollout
        Its step in words; "" without one.
    share
        The challenger's share of the units, 0..1.
    autonomy
        One of `ostinato.core.records.AUTONOMY`.
    paused
        Who paused the loop; "": nobody.
    proposals
        What waits for approval, in words, by the id to approve; at most one.
    waiting
        The accepted candidate that is not rolled out yet.
    busy
        What is under way and keeps triggers from acting; "": nothing.
    coverage
        Share of the matured predictions that have a label, 0..1; None while nothing has matured.
    triggers
        What the journal last said of each trigger: ``""`` (nothing yet), ``"quiet"``, ``"warn"``,
        ``"act"`` or ``"held"``.
    faulty
        Versions that failed to score when last asked, with the rows lost since they do.
    broken
        Features that are not served as they are computed, with the cause.
    """

    epoch: int
    champion: str | None
    previous: str | None
    challenger: str | None
    rollout: str
    share: float
    autonomy: str
    paused: str
    proposals: dict[str, str] = field(default_factory=dict)
    waiting: str | None = None
    busy: str = ""
    coverage: float | None = None
    triggers: dict[str, str] = field(default_factory=dict)
    faulty: dict[str, int] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


def standing(state: LoopState) -> Standing:
    """Read off where a loop stands; changes nothing."""
    decide: DecideState = state.stages["decide"]
    release: ReleaseState = state.stages["release"]
    routes, rollout, waiting = release.routes, release.rollout, release.waiting
    return Standing(
        epoch=routes.epoch,
        champion=routes.champion,
        previous=release.previous,
        challenger=None if rollout is None else rollout.challenger,
        rollout=_rollout(release),
        share=routes.canary_share,
        autonomy=release.autonomy,
        paused=release.paused,
        proposals=_proposals(decide, release),
        waiting=None if waiting is None else waiting.version,
        busy=decide.busy,
        coverage=_coverage(state.stages["join"]),
        triggers=_triggers(decide),
        faulty=dict(state.stages["serve"].faulty),
        broken=_broken(decide),
    )


def _rollout(release: ReleaseState) -> str:
    rollout, config = release.rollout, release.config_
    if rollout is None or config is None:
        return ""
    share, count = release.routes.canary_share, len(config.rollout.stages())
    does = f"answers {100 * share:g}% of the units" if share else "scores in the shadow"
    held = ""
    if rollout.frozen:
        held = "; frozen: its shares are off"
    elif release.paused:
        held = f"; paused by {release.paused}"
    elif rollout.waiting:
        held = "; held: the next step could do too much harm"
    return f"{rollout.challenger} {does}, step {rollout.step + 1} of {count}{held}"


def _proposals(decide: DecideState, release: ReleaseState) -> dict[str, str]:
    """Return what can be approved now. A release that is asked about overtakes a wish to learn."""
    waiting = release.waiting
    if waiting is not None and waiting.proposal:
        return {waiting.proposal: f"Roll out {waiting.version}, which the gates accepted."}
    if decide.wish is not None:
        return {decide.proposal: f"Train a candidate ({decide.wish.subject}): {decide.wish.reason}"}
    return {}


def _coverage(join: JoinState) -> float | None:
    coverage = join.coverage
    return coverage.labelled / coverage.rows if coverage.rows else None


def _broken(decide: DecideState) -> dict[str, str]:
    parity = decide.parity
    return {} if parity is None else {name: c.text for name, c in parity.broken.items()}


def _triggers(decide: DecideState) -> dict[str, str]:
    config = decide.config_
    declared = () if config is None else config.triggers
    return {t.name: stance for t, stance in zip(declared, decide.stances, strict=True)}
