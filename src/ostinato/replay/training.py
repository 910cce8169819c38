"""Carry out training orders over history.

A training is a pure function of its rows, learner and seed, so policies of a comparison that ask
for the same training share its result, and each is charged its full cost.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ostinato.core.canonical import digest
from ostinato.core.clock import Stopwatch
from ostinato.core.errors import LearnerError
from ostinato.core.ports import Lineage
from ostinato.core.records import (
    CandidateEvaluated,
    CandidateTrained,
    Floats,
    HardCasesListed,
    Ints,
    Record,
    TrainingFailed,
    TrainingRequested,
    ValidationSet,
)
from ostinato.core.watched import DiagnosisMade
from ostinato.features.missing import count_missing
from ostinato.features.reading import schemas_of
from ostinato.gate.evidence import WITHHELD
from ostinato.gate.ledger import MOSTLY
from ostinato.learn.describe import describe, learner_digest
from ostinato.learn.hard import never_trained
from ostinato.learn.limits import FitCost, measured_fit
from ostinato.learn.model import Model
from ostinato.learn.schedules import set_now, with_parameters
from ostinato.learn.windows import weights
from ostinato.loop.loop import Loop
from ostinato.replay.history import History
from ostinato.replay.scores import ModelScores
from ostinato.replay.suiting import check_rows, reason_of, told
from ostinato.serve.assign import explored
from ostinato.stats.metrics import companions, metric_for
from ostinato.watch.suite import SuiteReport

_LATENCY_ROWS: Final = 32  # the size of a micro-batch under light load
_LATENCY_ROUNDS: Final = 5
_SETS: Final = ("recent", "random", "hard")
_MOST_VALIDATION_ROWS: Final = 20_000
"""Rows of one validation set. More sharpen verdicts little and make every gate slower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A finished training: the model, its bytes, and what it was made of and cost.

    `missing`: the share of rows without a value, by feature that is computed.
    """

    model: Model
    data: bytes
    artifact: str
    cost: FitCost
    latency_ms: float
    rows: int
    data_digest: str
    missing: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a training order came to: records for the kernel, and the version if there is one."""

    records: list[Record]
    seconds: float
    version: str | None = None
    trained: Trained | None = None
    lineage: Lineage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What validation sets are chosen from: flags per row of the history, and the hard ones.

    `known`: the label is in; `fair`: whether it came does not hang on the answer; `held`: never
    trained on by its unit; `golden`: never trained on because people named it.
    """

    known: NDArray[np.bool_]
    fair: NDArray[np.bool_]
    held: NDArray[np.bool_]
    golden: NDArray[np.bool_]
    hard: Ints

    def hard_ones(self, first: int) -> Ints:
        """Return the rows of the hard set: no version may have learned from them."""
        hard = self.hard[self.known[self.hard]]
        # What a window forgets, its candidate is not held to; to golden rows it always is.
        fits = self.golden[hard] | ((self.held & self.fair)[hard] & (hard >= first))
        kept: Ints = hard[fits]
        return kept


@dataclass(slots=True)
class Trainer:
    """Trains over one history; remembers every training it did.

    `examined` remembers the examinations of its models (`ostinato.replay.examining`).
    `schemas`: versions of the columns of sources, where the history's events do not tell them.
    """

    loop: Loop
    history: History
    scores: ModelScores
    done: dict[str, Trained | LearnerError] = field(default_factory=dict)
    examined: dict[tuple[Any, ...], DiagnosisMade] = field(default_factory=dict)
    schemas: Mapping[str, str] = field(default_factory=dict)

    def carry_out(
        self,
        order: TrainingRequested,
        hard: HardCasesListed,
        artifacts: dict[str, str],
        *,
        timeout: float | None,
        now_ns: int,
        judged_to_ns: int | None = None,
        explore: float = 0.0,
    ) -> Result:
        """Train what was ordered and score it beside the champion on the validation sets.

        Parameters
        ----------
        order, hard
            The order and the known-hard rows. Rows that people named golden are never trained on;
            of the others only those count that are not either.
        artifacts
            Artifact hash by version name, for the champion, the anchor and the warm start.
        timeout
            Seconds after which the training counts as hung.
        now_ns
            When the order was given: labels known later do not exist.
        judged_to_ns
            Candidates before this one were judged on recent rows up to here; None: there were none.
            Estimates on rows of which most were judged on before are not told.
        explore
            Share of the units that chance lets through. Where labels are selective, candidates are
            proved on those alone, and on golden rows.
        """
        if self.loop.label.never == "negative":
            past = self.history.with_overdue(now_ns, self.loop.label.horizon_ns)
            if past is not self.history:
                return replace(self, history=past).carry_out(
                    order,
                    hard,
                    artifacts,
                    timeout=timeout,
                    now_ns=now_ns,
                    judged_to_ns=judged_to_ns,
                    explore=explore,
                )
        known = self.history.label_times_ns <= now_ns
        if self.history.n_classes:  # labels of no known class teach nothing
            known &= self.history.labels < self.history.n_classes
        held = never_trained(self.history.unit_hashes, loop=self.loop.name, share=self.loop.holdout)
        golden = np.zeros(len(self.history), dtype=np.bool_)
        golden[hard.golden] = True
        rows = self._training_rows(order, known & ~held & ~golden)
        report = check_rows(self.loop, self.history, rows)
        if report is not None and not report.passed:
            return self._failed(order, reason_of(report), {"suite": told(report)})
        trained = self._train(order, rows, artifacts, timeout)
        if isinstance(trained, LearnerError):
            return self._failed(order, str(trained).split("\nhint:")[0], {})
        version = f"v{len(artifacts) + 1:03d}-{trained.artifact[:6]}"
        self.scores.add(trained.artifact, trained.model)
        fair = self._fair(explore)
        validation = _Rows(known=known, fair=fair, held=held, golden=golden, hard=hard.offsets)
        sets = self._validation(order, validation, trained.artifact, artifacts)
        facts = self._told(sets[0], judged_to_ns)
        return self._succeeded(order, version, trained, sets, facts, report)

    # -- rows

    def _fair(self, explore: float) -> NDArray[np.bool_]:
        """Say of which rows the label does not hang on who answered."""
        if not self.loop.label.selective:
            return np.ones(len(self.history), dtype=np.bool_)
        return explored(self.history.unit_hashes, loop=self.loop.name, share=explore)

    def _between(self, from_ns: int, to_ns: int) -> slice:
        times = self.history.times_ns
        return slice(int(np.searchsorted(times, from_ns)), int(np.searchsorted(times, to_ns)))

    def _training_rows(self, order: TrainingRequested, usable: NDArray[np.bool_]) -> Ints:
        span = self._between(order.from_ns, order.to_ns)
        rows: Ints = np.flatnonzero(usable[span]) + span.start
        return rows

    def _validation(
        self, order: TrainingRequested, rows: _Rows, artifact: str, artifacts: dict[str, str]
    ) -> tuple[ValidationSet, ...]:
        span = self._between(order.holdout_from_ns, order.matured_to_ns + 1)
        recent = np.flatnonzero((rows.known & rows.fair)[span]) + span.start
        before = self._between(order.from_ns, order.holdout_from_ns)
        aside = rows.held & rows.fair
        random = np.flatnonzero((rows.known & aside)[before]) + before.start
        champion = artifacts.get(order.champion) if order.champion is not None else None
        anchor = artifacts.get(order.anchor) if order.anchor is not None else None
        missing = (
            int((rows.fair & ~rows.known)[span].sum()),
            int((aside & ~rows.known)[before].sum()),
            0,
        )
        chosen = (recent, random, rows.hard_ones(before.start))
        return tuple(
            self._set(
                name,
                found[-_MOST_VALIDATION_ROWS:],
                rows.golden,
                artifact,
                champion,
                anchor if name == "recent" else None,
                _share(unlabelled, len(found), _MOST_VALIDATION_ROWS),
            )
            for name, found, unlabelled in zip(_SETS, chosen, missing, strict=True)
        )

    def _set(
        self,
        name: str,
        rows: Ints,
        golden: NDArray[np.bool_],
        artifact: str,
        champion: str | None,
        anchor: str | None,
        unlabelled: int,
    ) -> ValidationSet:
        history = self.history
        return ValidationSet(
            name=name,
            times_ns=history.times_ns[rows],
            labels=history.labels[rows],
            groups=history.groups[rows],
            candidate=self._answers(artifact, rows),
            champion=self._answers(champion, rows) if champion else None,
            anchor=self._answers(anchor, rows) if anchor else None,
            label_times_ns=history.label_times_ns[rows],
            golden=golden[rows],
            unlabelled=unlabelled,
            explored=self.loop.label.selective,
        )

    def _answers(self, artifact: str, rows: Ints) -> Floats:
        if not len(rows):
            return np.empty(0)
        try:
            return self.scores.table(artifact, self.history.taught[rows])
        except LearnerError:
            width = max(self.history.n_classes, 1)
            shape = (len(rows), width) if width > 2 else (len(rows),)
            return np.full(shape, np.nan)

    # -- training

    def _train(
        self, order: TrainingRequested, rows: Ints, artifacts: dict[str, str], timeout: float | None
    ) -> Trained | LearnerError:
        parent = artifacts.get(order.warm_start_from) if order.warm_start_from is not None else None
        labels = self.history.labels[rows]
        picked = hashlib.sha256(rows.tobytes() + labels.tobytes()).hexdigest()
        learner = learner_digest(self._learner(order))
        half_life = order.half_life_ns
        key = digest(
            [picked, learner, order.seed, half_life, order.to_ns if half_life else 0, parent]
        )
        if key not in self.done:
            self.done[key] = self._fit(order, rows, labels, parent, timeout)
        return self.done[key]

    def _learner(self, order: TrainingRequested) -> Any:
        return with_parameters(self.loop.learner, order.parameters)

    def _parent(self, order: TrainingRequested, parent: str | None) -> Model | None:
        """Return the model to go on from, with the settings that hold now."""
        if parent is None:
            return None
        model = self.scores.models[parent]
        return replace(model, estimator=set_now(model.estimator, order.parameters))

    def _fit(
        self,
        order: TrainingRequested,
        rows: Ints,
        labels: Floats,
        parent: str | None,
        timeout: float | None,
    ) -> Trained | LearnerError:
        frame = self.history.taught[rows]
        times = self.history.times_ns[rows]
        fade = (
            None if order.half_life_ns is None else weights(times, order.to_ns, order.half_life_ns)
        )
        task: Any = self.loop.task
        try:
            model, cost = measured_fit(
                self._learner(order),
                frame,
                labels,
                fade,
                features=self.loop.feature_names,
                task=task,
                classes=self.history.n_classes,
                seed=order.seed,
                warm_start=self._parent(order, parent),
                time_limit=timeout,
            )
            latency = self._latency(model, frame)
        except LearnerError as error:
            return error
        data = model.to_bytes()
        return Trained(
            model=model,
            data=data,
            artifact=hashlib.sha256(data).hexdigest(),
            cost=cost,
            latency_ms=latency,
            rows=len(rows),
            data_digest=_data_digest(frame, labels),
            missing=count_missing(frame.select(self.loop.feature_plan.computed)).shares(),
        )

    def _latency(self, model: Model, frame: pl.DataFrame) -> float:
        """Milliseconds per row of a small batch: the fastest of a few rounds."""
        batch = frame[:_LATENCY_ROWS]
        best = float("inf")
        for _ in range(_LATENCY_ROUNDS):
            watch = Stopwatch()
            with watch, threadpool_limits(1):
                model.score(batch)
            best = min(best, watch.wall_seconds)
        return best * 1000 / max(batch.height, 1)

    # -- records

    def _failed(self, order: TrainingRequested, reason: str, evidence: Mapping[str, Any]) -> Result:
        failed = TrainingFailed(
            ts_event_ns=order.ts_event_ns,
            ts_record_ns=order.ts_record_ns,
            subject=order.subject,
            request=order.request,
            reason=reason,
            evidence=evidence,
        )
        return Result(records=[failed], seconds=0.0)

    def _succeeded(
        self,
        order: TrainingRequested,
        version: str,
        trained: Trained,
        sets: tuple[ValidationSet, ...],
        facts: dict[str, Any],
        report: SuiteReport | None,
    ) -> Result:
        lineage = self._lineage(order, trained, facts["metrics"])
        done = CandidateTrained(
            ts_event_ns=order.ts_event_ns,
            ts_record_ns=order.ts_record_ns,
            subject=version,
            request=order.request,
            artifact=trained.artifact,
            reason=f"Trained on {trained.rows:,} rows.",
            evidence={
                "rows": trained.rows,
                "data_digest": trained.data_digest,
                **({"missing": dict(trained.missing)} if trained.missing else {}),
                **facts,
                **({} if report is None else {"suite": told(report)}),
                "validation_rows": {s.name: len(s) for s in sets},
                "artifact_bytes": len(trained.data),
            },
            measured=dict(lineage.cost),
        )
        evaluated = CandidateEvaluated(
            ts_event_ns=order.ts_event_ns,
            ts_record_ns=order.ts_record_ns,
            version=version,
            sets=sets,
            latency_ms_per_row=trained.latency_ms,
            artifact_bytes=len(trained.data),
        )
        return Result(
            records=[done, evaluated],
            seconds=trained.cost.wall_seconds,
            version=version,
            trained=trained,
            lineage=lineage,
        )

    def _told(self, recent: ValidationSet, judged_to_ns: int | None) -> dict[str, Any]:
        """Return the metrics on the recent set, if its rows are new enough to tell.

        Those on the random and the hard set stay inside always: their rows are judged on again.
        """
        if not len(recent):
            return {"metrics": {}}
        if judged_to_ns is not None and (recent.times_ns <= judged_to_ns).mean() > MOSTLY:
            return {"metrics": {}, "withheld": WITHHELD}
        return {"metrics": {recent.name: self._metrics(recent)}}

    def _metrics(self, validation: ValidationSet) -> dict[str, float]:
        if np.isnan(validation.candidate).any():
            return {"rows": float(len(validation))}
        task = self.loop.task
        found = {
            name: metric_for(task, name).value(validation.labels, validation.candidate)
            for name in companions(task)
        }
        return {"rows": float(len(validation)), **found}

    def _lineage(
        self, order: TrainingRequested, trained: Trained, metrics: dict[str, dict[str, float]]
    ) -> Lineage:
        name, parameters = describe(self._learner(order))
        return Lineage(
            loop=self.loop.name,
            data_from_ns=order.from_ns,
            data_to_ns=order.to_ns,
            data_rows=trained.rows,
            data_digest=trained.data_digest,
            policy_digest=order.policy_digest,
            learner=name,
            parameters=parameters,
            seed=order.seed,
            libraries=_libraries(self.loop.learner),
            parent=order.warm_start_from,
            features=dict(self.loop.feature_plan.versions),
            feature_schema=self.loop.feature_plan.digest,
            source_schemas=dict(self.schemas) or schemas_of(self.history.events),
            metrics=metrics,
            cost={
                "wall_seconds": trained.cost.wall_seconds,
                "cpu_seconds": trained.cost.cpu_seconds,
                "peak_memory_bytes": float(trained.cost.peak_memory_bytes),
                "artifact_bytes": float(len(trained.data)),
                "latency_ms_per_row": trained.latency_ms,
            },
        )


def _share(unlabelled: int, rows: int, most: int) -> int:
    """Return how many rows without a label belong to the last of the labelled ones."""
    return unlabelled if rows <= most else round(unlabelled * most / rows)


def _data_digest(frame: pl.DataFrame, labels: Floats) -> str:
    """SHA-256 of the training rows' values, column by column, then of the labels.

    Of the values, not of their storage: what other rows hold changes how a column is stored.
    """
    found = hashlib.sha256()
    for column in frame:
        found.update(f"{column.name}\x00".encode())
        found.update(column.is_null().to_numpy().tobytes())
        if column.dtype.is_numeric() or column.dtype == pl.Boolean:
            found.update(column.cast(pl.Float64).fill_null(0.0).to_numpy().tobytes())
        else:
            texts = column.cast(pl.String).fill_null("")
            found.update(texts.str.len_bytes().to_numpy().tobytes())
            found.update("".join(texts.to_list()).encode())
    found.update(labels.tobytes())
    return found.hexdigest()


def _libraries(learner: Any) -> dict[str, str]:
    """Versions of what a model depends on."""
    package = type(learner).__module__.split(".", 1)[0]
    names = {"numpy": "numpy", "polars": "polars", "sklearn": "scikit-learn", package: package}
    names[package] = {"sklearn": "scikit-learn"}.get(package, package)
    found = {"python": platform.python_version()}
    for name in sorted(set(names.values())):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # the user's own class: its code is not a package
    return found
