"""Release: accepted candidates in, routes out.

In: `CandidateEvaluated`, `CandidateAccepted`, `LossesObserved`, `ServingFault`. Out:
`RolloutAdvanced`, `Promoted`, `RolloutEnded`, `RolledBack`, `RoutesChanged`. State kept: the
routes, the rollout under way with its evidence, and the watch over the last promotion.

Nothing else writes routes. `plans` says in which steps a version gets traffic, `rollout` takes it
through them, `proof` holds the evidence that decides: promote, abort, or keep the champion;
`look_back` goes back to the previous champion when that was better.
"""

from ostinato.release.config import ReleaseConfig
from ostinato.release.plans import BlueGreen, Canary, Immediate, Shadow
from ostinato.release.stage import STAGE

__all__ = ["STAGE", "BlueGreen", "Canary", "Immediate", "ReleaseConfig", "Shadow"]
