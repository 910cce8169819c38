"""What travels round the loop: events that happened and decisions that were made.

Every record has a `kind`, the time it happened (`ts_event_ns`), the time we wrote it
(`ts_record_ns`) and its place in the order (`seq`, given once, by the kernel). Records are never
changed after they are made.

Two families:

- **batches** carry many rows in columns: `RequestsArrived`, `RequestsAnswered`, `PredictionsMade`,
  `LabelsArrived`, `LabelsAwaited`, `RowsLabelled`, `OutcomesRevealed`, `RowsMatured`,
  `LossesObserved`, `BucketClosed`, `LatencyObserved`, `CasesNamed`, `FeaturesCompared`,
  `CandidateEvaluated`. They flow between stages and into the event log.
- **decisions** are one entry of the journal each, with the evidence they rest on. The ones that
  ask the runtime for slow work (`TrainingRequested`) are effects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ostinato.core.canonical import canonical_json, plain

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int32]

ROLES = ("champion", "canary", "holdback", "fallback", "explore")
"""Roles in which a version can answer; a `PredictionsMade` stores the index.

`explore`: the champion answered, and chance chose the request so that its label is sought whatever
the answer was.
"""

FALLBACK_VERSION = "fallback"
"""Stands among the versions for the constant answer of a loop, for when no version can score."""

ACTS = ("retrain", "promote", "abort", "undo", "pause", "resume", "approve")
"""What an operator can do by hand."""

ALARM_ACTS = ("acknowledge", "silence", "unsilence")
"""What people do about alarms, by the name of one or a pattern with ``*``."""

AUTONOMY = ("observe", "suggest", "approve", "auto")
"""How far a loop acts by itself: not at all; it asks before it learns and before it releases; it
asks before it releases; it asks nobody. A replay acts as with ``"auto"``."""

DECISION_COST = "decision_cost"
"""Name of the price of answers by the cost matrix, among the losses of guards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The fields every record has. Times are nanoseconds since 1970, UTC."""

    kind: ClassVar[str]
    ts_event_ns: int
    ts_record_ns: int
    seq: int = -1


# ---------------------------------------------------------------- batches


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsArrived(Record):
    """Requests to score, in order of time.

    `offset` is the place of the first row in its source: row i has the place offset + i, where a
    scorer that has the source finds the features as served. `payload` is those features for a
    scorer that has not; only the scorer reads it, None in a replay. `groups` holds, per row, the
    index of each slice the row belongs to (-1: none).
    """

    kind: ClassVar[str] = "requests_arrived"
    offset: int
    ids: NDArray[Any]
    times_ns: Ints
    unit_hashes: NDArray[np.uint64]
    groups: Codes
    payload: Any = None

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsAnswered(Record):
    """Requests that a gateway has answered already, as it answered them; in order of time.

    Columns as in `PredictionsMade`, of one epoch of the routes and one set of versions. `faults`
    says why a version had no answer on some of the rows, also of versions that have no scores at
    all. `serve` makes `PredictionsMade` of it, whatever routes it knows itself: that is what was
    served.
    """

    kind: ClassVar[str] = "requests_answered"
    offset: int
    ids: NDArray[Any]
    times_ns: Ints
    unit_hashes: NDArray[np.uint64]
    groups: Codes
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    roles: NDArray[np.int8]
    scores: Mapping[str, Floats]
    epoch: int
    propensities: Floats | None = None
    faults: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionsMade(Record):
    """Answers given. `scores[v]` has every row that version v scored, NaN where it did not.

    `answered` indexes `versions`, `roles` indexes `ROLES`. `propensities` is the probability, in
    (0, 1], with which each row got its version and role under the routes in force; None: 1.
    `FALLBACK_VERSION` is among the versions where the loop's own constant answered.
    """

    kind: ClassVar[str] = "predictions_made"
    offset: int
    ids: NDArray[Any]
    times_ns: Ints
    unit_hashes: NDArray[np.uint64]
    groups: Codes
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    roles: NDArray[np.int8]
    scores: Mapping[str, Floats]
    epoch: int
    propensities: Floats | None = None

    def __len__(self) -> int:
        return len(self.times_ns)

    def answers(self) -> Floats:
        """The score each request was answered with: (n,) or (n, k)."""
        if len(self.versions) == 1:
            return self.scores[self.versions[0]]
        stacked = np.stack([self.scores[version] for version in self.versions])
        picked: Floats = stacked[self.answered, np.arange(len(self))]
        return picked


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsArrived(Record):
    """Truth about earlier predictions, in order of the time it became known.

    `values`: class index (binary: 0 or 1) or the target; NaN withdraws a label. Of two labels of
    one prediction the one with the later time holds, and of equal times the one that came last.
    """

    kind: ClassVar[str] = "labels_arrived"
    ids: NDArray[Any]
    times_ns: Ints
    values: Floats

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsAwaited(Record):
    """Predictions whose labels are awaited from now on; each prediction once, retried or not.

    `scored[v]` (n,) says which rows version v scored; `answered` indexes `versions`, `roles`
    indexes `ROLES`.
    """

    kind: ClassVar[str] = "labels_awaited"
    times_ns: Ints
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    roles: NDArray[np.int8]
    scored: Mapping[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsLabelled(Record):
    """Predictions that got their first label, mature or not; in the order of the labels.

    Each prediction once, whatever becomes of its label later. Quick labels are over-represented:
    nothing may be averaged over these rows. They serve evidence that accounts for the age at which
    each label came. A label that is overdue and means no has the label time `NO_LABEL` of the join.
    """

    kind: ClassVar[str] = "rows_labelled"
    times_ns: Ints
    label_times_ns: Ints
    labels: Floats
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    roles: NDArray[np.int8]
    scores: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesRevealed(Record):
    """The loss of every version on rows that got their first label, with the label's time.

    `losses[v]` is NaN where v did not score a row. See `RowsLabelled` for what they are good for.
    """

    kind: ClassVar[str] = "outcomes_revealed"
    times_ns: Ints
    label_times_ns: Ints
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    roles: NDArray[np.int8]
    losses: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsMatured(Record):
    """Predictions whose truth is settled: labelled, or overdue.

    Rows come in the order they were predicted, whole cohorts at a time, so that quick labels are
    not over-represented. `labels` is NaN where the label is overdue and censored. `signs` is +1
    for a new row; a revision takes the old row back with -1 and gives the new one with +1.
    `propensities` as in `PredictionsMade`. `matured_to_ns`: every prediction up to this time has
    matured.
    """

    kind: ClassVar[str] = "rows_matured"
    offsets: Ints
    times_ns: Ints
    label_times_ns: Ints
    unit_hashes: NDArray[np.uint64]
    groups: Codes
    labels: Floats
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    roles: NDArray[np.int8]
    scores: Mapping[str, Floats]
    signs: NDArray[np.int8]
    matured_to_ns: int
    revision: bool = False
    propensities: Floats | None = None

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossesObserved(Record):
    """The loss of every version on newly matured, labelled rows, in order of prediction.

    `losses[v]` is NaN where v did not score a row; `answered` indexes `versions`. Lower is better,
    in units of the metric's row loss. `guards` holds the same for each further metric that a
    guardrail looks at: metric to version to losses; under `DECISION_COST` what the answers cost.
    `propensities` as in `PredictionsMade`.
    """

    kind: ClassVar[str] = "losses_observed"
    offsets: Ints
    times_ns: Ints
    unit_hashes: NDArray[np.uint64]
    groups: Codes
    versions: tuple[str, ...]
    answered: NDArray[np.int16]
    roles: NDArray[np.int8]
    losses: Mapping[str, Floats]
    matured_to_ns: int
    guards: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    propensities: Floats | None = None

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketClosed(Record):
    """Performance of one version over one time bucket, per slice; no revision can change it now.

    `version` is ``"answers"`` for the answers as given, whichever version gave them. `table` has a
    column per metric and a row per group; row 0 is all rows, row g + 1 is slice group g.
    """

    kind: ClassVar[str] = "bucket_closed"
    bucket_ns: int
    version: str
    table: Mapping[str, Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyObserved(Record):
    """How long a version took to score; told by who serves.

    `latencies_ms` (n,) in order of `times_ns`, one per call of the model: requests that were scored
    together took one time, and are no evidence of their own. `replica_since_ns`: when the replica
    that measured them started; one that holds several versions starts anew with each that it loads,
    for all of them. A rollout compares replicas of the same age.
    """

    kind: ClassVar[str] = "latency_observed"
    version: str
    times_ns: Ints
    latencies_ms: Floats
    replica_since_ns: int

    def __len__(self) -> int:
        return len(self.times_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class CasesNamed(Record):
    """Rows that people named as ones to get right: `source` is ``"golden"`` or ``"review"``."""

    kind: ClassVar[str] = "cases_named"
    offsets: Ints
    source: str

    def __len__(self) -> int:
        return len(self.offsets)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityCause:
    """What explains why a feature was served otherwise than it is recomputed.

    `name` is the sort of cause (``"lag"``, ``"unit"``, ``"unknown"``, ...), `parameter` what makes
    it precise (nanoseconds, a factor, a name), `explained` the share of the differing rows that it
    explains, `text` a sentence with what to do.
    """

    name: str
    parameter: Any
    explained: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesCompared(Record):
    """Features as served beside the same features recomputed, over a sample of requests.

    Every column has an entry per feature, in the order of `features`. Of its `rows`,
    `missing_online` had no served value, `missing_offline` no recomputed one, `both_differ` two
    other ones. `gap` and `size` are the sums of |served - recomputed| and |served| + |recomputed|
    over numbers that differ. `dated`
    rows have an event in their window, whose newest one is `ages_s` seconds old in the mean (NaN:
    none is known). Where causes were looked for, `causes` holds them by feature; `effect` is the
    mean, `effect_max` the largest, of what the champion's score would change on rows that differ
    if this feature alone were as recomputed (NaN: nobody scored).
    """

    kind: ClassVar[str] = "features_compared"
    features: tuple[str, ...]
    rows: Ints
    missing_online: Ints
    missing_offline: Ints
    both_differ: Ints
    gap: Floats
    size: Floats
    effect: Floats
    effect_max: Floats
    dated: Ints
    ages_s: Floats
    causes: Mapping[str, ParityCause] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.features)

    @property
    def mismatches(self) -> Ints:
        """Rows that differ, in whichever way, per feature."""
        found: Ints = self.missing_online + self.missing_offline + self.both_differ
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class HardCasesListed(Record):
    """Offsets of the known-hard rows, for the training order of the same tick (`request`).

    `golden`: those of them that people named as ones to get right.
    """

    kind: ClassVar[str] = "hard_cases_listed"
    request: str
    offsets: Ints
    golden: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationSet:
    """Paired scores of candidate and champion on rows neither was trained on.

    `anchor` holds those of the stability anchor, an older version, where there is one;
    `label_times_ns` when each label became known, `unlabelled` how many rows of the same times have
    none; `golden` which rows people named. `explored`: all but the golden rows were chosen by
    chance to get their label whatever the answer was.
    """

    name: str
    times_ns: Ints
    labels: Floats
    groups: Codes
    candidate: Floats
    champion: Floats | None
    anchor: Floats | None = None
    label_times_ns: Ints | None = None
    golden: NDArray[np.bool_] | None = None
    unlabelled: int = 0
    explored: bool = False

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateEvaluated(Record):
    """The candidate's scores beside the champion's; comes right after `CandidateTrained`."""

    kind: ClassVar[str] = "candidate_evaluated"
    version: str
    sets: tuple[ValidationSet, ...]
    latency_ms_per_row: float
    artifact_bytes: int


# ---------------------------------------------------------------- decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Record):
    """One entry of the journal.

    `subject` is what it is about (a version, a trigger), `reason` one plain sentence, `evidence`
    the numbers it rests on, `measured` what a stopwatch or a scale said. `measured` is kept beside
    the entry and is **not** part of its hash: it differs between two runs of the same replay.
    """

    subject: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    policy_digest: str = ""
    measured: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Everything the hash covers, as JSON types."""
        written: dict[str, Any] = plain(self)
        del written["measured"]
        return written

    def canonical(self) -> str:
        """The exact text the hash covers."""
        return canonical_json(self.body())


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopStarted(Decision):
    """The loop began, under this policy and seed."""

    kind: ClassVar[str] = "loop_started"
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChanged(Decision):
    """The loop goes on under another policy; `previous` is the digest it had before."""

    kind: ClassVar[str] = "policy_changed"
    previous: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRegistered(Decision):
    """A sequential process begins; its parameters are fixed before its first event.

    `process` names the method, `evidence` its parameters. `restarted`: the parameters were changed
    while it ran, so what it had gathered is void.
    """

    kind: ClassVar[str] = "evidence_registered"
    process: str
    restarted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerChanged(Decision):
    """A trigger changed its mind: `quiet`, `warn`, `act`, or kept from acting (`held`)."""

    kind: ClassVar[str] = "trigger_changed"
    stance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityBroken(Decision):
    """A feature (`subject`) is not served as it is computed from its definition; `cause` names why.

    Told again when another cause is found. Nothing is trained and no candidate accepted while it
    lasts, unless `Parity(hold_training=False)`.
    """

    kind: ClassVar[str] = "parity_broken"
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRestored(Decision):
    """A feature (`subject`) is served as it is computed again."""

    kind: ClassVar[str] = "parity_restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRequested(Decision):
    """The triggers asked for a new model. `change_ns`: where the change began, if known."""

    kind: ClassVar[str] = "learning_requested"
    change_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequested(Decision):
    """Effect: train a candidate on matured rows predicted in [from_ns, to_ns).

    `holdout_from_ns`: rows from here to `matured_to_ns` are the recent holdout. `anchor` is an
    older version to be compared with too; `updates` counts the trainings that the champion's line
    has behind it, and `parameters` are the learner's settings that follow from it.
    """

    kind: ClassVar[str] = "training_requested"
    request: str
    from_ns: int
    to_ns: int
    holdout_from_ns: int
    matured_to_ns: int
    half_life_ns: int | None
    warm_start_from: str | None
    champion: str | None
    seed: int
    anchor: str | None = None
    updates: int = 0
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateTrained(Decision):
    """A candidate is in the registry under `subject`; `artifact` is the hash of its content."""

    kind: ClassVar[str] = "candidate_trained"
    request: str
    artifact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFailed(Decision):
    """The learner raised, hung or answered nonsense; the champion stays."""

    kind: ClassVar[str] = "training_failed"
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateJudged(Decision):
    """One gate's verdict on a candidate: `pass`, `fail` or `inconclusive`."""

    kind: ClassVar[str] = "gate_judged"
    gate: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationSetRetired(Decision):
    """A validation set (`subject`) has been used enough: only rows after `until_ns` count now."""

    kind: ClassVar[str] = "validation_set_retired"
    until_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateAccepted(Decision):
    """All gates passed: the candidate may be rolled out."""

    kind: ClassVar[str] = "candidate_accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRejected(Decision):
    """A gate failed or could not tell: the champion stays."""

    kind: ClassVar[str] = "candidate_rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutAdvanced(Decision):
    """The rollout entered a step. `share` is the challenger's share of the units, 0..1."""

    kind: ClassVar[str] = "rollout_advanced"
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutHeld(Decision):
    """The rollout stays in its step though its time is over: the next one could cost too much.

    `share` is the challenger's share of the units, 0..1; `next_share` the one it does not get yet.
    """

    kind: ClassVar[str] = "rollout_held"
    share: float
    next_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted(Decision):
    """The challenger is champion now; `previous` stays loaded."""

    kind: ClassVar[str] = "promoted"
    previous: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutEnded(Decision):
    """The rollout ended without promotion: `aborted` (worse) or `kept` (not proven in time)."""

    kind: ClassVar[str] = "rollout_ended"
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutFrozen(Decision):
    """The rollout may not be decided: its evidence cannot be trusted (shares off what was set)."""

    kind: ClassVar[str] = "rollout_frozen"


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack(Decision):
    """The previous champion serves again."""

    kind: ClassVar[str] = "rolled_back"
    previous: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Which version answers which share of the units. Immutable; each change is a new epoch.

    A unit has one place in [0, 1) for the holdback and one for each canary, independent of each
    other: below `holdback_share` the holdback version answers, else below `canary_share` the
    canary, else the champion. `shadows` score every request and answer none. Of the units of the
    champion a share of `explore_share`, drawn apart, has the role `explore`.
    """

    epoch: int = 0
    champion: str | None = None
    canary: str | None = None
    canary_share: float = 0.0
    holdback: str | None = None
    holdback_share: float = 0.0
    shadows: tuple[str, ...] = ()
    explore_share: float = 0.0

    def __post_init__(self) -> None:
        assert 0.0 <= self.canary_share <= 1.0, "a share lies in 0..1"
        assert 0.0 <= self.holdback_share < 1.0, "a holdback share lies in 0..1"
        assert 0.0 <= self.explore_share <= 1.0, "an explore share lies in 0..1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutesChanged(Decision):
    """New routes. Only `release` makes this record; `serve` obeys it from the next tick on."""

    kind: ClassVar[str] = "routes_changed"
    routes: Routes


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingFault(Decision):
    """A version could not score requests; another one answered."""

    kind: ClassVar[str] = "serving_fault"
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsUnusable(Decision):
    """Labels that could not be used: of an unknown class, or without a prediction.

    One decision for each cause, when it comes up first: `evidence` has the number of `rows` and
    some of the `values` or `ids`. Later ones are only counted, in the state of the join.
    """

    kind: ClassVar[str] = "labels_unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorActed(Decision):
    """A person did something by hand; `reason` is why, in that person's words.

    `act` is one of `ACTS` or `ALARM_ACTS`, `act_id` names it for good, so that a retry counts once.
    `subject` is the version or proposal it is about; empty: the one at hand. For alarms it is a
    name or a pattern, and `until_ns` when a silence ends.
    """

    kind: ClassVar[str] = "operator_acted"
    act: str
    who: str
    act_id: str
    until_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActRefused(Decision):
    """What a person asked for cannot be done now; `subject` is the act's id."""

    kind: ClassVar[str] = "act_refused"
    act: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomySet(Decision):
    """From now on the loop may act by itself so far: `level` is one of `AUTONOMY`.

    `act_id` as in `OperatorActed`.
    """

    kind: ClassVar[str] = "autonomy_set"
    level: str
    who: str
    act_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionProposed(Decision):
    """The loop would do something, and asks: `action` is ``"learn"`` or ``"release"``.

    `proposal` names it for `approve`; `subject` is the trigger or the candidate. At most one is
    open at a time.
    """

    kind: ClassVar[str] = "action_proposed"
    action: str
    proposal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalLapsed(Decision):
    """What was asked is overtaken, and can no longer be approved; fields as in `ActionProposed`."""

    kind: ClassVar[str] = "proposal_lapsed"
    action: str
    proposal: str
