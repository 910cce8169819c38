"""What a gateway counts while it works: plain numbers in memory, one writer each.

Counting a request costs well under a microsecond, for a counter is a look-up and an addition, and a
histogram one bisection more. Each gateway writes what it counted to a small file now and then, so
that any of them can tell of all (`metrics.py`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

SECONDS: Final = (
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005,
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Upper bounds of durations, seconds: from a compiled model's batch to a request's time limit."""

SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1024.0, 4096.0, 16384.0)
"""Upper bounds of batch sizes, rows."""


class Histogram(msgspec.Struct):
    """How many values lie within each bound; the last count is of those beyond all.

    Parameters
    ----------
    bounds
        Upper bounds, increasing; a value on a bound lies within it.
    counts
        One more than the bounds.
    total
        Sum of the values.
    """

    bounds: tuple[float, ...]
    counts: list[int]
    total: float = 0.0

    @classmethod
    def empty(cls, bounds: tuple[float, ...]) -> Histogram:
        """Return one without values."""
        return cls(bounds, [0] * (len(bounds) + 1))

    def add(self, value: float) -> None:
        """Count a value.

        >>> histogram = Histogram.empty((1.0, 2.0))
        >>> histogram.add(2.0), histogram.add(9.0), histogram.counts
        (None, None, [0, 1, 1])
        """
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


MOST_IGNORED: Final = 20
"""Names of columns that are told apart, by source, where a client sends columns that nobody takes.
More would let clients fill the memory of Prometheus; fewer may leave out the one that is new."""

OTHERS: Final = "(others)"


class Stream(msgspec.Struct, kw_only=True):
    """What came of a source: events taken and doubled, and columns that are not its own.

    `age_seconds`: since its newest event that features are made of happened; None without any.
    """

    taken: int = 0
    doubled: int = 0
    ignored: dict[str, int] = {}
    age_seconds: float | None = None


class Followed(msgspec.Struct, kw_only=True):
    """How the state that features are computed of stands.

    `lag`: events of the log that it does not have yet; `bytes`: its size in memory; `skipped`:
    events that could not be taken.
    """

    lag: int = 0
    bytes: int = 0
    skipped: int = 0


PREDICTING: Final = frozenset(
    {
        "/loops/{loop}/predict",
        "/v2/models/{loop}/infer",
        "/v2/models/{loop}/versions/{version}/infer",
        "/invocations",
    }
)
"""Paths that answer with predictions."""

MOST_LATENCIES: Final = 10_000
"""Latencies kept between two reports, the newest. Fewer: the 99th percentile is less sure; more:
memory, and a longer pause when they are sorted."""


class Latencies:
    """How long requests took that were answered: a count of all, and the newest of them."""

    __slots__ = ("_seconds", "count")

    def __init__(self) -> None:
        self.count = 0
        self._seconds = array("d")

    def __len__(self) -> int:
        return len(self._seconds)

    def add(self, seconds: float) -> None:
        """Count an answer."""
        if self.count < MOST_LATENCIES:
            self._seconds.append(seconds)
        else:
            self._seconds[self.count % MOST_LATENCIES] = seconds
        self.count += 1

    def seconds(self) -> array[float]:
        """Return the newest, in any order."""
        return self._seconds


class Answering:
    """Answers and failures of requests for predictions since somebody last asked."""

    __slots__ = ("errors", "latencies")

    def __init__(self) -> None:
        self.latencies, self.errors = Latencies(), 0

    def request(self, status: int, seconds: float) -> None:
        """Count a request: answered, failed (5xx), or refused for what it asked."""
        if status < 400:
            self.latencies.add(seconds)
        elif status >= 500:
            self.errors += 1

    def hand_over(self) -> tuple[Latencies, int]:
        """Return what was counted, and begin anew."""
        found = self.latencies, self.errors
        self.latencies, self.errors = Latencies(), 0
        return found


