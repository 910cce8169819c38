"""Did the world change, in a way that matters to this model?

A longer history helps a model even when nothing changes, so "retraining helped" is no sign of
drift. This test holds the amount of data fixed: models trained on rows from the early part of the
past against models trained on as many later rows, both judged on what came last. If the rows are
exchangeable in time, each pair is as likely to fall out one way as the other, whatever the
learner: the pairs' mean is tested against zero.

It looks three times, since each look is blind to a change within the rows it judges: on the last
fifth (later rows: drawn from all of the past), and on the last tenth and twentieth (later rows:
the tenth just before). The looks share one error rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ostinato.core.errors import LearnerError
from ostinato.core.records import Floats, Ints
from ostinato.core.rng import stream, stream_seed
from ostinato.learn.limits import measured_fit
from ostinato.loop.loop import Loop
from ostinato.replay.history import NEVER, History
from ostinato.stats.intervals import paired
from ostinato.stats.metrics import metric_for

PAIRS: Final = 6
"""Pairs of models, each on rows of its own. The spread between pairs holds the noise of drawing
training rows, which no number of evaluation rows would show."""

LEAST_GAIN: Final = 0.002  # relative; smaller differences are no reason to keep learning
_MOST_ROWS: Final = 50_000  # per model: enough to see drift that matters, little enough to be quick
_FEWEST_ROWS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look: the share of the rows that is judged, the later rows, the error rate.

    `near` is the share of the rows, just before those judged, that later rows are drawn from; 0:
    all rows before those judged.
    """

    judged: float
    near: float
    alpha: float


LOOKS: Final = (
    Look(judged=0.2, near=0.0, alpha=0.025),
    Look(judged=0.1, near=0.1, alpha=0.0125),
    Look(judged=0.05, near=0.1, alpha=0.0125),
)
"""Half of 5 % for the look that sees most changes, a quarter for each of the late ones (Bonferroni:
the three together are wrong in at most 5 % of worlds that stand still)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What the test found.

    `gain` is the relative fall of the loss from later rows against early rows, `low` its one-sided
    bound over the pairs at the look's share of 5 %; `blind` the share of the history, at its end,
    in which a change could not be seen; `found` whether there was one beyond doubt.
    """

    gain: float
    low: float
    rows: int
    pairs: int
    blind: float = 1.0

    @property
    def found(self) -> bool:
        """Whether the world changed beyond doubt, by more than nothing."""
        return self.low > 0.0 and self.gain >= LEAST_GAIN


def find_drift(loop: Loop, history: History, *, seed: int) -> Drift:
    """Train pairs of models on early rows and on later ones; judge them on the last.

    Parameters
    ----------
    loop, history
        What is learned, from what.
    seed
        Seed of the run.

    Returns
    -------
    Drift
        Of the first look that finds a change, else of the look with the largest bound; with
        ``pairs`` 0 when there are too few rows to tell.
    """
    usable = ~np.isnan(history.labels) & (history.label_times_ns != NEVER)
    if history.n_classes:
        usable &= history.labels < history.n_classes
    rows = np.flatnonzero(usable)
    found = Drift(gain=0.0, low=float("-inf"), rows=len(rows) // (2 * PAIRS), pairs=0)
    for look in LOOKS:
        seen = _look(loop, history, rows, look, seed)
        if seen.found:
            return seen
        if seen.pairs:
            better = seen if seen.low > found.low or not found.pairs else found
            found = Drift(
                gain=better.gain,
                low=better.low,
                rows=better.rows,
                pairs=better.pairs,
                blind=look.judged,
            )
    return found


def _look(loop: Loop, history: History, rows: Ints, look: Look, seed: int) -> Drift:
    last = int(len(rows) * (1 - look.judged))
    past, judged = rows[:last], rows[last:]
    early = past[: last // 2]
    later = past[-int(len(rows) * look.near) :] if look.near else past
    size = min(min(len(early), len(later)) // PAIRS, _MOST_ROWS)
    if size < _FEWEST_ROWS:
        return Drift(gain=0.0, low=float("-inf"), rows=size, pairs=0)
    rng = stream(seed, "drift" if not look.near else f"drift/{look.judged}")
    drawn = [rng.permutation(pool)[: PAIRS * size].reshape(PAIRS, size) for pool in (early, later)]
    gains = []
    for pair in range(PAIRS):
        losses = [_loss(loop, history, np.sort(d[pair]), judged, seed, pair) for d in drawn]
        if not np.isnan(losses).any():
            gains.append((losses[0] - losses[1]) / losses[0] if losses[0] else 0.0)
    result = paired(np.array(gains), look.alpha)
    return Drift(gain=result.mean, low=result.low, rows=size, pairs=len(gains), blind=look.judged)


def _loss(loop: Loop, history: History, rows: Ints, judged: Ints, seed: int, pair: int) -> float:
    task: Any = loop.task
    labels = history.labels[judged]
    try:
        model, _ = measured_fit(
            loop.learner,
            history.taught[rows],
            history.labels[rows],
            None,
            features=loop.feature_names,
            task=task,
            classes=history.n_classes,
            seed=stream_seed(seed, f"drift/{pair}"),
        )
        scores: Floats = model.score(history.taught[judged])
    except LearnerError:
        return float("nan")
    losses = metric_for(loop.task, loop.metric).row_loss(labels, scores)
    return float(np.nanmean(losses))
