"""What learning needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ostinato.learn.line import AnchorRule
from ostinato.learn.schedules import Schedule
from ostinato.learn.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnConfig:
    """Configuration of the learn stage.

    Parameters
    ----------
    window
        Which matured rows a candidate learns from.
    holdout_ns
        Length of the recent holdout that every candidate is proved on and never trained on; never
        more than a fifth of what there is to learn from, and never reaching back to rows that the
        champion or the anchor learned.
    embargo_ns
        Gap between training rows and the holdout, so that training labels were known when the
        holdout began; usually the label horizon. Never longer than the holdout itself: where labels
        may take a month a candidate would otherwise learn nothing of the last month.
    warm_start
        Whether a candidate continues from the champion.
    seed
        Seed of the run.
    data_from_ns
        Time of the first row of all.
    matured_to_ns
        Up to where the labels of the history before the start have matured.
    loop
        Name of the loop; salts the choice of the rows no version ever trains on.
    never_trained
        Share of the units no version ever trains on.
    schedules
        Settings of the learner by parameter, starts filled in; they hold from the second training
        on.
    explored
        Whether only explored rows prove something, because labels come only where the answer lets
        them.
    anchor
        When the stability anchor moves up; None: no version is kept as one.
    """

    window: Window
    holdout_ns: int
    embargo_ns: int
    warm_start: bool
    seed: int
    data_from_ns: int
    matured_to_ns: int
    loop: str
    never_trained: float
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    anchor: AnchorRule | None = None
    explored: bool = False
