"""Learn: requests to learn in, candidates out.

In: `LearningRequested`, `RowsMatured`, `LossesObserved`, `CasesNamed`. Out: `TrainingRequested`, an
effect, with `HardCasesListed`; the runtime trains (`estimators`, `limits`) and answers with
`CandidateTrained` or `TrainingFailed`. State kept: how far labels have matured, who is champion,
what is behind each version and the anchor (`line`), and the known-hard cases (`hard`).

`windows` says which rows, `encoding` how features become numbers (the same way in training and
serving), `estimators` how each library is fitted, `model` what a trained version is, `compiled` the
fastest form of one that is proved to score the same.
"""

from ostinato.learn.config import LearnConfig
from ostinato.learn.stage import STAGE

__all__ = ["STAGE", "LearnConfig"]
