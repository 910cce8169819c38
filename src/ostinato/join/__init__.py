"""Join: predictions and labels in, matured rows out.

In: `PredictionsMade`, `LabelsArrived`. Out: `RowsMatured`, `LabelsUnusable`. State kept: the
predictions that may still get or change a label, and labels that came before their prediction;
both bounded by the label's horizon.

A cohort (the predictions of one tick) matures when all its labels are in or its horizon has
passed, and cohorts mature in order. So what is judged later never favours quick labels.
"""

from ostinato.join.config import JoinConfig
from ostinato.join.stage import STAGE

__all__ = ["STAGE", "JoinConfig"]
