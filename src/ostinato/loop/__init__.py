"""Loop: what a user declares, and the one fold that runs it.

In: a `Loop`, a `Policy`, and batches of records. Out: records, decisions among them. State kept:
the states of the seven stages and what is on its way between them (`kernel.LoopState`).
"""

from ostinato.loop.kernel import (
    STAGES,
    LoopState,
    Plan,
    change_policy,
    restore,
    snapshot,
    start,
    step,
)
from ostinato.loop.label import Label
from ostinato.loop.loop import Loop
from ostinato.loop.policy import Policy
from ostinato.loop.prices import Prices
from ostinato.loop.standing import Standing, standing

__all__ = [
    "STAGES",
    "Label",
    "Loop",
    "LoopState",
    "Plan",
    "Policy",
    "Prices",
    "Standing",
    "change_policy",
    "restore",
    "snapshot",
    "standing",
    "start",
    "step",
]
