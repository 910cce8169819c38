"""Gate: candidates in, verdicts out.

In: `TrainingRequested`, `CandidateTrained`, `CandidateEvaluated`. Out: `GateJudged` per gate, then
`CandidateAccepted` or `CandidateRejected`. State kept: the champion's name, and with which champion
the candidates under way are compared.

One gate per file; a verdict is pass, fail or inconclusive, with the interval it rests on and the
smallest effect it could have seen.
"""

from ostinato.gate.calibration import Calibration
from ostinato.gate.config import GateConfig
from ostinato.gate.minimum_delta import MinimumDelta
from ostinato.gate.no_worse_slice import NoWorseSlice
from ostinato.gate.resources import ArtifactSize, Latency
from ostinato.gate.stage import STAGE

__all__ = [
    "STAGE",
    "ArtifactSize",
    "Calibration",
    "GateConfig",
    "Latency",
    "MinimumDelta",
    "NoWorseSlice",
]
