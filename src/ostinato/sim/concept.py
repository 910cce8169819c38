"""The world's truth: features of requests, and what makes their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ostinato.core.records import Floats, Ints
from ostinato.core.rng import stream
from ostinato.core.units import DAY_NS

Task = Literal["binary", "multiclass", "regression"]

FEATURES: Final = 3
CLASSES: Final[dict[Task, int]] = {"binary": 2, "multiclass": 3, "regression": 0}
DRIFTS: Final = ("none", "none", "abrupt", "gradual", "recurring")
_TASKS: Final[tuple[Task, ...]] = ("binary", "binary", "multiclass", "regression")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concept:
    """How labels follow from features.

    Parameters
    ----------
    task
        What kind of label.
    drift
        ``"none"``, ``"abrupt"``, ``"gradual"`` or ``"recurring"``, from `change_ns` on.
    before, after
        (FEATURES, outputs) weights of the old and of the new world.
    swing
        Height of the daily season in the signal.
    heavy
        Degrees of freedom of the noise and of the features; small is heavy-tailed.
    persistence
        Autocorrelation of the first feature from one request to the next, 0..1.
    effect
        How much an answer moves the truth about its request; 0: not at all.
    selective
        Whether only requests that the answer let through ever get a label.
    """

    task: Task
    drift: str
    change_ns: int
    period_ns: int
    before: Floats
    after: Floats
    swing: float
    heavy: float
    persistence: float
    effect: float
    selective: bool

    @property
    def classes(self) -> int:
        """How many classes there are, 0 for regression."""
        return CLASSES[self.task]

    @property
    def still(self) -> bool:
        """Whether the world stays as it is."""
        return self.drift == "none" and self.effect == 0.0 and not self.selective

    def share_of_new(self, times_ns: Ints) -> Floats:
        """How much of the new world holds at each time, (n,) in 0..1."""
        since = (times_ns - self.change_ns).astype(np.float64)
        if self.drift == "abrupt":
            return (since >= 0).astype(np.float64)
        if self.drift == "gradual":
            mixed: Floats = np.clip(since / self.period_ns, 0.0, 1.0)
            return mixed
        if self.drift == "recurring":
            back = (since < 0) | ((since // self.period_ns) % 2 == 1)
            new: Floats = (~back).astype(np.float64)
            return new
        return np.zeros(len(times_ns))

    def signal(self, features: Floats, times_ns: Ints) -> Floats:
        """Return the (n, outputs) signal that labels are drawn round."""
        new = self.share_of_new(times_ns)[:, None]
        season = self.swing * np.sin(2 * np.pi * (times_ns % DAY_NS) / DAY_NS)[:, None]
        old_signal, new_signal = features @ self.before, features @ self.after
        found: Floats = (1 - new) * old_signal + new * new_signal + season
        return found

    def features(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw the (count, FEATURES) features of requests in their order."""
        drawn = np.clip(rng.standard_t(self.heavy, (count, FEATURES)), -8.0, 8.0)
        if self.persistence:
            fresh = np.sqrt(1 - self.persistence**2)
            for row in range(1, count):  # each value rests on the one before
                drawn[row, 0] = self.persistence * drawn[row - 1, 0] + fresh * drawn[row, 0]
        return drawn

    def chance(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw what chance adds to each label: uniform for classes, noise for regression."""
        if self.task != "regression":
            return rng.random(count)
        noise: Floats = np.clip(rng.standard_t(self.heavy, count), -20.0, 20.0)
        return noise

    def labels(self, signal: Floats, chance: Floats, answers: Floats) -> Floats:
        """Return the (n,) truth, given the (n,) answers in 0..1 that were acted on."""
        pushed = signal + self.effect * (answers[:, None] - 0.5)
        if self.task == "regression":
            target: Floats = pushed[:, 0] + chance
            return target
        if self.task == "binary":
            positive: Floats = (chance < 1 / (1 + np.exp(-pushed[:, 0]))).astype(np.float64)
            return positive
        weights = np.exp(pushed - pushed.max(axis=1, keepdims=True))
        steps = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)[:, :-1]
        drawn: Floats = (chance[:, None] > steps).sum(axis=1).astype(np.float64)
        return drawn


def draw_concept(seed: int, *, start_ns: int, length_ns: int) -> Concept:
    """Draw a concept; its change, if any, falls into the middle of the run."""
    rng = stream(seed, "concept")
    task = _TASKS[rng.integers(len(_TASKS))]
    outputs = CLASSES[task] if task == "multiclass" else 1
    affected = bool(rng.random() < 0.25)
    return Concept(
        task=task,
        drift=DRIFTS[rng.integers(len(DRIFTS))],
        change_ns=start_ns + int(length_ns * rng.uniform(0.25, 0.6)),
        period_ns=int(length_ns * rng.uniform(0.1, 0.3)),
        before=rng.normal(0.0, 1.0, (FEATURES, outputs)),
        after=rng.normal(0.0, 1.5, (FEATURES, outputs)),
        swing=float(rng.choice([0.0, 0.5])),
        heavy=float(rng.choice([2.5, 5.0, 30.0])),
        persistence=float(rng.choice([0.0, 0.0, 0.8])),
        effect=float(rng.uniform(0.3, 1.0)) if affected else 0.0,
        selective=not affected and bool(rng.random() < 0.1),
    )
