"""Release: accepted candidates in, routes out.

In: `CandidateEvaluated`, `CandidateAccepted`, `LossesObserved`, `PredictionsMade`,
`LatencyObserved`, `OperatorActed`, `AutonomySet`. Out: `EvidenceRegistered`, `RolloutAdvanced`,
`RolloutHeld`, `RolloutFrozen`, `Promoted`, `RolloutEnded`, `RolledBack`, `RoutesChanged`,
`ActionProposed`, `ProposalLapsed`, `ActRefused`. State kept: the routes, the rollout under way with
its evidence, the candidate that waits, the watch over the last promotion, the way back, and how
many rows come.

Nothing else writes routes. `plans` says in which steps a version gets traffic, `rollout` takes it
through them, `proof` holds the evidence that decides: promote, abort, or keep the champion;
`guards` what else must not get worse, `ratio` whether the arms are what they should be, `traffic`
what can be hoped for; `look_back` goes back to the previous champion when that was better;
`asking` begins or asks, `by_hand` obeys people.
"""

from ostinato.release.config import ReleaseConfig
from ostinato.release.guardrails import Guardrail, LatencyGuard, ServingErrors
from ostinato.release.plans import BlueGreen, Canary, Immediate, Shadow
from ostinato.release.stage import STAGE

__all__ = [
    "STAGE",
    "BlueGreen",
    "Canary",
    "Guardrail",
    "Immediate",
    "LatencyGuard",
    "ReleaseConfig",
    "ServingErrors",
    "Shadow",
]
