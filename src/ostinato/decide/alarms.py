"""Alarms of monitors: the rule they are raised by, and the book that is kept of them.

`raising` enters them when evidence exceeds the budget, `resolving` ends them when it is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ostinato.core.units import DAY_NS
from ostinato.decide.standing_alarm import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """By what alarms are raised.

    Parameters
    ----------
    shares
        By monitor: how many false alarms it may raise within the budget's time on average, > 0.
        Short windows get half of it, long ones the other half.
    fast_windows, slow_windows
        Short and long windows within the budget's time, > 0.
    per_ns
        The budget's time.
    slow_ns
        Length of a long window.
    examine_ns
        How often rows are examined though nothing alarms; None: only after alarms.
    """

    shares: Mapping[str, float]
    fast_windows: float
    slow_windows: float
    per_ns: int = 30 * DAY_NS
    slow_ns: int = DAY_NS
    examine_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """Evidence against a stream in long windows.

    `log_e` is the log of its e-detector; `charge` the log of the evidence since `since_ns`, where
    the change most likely began (Page 1954).
    """

    log_e: float
    charge: float
    since_ns: int


@dataclass(slots=True)
class MonitorBook:
    """What is known of one monitor.

    `family` and `streams` (how many there are) as its last window said, which ended at `to_ns`;
    `unmeasured`: why others could not be measured, of `unmeasured_total` in all; `speaking`: the
    evidence against streams, as far as any speaks; `restarted`: the streams whose evidence begins
    anew with the tick after that of `restarted_ns`.
    """

    family: str
    streams: int = 0
    to_ns: int | None = None
    unmeasured: dict[str, str] = field(default_factory=dict)
    unmeasured_total: int = 0
    speaking: dict[str, Speaking] = field(default_factory=dict)
    restarted: list[str] = field(default_factory=list)
    restarted_ns: int | None = None


@dataclass(slots=True)
class AlarmBook:
    """All alarms.

    `began_ns` is when watching began, `standing` the alarms that stand by the name of their stream,
    `raised_ns` the times of those of the last budget's time that the journal tells of, `silences`
    patterns of names that are not told to people, with the time at which that ends; `retired` are
    the versions that left last, whose predictions may still mature.
    """

    began_ns: int | None = None
    monitors: dict[str, MonitorBook] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)
    raised_ns: list[int] = field(default_factory=list)
    silences: dict[str, int] = field(default_factory=dict)
    retired: list[str] = field(default_factory=list)
