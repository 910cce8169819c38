"""Go on under another policy: proofs whose plan is another one begin anew, and say so."""

from __future__ import annotations

from ostinato.core.canonical import plain
from ostinato.core.records import Record
from ostinato.release.config import ReleaseConfig
from ostinato.release.look_back import restart_look_back
from ostinato.release.register import register
from ostinato.release.rollout import restart
from ostinato.release.routing import route
from ostinato.release.state import ReleaseState


def adopt(state: ReleaseState, config: ReleaseConfig, now_ns: int) -> list[Record]:
    """Put another plan in place of the present one.

    With the same plan the rollout under way and the watch over the last promotion go on. Otherwise
    both begin anew with the evidence from now on: what was gathered under other margins or error
    rates is void. The routes follow at once where the policy explores or holds back another share.
    """
    before = state.config_
    assert before is not None, "a policy is changed while the loop runs"
    state.config_ = config
    out: list[Record] = []
    watched = state.look_back is not None
    if plain(before.rollout) != plain(config.rollout):
        restart_look_back(state, config, now_ns)
        out.extend(restart(state, config, now_ns))
    held = state.routes.holdback is not None
    other = before.explore != config.explore or watched != (state.look_back is not None)
    other |= held and before.rollout.holdback != config.rollout.holdback
    if other and not out:  # a restarted rollout has written routes
        out.append(route(state, now_ns, "The policy has other routes."))
    return [*out, *register(state, config, now_ns)]
