"""A small runtime that may die anywhere: event log, kernel, journal, effects, snapshot.

What comes in is written to the event log before it is confirmed; so is each tick with its time.
Then the kernel folds the events up to the tick, the journal takes the decisions, and their effects
are carried out. After a crash the newest whole snapshot and the events after it give the same state
again: decisions the journal holds are not written twice, effects without a result are carried out
again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ostinato.core import snapshot as plain
from ostinato.core.records import (
    CandidateTrained,
    Decision,
    HardCasesListed,
    Ints,
    Promoted,
    Record,
    RolledBack,
    TrainingFailed,
    TrainingRequested,
)
from ostinato.loop import kernel
from ostinato.sim.disk import EVENTS, JOURNAL, LOG, Disk, Tear
from ostinato.sim.feed import Feed, Turn
from ostinato.sim.lake import Known
from ostinato.sim.misfortune import Crash, Fate
from ostinato.sim.observe import Onlooker, TickSeen, TrainingSeen
from ostinato.sim.saved import Open, Saved, read_saved, write_saved
from ostinato.sim.training import Trained, Trainer

SNAPSHOT_EVERY: Final = 8
"""Ticks between snapshots. Smaller: recovery has little to fold again; larger: fewer writes."""


class PlannedCrashError(Exception):
    """The process dies here, as the world has it."""

    def __init__(self, point: str, tear: Tear | None = None) -> None:
        super().__init__(point)
        self.point, self.tear = point, tear


@dataclass(slots=True)
class Runtime:
    """One life of the process, from its start or recovery to its end or death.

    `crashes` holds what is still to come; `began` says in which tick this life took up each
    training order that is under way.
    """

    plan: kernel.Plan
    disk: Disk
    feed: Feed
    trainer: Trainer
    fates: list[Fate]
    seen: Onlooker
    crashes: list[Crash]
    state: kernel.LoopState
    saved: Saved
    began: dict[str, int] = field(default_factory=dict)
    hard: dict[str, Ints] = field(default_factory=dict)

    @classmethod
    def recover(
        cls,
        plan: kernel.Plan,
        disk: Disk,
        feed: Feed,
        trainer: Trainer,
        fates: list[Fate],
        seen: Onlooker,
        crashes: list[Crash],
    ) -> Runtime:
        """Begin, or go on after a crash: the newest whole snapshot, and the events after it."""
        state, saved = kernel.start(plan), Saved()
        for content in disk.snapshots():
            saved, written = read_saved(content)
            state = kernel.restore(plan, written)
            break
        runtime = cls(plan, disk, feed, trainer, fates, seen, crashes, state, saved)
        runtime._die("in recovery")
        feed.rewind(disk.events, saved.next_offset, saved.tick)
        runtime._catch_up()
        return runtime

    @property
    def serving(self) -> bool:
        """Whether there is a champion to answer."""
        return self.state.stages["release"].routes.champion is not None

    def accept(self, key: str, payload: bytes) -> None:
        """Write a message down; when this returns, it is confirmed."""
        self._die("before log")
        with self._torn("in log", self.disk.log_of(EVENTS)):
            self.disk.events.append([(key, payload)])
        self._die("after log")

    def turn(self, reading_ns: int) -> None:
        """Let a tick pass: bring in finished trainings, write the tick down, fold."""
        now_ns = self._now(reading_ns)
        self._bring_in(now_ns)
        with self._torn("in tick", self.disk.log_of(EVENTS)):
            self.disk.events.append([(f"tick/{self.saved.tick}", plain.encode({"now_ns": now_ns}))])
        self._die("after tick")
        self._catch_up()
        if self.saved.tick % SNAPSHOT_EVERY == 0:
            self._save()

    def _now(self, reading_ns: int) -> int:
        """The machine's clock may go back; ours stands still then."""
        return max(reading_ns, self.saved.now_ns)

    # -- folding

    def _catch_up(self) -> None:
        for turn in self.feed.turns(self.disk.events):
            self._fold(turn)

    def _fold(self, turn: Turn) -> None:
        self.state, made = kernel.step(self.state, turn.batch, turn.now_ns)
        self.seen.stepped(TickSeen(tick=turn.tick, now_ns=turn.now_ns, batch=turn.batch, made=made))
        self._die("after step")
        self._write([record for record in made if isinstance(record, Decision)])
        self._die("after journal")
        for record in made:
            self._carry_out(record, turn)
        self.saved.tick, self.saved.now_ns = turn.tick + 1, turn.now_ns
        self.saved.next_offset = turn.next_offset

    def _write(self, decisions: list[Decision]) -> None:
        held, _ = self.disk.journal.head()
        fresh = [decision for decision in decisions if decision.seq >= held]
        if fresh:
            with self._torn("in journal", self.disk.log_of(JOURNAL)):
                self.disk.journal.append(fresh)
        self.seen.written(decisions)

    # -- effects

    def _carry_out(self, record: Record, turn: Turn) -> None:
        match record:
            case HardCasesListed():
                self.hard[record.request] = record.offsets
            case TrainingRequested():
                hard = self.hard.pop(record.request)
                self.saved.open.append(
                    Open(order=record, hard=hard, tick=turn.tick, number=self.saved.orders)
                )
                self.saved.orders += 1
            case CandidateTrained() | TrainingFailed():
                self.saved.open = [
                    each for each in self.saved.open if each.order.request != record.request
                ]
                self.began.pop(record.request, None)
            case Promoted() | RolledBack():
                version = record.subject if isinstance(record, Promoted) else record.previous
                with self._torn("in effect", self.disk.aliases):
                    self.disk.registry.set_alias("champion", version, ts_event_ns=turn.now_ns)
            case _:
                pass

    def _bring_in(self, now_ns: int) -> None:
        """Finish the trainings whose time is up, and tell the loop what came of them."""
        for each in list(self.saved.open):
            fate = self.fates[each.number]
            began = self.began.setdefault(each.order.request, self.saved.tick)
            if self.saved.tick - began < fate.ticks:
                continue
            done = self.trainer.carry_out(each.order, each.hard, self._known(each), fate, now_ns)
            self._note(each, done)
            if done.model is not None and done.lineage is not None:
                self.disk.registry.register(done.version, done.model.to_bytes(), done.lineage)
            self._die("after register")
            self._tell(f"result/{each.order.request}", plain.encode(done.records))

    def _known(self, each: Open) -> Known:
        """What was known when an order was given, also when it is carried out again later."""
        return self.feed.lake.as_of(each.tick)

    def _tell(self, key: str, payload: bytes) -> None:
        with self._torn("in result", self.disk.log_of(EVENTS)):
            self.disk.events.append([(key, payload)])

    def _note(self, each: Open, done: Trained) -> None:
        self.seen.trainings.append(
            TrainingSeen(
                tick=self.saved.tick,
                order=each.order,
                order_tick=each.tick,
                version=done.version,
                rows=done.rows,
                labels=done.labels,
            )
        )

    # -- snapshots and death

    def _save(self) -> None:
        content = write_saved(self.saved, kernel.snapshot(self.state))
        path = self.disk.put_snapshot(self.saved.tick, content)
        crash = self._planned("in snapshot")
        if crash is not None:
            raise PlannedCrashError(crash.point, Tear(path=path, before=b"", kept=crash.kept))
        self._die("after snapshot")

    def _die(self, point: str) -> None:
        if self._planned(point) is not None:
            raise PlannedCrashError(point)

    def _planned(self, point: str) -> Crash | None:
        """Return the crash that is due at this point, and cross it off."""
        for crash in self.crashes:
            if crash.point == point and crash.tick <= self.saved.tick:
                self.crashes.remove(crash)
                return crash
        return None

    @contextmanager
    def _torn(self, point: str, path: Path) -> Iterator[None]:
        """Let a write to a file be under way when the process dies, if the world has it so."""
        crash = self._planned(point)
        if crash is None:
            yield
            return
        table = path.with_name(path.name.removesuffix(LOG))
        before, whole = _content(path), _content(table)
        yield
        # A write that was carried over from a log into its table can no longer be half done.
        kept = crash.kept if table == path or _content(table) == whole else 1.0
        raise PlannedCrashError(point, Tear(path=path, before=before, kept=kept))


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
