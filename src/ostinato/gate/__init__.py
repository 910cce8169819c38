"""Gate: candidates in, verdicts out.

In: `TrainingRequested`, `CandidateTrained`, `CandidateEvaluated`. Out: `GateJudged` per gate,
`ValidationSetRetired` where a set has been used enough, then `CandidateAccepted` or
`CandidateRejected`. State kept: the champion's name, with which champion the candidates under way
are compared, and the ledger of what was judged on which rows (`ledger`).

One gate per file; a verdict is pass, fail or inconclusive, with the interval it rests on and the
smallest effect it could have seen. Of rows that are judged on again only the verdict is told
(`evidence`).
"""

from ostinato.gate.calibration import Calibration
from ostinato.gate.config import GateConfig
from ostinato.gate.minimum_delta import MinimumDelta
from ostinato.gate.no_regression import NoRegression
from ostinato.gate.no_worse_slice import NoWorseSlice
from ostinato.gate.no_worse_than_anchor import NoWorseThanAnchor
from ostinato.gate.resources import ArtifactSize, Latency
from ostinato.gate.stage import STAGE

__all__ = [
    "STAGE",
    "ArtifactSize",
    "Calibration",
    "GateConfig",
    "Latency",
    "MinimumDelta",
    "NoRegression",
    "NoWorseSlice",
    "NoWorseThanAnchor",
]
