"""Decide: evidence in, requests to learn out.

In: `WindowMeasured`, `ReferenceRenewed`, `DiagnosisMade`, `FeaturesCompared`, `LossesObserved`,
`LabelsAwaited`, `OutcomesRevealed`, `CandidateEvaluated`, what became of earlier requests,
`OperatorActed`, `AutonomySet`. Out: `AlarmRaised`, `AlarmResolved`, `AlarmAcknowledged`,
`AlarmsSilenced`, `StreamsRestarted`, `ExaminationRequested`, `ParityBroken`, `ParityRestored`,
`TriggerChanged`, `EvidenceRegistered`, `LearningRequested`, `ActionProposed`, `ProposalLapsed`,
`ActRefused`. State kept: one state per trigger, the champion's reference losses, the alarms and
the evidence for them, the last diagnosis, the evidence on features as served, the lock, the
cool-down, the retrain budget, how far the loop may act by itself, and the question that is open.

A trigger says when to look again at the model: `Every`, `NewLabels`, `Degradation`, `ExcessLoss`;
on alarms of monitors `Drift`, `SliceDegradation`, `EstimatedDegradation`, and `DataQuality`, which
holds learning back; and combinations by `any_of`, `all_of`. `bind` fits them to their loop.
Decisions not to act are recorded too, once per change of mind. `alarms` keeps the false-alarm
budget, `examining` asks for causes, `asking` turns a wish into a request or a question, `by_hand`
obeys people, `parity` judges whether features are served as they are computed.
"""

from ostinato.decide.compose import AllOf, AnyOf, all_of, any_of
from ostinato.decide.config import DecideConfig
from ostinato.decide.data_quality import DataQuality
from ostinato.decide.degradation import Degradation
from ostinato.decide.drift import Drift
from ostinato.decide.estimated_degradation import EstimatedDegradation
from ostinato.decide.every import Every
from ostinato.decide.excess_loss import ExcessLoss
from ostinato.decide.new_labels import NewLabels
from ostinato.decide.slice_degradation import SliceDegradation
from ostinato.decide.stage import STAGE

__all__ = [
    "STAGE",
    "AllOf",
    "AnyOf",
    "DataQuality",
    "DecideConfig",
    "Degradation",
    "Drift",
    "EstimatedDegradation",
    "Every",
    "ExcessLoss",
    "NewLabels",
    "SliceDegradation",
    "all_of",
    "any_of",
]
