"""What a trigger may need to know of the loop it decides for."""

from __future__ import annotations

from dataclasses import dataclass, field

from ostinato.decide.excess_loss import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a trigger may need to know of its loop.

    Parameters
    ----------
    horizon_ns
        Horizon of the label.
    timed
        Whether each label has a time of its own.
    negative
        Whether an overdue label means no.
    money
        What losses and trainings are worth.
    slice_columns
        How many slice columns the loop names; groups of further columns are not its slices.
    group_names
        Names of the slice groups, as far as they are known.
    columns
        The features.
    targets
        Other columns that alarms can be about: inputs that features are made of, the label.
    grouped
        Columns by whose values rows are grouped: the slices, and further ones of monitors.
    families
        Families of monitors that run; none: nothing is watched.
    """

    horizon_ns: int
    timed: bool = False
    negative: bool = False
    money: Money = field(default_factory=Money)
    slice_columns: int = 0
    group_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    grouped: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
