"""What a trigger is, what it sees and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from ostinato.core.records import (
    Codes,
    Floats,
    Ints,
    LabelsAwaited,
    LossesObserved,
    OutcomesRevealed,
)
from ostinato.decide.standing_alarm import Standing

Stance = Literal["quiet", "warn", "held", "act"]
"""What a trigger wants: nothing, to be noticed (no action), a new model as soon as nothing holds it
back any more (or, of `DataQuality`, that none is made), or a new model now."""

URGENCY: Final[dict[Stance, int]] = {"quiet": 0, "warn": 1, "held": 2, "act": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the last examination found, as far as triggers and pages need it.

    `cause` is one of `ostinato.core.watched.CAUSES`, `action` what the loop said it would do;
    `harmless` are the columns whose move cost nothing that can be told.
    """

    cause: str
    action: str
    champion: str
    made_ns: int
    harmless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What every trigger may look at. Times are nanoseconds since 1970.

    `labels_since` counts labelled rows that matured since the last request to learn;
    `champion_since_ns` is since when the champion serves; `alarms` are those that stand;
    `diagnosis` is the last one of this champion; `examining_since_ns`: since when an examination is
    wanted or under way, None when none is.
    """

    now_ns: int
    last_request_ns: int
    labels_since: int
    champion_since_ns: int = 0
    alarms: tuple[Standing, ...] = ()
    diagnosis: Diagnosis | None = None
    examining_since_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Why a trigger takes its stance, with the numbers it rests on.

    `change_ns`: where the change began, if the trigger can tell.
    """

    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    change_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Losses of a version on rows it was not trained on: (n,) times and (n,) finite losses.

    `label_times_ns` (n,) is when each label became known, where that was told; `unlabelled` counts
    rows of the same times without a label. `rows_per_day` is how many labelled rows a day of the
    most recent ones had, NaN if there are none. `costs` (n,) is what each answer cost by the cost
    matrix, where there is one; `groups` (n, columns) the slices of each row, -1 for none.
    """

    times_ns: Ints
    losses: Floats
    label_times_ns: Ints | None = None
    unlabelled: int = 0
    rows_per_day: float = float("nan")
    costs: Floats | None = None
    groups: Codes | None = None


Early = LabelsAwaited | OutcomesRevealed
"""What is told of predictions that are not mature, to triggers that can use it without bias."""


class Trigger(Protocol):
    """When to ask for a new model.

    Contract
    --------
    `begin` MUST return a state of plain values (see `ostinato.core.snapshot`). `observe` and
    `foresee` MUST come to the same stance whether rows come one by one or in batches. `look` is
    called at every tick and MUST be cheap; `explain` is called when the stance changed. Both, and
    `registered`, MUST NOT change the state. A stance of ``act`` MUST stand until `requested`,
    `kept` or `renew`, or until alarms of `Seen` that it rests on are resolved. What `registered`
    returns MUST hold from before the first event it is about, and MUST change when a process begins
    anew.
    """

    @property
    def name(self) -> str:
        """How the journal calls it."""
        ...

    def begin(self) -> Any:
        """Return the state before anything was seen."""
        ...

    def observe(self, state: Any, losses: LossesObserved, champion: str) -> None:
        """Take the losses of newly matured rows."""
        ...

    def foresee(self, state: Any, early: Early, champion: str) -> None:
        """Take what is known of predictions that are not mature."""
        ...

    def advance(self, state: Any, now_ns: int) -> None:
        """The tick has told everything that was known by now."""
        ...

    def renew(self, state: Any, reference: Reference | None) -> None:
        """A new champion serves; `reference` is what it achieved when it was proved."""
        ...

    def requested(self, state: Any, now_ns: int) -> None:
        """A model was asked for, by this trigger or another one."""
        ...

    def kept(self, state: Any, candidate: Reference | None) -> None:
        """A candidate did not ship; `candidate` is what it achieved, where that is known."""
        ...

    def registered(self, state: Any) -> Mapping[str, Any] | None:
        """Return the method and parameters of the process that runs; None when none does."""
        ...

    def look(self, state: Any, seen: Seen) -> Stance:
        """Say what it wants now."""
        ...

    def explain(self, state: Any, seen: Seen) -> Finding:
        """Say why, for the journal."""
        ...
