"""Turn the virtual clock over history: one policy, from the first champion to the last row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.clock import Stopwatch, VirtualClock
from ostinato.core.errors import ConfigError, LoopError
from ostinato.core.ports import Journal, Registry
from ostinato.core.records import (
    CasesNamed,
    Decision,
    Floats,
    HardCasesListed,
    Ints,
    LabelsArrived,
    PredictionsMade,
    Promoted,
    Record,
    RequestsArrived,
    RolledBack,
    RoutesChanged,
    TrainingFailed,
    TrainingRequested,
)
from ostinato.core.units import DAY_NS, duration_ns, format_duration, format_time
from ostinato.core.watched import (
    EstimatesSettled,
    ExaminationRequested,
    OutcomesArrived,
    WindowMeasured,
)
from ostinato.decide.parity import broken_parity
from ostinato.loop import kernel
from ostinato.loop.loop import Loop
from ostinato.loop.plan import make_plan, parity_rule
from ostinato.loop.policy import Policy
from ostinato.loop.suited import with_suite
from ostinato.replay.examining import Examiner
from ostinato.replay.history import NEVER, History, blind_spot, make_history
from ostinato.replay.inputs import Inputs, inputs_of
from ostinato.replay.parity import Comparer
from ostinato.replay.progress import Progress, Report
from ostinato.replay.record import Recorder
from ostinato.replay.result import Replay, make_replay
from ostinato.replay.scores import ModelScores, ReplayScorer
from ostinato.replay.sights import sights_of
from ostinato.replay.suiting import SUITE_HINT
from ostinato.replay.training import Trainer
from ostinato.stores.journal_memory import MemoryJournal
from ostinato.stores.open import open_journal, open_registry
from ostinato.stores.registry_memory import MemoryRegistry
from ostinato.stores.tables import read_table

TRAIN_TAKES: Final = "10m"
"""How long a training takes in simulated time unless it is said or measured: no policy profits
from instant models, and two replays agree to the byte."""

TICKS_PER_REPORT: Final = 50


@dataclass(slots=True)
class Run:
    """One policy under way.

    `due` holds results of effects and when they are known; `next_row` and `next_label` say how far
    the history has been told; `label_order` and `label_moments` are the labels to come, by time;
    `judged_to_ns` is how far candidates have been judged on recent rows; `comparer` tells of
    features as served, where the history has them; `orders` holds by version what it was trained
    for, of which examinations take their reference.
    """

    loop: Loop
    policy: Policy
    history: History
    trainer: Trainer
    scorer: ReplayScorer
    state: kernel.LoopState
    journal: Journal
    registry: Registry
    recorder: Recorder
    clock: VirtualClock
    train_takes_ns: int | None
    label_order: Ints
    label_moments: Ints
    next_row: int
    next_label: int = 0
    next_outcome: dict[str, int] = field(default_factory=dict)
    due: list[tuple[int, list[Record]]] = field(default_factory=list)
    hard: dict[str, HardCasesListed] = field(default_factory=dict)
    judged_to_ns: int | None = None
    comparer: Comparer | None = None
    orders: dict[str, TrainingRequested] = field(default_factory=dict)
    inputs: Inputs | None = None
    kernel_seconds: float = 0.0

    def begin(self) -> None:
        """Train the first champion on the history before the start, in no time."""
        told = [*self._golden(0, self.history.first), *self._compared(0, self.history.first)]
        if self.inputs is not None:
            told += self.inputs.before(self.clock.now_ns())
        self._step(told, self.clock.now_ns())
        self._check_parity()
        while self.due:
            _, records = self.due.pop(0)
            failed = [r for r in records if isinstance(r, TrainingFailed)]
            if failed:
                raise LoopError(
                    "The first champion could not be trained",
                    found=failed[0].reason,
                    expected="a learner that can learn the history before the start",
                    hint=self._first_hint(failed[0]),
                )
            now_ns = self.clock.now_ns()
            self._step([_restamp(record, now_ns) for record in records], now_ns)
        self._step([], self.clock.now_ns())  # the routes reach serving
        if self.recorder.champion is None:
            raise LoopError(
                "The first champion was not released",
                found="NaN scores on the validation rows",
                hint="Check the learner: it answered NaN on rows it was not trained on.",
            )

    def _check_parity(self) -> None:
        """Say why nothing was trained if the very first training was held back."""
        decide = self.state.stages["decide"]
        held = broken_parity(decide.parity, decide.config_.parity)
        if held:
            raise LoopError(
                f"The first champion is not trained: {held}",
                expected="features that are served as they are computed for training",
                hint="Repair what differs. Loop(parity=ost.features.Parity(hold_training=False)) "
                "trains all the same.",
            )

    def _first_hint(self, failed: TrainingFailed) -> str:
        if "suite" in failed.evidence:
            return SUITE_HINT
        horizon = self.loop.label.horizon_ns
        matured = self.history.matured_to_ns(self.history.start_ns, horizon)
        return (
            f"At the start ({format_time(self.history.start_ns)}) labels have matured up to "
            f"{format_time(matured)}, with a horizon of {format_duration(horizon)}. Give a later "
            "start, a shorter horizon, or check the learner and the features."
        )

    def tick(self, now_ns: int, stop_row: int) -> None:
        """Tell what happened up to a moment: requests up to a row, labels, finished trainings."""
        self.clock.advance_to(now_ns)
        batch: list[Record] = []
        while self.due and self.due[0][0] <= now_ns:
            batch.extend(self.due.pop(0)[1])
        if stop_row > self.next_row:
            golden = self._golden(self.next_row, stop_row)
            compared = self._compared(self.next_row, stop_row)
            if self.inputs is not None:
                batch.append(self.inputs.tell(self.next_row, stop_row, now_ns))
            batch.extend([self._requests(stop_row, now_ns), *golden, *compared])
        labels = self._labels(now_ns)
        if labels is not None:
            batch.append(labels)
        batch.extend(self._outcomes(now_ns))
        self._step(batch, now_ns)

    def _requests(self, stop: int, now_ns: int) -> RequestsArrived:
        history, start = self.history, self.next_row
        self.next_row = stop
        return RequestsArrived(
            ts_event_ns=int(history.times_ns[stop - 1]),
            ts_record_ns=now_ns,
            offset=start,
            ids=history.ids[start:stop],
            times_ns=history.times_ns[start:stop],
            unit_hashes=history.unit_hashes[start:stop],
            groups=history.groups[start:stop],
        )

    def _compared(self, start: int, stop: int) -> list[Record]:
        """Tell how these rows were served beside what their definitions give."""
        parity = self.state.stages["decide"].parity
        if self.comparer is None or parity is None or start == stop:
            return []
        champion = self.recorder.champion
        score = None if champion is None else self._champion
        return [*self.comparer.tell(start, stop, parity, score, self.clock.now_ns())]

    def _champion(self, table: pl.DataFrame) -> Floats:
        artifact = self.scorer.artifacts[str(self.recorder.champion)]
        return self.trainer.scores.table(artifact, table)

    def _golden(self, start: int, stop: int) -> list[Record]:
        """Tell which of these rows people named as ones to get right."""
        rows = np.flatnonzero(self.history.golden[start:stop]) + start
        if not len(rows):
            return []
        now_ns = self.clock.now_ns()
        named = CasesNamed(ts_event_ns=now_ns, ts_record_ns=now_ns, offsets=rows, source="golden")
        return [named]

    def _labels(self, now_ns: int) -> LabelsArrived | None:
        history, start = self.history, self.next_label
        before, stop = np.searchsorted(self.label_moments, [now_ns, now_ns + 1]).tolist()
        # A label of this very moment waits for the next tick when its request does.
        stop = before + int(np.searchsorted(self.label_order[before:stop], self.next_row))
        if stop == start:
            return None
        rows = self.label_order[start:stop]
        self.next_label = stop
        return LabelsArrived(
            ts_event_ns=int(self.label_moments[stop - 1]),
            ts_record_ns=now_ns,
            ids=history.ids[rows],
            times_ns=self.label_moments[start:stop],
            values=history.labels[rows],
        )

    def _outcomes(self, now_ns: int) -> Iterator[OutcomesArrived]:
        """Tell the business outcomes that became known."""
        for each in self.history.outcomes:
            start = self.next_outcome.get(each.name, 0)
            stop = self.next_outcome[each.name] = each.stop(start, now_ns, self.next_row)
            told = each.told(start, stop, self.history.ids, now_ns)
            if told is not None:
                yield told

    def _step(self, batch: list[Record], now_ns: int) -> None:
        watch = Stopwatch()
        scored = self.scorer.scores.spent_seconds
        with watch:
            self.state, made = kernel.step(self.state, batch, now_ns)
        # What the stages took without the user's model: shared scores are not paid for twice.
        self.kernel_seconds += watch.cpu_seconds - (self.scorer.scores.spent_seconds - scored)
        self.journal.append([record for record in made if isinstance(record, Decision)])
        for record in made:
            self._carry_out(record, now_ns)
        self.recorder.tick(now_ns, self.state)

    def _carry_out(self, record: Record, now_ns: int) -> None:
        match record:
            case PredictionsMade():
                self.recorder.predictions(record)
            case WindowMeasured():
                self.recorder.windows.take(record)
            case EstimatesSettled():
                self.recorder.estimates.take(record)
            case HardCasesListed():
                self.hard[record.request] = record
            case TrainingRequested():
                self._train(record, now_ns)
            case ExaminationRequested():
                self._examine(record, now_ns)
            case RoutesChanged():
                self.recorder.routes(record.routes)
            case Promoted():
                self.registry.set_alias("champion", record.subject, ts_event_ns=now_ns)
            case RolledBack():
                self.registry.set_alias("champion", record.previous, ts_event_ns=now_ns)
            case _:
                pass

    def _train(self, order: TrainingRequested, now_ns: int) -> None:
        result = self.trainer.carry_out(
            order,
            self.hard.pop(order.request),
            self.scorer.artifacts,
            timeout=self.policy.train_timeout,
            now_ns=now_ns,
            judged_to_ns=self.judged_to_ns,
            explore=self.policy.explore,
        )
        if order.champion is not None and self.policy.gates:
            self.judged_to_ns = order.matured_to_ns
        if result.version is not None and result.trained is not None and result.lineage is not None:
            self.orders[result.version] = order
            self.scorer.artifacts[result.version] = result.trained.artifact
            self.registry.register(result.version, result.trained.data, result.lineage)
            self.recorder.version(result.version, now_ns, result.lineage, result.trained.artifact)
        takes = self.train_takes_ns
        ready = now_ns + (takes if takes is not None else int(result.seconds * 1e9))
        stamped = [_restamp(record, ready) for record in result.records]
        self.due.append((ready, stamped))
        self.due.sort(key=lambda item: item[0])

    def _examine(self, order: ExaminationRequested, now_ns: int) -> None:
        examiner = Examiner(
            loop=self.loop,
            policy=self.policy,
            history=self.history,
            scores=self.trainer.scores,
            done=self.trainer.examined,
        )
        made = examiner.carry_out(
            order, self.orders[order.champion], self.scorer.artifacts[order.champion], now_ns=now_ns
        )
        self.due.append((now_ns, [made]))
        self.due.sort(key=lambda item: item[0])


def _restamp(record: Record, ready_ns: int) -> Record:
    return replace_fields(record, ts_event_ns=ready_ns, ts_record_ns=ready_ns)


def ticks(history: History, tick: str | int) -> Iterator[tuple[int, int]]:
    """Yield (time, first row not yet told) for every tick after the start.

    Parameters
    ----------
    history
        The rows.
    tick
        A duration, or a number of rows.
    """
    times, first = history.times_ns, history.first
    if isinstance(tick, int):
        for step in range(first + tick, len(times) + tick, tick):
            stop = min(step, len(times))
            yield int(times[stop - 1]), stop
        return
    width = duration_ns(tick, name="tick")
    moments = np.arange(history.start_ns + width, int(times[-1]) + width + 1, width, dtype=np.int64)
    stops = np.searchsorted(times, moments, side="left")
    yield from zip(moments.tolist(), np.maximum(stops, first).tolist(), strict=True)


def make_run(
    loop: Loop,
    policy: Policy,
    history: History,
    trainer: Trainer,
    *,
    tick: str | int,
    seed: int,
    train_takes: str,
    journal: Journal,
    registry: Registry | None = None,
) -> Run:
    """Put a run together, before its first step."""
    scorer = ReplayScorer(trainer.scores)
    horizon = loop.label.horizon_ns
    sights = sights_of(loop, history)
    plan = make_plan(
        loop,
        policy,
        scorer=scorer,
        classes=history.n_classes,
        group_names=history.group_names,
        data_from_ns=int(history.times_ns[0]),
        matured_to_ns=history.matured_to_ns(history.start_ns, horizon),
        bucket_ns=max(DAY_NS, 0 if isinstance(tick, int) else duration_ns(tick, name="tick")),
        seed=seed,
        remark=blind_spot(loop),
        slice_groups=history.slices.first_groups(len(loop.slices)),
        sights=sights,
    )
    served = np.arange(history.first, len(history))
    arriving = served[history.label_times_ns[served] != NEVER]
    by_time = arriving[np.argsort(history.label_times_ns[arriving], kind="stable")]
    rule, agreement = parity_rule(loop), history.agreement
    takes_ns = None if train_takes == "measured" else duration_ns(train_takes, name="train_takes")
    return Run(
        loop=loop,
        policy=policy,
        history=history,
        trainer=trainer,
        scorer=scorer,
        state=kernel.start(plan),
        journal=journal,
        registry=MemoryRegistry() if registry is None else registry,
        recorder=Recorder(history=history, classes=history.n_classes, train_takes_ns=takes_ns),
        clock=VirtualClock(history.start_ns),
        train_takes_ns=takes_ns,
        label_order=by_time,
        label_moments=history.label_times_ns[by_time],
        next_row=history.first,
        comparer=None if rule is None or agreement is None else Comparer(agreement, rule),
        inputs=inputs_of(sights, history),
    )


def run_policy(
    run: Run, *, name: str, index: int, count: int, tick: str | int, report: Report | None
) -> None:
    """Take a run from its first champion to the last row."""
    run.begin()
    for number, (now_ns, stop) in enumerate(ticks(run.history, tick)):
        run.tick(now_ns, stop)
        if report is not None and number % TICKS_PER_REPORT == 0:
            report(progress_of(run, name, index, count))
    if report is not None:
        report(progress_of(run, name, index, count))


def progress_of(run: Run, name: str, index: int, count: int) -> Progress:
    """Say where a run is, which is one of several."""
    return Progress(
        policy=name,
        policy_index=index,
        policies=count,
        events=run.next_row - run.history.first,
        events_total=len(run.history) - run.history.first,
        now_ns=run.clock.now_ns(),
        decisions=run.journal.head()[0],
    )


def replay(
    loop: Loop,
    data: Any,
    policy: Policy | None = None,
    tick: str | int = "1h",
    start: Any = None,
    end: Any = None,
    seed: int = 0,
    *,
    train_takes: str = TRAIN_TAKES,
    journal: str | None = None,
    registry: str | None = None,
    progress: Report | None = None,
    name: str = "policy",
) -> Replay:
    """Run the whole life of a loop's model over history, under one policy.

    Parameters
    ----------
    loop
        The declaration.
    data
        A path (parquet, CSV, Delta), or a Polars, pandas or Arrow table; rows need not be sorted.
    policy
        Default: the loop's own.
    tick
        A duration or a number of rows. Rows between two ticks are served by the routes of the
        earlier one.
    start
        When serving begins; history before it trains the first champion. Default: after the first
        tenth of the rows.
    end
        Rows from here on are left out.
    seed
        Seed of all random streams.
    train_takes
        How long a training takes in simulated time, which is also what is paid for it
        (`Prices.train_hour`): a duration, or ``"measured"``, which makes decisions and costs depend
        on how fast this machine is.
    journal
        Where to keep the decisions (`ostinato.stores.open.open_journal`); default: in memory.
    registry
        Where to keep the trained versions with their provenance
        (`ostinato.stores.open.open_registry`), in a folder of this run alone; default: in memory.
    progress
        Called now and then while it runs.
    name
        What the policy is called in the report.

    Returns
    -------
    Replay

    Raises
    ------
    InputError
        If the declaration or the data cannot be used.
    LoopError
        If no first champion can be trained.
    """
    check_tick(tick)
    loop = with_suite(loop)
    history = make_history(loop, read_table(data), start=start, end=end)
    trainer = Trainer(loop=loop, history=history, scores=ModelScores(history.frame))
    chosen = policy if policy is not None else loop.policy
    check_policy(chosen, name=name)
    with (
        MemoryJournal() if journal is None else open_journal(journal) as kept,
        MemoryRegistry() if registry is None else open_registry(registry) as versions,
    ):
        run = make_run(
            loop,
            chosen,
            history,
            trainer,
            tick=tick,
            seed=seed,
            train_takes=train_takes,
            journal=kept,
            registry=versions,
        )
        run_policy(run, name=name, index=0, count=1, tick=tick, report=progress)
        return make_replay(run, name=name, tick=tick, seed=seed)


def check_policy(policy: object, *, name: str) -> None:
    """Refuse what is no policy."""
    if not isinstance(policy, Policy):
        raise ConfigError(
            f"The policy {name!r} is no Policy",
            found=repr(policy),
            expected="a Policy",
            hint="For example ostinato.policies.static(), .scheduled('7d') or .triggered().",
        )


def check_tick(tick: str | int) -> None:
    """Refuse a tick that is neither a duration nor a positive number of rows."""
    if isinstance(tick, int):
        if isinstance(tick, bool) or tick < 1:
            raise ConfigError(
                "tick is not positive", found=tick, expected="a duration or a number of rows"
            )
    else:
        duration_ns(tick, name="tick")
