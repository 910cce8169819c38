"""What watching is told, what it finds, and what is decided about it.

Batches: `InputsSummarised`, `OutcomesArrived`, `OutcomesJoined` and `ResourcesObserved` come in;
`WindowMeasured`, `EstimatesSettled` and `ReferenceRenewed` go out; `StreamsRestarted` comes back.
Decisions: alarms and diagnoses, one entry of the journal each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Codes, Decision, Floats, Ints, Record
from ostinato.core.units import DAY_NS

FAMILIES: Final = (
    "quality",
    "drift",
    "output",
    "label",
    "performance",
    "estimate",
    "fairness",
    "feedback",
    "business",
    "infrastructure",
)
"""Families of monitors. Each monitor has a share of the false-alarm budget, whatever the number of
its streams."""

SEVERITIES: Final = ("info", "warning", "critical")

_GONE_WINDOWS: Final = 40
_GONE_NS: Final = 7 * DAY_NS


def windows_gone(slow_ns: int) -> int:
    """Return after how many long windows without it, others having rows, a stream is gone.

    40, and a week at least. Fewer: a slice that comes seldom, or by day only, begins anew each
    time; more: streams of retired versions fill the state.

    >>> windows_gone(DAY_NS), windows_gone(DAY_NS // 24)
    (40, 168)
    """
    return max(_GONE_WINDOWS, -(-_GONE_NS // slow_ns))


NONE_FOUND: Final = "none found"

CAUSES: Final = (
    "concept drift",
    "covariate shift",
    "label shift",
    "data quality",
    "unseen inputs",
    NONE_FOUND,
)
"""What a diagnosis can name as the main cause of a fall in quality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputsSummarised(Record):
    """The inputs of requests as counts, per window of time; counts of several workers add up.

    `grid` is the digest of the grid (`ostinato.watch.cells.Grid`). A row per window of `width_ns`
    that has requests: `starts_ns` (w,) ascending, `rows` (w,), `counts` (w, cells). `repeats`
    (w, columns) counts rows whose value is that of the row before while other values differ,
    `pairs` (w,) the rows that have one before them. `first_ns`, `last_ns`, `silence_ns` (w,): the
    first and last request and the longest time between two.

    `marks`: 64 bits that equal rows share, of those rows of a window whose marks are the
    smallest; `marked` says how many rows each has (a mark may come again); window i has those from
    `mark_starts[i]` to `mark_starts[i + 1]`. So duplicates are counted in an even sample of rows.

    `slice_cells` are places in an array (groups + 1, coarse cells + 1), whose last of each are
    for what is not counted, and `slice_rows` how many rows to add there; a place may come again;
    window i has those from `slice_starts[i]` to `slice_starts[i + 1]`. `novel` gives, by column, a
    value that the reference of the grid does not have.
    """

    kind: ClassVar[str] = "inputs_summarised"
    grid: str
    width_ns: int
    starts_ns: Ints
    rows: Ints
    counts: Ints
    pairs: Ints
    repeats: Ints
    first_ns: Ints
    last_ns: Ints
    silence_ns: Ints
    marks: NDArray[np.uint64]
    marked: Ints
    mark_starts: Ints
    slice_cells: Codes
    slice_rows: Codes
    slice_starts: Ints
    novel: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.starts_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesArrived(Record):
    """Business outcomes of one name, in order of the time they became known.

    `ids` are those of predictions; `by_unit`: they are hashes of units, and each outcome belongs to
    the unit's newest prediction that was asked for no later than it. An outcome that comes again
    for the same prediction adds to it (two purchases are two).
    """

    kind: ClassVar[str] = "outcomes_arrived"
    name: str
    ids: NDArray[Any]
    times_ns: Ints
    values: Floats
    by_unit: bool = False

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesJoined(Record):
    """Predictions whose outcomes of one name are settled: `values` (n,) is their sum, 0 for none.

    `times_ns` are those of the predictions, in order; `answered` indexes `versions`.
    `settled_to_ns`: the outcomes of every prediction up to this time are settled.
    """

    kind: ClassVar[str] = "outcomes_joined"
    name: str
    times_ns: Ints
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    values: Floats
    settled_to_ns: int

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcesObserved(Record):
    """What a process of the service took between two moments; `source` names it.

    `requests` were answered, `errors` more failed; `values` are means over the time, absent where
    one is not known: ``latency_p50_ms`` and ``latency_p99_ms`` (of answers), ``queue`` (rows that
    wait), ``rows_per_second``, ``cpu`` (cores), ``memory_mib`` and ``gpu`` (share of them busy).
    """

    kind: ClassVar[str] = "resources_observed"
    source: str
    from_ns: int
    to_ns: int
    requests: int
    errors: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowMeasured(Record):
    """What a monitor found in one window [from_ns, to_ns), a row per stream.

    `streams` names them; `value` is what was measured, `reference` what it is compared with,
    `low` and `high` bound the difference (value - reference) at 95 %, `floor` is the difference
    that does not matter; `log_e` is the log of the stream's e-detector, whose value is at most the
    number of windows in expectation while nothing moves by more than the floor. `details` has
    further figures by stream (PSI, ...), `unmeasured` why others could not be measured. `slow`:
    the window is one of the long ones; `streams_total` counts the streams of the monitor, which
    share its part of the budget.
    """

    kind: ClassVar[str] = "window_measured"
    monitor: str
    family: str
    slow: bool
    from_ns: int
    to_ns: int
    streams: tuple[str, ...]
    streams_total: int
    value: Floats
    reference: Floats
    low: Floats
    high: Floats
    floor: Floats
    log_e: Floats
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unmeasured: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.streams)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRenewed(Record):
    """A monitor compares all its streams with another reference from now on: that of `champion`."""

    kind: ClassVar[str] = "reference_renewed"
    monitor: str
    champion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamsRestarted(Record):
    """Streams of a monitor whose alarms are over: only evidence from now on counts against them."""

    kind: ClassVar[str] = "streams_restarted"
    monitor: str
    streams: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatesSettled(Record):
    """What labels said of windows whose loss had been estimated; a row per window and version.

    `from_ns` and `to_ns` bound the window, `told_ns` and `settled_ns` say when the estimate was
    made and when the labels of the window were in. `estimate` with `low` and `high` (95 %) is the
    mean loss as it was told, per row and of the name `loss`; `realised` the mean over the
    `labelled` of its `rows` (NaN: there were none); `fused` with its bounds is made of both, from
    labels that came by chance. `covered`: 1 where the estimate's interval holds what labels said,
    their own chance allowed for, 0 where not, NaN where there are too few of them.
    """

    kind: ClassVar[str] = "estimates_settled"
    loss: str
    versions: tuple[str, ...]
    from_ns: Ints
    to_ns: Ints
    told_ns: Ints
    settled_ns: Ints
    rows: Ints
    labelled: Ints
    estimate: Floats
    low: Floats
    high: Floats
    realised: Floats
    fused: Floats
    fused_low: Floats
    fused_high: Floats
    covered: Floats

    def __len__(self) -> int:
        return len(self.versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(Decision):
    """A stream (`subject`) moved by more than its floor, beyond what the budget takes for chance.

    `family` is one of `FAMILIES`, `severity` one of `SEVERITIES`; `since_ns`: the start of the
    first window that spoke for it. An alarm that stands already is raised again when it becomes
    more severe; the evidence then has what it was (``was``).

    `evidence` has what `WindowMeasured` said of the stream (``value``, ``reference``, ``low``,
    ``high``, ``floor``), ``log10_e`` and the power of ten that it had to reach (``threshold``),
    ``monitor``, its number of ``streams``, the ``window`` and ``details``; of many alarms at once
    the first counts those that have no entry of their own (``untold``).
    """

    kind: ClassVar[str] = "alarm_raised"
    family: str
    severity: str
    since_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmResolved(Decision):
    """A stream (`subject`) is back within its floor, or is not compared as before any more."""

    kind: ClassVar[str] = "alarm_resolved"
    family: str
    severity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmAcknowledged(Decision):
    """Somebody looks after a standing alarm (`subject`): people are not reminded of it."""

    kind: ClassVar[str] = "alarm_acknowledged"
    who: str
    act_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsSilenced(Decision):
    """Alarms whose name fits a pattern (`subject`, with ``*``) are not told to people for a while.

    They are raised and resolved as ever. `until_ns`: when that ends; not after `ts_event_ns`: an
    earlier silence has ended.
    """

    kind: ClassVar[str] = "alarms_silenced"
    who: str
    until_ns: int
    act_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExaminationRequested(Decision):
    """Effect: examine rows of [from_ns, to_ns) beside those of the champion's reference.

    `request` names it, `champion` is the version whose losses count; `subject` is what asked for
    it: an alarm's stream, or ``"schedule"``.
    """

    kind: ClassVar[str] = "examination_requested"
    request: str
    champion: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisMade(Decision):
    """What an examination found. `cause` is one of `CAUSES`; `subject` is the champion.

    `evidence`: ``loss`` in reference and current rows, with its change; ``parts`` of it by cause,
    each with ``low`` and ``high`` at ``level``, which add up to it; ``broken`` values with their
    cost; ``classes``, their shares before and now; ``columns`` that moved, and what that costs;
    ``slices`` that fail; ``labels`` that look wrong; ``domain``, how far reference and current
    inputs can be told apart; ``rows``; ``unmeasured``, why what could not be examined.
    ``foreseen``: labels are too few, and only what other inputs cost is estimated. `action` says
    in a sentence what the loop will do about it.
    """

    kind: ClassVar[str] = "diagnosis_made"
    request: str
    cause: str
    action: str
