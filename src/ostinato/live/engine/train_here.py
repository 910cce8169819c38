"""Trainings and examinations carried out at once, in the engine's own process.

For audits, tests and measurements.
The outcome goes through the same files as that of a process of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.live.engine.bootstrap import Folder
from ostinato.live.engine.train_process import carry_out
from ostinato.live.engine.trainings import TRAININGS, AnyJob, Desk, Outcome


@dataclass(slots=True)
class TrainingsHere:
    """`Trainings` without a process: `begin` returns when the training is done.

    Parameters
    ----------
    folder
        The service's folder.
    name
        Of the desk.
    """

    folder: Folder
    name: str = TRAININGS
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.desk = Desk.of(self.folder.layout, self.name)

    def begin(self, job: AnyJob) -> None:
        if self.desk.outcome(job.request) is None:
            self.desk.answer(job.request, carry_out(self.folder, job))

    def outcome(self, request: str) -> Outcome | None:
        return self.desk.outcome(request)

    def drop(self, request: str) -> None:
        self.desk.clear(request)

    def close(self) -> None:
        """Do nothing: nothing is ever under way."""
