"""The engine: tails the log, ticks, folds, writes the journal, carries out effects, publishes.

It may die between any two steps. The newest whole snapshot and the events after it give the same
state again: decisions that the journal holds are not written twice but compared, effects are
carried out again and change nothing the second time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ostinato.core.errors import LoopError, StoreError, TamperedError
from ostinato.core.ports import EventLog, Journal, Registry
from ostinato.core.records import (
    CandidateAccepted,
    CandidateTrained,
    Decision,
    HardCasesListed,
    Promoted,
    Record,
    RequestsAnswered,
    RolledBack,
    TrainingFailed,
    TrainingRequested,
)
from ostinato.core.snapshot import decode
from ostinato.core.units import duration_ns, format_duration, format_time
from ostinato.core.watched import DiagnosisMade, ExaminationRequested
from ostinato.live.engine.bootstrap import Folder
from ostinato.live.engine.comparisons import Comparisons
from ostinato.live.engine.feed import AUTONOMY, Feed, Readable, Turn, beginning
from ostinato.live.engine.missing import MissingWatch
from ostinato.live.engine.outcomes_told import outcomes_told
from ostinato.live.engine.parity_watch import ParityWatch, counted, parity_status
from ostinato.live.engine.policies import first_policy, keep
from ostinato.live.engine.publish import Publisher
from ostinato.live.engine.saved import (
    Open,
    OpenExamination,
    Saved,
    read_snapshots,
    write_snapshot,
)
from ostinato.live.engine.trainings import ExaminationJob, Job, Outcome, Trainings
from ostinato.live.events import (
    FIRST_POLICY,
    Acted,
    ExaminationDone,
    PolicyGiven,
    Tick,
    TrainingDone,
    encode,
)
from ostinato.live.lake.lake import Lake, WholeLog
from ostinato.loop import kernel
from ostinato.loop.kernel import LoopState
from ostinato.loop.standing import standing
from ostinato.replay.suiting import SUITE_HINT

SNAPSHOT_EVERY: Final = 16
"""Ticks between snapshots. Smaller: more writing; larger: recovery has more to fold again."""

ORDERS_KEPT: Final = 50
"""Versions whose orders are remembered, for examinations. Fewer: one that comes back after many
others cannot be examined; more: larger snapshots."""

VERDICTS: Final = {
    "training_requested": "inconclusive",
    "candidate_accepted": "inconclusive",
    "training_failed": "fail",
    "candidate_rejected": "fail",
    "rollout_ended": "fail",
    "rolled_back": "fail",
    "promoted": "pass",
}
"""What each decision means to whoever asks whether the last candidate may go on."""


def _nothing(point: str) -> None:
    """Between two steps nothing happens, unless a test has something happen."""


def fold(folder: Folder, state: LoopState, turn: Turn) -> tuple[LoopState, list[Record]]:
    """Fold what a tick folds; with the first one come the rows that people named golden.

    A policy that was given since the last tick holds from this one on.
    """
    changed: list[Record] = []
    for digest in turn.policies:
        state, told = kernel.change_policy(state, folder.plan_of(digest), turn.now_ns)
        changed += told
    golden = folder.golden(turn.now_ns) if turn.tick == 0 else []
    state, made = kernel.step(state, [*_batch(folder, turn), *golden], turn.now_ns)
    return state, [*changed, *made]


def _batch(folder: Folder, turn: Turn) -> list[Record]:
    """Return what a tick tells, with what of it is only for watching, in the order of a replay."""
    outcomes = outcomes_told(folder.loop, folder.schema, turn)
    inputs = [] if folder.inputs is None else folder.inputs.of(turn)
    kinds = [record.kind for record in turn.batch]
    rows = kinds.index(RequestsAnswered.kind) if RequestsAnswered.kind in kinds else len(kinds)
    return [*turn.batch[:rows], *inputs, *turn.batch[rows:], *outcomes]


def _newest(folder: Folder) -> tuple[LoopState, Saved] | None:
    """Return the newest state that can be read; None where there is none.

    What another release wrote may not be readable; the log and the lake give it again.
    """
    for saved, written in read_snapshots(folder.layout.snapshots):
        try:
            return kernel.restore(folder.plan_of(saved.policy), written), saved
        except StoreError:
            continue
    return None


@dataclass(slots=True, kw_only=True)
class Engine:
    """One life of the engine, from its start or recovery to its end or death.

    Parameters
    ----------
    folder
        The service's folder, prepared.
    events, journal, registry, trainings, examinations, publisher
        What it works on.
    plan
        The plan with the policy of the loop file, which holds from the next tick on.
    state, saved, feed
        The kernel and how far the log is folded; `recover` makes them.
    comparisons
        Compares served rows; None: nothing is compared.
    between
        Called with the name of each point between two steps: a sign of life; tests die there.
    saved_tick
        How many ticks the last snapshot of this life has folded; -1: there was none.
    """

    folder: Folder
    events: EventLog
    journal: Journal
    registry: Registry
    trainings: Trainings
    examinations: Trainings
    publisher: Publisher
    plan: kernel.Plan
    state: LoopState
    saved: Saved
    feed: Feed
    comparisons: Comparisons | None = None
    between: Callable[[str], None] = _nothing
    saved_tick: int = -1
    _missing: MissingWatch = field(init=False)
    _parity: ParityWatch | None = field(init=False)

    def __post_init__(self) -> None:
        folder = self.folder
        computed = folder.loop.feature_plan.computed
        self._missing = MissingWatch(folder.schema.names, computed, self._missing_in_training)
        compares = self.comparisons
        self._parity = None if compares is None else ParityWatch(folder.loop, compares)

    @classmethod
    def recover(
        cls,
        folder: Folder,
        *,
        events: EventLog,
        journal: Journal,
        registry: Registry,
        trainings: Trainings,
        examinations: Trainings,
        publisher: Publisher,
        comparisons: Comparisons | None = None,
        between: Callable[[str], None] = _nothing,
    ) -> Engine:
        """Begin, or go on where the newest whole snapshot and the events after it lead to."""
        plan = folder.plan()
        keep(folder.layout, plan.policy_digest, folder.loop)
        whole = WholeLog(events, Lake(folder.layout, folder.schema))
        newest = _newest(folder)
        if newest is None:
            events.append([(FIRST_POLICY, encode(PolicyGiven(plan.policy_digest)))])
            saved = Saved(place=beginning(folder.schema), policy=first_policy(whole))
            newest = kernel.start(folder.plan_of(saved.policy)), saved
        state, saved = newest
        feed = Feed(folder.schema, saved.place)
        feed.resume(whole)
        engine = cls(
            folder=folder,
            events=events,
            journal=journal,
            registry=registry,
            trainings=trainings,
            examinations=examinations,
            publisher=publisher,
            plan=plan,
            state=state,
            saved=saved,
            feed=feed,
            comparisons=comparisons,
            between=between,
        )
        engine._catch_up(whole)
        engine._give_policy()
        if engine.saved.place.tick:
            engine.publish()  # a life before may have died just before it did
        return engine

    def _give_policy(self) -> None:
        """Go on under the loop file's policy from the next tick, where it is another one."""
        given = self.feed.policy_waiting or self.saved.policy
        if given == self.plan.policy_digest:
            return
        kernel.change_policy(self.state, self.plan, self.now_ns)  # raises where it cannot be done
        key = f"policy/{self.feed.next_offset}"
        self.events.append([(key, encode(PolicyGiven(self.plan.policy_digest)))])

    # -- what drives it

    @property
    def now_ns(self) -> int:
        """The time of the last tick."""
        return self.saved.place.now_ns

    @property
    def epoch(self) -> int:
        """The epoch of the routes in force."""
        epoch: int = self.state.stages["release"].routes.epoch
        return epoch

    @property
    def begun(self) -> bool:
        """Whether the first champion serves and the loop may go on by itself as far as was said."""
        return self.saved.place.tick >= 3 + (self.folder.config.autonomy != "auto")

    def catch_up(self) -> None:
        """Fold the ticks that are in the log; take what comes after them."""
        self._catch_up(self.events)

    def _catch_up(self, events: Readable) -> None:
        for turn in self.feed.turns(events):
            self._fold(turn)
            if self.saved.place.tick % SNAPSHOT_EVERY == 0:
                self.save()
        self._carry_on()

    def tick(self, reading_ns: int) -> None:
        """Let a tick pass: tell what trainings came to, write the tick down, fold.

        Parameters
        ----------
        reading_ns
            What the clock says. It may go back; ours stands still then.
        """
        now_ns = max(reading_ns, self.now_ns)
        self.catch_up()
        self._tell_result(now_ns)
        self._tell_examined(now_ns)
        self._tell_compared()
        self._write_tick(now_ns)
        if self._parity is not None:
            self._parity.hand_over(self.state, self.saved.place.tick, self.now_ns)

    def begin(self) -> bool:
        """Take the next step to the first champion, as a replay does; False while it is trained.

        Three ticks at the start: the order, its result, the routes; then how far the loop may act
        by itself.

        Raises
        ------
        LoopError
            If the first champion cannot be trained or released.
        """
        start_ns = self.folder.schema.start_ns
        self.catch_up()
        match self.saved.place.tick:
            case 0 | 2:
                self._write_tick(start_ns)
            case 1:
                if not self._tell_result(start_ns):
                    return False
                self._write_tick(start_ns)
            case _:
                self._set_autonomy()
                self._write_tick(start_ns)
        if self.saved.place.tick == 3 and self.state.stages["release"].routes.champion is None:
            raise LoopError(
                "The first champion was not released",
                found="NaN scores on the validation rows",
                hint="Check the learner: it answered NaN on rows it was not trained on.",
            )
        return True

    def publish(self) -> None:
        """Tell gateways and people what holds now."""
        self.publisher.missing = self._missing.moved()
        self.publisher.parity = parity_status(self.saved.compared, self.state)
        self.publisher.parity_trouble = "" if self.comparisons is None else self.comparisons.trouble
        self.publisher.publish(self.state, self.saved, decisions=self.journal.head()[0])
        self.publisher.settle(self.state.acts)

    def save(self) -> None:
        """Write a snapshot."""
        write_snapshot(self.folder.layout.snapshots, self.saved, kernel.snapshot(self.state))
        self.saved_tick = self.saved.place.tick
        self.between("after snapshot")

    # -- ticks

    def _write_tick(self, now_ns: int) -> None:
        number = self.saved.place.tick
        self.between("before tick")
        self.events.append([(f"tick/{number}", encode(Tick(number=number, now_ns=now_ns)))])
        self.between("after tick")
        self.catch_up()
        self.publish()
        self.between("after publish")

    def _set_autonomy(self) -> None:
        level = self.folder.config.autonomy
        act = Acted(
            act=AUTONOMY,
            act_id="start",
            who="service",
            reason="Said at the first start.",
            subject=level,
            time_ns=self.folder.schema.start_ns,
        )
        self.events.append([("act/start", encode(act))])

    def _fold(self, turn: Turn) -> None:
        champion = self.state.stages["release"].routes.champion
        for gathered in turn.requests:
            self._missing.take(champion, gathered.rows)
        self.state, made = fold(self.folder, self.state, turn)
        self.between("after step")
        self._write([record for record in made if isinstance(record, Decision)])
        self.between("after journal")
        for record in made:
            self._carry_out(record, turn, made)
            self.saved.verdict = VERDICTS.get(record.kind, self.saved.verdict)
        if self._parity is not None:
            self._parity.take(turn, self.state)
        self.saved.compared = counted(self.saved.compared, turn)
        self.saved.watched.take(made)
        self.saved.place, self.saved.policy = turn.place, self.state.policy_digest
        self.between("after effects")

    def _missing_in_training(self, version: str) -> Mapping[str, float]:
        """Return what the journal says of the rows that a version was trained on."""
        for entry in self.journal.entries():
            if entry.kind == CandidateTrained.kind:
                body = json.loads(entry.body)
                if body["subject"] == version:
                    found: Mapping[str, float] = body["evidence"].get("missing", {})
                    return found
        return {}

    def _write(self, decisions: list[Decision]) -> None:
        """Write what the journal does not hold yet; what it holds has to be the same."""
        held, _ = self.journal.head()
        known = [each for each in decisions if each.seq < held]
        if known:
            self._compare(known)
        self.journal.append([each for each in decisions if each.seq >= held])

    def _compare(self, decisions: list[Decision]) -> None:
        entries = self.journal.entries(decisions[0].seq)
        for decision, entry in zip(decisions, entries, strict=False):
            if decision.canonical() != entry.body:
                raise TamperedError(
                    f"Decision {decision.seq} came out other than the journal has it",
                    found=decision.canonical()[:200],
                    expected=entry.body[:200],
                    hint="Same release, loop file and learner's library as before? Then: "
                    "ostinato audit replay.",
                )

    # -- effects

    def _carry_out(self, record: Record, turn: Turn, made: list[Record]) -> None:
        match record:
            case TrainingRequested():
                self._order(record, turn, made)
            case CandidateTrained():
                self._trained(record)
                self._told(record.request)
            case ExaminationRequested():
                self._examine(record, turn)
            case DiagnosisMade():
                self._examined(record.request)
            case TrainingFailed():
                self._told(record.request)
            case CandidateAccepted():
                self._point("challenger", record.subject, turn.now_ns)
            case Promoted():
                self._point("champion", record.subject, turn.now_ns)
                if record.previous is not None:
                    self._point("previous", record.previous, turn.now_ns)
            case RolledBack():
                self._point("champion", record.previous, turn.now_ns)
            case _:
                pass

    def _order(self, order: TrainingRequested, turn: Turn, made: list[Record]) -> None:
        listed = [r for r in made if isinstance(r, HardCasesListed) and r.request == order.request]
        self.saved.open.append(
            Open(
                order=order,
                hard=listed[0],
                tick=turn.tick,
                now_ns=turn.now_ns,
                judged_to_ns=self.saved.judged_to_ns,
            )
        )
        if order.champion is not None and self.folder.loop_of(order.policy_digest).policy.gates:
            self.saved.judged_to_ns = order.matured_to_ns

    def _told(self, request: str) -> None:
        self.saved.open = [each for each in self.saved.open if each.order.request != request]
        self.trainings.drop(request)

    def _point(self, alias: str, version: str, now_ns: int) -> None:
        """Move an alias, unless a later life of the engine moved it on already."""
        history = self.registry.alias_history(alias)
        if not history or history[-1][0] <= now_ns:
            self.registry.set_alias(alias, version, ts_event_ns=now_ns)
        self.between("after alias")

    # -- parity

    @property
    def comparing(self) -> bool:
        """Whether served rows are being compared."""
        return self._parity is not None and self._parity.under_way

    def _tell_compared(self) -> None:
        """Write what the last comparison showed to the log."""
        entries = [] if self._parity is None else self._parity.entries()
        if entries:
            self.events.append(entries)
            self.between("after parity")

    # -- examinations

    def _examine(self, order: ExaminationRequested, turn: Turn) -> None:
        champion = order.champion
        self.saved.examinations.append(
            OpenExamination(
                order=order,
                trained=self.saved.orders[champion],
                artifact=self.saved.artifacts[champion],
                tick=turn.tick,
                now_ns=turn.now_ns,
            )
        )

    def _examined(self, request: str) -> None:
        kept = [each for each in self.saved.examinations if each.order.request != request]
        self.saved.examinations = kept
        self.examinations.drop(request)

    @property
    def examining(self) -> bool:
        """Whether the oldest examination has not come to anything yet."""
        waiting = self.saved.examinations
        return bool(waiting) and self.examinations.outcome(waiting[0].order.request) is None

    def _tell_examined(self, now_ns: int) -> None:
        """Write what the oldest examination found to the log."""
        if not self.saved.examinations:
            return
        oldest = self.saved.examinations[0]
        request = oldest.order.request
        outcome = None if self.feed.told(request) else self.examinations.outcome(request)
        if outcome is None:
            return
        # On the clock of events it takes no time, as in a replay.
        ready_ns = oldest.now_ns if self.folder.config.clock == "events" else now_ns
        done = ExaminationDone(request=request, ready_ns=ready_ns, records=outcome.records)
        self.events.append([(f"examination/{request}", encode(done))])
        self.between("after examination")

    # -- trainings

    def _trained(self, trained: CandidateTrained) -> None:
        """Remember a version, and the newest orders by which versions were trained."""
        self.saved.artifacts[trained.subject] = trained.artifact
        found = [each.order for each in self.saved.open if each.order.request == trained.request]
        self.saved.orders.update((trained.subject, order) for order in found)
        stands = standing(self.state)
        while len(self.saved.orders) > ORDERS_KEPT:
            serving = (stands.champion, stands.previous, stands.challenger)
            del self.saved.orders[next(v for v in self.saved.orders if v not in serving)]

    def _carry_on(self) -> None:
        """See to it that the oldest orders are carried out: one of each sort at a time."""
        if self.saved.open:
            self.trainings.begin(Job(open=self.saved.open[0], artifacts=self.saved.artifacts))
        if self.saved.examinations:
            self.examinations.begin(ExaminationJob(open=self.saved.examinations[0]))

    def result_due_ns(self) -> int | None:
        """Return when the result of the oldest order is told on the clock of events."""
        if not self.saved.open:
            return None
        takes_ns = duration_ns(self.folder.config.train_takes, name="train_takes")
        first = self.saved.place.tick <= 1
        return self.saved.open[0].now_ns + (0 if first else takes_ns)

    def result_ready(self) -> bool:
        """Whether the oldest order has come to something."""
        return bool(self.saved.open) and (
            self.trainings.outcome(self.saved.open[0].order.request) is not None
        )

    def _tell_result(self, now_ns: int) -> bool:
        """Register what the oldest order came to, and write its result to the log."""
        if not self.saved.open:
            return False
        request = self.saved.open[0].order.request
        if self.feed.told(request):
            return True
        outcome = self.trainings.outcome(request)
        due_ns = self.result_due_ns() if self.folder.config.clock == "events" else now_ns
        if outcome is None or due_ns is None or due_ns > now_ns:
            return False
        if self.saved.place.tick <= 1:
            self._check_first(outcome)
        self._register(outcome)
        self.between("after register")
        done = TrainingDone(request=request, ready_ns=due_ns, records=outcome.records)
        self.events.append([(f"result/{request}", encode(done))])
        self.between("after result")
        return True

    def _register(self, outcome: Outcome) -> None:
        """Register a version, unless it is: made again, its cost differs, which is no news."""
        if outcome.version is not None and outcome.version not in self.registry.versions():
            self.registry.register(outcome.version, outcome.artifact, outcome.provenance)

    def _check_first(self, outcome: Outcome) -> None:
        failed = [r for r in decode(outcome.records) if isinstance(r, TrainingFailed)]
        if not failed:
            return
        self.trainings.drop(failed[0].request)
        horizon = self.folder.loop.label.horizon_ns
        history = self.folder.history
        matured = history.matured_to_ns(history.start_ns, horizon)
        raise LoopError(
            "The first champion could not be trained",
            found=failed[0].reason,
            expected="a learner that can learn the history before the start",
            hint=SUITE_HINT
            if "suite" in failed[0].evidence
            else f"At the start ({format_time(history.start_ns)}) labels have matured up to "
            f"{format_time(matured)}, with a horizon of {format_duration(horizon)}. Give a later "
            "start, a shorter horizon, or check the learner and the features.",
        )
