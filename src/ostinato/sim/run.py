"""Run one seed: the world, the runtime and its deaths; then the checkers."""

from __future__ import annotations

import hashlib
import tempfile
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ostinato.core.errors import OstinatoError
from ostinato.core.records import PredictionsMade
from ostinato.loop.kernel import Plan
from ostinato.sim.alarms import count_alarms
from ostinato.sim.checkers import CHECKERS
from ostinato.sim.declare import NAME, plan_of, promises_of
from ostinato.sim.disk import Disk, leave_behind, opened
from ostinato.sim.feed import Feed
from ostinato.sim.lake import Lake
from ostinato.sim.misfortune import Crash
from ostinato.sim.observe import Evidence, Onlooker
from ostinato.sim.planted import SOUND, Planted, planted_stages
from ostinato.sim.refold import refold
from ostinato.sim.runtime import PlannedCrashError, Runtime
from ostinato.sim.scorer import RegistryScorer
from ostinato.sim.training import Trainer
from ostinato.sim.verdict import Finding, Verdict, outcome_of
from ostinato.sim.world import START_NS, TICKS, World, make_world

_FAST: Final = Path("/dev/shm")  # noqa: S108 - a folder in memory, where there is one

DEFECTS: Final = (
    OstinatoError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a defect raises: it is reported as the crash of its seed, and the next seed goes on."""


@dataclass(slots=True)
class Run:
    """One seed under way. `lives` counts the folders: each death leaves one, the next goes on."""

    world: World
    folder: Path
    planted: Planted
    seen: Onlooker = field(default_factory=Onlooker)
    crashes: list[Crash] = field(init=False)
    lives: int = 0
    disk: Disk = field(init=False)
    runtime: Runtime | None = None

    def __post_init__(self) -> None:
        self.crashes = list(self.world.crashes)
        self.disk = Disk.open(self._place())

    def play(self) -> None:
        """Let the world happen, whatever dies on the way."""
        try:
            for tick in range(self.world.all_ticks):
                self._tick(tick)
                for record in self.seen.ticks[tick].made:
                    if isinstance(record, PredictionsMade):
                        self.world.answered(record)
        finally:
            self.disk.close()

    def _tick(self, tick: int) -> None:
        waiting: list[tuple[str, bytes]] | None = None
        while True:
            try:
                runtime = self._living()
                if waiting is None:
                    waiting = list(self.world.deliveries(tick, serving=runtime.serving))
                while waiting and runtime.saved.tick == tick:
                    runtime.accept(*waiting[0])
                    self.seen.acknowledged.setdefault(*waiting.pop(0))
                if runtime.saved.tick == tick:  # else it died after the tick was written down
                    runtime.turn(int(self.world.clock_ns[tick]))
            except PlannedCrashError as crash:
                self._died(tick, crash)
            else:
                return

    def _living(self) -> Runtime:
        if self.runtime is None:
            scorer = RegistryScorer(self.disk.registry)
            loop = self.planted.loop(self.world.loop)
            self.runtime = self.planted.runtime.recover(
                plan=self._plan(scorer),
                disk=self.disk,
                feed=Feed(self._lake()),
                trainer=Trainer(
                    loop=NAME,
                    task=self.world.concept.task,
                    classes=self.world.concept.classes,
                    never_trained=loop.holdout,
                    scorer=scorer,
                    explore=loop.policy.explore if loop.label.selective else None,
                ),
                fates=self.world.fates,
                seen=self.seen,
                crashes=self.crashes,
            )
        return self.runtime

    def _plan(self, scorer: RegistryScorer) -> Plan:
        world = self.world
        loop = self.planted.loop(world.loop)
        return plan_of(loop, world.concept, scorer=scorer, seed=world.seed, start_ns=START_NS)

    def _lake(self) -> Lake:
        world = self.world
        return Lake(world.history, world.history_labels(), world.concept.classes)

    def _died(self, tick: int, crash: PlannedCrashError) -> None:
        self.seen.crashes.append((tick, crash.point))
        self.lives += 1
        leave_behind(self.disk, crash.tear, self._place())
        self.runtime, self.disk = None, Disk.open(self._place())

    def _place(self) -> Path:
        return self.folder / f"life-{self.lives}"

    def evidence(self) -> Evidence:
        """Read what lies on disk, and fold the event log anew."""
        with opened(self._place()) as disk:
            self.planted.spoil(disk)
            plan = self._plan(RegistryScorer(disk.registry))
            derived = refold(plan, Feed(self._lake()), disk.events)
            return Evidence(
                promises=promises_of(self.world.loop, plan, self.world.concept),
                seen=self.seen,
                events=disk.events.read(0, 10**9),
                journal=list(disk.journal.entries()),
                derived=derived,
                registered=disk.registry.versions(),
                artifacts={
                    version: hashlib.sha256(disk.registry.load(version)).hexdigest()
                    for version in disk.registry.versions()
                },
                champions=disk.registry.alias_history("champion"),
                rows_before=len(self.world.history),
                still=self.world.concept.still,
            )


def simulate(seed: int, *, ticks: int = TICKS, planted: Planted = SOUND) -> Verdict:
    """Run one seed and judge it.

    Parameters
    ----------
    seed
        Decides everything that happens.
    ticks
        Ticks with traffic.
    planted
        A defect to plant, to see whether it is caught.
    """
    world = make_world(seed, ticks=ticks)
    base = str(_FAST) if _FAST.is_dir() else None
    with (
        tempfile.TemporaryDirectory(prefix="ostinato-sim-", dir=base) as folder,
        planted_stages(planted),
    ):
        run = Run(world=world, folder=Path(folder), planted=planted)
        try:
            run.play()
            evidence = run.evidence()
        except DEFECTS:
            return _crashed(run)
        return _judged(run, evidence)


def _crashed(run: Run) -> Verdict:
    tick = max(run.seen.ticks, default=0)
    text = traceback.format_exc()
    last = text.strip().splitlines()[-1]
    return Verdict(
        seed=run.world.seed,
        outcome="crash",
        findings=[Finding(checker="no exception", tick=tick, text=last)],
        counts=_counts(run),
        error=text,
    )


def _judged(run: Run, evidence: Evidence) -> Verdict:
    findings = list(run.seen.findings)
    for check in CHECKERS.values():
        findings.extend(check(evidence))
    return Verdict(
        seed=run.world.seed,
        outcome=outcome_of(findings),
        findings=sorted(findings, key=lambda finding: finding.tick),
        head=evidence.journal[-1].hash if evidence.journal else "",
        counts=_counts(run) | count_alarms(evidence),
    )


def _counts(run: Run) -> dict[str, int]:
    """Count what happened: steps, deaths, rows, decisions by kind."""
    found = Counter[str]()
    for seen in run.seen.ticks.values():
        for record in seen.made:
            found[record.kind] += 1
            if isinstance(record, PredictionsMade):
                found["rows"] += len(record)
    found["ticks"], found["crashes"] = len(run.seen.ticks), len(run.seen.crashes)
    return dict(sorted(found.items()))
