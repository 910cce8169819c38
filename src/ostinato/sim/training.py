"""Carry out a training order over the lake, as its fate has it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ostinato.core.errors import LearnerError
from ostinato.core.ports import Lineage
from ostinato.core.records import (
    CandidateEvaluated,
    CandidateTrained,
    Floats,
    Ints,
    Record,
    TrainingFailed,
    TrainingRequested,
    ValidationSet,
)
from ostinato.learn.hard import never_trained
from ostinato.serve.assign import explored
from ostinato.sim.lake import Known
from ostinato.sim.misfortune import Fate
from ostinato.sim.models import TinyModel, fit_tiny
from ostinato.sim.scorer import RegistryScorer

_LATENCY_MS: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What an order came to; `model` is None where it failed.

    `rows` are the offsets learned from, `labels` what was learned of each.
    """

    records: list[Record]
    version: str = ""
    model: TinyModel | None = None
    lineage: Lineage | None = None
    rows: Ints
    labels: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """Trains tiny models for one loop.

    `explore`: where labels are selective, the share of the units that chance lets through. Of those
    a canary or the holdback had some, which a hash alone does not tell.
    """

    loop: str
    task: str
    classes: int
    never_trained: float
    scorer: RegistryScorer
    explore: float | None = None

    @property
    def width(self) -> int:
        """How many numbers a score has; 0 for one."""
        return self.classes if self.classes > 2 else 0

    def carry_out(
        self, order: TrainingRequested, hard: Ints, known: Known, fate: Fate, now_ns: int
    ) -> Trained:
        """Train and evaluate; `known` is what was known when the order was given."""
        held = never_trained(known.unit_hashes, loop=self.loop, share=self.never_trained)
        usable = known.first & ~np.isnan(known.labels)
        inside = (known.times_ns >= order.from_ns) & (known.times_ns < order.to_ns)
        rows = np.flatnonzero(usable & ~held & inside)
        labels = known.labels[rows]
        if fate.ending != "trained":
            reason = "The learner raised." if fate.ending == "fails" else "The learner hung."
            return Trained(records=[_failed(order, reason, now_ns)], rows=rows, labels=labels)
        try:
            model = fit_tiny(self.task, self.classes, known.features[rows], labels)  # type: ignore[arg-type]
        except LearnerError as error:
            return Trained(records=[_failed(order, error.what, now_ns)], rows=rows, labels=labels)
        model = replace(model, flaw=fate.flaw, rare=fate.rare)
        artifact = hashlib.sha256(model.to_bytes()).hexdigest()
        version = f"m{order.seq:04d}-{artifact[:6]}"
        self.scorer.models[version] = model
        return Trained(
            records=[
                _trained(order, version, artifact, len(rows), now_ns),
                CandidateEvaluated(
                    ts_event_ns=now_ns,
                    ts_record_ns=now_ns,
                    version=version,
                    sets=self._sets(order, hard, known, usable, held, version),
                    latency_ms_per_row=_LATENCY_MS,
                    artifact_bytes=len(model.to_bytes()),
                ),
            ],
            version=version,
            model=model,
            lineage=_lineage(order, self.loop, len(rows), labels),
            rows=rows,
            labels=labels,
        )

    def _sets(
        self,
        order: TrainingRequested,
        hard: Ints,
        known: Known,
        usable: np.ndarray[tuple[int], np.dtype[np.bool_]],
        held: np.ndarray[tuple[int], np.dtype[np.bool_]],
        version: str,
    ) -> tuple[ValidationSet, ...]:
        times = known.times_ns
        if self.explore is not None:
            usable = usable & explored(known.unit_hashes, loop=self.loop, share=self.explore)
        after = (times >= order.holdout_from_ns) & (times <= order.matured_to_ns)
        before = (times >= order.from_ns) & (times < order.holdout_from_ns)
        chosen = {
            "recent": np.flatnonzero(usable & after),
            "random": np.flatnonzero(usable & held & before),
            "hard": hard[usable[hard]],
        }
        return tuple(self._set(name, rows, known, order, version) for name, rows in chosen.items())

    def _set(
        self, name: str, rows: Ints, known: Known, order: TrainingRequested, version: str
    ) -> ValidationSet:
        features = known.features[rows]

        def answers(other: str | None) -> Floats | None:
            if other is None:
                return None
            return self.scorer.answers(other, features, width=self.width)

        candidate = answers(version)
        assert candidate is not None, "the candidate is a version"
        return ValidationSet(
            name=name,
            times_ns=known.times_ns[rows],
            labels=known.labels[rows],
            groups=known.groups[rows],
            candidate=candidate,
            champion=answers(order.champion),
            anchor=answers(order.anchor),
            label_times_ns=known.label_times_ns[rows],
            explored=self.explore is not None,
        )


def _failed(order: TrainingRequested, reason: str, now_ns: int) -> TrainingFailed:
    return TrainingFailed(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=order.subject,
        request=order.request,
        reason=reason,
    )


def _trained(
    order: TrainingRequested, version: str, artifact: str, rows: int, now_ns: int
) -> CandidateTrained:
    return CandidateTrained(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=version,
        request=order.request,
        artifact=artifact,
        reason=f"Trained on {rows} rows.",
        evidence={"rows": rows},
    )


def _lineage(order: TrainingRequested, loop: str, rows: int, labels: Floats) -> Lineage:
    return Lineage(
        loop=loop,
        data_from_ns=order.from_ns,
        data_to_ns=order.to_ns,
        data_rows=rows,
        data_digest=hashlib.sha256(labels.tobytes()).hexdigest(),
        policy_digest=order.policy_digest,
        learner="ostinato.sim.models",
        parameters={},
        seed=order.seed,
        libraries={},
        parent=order.warm_start_from,
    )
