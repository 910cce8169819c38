"""Join: predictions and labels in, matured rows out.

In: `PredictionsMade`, `LabelsArrived`. Out: `RowsMatured`, `LabelsUnusable`, and where asked for
`LabelsAwaited` and `RowsLabelled`. State kept: the predictions that may still get or change a
label, and labels that came before their prediction; both bounded by the label's horizon; and the
label clock, totals of how many labels came how late.

A cohort (the predictions of one tick) matures when all its labels are in or its horizon has
passed, and cohorts mature in order. So what is judged later never favours quick labels.

`stage` expects, matures and forgets; `labels` decides which label holds; `matured` makes the
records, `early` those of rows that are not mature; `window` keeps the labels, `coverage` counts
them.
"""

from ostinato.join.config import JoinConfig
from ostinato.join.coverage import NO_LABEL, CohortCoverage, Coverage
from ostinato.join.stage import STAGE

__all__ = ["NO_LABEL", "STAGE", "CohortCoverage", "Coverage", "JoinConfig"]
