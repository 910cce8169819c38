"""Keep what a run shows: answers, routes and charts, in columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ostinato.core.ports import Lineage
from ostinato.core.records import Floats, PredictionsMade, Routes
from ostinato.core.units import HOUR_NS
from ostinato.decide.degradation import Watching, chart_line
from ostinato.loop.kernel import LoopState
from ostinato.replay.alarm_tables import MeasuredWindows
from ostinato.replay.estimate_table import Estimates
from ostinato.replay.history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What held at the end of one tick."""

    now_ns: int
    stop_row: int
    routes: Routes
    chart: tuple[float, float, float, float]


@dataclass(slots=True)
class Recorder:
    """Grows with the history, unlike the kernel's state: it is what the result is made of.

    `train_takes_ns` is what a training takes in simulated time; None: as long as it took here.
    """

    history: History
    classes: int
    train_takes_ns: int | None = None
    versions: list[str] = field(default_factory=list)
    trained: dict[str, tuple[int, Lineage, str]] = field(default_factory=dict)
    ticks: list[Tick] = field(default_factory=list)
    windows: MeasuredWindows = field(default_factory=MeasuredWindows)
    estimates: Estimates = field(default_factory=Estimates)
    answered: NDArray[np.int16] = field(init=False)
    roles: NDArray[np.int8] = field(init=False)
    scores: Floats = field(init=False)
    _current: Routes = field(default_factory=Routes)
    _stop: int = 0

    def __post_init__(self) -> None:
        size = len(self.history) - self.history.first
        width = self.classes if self.classes > 2 else 0
        self.answered = np.full(size, -1, dtype=np.int16)
        self.roles = np.zeros(size, dtype=np.int8)
        self.scores = np.full((size, width) if width else size, np.nan)
        self._stop = self.history.first

    @property
    def champion(self) -> str | None:
        """The version that serves now."""
        return self._current.champion

    def train_hours(self, lineage: Lineage) -> float:
        """Return the hours that a training is paid for: the simulated ones, alike in every run."""
        if self.train_takes_ns is None:
            return lineage.cost["cpu_seconds"] / 3600.0
        return self.train_takes_ns / HOUR_NS

    def predictions(self, made: PredictionsMade) -> None:
        """Keep answers."""
        start = made.offset - self.history.first
        rows = slice(start, start + len(made))
        places = np.array([self._place(version) for version in made.versions], dtype=np.int16)
        self.answered[rows] = places[made.answered]
        self.roles[rows] = made.roles
        self.scores[rows] = made.answers()
        self._stop = made.offset + len(made)

    def _place(self, version: str) -> int:
        if version not in self.versions:
            self.versions.append(version)
        return self.versions.index(version)

    def routes(self, routes: Routes) -> None:
        """Keep the routes in force."""
        self._current = routes

    def version(self, version: str, now_ns: int, lineage: Lineage, artifact: str) -> None:
        """Keep where a version comes from."""
        self.trained[version] = (now_ns, lineage, artifact)

    def tick(self, now_ns: int, state: LoopState) -> None:
        """Keep what holds at the end of a tick."""
        chart = _chart(state.stages["decide"].triggers)
        tick = Tick(now_ns=now_ns, stop_row=self._stop, routes=self._current, chart=chart)
        self.ticks.append(tick)


def _chart(triggers: list[Any]) -> tuple[float, float, float, float]:
    for trigger in triggers:
        if isinstance(trigger, Watching):
            return chart_line(trigger)
        if isinstance(trigger, list):
            inner = _chart(trigger)
            if not np.isnan(inner[3]):
                return inner
    return (float("nan"),) * 4
