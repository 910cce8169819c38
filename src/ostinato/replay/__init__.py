"""Replay: history in, the life of the model out.

In: a `Loop`, data, policies. Out: `Replay`, `Comparison`, `Autopilot`, advice, and their reports.
State kept: none beyond a run; the kernel's state lives in the run.

`history` makes data ready, `run` turns the virtual clock, `training` carries out effects, `scores`
answers for the models, `result` and `compare` say what came of it. `race` runs many policies and
drops the worse ones, `choose` picks from what was known, `followed` judges the pick on the rest.
"""

import sys
from types import ModuleType

from ostinato.replay.autopilot import Autopilot, autopilot
from ostinato.replay.compare import Comparison, compare
from ostinato.replay.progress import Progress
from ostinato.replay.result import Replay
from ostinato.replay.run import replay

__all__ = ["Autopilot", "Comparison", "Progress", "Replay", "autopilot", "compare", "replay"]


class _CallableModule(ModuleType):
    """`ostinato.replay` names both this package and its main function; calling either replays.

    Python puts a package under its name into its parent as soon as it is imported, so that
    ``ost.replay`` is this module from then on.
    """

    __call__ = staticmethod(replay)


sys.modules[__name__].__class__ = _CallableModule
