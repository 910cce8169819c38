"""What a monitor is: it takes records in, and reads its streams off each window of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ostinato.core.records import Record
from ostinato.watch.reading import Readings

NOW = "now"
"""Clock of monitors that need no labels: a window is over when the time is."""

MATURED = "matured"
"""Clock of monitors of matured rows: a window is over when all its predictions have matured."""

SETTLED = "settled "
"""With the name of an outcome: clock of monitors of business outcomes. A window is over when all
its predictions have matured and their outcomes of that name are settled."""


class Monitor(Protocol):
    """One thing that is watched, by one method; a frozen dataclass, state apart.

    Contract
    --------
    All methods MUST depend on their arguments alone. State MUST be of a kind that snapshots can
    write, and MUST NOT grow with history. MUST NOT raise on any rows: what cannot be measured goes
    to `Readings.unmeasured`, with the reason in plain English.

    Attributes
    ----------
    family
        One of `core.watched.FAMILIES`; several monitors may share one.
    name
        What it is called; unique in the loop.
    clock
        `NOW`, `MATURED`, or `SETTLED` and the name of an outcome.
    wants
        Kinds of records it takes: what the stage wants, `LossesObserved` and `OutcomesRevealed`.
    """

    @property
    def family(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def clock(self) -> str: ...

    @property
    def wants(self) -> frozenset[str]: ...

    def begin(self) -> Any:
        """Return the state before the first record."""
        ...

    def take(self, state: Any, record: Record, now_ns: int) -> None:
        """Add a record of a kind it wants to its open windows."""
        ...

    def read(self, state: Any, from_ns: int, to_ns: int) -> Readings:
        """Close the window [from_ns, to_ns): read its streams, forget what only it needed."""
        ...

    def renew(self, state: Any, champion: str) -> tuple[Readings, ...] | None:
        """Go on with a new champion.

        Return readings of windows that are a reference for it, each about as long as the long
        windows; none: the first windows from now on are. None: the reference stays as it is,
        because what is watched does not depend on the champion.
        """
        ...

    def describe(
        self, state: Any, from_ns: int, to_ns: int
    ) -> Mapping[str, Mapping[str, float | str]]:
        """Return further figures of a long window that just closed, by stream name.

        Called after `read` of its last part. For people and for ranking; no alarm hangs on them.
        """
        ...
