"""Watch what is declared to be watched: take records in, close windows, weigh what they show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ostinato.core.records import EvidenceRegistered, Promoted, Record, RolledBack, RowsMatured
from ostinato.core.stage import Stage
from ostinato.core.watched import OutcomesJoined, ReferenceRenewed, StreamsRestarted
from ostinato.watch import performance
from ostinato.watch.config import WatchConfig
from ostinato.watch.monitor import MATURED, NOW, SETTLED, Monitor
from ostinato.watch.state import WatchState
from ostinato.watch.streams import StreamBook

WANTS = frozenset(
    {
        "inputs_summarised",
        "predictions_made",
        "rows_labelled",
        "rows_matured",
        "labels_arrived",
        "outcomes_joined",
        "resources_observed",
        "training_requested",
        "candidate_trained",
        "candidate_evaluated",
        "promoted",
        "rolled_back",
        "streams_restarted",
    }
)

OF_ANSWERS = frozenset({"output", "estimate", "performance"})
"""Families of what the champion answers: what the one before answered in the long window that is
open says nothing of a new one."""

CAUGHT_UP = 5_000
"""Long windows that one step closes at most, the newest. Fewer: of an outage more is not watched;
more: after one the loop stands still for long, and whoever keeps it alive takes that for a hang."""


def start(config: WatchConfig) -> WatchState:
    """Begin with nothing seen."""
    return WatchState(
        monitors=[monitor.begin() for monitor in config.monitors],
        books=[StreamBook() for _ in config.monitors],
        read_to_ns=[None for _ in config.monitors],
        config_=config,
    )


def step(state: WatchState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Take in what came, then close the windows that are over."""
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    out = performance.observe(state.performance, config, inbox, now_ns)
    takers = state.takers(config)
    for record in (*inbox, *out):
        for index in takers.get(record.kind, ()):
            config.monitors[index].take(state.monitors[index], record, now_ns)
        if record.kind in _FOLLOWED:
            out.extend(_follow(state, config, record, now_ns))
    if state.champion is not None:
        for index, monitor in enumerate(config.monitors):
            clock_ns = _clock_ns(state, monitor, now_ns)
            begun_ns = state.read_to_ns[index]
            if clock_ns is None or (begun_ns is not None and clock_ns - begun_ns < config.fast_ns):
                continue  # no window is over
            out.extend(_close(state, config, index, clock_ns, now_ns))
    return out


_FOLLOWED = frozenset(
    {"rows_matured", "outcomes_joined", "promoted", "rolled_back", "streams_restarted"}
)


def _follow(
    state: WatchState, config: WatchConfig, record: Record, now_ns: int
) -> Iterable[Record]:
    """Follow how far truth is known, who is champion, and which alarms are over."""
    match record:
        case RowsMatured():
            state.matured_to_ns = max(record.matured_to_ns, state.matured_to_ns or 0)
        case OutcomesJoined():
            state.settled_to_ns[record.name] = record.settled_to_ns
        case Promoted():
            return _renew(state, config, record.subject, now_ns)
        case RolledBack():
            return _renew(state, config, record.previous, now_ns)
        case StreamsRestarted():
            _restart(state, config, record)
        case _:
            pass
    return ()


def _renew(state: WatchState, config: WatchConfig, champion: str, now_ns: int) -> Iterator[Record]:
    """Go on with a new champion: what it is compared with begins with it."""
    state.champion = champion
    for monitor, inner, book in zip(config.monitors, state.monitors, state.books, strict=True):
        reference = monitor.renew(inner, champion)
        if reference is not None:
            with_open = monitor.family not in OF_ANSWERS
            book.renew(reference, slow_ns=config.slow_ns, with_open=with_open)
            yield ReferenceRenewed(
                ts_event_ns=now_ns, ts_record_ns=now_ns, monitor=monitor.name, champion=champion
            )
            yield from _registered(monitor, book, now_ns)


def _restart(state: WatchState, config: WatchConfig, restarted: StreamsRestarted) -> None:
    for monitor, book in zip(config.monitors, state.books, strict=True):
        if monitor.name == restarted.monitor:
            book.restart(restarted.streams)


def _close(
    state: WatchState, config: WatchConfig, index: int, clock_ns: int, now_ns: int
) -> Iterator[Record]:
    """Close the windows of one monitor that are over by its clock, and weigh them."""
    monitor, inner, book = config.monitors[index], state.monitors[index], state.books[index]
    begun_ns = state.read_to_ns[index]
    if begun_ns is None:  # windows begin on the grid of the long ones
        begun_ns = clock_ns // config.slow_ns * config.slow_ns
    oldest_ns = clock_ns // config.slow_ns * config.slow_ns - CAUGHT_UP * config.slow_ns
    begun_ns = max(begun_ns, oldest_ns)
    for from_ns in range(begun_ns, clock_ns - config.fast_ns + 1, config.fast_ns):
        to_ns = from_ns + config.fast_ns
        readings = monitor.read(inner, from_ns, to_ns)
        yield from readings.records
        yield from book.take(monitor, readings, slow_ns=config.slow_ns, now_ns=now_ns)
        if to_ns % config.slow_ns == 0:
            details = monitor.describe(inner, to_ns - config.slow_ns, to_ns)
            yield from book.close(monitor, to_ns, details, slow_ns=config.slow_ns, now_ns=now_ns)
            yield from _registered(monitor, book, now_ns)
        begun_ns = to_ns
    state.read_to_ns[index] = begun_ns


def _clock_ns(state: WatchState, monitor: Monitor, now_ns: int) -> int | None:
    """Return up to where what a monitor watches is known."""
    if monitor.clock == NOW:
        return now_ns
    matured_ns = state.matured_to_ns
    if monitor.clock == MATURED or matured_ns is None:
        return matured_ns
    settled_ns = state.settled_to_ns.get(monitor.clock.removeprefix(SETTLED))
    return None if settled_ns is None else min(settled_ns, matured_ns)


def _registered(monitor: Monitor, book: StreamBook, now_ns: int) -> Iterator[Record]:
    """Tell the journal what streams are judged by, before they are."""
    facts = book.registered()
    if facts is not None:
        yield EvidenceRegistered(
            ts_event_ns=now_ns,
            ts_record_ns=now_ns,
            subject=f"watch/{monitor.name}",
            reason="Windows are compared with these references from now on, and with no others.",
            process=facts["method"],
            evidence=facts,
        )


STAGE = Stage("watch", WANTS, start, step)
