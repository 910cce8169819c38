"""An alarm that stands, and what its stream's name says of it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from ostinato.core.watched import SEVERITIES

_GROUP: Final = " @"
_VERSION: Final = re.compile(r" \[([^\[\]]*)\]$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a window said of one stream: `log10_e` the evidence, else as in `WindowMeasured`."""

    value: float
    reference: float
    low: float
    high: float
    floor: float
    log10_e: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An alarm of one stream, as long as it stands.

    Parameters
    ----------
    name, family, monitor
        The stream, as `WindowMeasured` names it, and who watches it.
    severity
        One of `SEVERITIES`; the highest so far.
    raised_ns, since_ns
        When it was raised; the start of the first window that spoke for it.
    side
        1 if the stream lay above its reference when it was raised, -1 if below.
    last
        The last long window in which it was measured, or the one that raised it.
    peak
        The highest `log10_e` of its long windows since it was raised.
    told
        Whether the journal has an entry of its own for it: of a great many at once it has only
        the largest, and none of slices on which a column has drifted that has so on all rows.
    acknowledged_by
        Who looks after it; empty: nobody said so.
    within, silent, absent
        Long windows in a row that were within the floor, that did not speak for the alarm, and
        that lacked the stream.
    """

    name: str
    family: str
    monitor: str
    severity: str
    raised_ns: int
    since_ns: int
    side: int
    last: Measured
    peak: float = -math.inf
    told: bool = True
    acknowledged_by: str = ""
    within: int = 0
    silent: int = 0
    absent: int = 0

    @property
    def group(self) -> str:
        """The slice it is about, as ``"origin=JFK"``; empty: all rows.

        >>> from ostinato.decide.standing_alarm import group_of
        >>> group_of("performance/log_loss @origin=JFK [v003-ab]"), group_of("drift/temp")
        ('origin=JFK', '')
        """
        return group_of(self.name)

    @property
    def subject(self) -> str:
        """The column, metric, resource or outcome with its measure, as ``"temp:missing"``."""
        return subject_of(self.name)

    @property
    def measure(self) -> str:
        """What of the subject is measured, as ``"missing"``; empty: its distribution or mean."""
        return self.subject.partition(":")[2]

    @property
    def version(self) -> str:
        """Whose answers it is about, where it is not the champion's or everybody's."""
        return version_of(self.name)

    def is_about(self, column: str) -> bool:
        """Say whether it is about a column (metric, outcome), by whatever measure."""
        return names_column(self.name, column)

    def is_at_least(self, severity: str) -> bool:
        """Say whether it is that severe."""
        return SEVERITIES.index(self.severity) >= SEVERITIES.index(severity)


def group_of(name: str) -> str:
    """Return the slice that a stream's name says; empty: all rows."""
    return _VERSION.sub("", name).partition(_GROUP)[2]


def version_of(name: str) -> str:
    """Return the version that a stream's name says; empty: the champion's, or everybody's."""
    found = _VERSION.search(name)
    return found[1] if found else ""


def subject_of(name: str) -> str:
    """Return what a stream's name says between its family and its slice.

    >>> subject_of("quality/temp:missing @origin=JFK")
    'temp:missing'
    """
    return _VERSION.sub("", name).partition(_GROUP)[0].partition("/")[2]


def names_column(name: str, column: str) -> bool:
    """Say whether a stream's name is about a column, by whatever measure."""
    subject = subject_of(name)
    return subject == column or subject.startswith(f"{column}:")


def matcher(pattern: str) -> re.Pattern[str]:
    """Return what fits the names that a pattern means: ``*`` is anything, all else itself.

    Pieces are found where they come first and never sought again, so that no pattern of many stars
    takes long; for patterns of this sort that finds the same.

    >>> [bool(matcher("drift/*").fullmatch(name)) for name in ("drift/temp", "quality/temp")]
    [True, False]
    """
    first, *others = [re.escape(piece) for piece in pattern.split("*")]
    if not others:
        return re.compile(first)
    between = "".join(f"(?>.*?{piece})" for piece in others[:-1] if piece)
    return re.compile(f"{first}{between}.*{others[-1]}", re.DOTALL)