class Counted(msgspec.Struct, kw_only=True):
    """All that one gateway has counted since it started.

    `requests` by path (the route's, not the client's, so that there are few) and status;
    `predictions` by version and role; `faults` by version; `model` by version; `streams` by source;
    `features`: None where nothing is computed.
    """

    requests: dict[str, dict[int, int]] = {}
    predictions: dict[str, dict[str, int]] = {}
    faults: dict[str, int] = {}
    request_seconds: dict[str, Histogram] = {}
    model_seconds: dict[str, Histogram] = {}
    commit_seconds: Histogram = msgspec.field(default_factory=lambda: Histogram.empty(SECONDS))
    batch_rows: Histogram = msgspec.field(default_factory=lambda: Histogram.empty(SIZES))
    streams: dict[str, Stream] = {}
    features: Followed | None = None
    events: int = 0
    log_end: int = 0
    epoch: int = -1
    started_ns: int = 0


class Meters:
    """Counts what one gateway does.

    Each method has one caller at a time: `committed` whoever commits, all others the event loop.

    Parameters
    ----------
    loop
        Name of the loop.
    gateway
        Which gateway this is.
    started_ns
        When it started.
    """

    def __init__(self, loop: str, gateway: int, started_ns: int = 0) -> None:
        self.loop, self.gateway = loop, gateway
        self.counted = Counted(started_ns=started_ns)
        self.answered, self.rows_answered = Answering(), 0

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request by the path of its route; one of no route under an empty path."""
        counted = self.counted
        by_status = counted.requests.get(path)
        if by_status is None:
            by_status = counted.requests[path] = {}
            counted.request_seconds[path] = Histogram.empty(SECONDS)
        by_status[status] = by_status.get(status, 0) + 1
        histogram = counted.request_seconds[path]
        histogram.counts[bisect_left(SECONDS, seconds)] += 1
        histogram.total += seconds
        if path in PREDICTING:
            self.answered.request(status, seconds)

    def predictions(self, version: str, role: str, count: int = 1) -> None:
        """Count answers of a version."""
        by_role = self.counted.predictions.setdefault(version, {})
        by_role[role] = by_role.get(role, 0) + count
        self.rows_answered += count

    def scored(self, version: str, rows: int, seconds: float) -> None:
        """Count a batch that a version scored."""
        histogram = self.counted.model_seconds.get(version)
        if histogram is None:
            histogram = self.counted.model_seconds[version] = Histogram.empty(SECONDS)
        histogram.add(seconds)
        self.counted.batch_rows.add(rows)

    def fault(self, version: str, count: int = 1) -> None:
        """Count rows that a version failed to score."""
        faults = self.counted.faults
        faults[version] = faults.get(version, 0) + count

    def committed(self, events: int, seconds: float, log_end: int) -> None:
        """Count a commit of events to the log; `log_end` is the first offset behind it."""
        self.counted.commit_seconds.add(seconds)
        self.counted.events += events
        self.counted.log_end = log_end

    def stream(self, source: str) -> Stream:
        """Return what was counted of a source."""
        found = self.counted.streams.get(source)
        if found is None:
            found = self.counted.streams[source] = Stream()
        return found

    def events(self, source: str, taken: int, doubled: int, further: Mapping[str, int]) -> None:
        """Count posted events of a source; `further`: events by names that are no columns."""
        stream = self.stream(source)
        stream.taken += taken
        stream.doubled += doubled
        for name, count in further.items():
            known = name in stream.ignored or len(stream.ignored) < MOST_IGNORED
            told = name if known else OTHERS
            stream.ignored[told] = stream.ignored.get(told, 0) + count

    def serving(self, epoch: int) -> None:
        """Note the routes in force."""
        self.counted.epoch = epoch

    def write(self, folder: Path) -> None:
        """Write what was counted for the other gateways to read: whole, but not synced.

        A crash loses the file or leaves an older one; the numbers of a gateway begin anew with it
        in any case.
        """
        path = counted_path(folder, self.gateway)
        partial = path.with_suffix(".tmp")
        partial.write_bytes(msgspec.json.encode(self.counted))
        partial.replace(path)


def counted_path(folder: Path, gateway: int) -> Path:
    """Return where a gateway writes what it counted."""
    return folder / f"metrics-{gateway}.json"


def read_counted(folder: Path, gateway: int) -> Counted | None:
    """Return what another gateway has counted; None where it has written nothing (readable)."""
    try:
        return _DECODER.decode(counted_path(folder, gateway).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None


_DECODER: Final = msgspec.json.Decoder(Counted)
