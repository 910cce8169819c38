"""Decide: evidence in, requests to learn out.

In: `LossesObserved`, `LabelsAwaited`, `OutcomesRevealed`, `CandidateEvaluated`, and what became of
earlier requests. Out: `TriggerChanged`, `EvidenceRegistered`, `LearningRequested`. State kept: one
state per trigger, the champion's reference losses, the lock, the cool-down and the retrain budget.

A trigger says when to look again at the model: `Every`, `NewLabels`, `Degradation`, `ExcessLoss`,
and combinations by `any_of`, `all_of`; `bind` fits them to their loop. Decisions not to act are
recorded too, once per change of mind.
"""

from ostinato.decide.compose import AllOf, AnyOf, all_of, any_of
from ostinato.decide.config import DecideConfig
from ostinato.decide.degradation import Degradation
from ostinato.decide.every import Every
from ostinato.decide.excess_loss import ExcessLoss
from ostinato.decide.new_labels import NewLabels
from ostinato.decide.stage import STAGE

__all__ = [
    "STAGE",
    "AllOf",
    "AnyOf",
    "DecideConfig",
    "Degradation",
    "Every",
    "ExcessLoss",
    "NewLabels",
    "all_of",
    "any_of",
]
