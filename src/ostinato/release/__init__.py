"""Release: accepted candidates in, routes out.

In: `CandidateAccepted`, `LossesObserved`. Out: `RolloutAdvanced`, `Promoted`, `RolloutEnded`,
`RolledBack`, `RoutesChanged`. State kept: the routes, the rollout under way with its evidence,
and the watch over the last promotion.

Nothing else writes routes. `plans` says in which steps a version gets traffic, `proof` holds the
evidence that decides: promote, abort, or keep the champion.
"""

from ostinato.release.config import ReleaseConfig
from ostinato.release.plans import BlueGreen, Canary, Immediate, Shadow
from ostinato.release.stage import STAGE

__all__ = ["STAGE", "BlueGreen", "Canary", "Immediate", "ReleaseConfig", "Shadow"]
