"""`Replay`: what came of one policy over history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.canonical import plain
from ostinato.core.ports import Entry
from ostinato.core.records import ROLES, Floats
from ostinato.core.units import format_time
from ostinato.decide.alarm_facts import alarm_facts
from ostinato.loop.loop import Loop
from ostinato.replay.alarm_tables import alarms_table, texts, told_alarms, told_monitors
from ostinato.replay.books import Books, champions, frozen, totals_of
from ostinato.replay.ledger import costs_of, harm_of, known_labels, losses_of
from ostinato.replay.missing import missing_table
from ostinato.replay.people_tables import (
    business_table,
    fairness_table,
    feedback_table,
    verdicts_of,
)
from ostinato.replay.report import render_replay
from ostinato.replay.tables import (
    VERSION_TIMES,
    decisions_table,
    overall_metrics,
    predictions_table,
    slices_table,
    timeline_table,
    versions_table,
)
from ostinato.stats.metrics import metric_for
from ostinato.watch.estimate.estimator import loss_name
from ostinato.watch.estimate.state import EstimateState

if TYPE_CHECKING:
    from ostinato.replay.run import Run

QUIET_LINES: Final = 60
"""Streams without an alarm that can be looked at on the page, those that moved most. Fewer: a drift
within its floor cannot be seen; more: pages of ten megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One policy's life over history. All tables are Polars frames, all times UTC.

    Parameters
    ----------
    loop, policy
        The name of the loop, and what identifies the policy (name, digest, declaration).
    classes
        The labels in order: `label` in `predictions` is an index into them, and a multiclass
        `score` has a probability for each. Empty for regression.
    metrics
        The metric and its companions over all scored predictions, plus `n` and `label_coverage`.
    timeline
        A row per tick: `time, n, labelled`, the metric, `champion, challenger, challenger_share,
        holdback_share`, and the degradation chart: `expected, limit, evidence, evidence_limit`.
    predictions
        `prediction_id, time, version, role, score, label`.
    decisions
        `seq, time, kind, subject, reason, evidence, policy_digest, hash`; `evidence` is JSON.
    versions
        A row per trained version, with its provenance.
    slices
        Performance per slice value.
    alarms
        A row per alarm: `stream, family, severity, raised, resolved, since, value, reference, low,
        high, evidence` (`ostinato.replay.alarm_tables`).
    monitors
        A row per long window and stream: `time, stream, family, value, reference, low, high, floor,
        log10_e`.
    estimates
        A row per long window and version: the loss that was expected before labels, and what labels
        said (`ostinato.replay.estimate_table`).
    watch
        How much of the false-alarm budget is declared and spent, what stands and what could not be
        measured at the end (`ostinato.decide.alarm_facts`); None where nothing is watched.
    fairness, feedback, business
        What monitors told over time of gaps between groups of people, of who chose the rows, and of
        business outcomes (`ostinato.replay.people_tables`).
    verdicts
        The last verdict in words of each thing that is judged so: feedback, exposure of items,
        whether metric and business agree. ``verdict, text, action`` each.
    missing
        Per version and computed feature the share of rows without a value: trained on and served.
    cost
        `train_seconds, predict_seconds, retrains, promotions, rollbacks, cost, value` and more.
    journal_hash
        Hash of the last decision: equal hashes, equal decisions.
    """

    loop: str
    task: str
    metric: str
    lower_is_better: bool
    policy: Mapping[str, Any]
    classes: tuple[Any, ...]
    seed: int
    tick: str
    start: str
    end: str
    metrics: dict[str, float]
    timeline: pl.DataFrame
    predictions: pl.DataFrame
    decisions: pl.DataFrame
    versions: pl.DataFrame
    slices: pl.DataFrame
    alarms: pl.DataFrame
    monitors: pl.DataFrame
    estimates: pl.DataFrame
    watch: Mapping[str, Any] | None
    fairness: pl.DataFrame
    feedback: pl.DataFrame
    business: pl.DataFrame
    verdicts: Mapping[str, Mapping[str, str]]
    missing: pl.DataFrame
    cost: dict[str, float]
    journal_hash: str
    books: Books

    def to_dict(self, *, quiet: int = 0) -> dict[str, Any]:
        """Return everything but the single predictions as JSON types.

        `quiet`: of how many streams that did not alarm each window is told; of alarmed ones it is.
        """
        decisions = self.decisions.to_dicts()
        for row in decisions:
            row["time"] = _iso(row["time"])
            row["evidence"] = json.loads(row["evidence"])
        versions = self.versions.to_dicts()
        for row in versions:
            row["metrics"], row["cost"] = json.loads(row["metrics"]), json.loads(row["cost"])
            for name in VERSION_TIMES:
                row[name] = None if row[name] is None else _iso(row[name])
        columns = self.timeline.with_columns(pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
        document = {
            "format": "ostinato.replay/1",
            "loop": self.loop,
            "task": self.task,
            "metric": self.metric,
            "lower_is_better": self.lower_is_better,
            "classes": [plain(each) for each in self.classes],
            "policy": dict(self.policy),
            "seed": self.seed,
            "tick": self.tick,
            "start": self.start,
            "end": self.end,
            "journal_hash": self.journal_hash,
            "metrics": self.metrics,
            "timeline": columns.to_dict(as_series=False),
            "slices": self.slices.to_dicts(),
            "decisions": decisions,
            "versions": versions,
            "alarms": told_alarms(self.alarms),
            "monitors": told_monitors(self.monitors, self.alarms, quiet=quiet),
            "estimates": texts(self.estimates, ("time",)).to_dicts(),
            "watch": self.watch,
            "fairness": _last(self.fairness, ("column", "measure", "group", "version")),
            "feedback": _last(self.feedback, ("figure",)),
            "business": _last(self.business, ("outcome", "version")),
            "verdicts": dict(self.verdicts),
            "missing": self.missing.to_dicts(),
            "cost": self.cost,
        }
        written: dict[str, Any] = _jsonable(document)
        return written

    def to_json(self, path: str | Path | None = None) -> str:
        """Write the result as JSON; return the text."""
        return write_text(json.dumps(self.to_dict(), indent=1), path)

    def to_html(self, path: str | Path | None = None) -> str:
        """Write the result as one self-contained HTML page; return the text."""
        return write_text(render_replay(self.to_dict(quiet=QUIET_LINES)), path)


def _last(table: pl.DataFrame, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the last row of each thing as JSON types: its course is in `monitors`."""
    last = table.unique(subset=keys, keep="last", maintain_order=True)
    return texts(last, ("time",)).to_dicts()


def write_text(text: str, path: str | Path | None) -> str:
    """Write text to a file, if a path is given, and return it."""
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _iso(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _jsonable(value: Any) -> Any:
    """JSON has no NaN: what is not a number is null."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value


def make_replay(run: Run, *, name: str, tick: str | int, seed: int) -> Replay:
    """Draw up the result of a finished run."""
    loop: Loop = run.loop
    history, recorder = run.history, run.recorder
    metric = metric_for(loop.task, loop.metric)
    labels = known_labels(history, slice(history.first, len(history)))
    # A label that comes after the end and after its horizon is overdue like one that never comes.
    overdue = history.label_times_ns[history.first :] > run.clock.now_ns() + loop.label.horizon_ns
    labels[overdue] = np.nan
    scored = recorder.answered >= 0
    scored &= ~np.isnan(recorder.scores if recorder.scores.ndim == 1 else recorder.scores[:, 0])
    losses, both = losses_of(loop, labels, recorder.scores, recorder.answered)
    entries = list(run.journal.entries())
    books = _books(run, losses, labels, both, entries)
    plan = run.state.plan_
    assert plan is not None, "a run has a plan"
    return Replay(
        loop=loop.name,
        task=loop.task,
        metric=loop.metric,
        lower_is_better=metric.lower_is_better,
        policy={
            "name": name,
            "digest": plan.policy_digest,
            "text": json.dumps(plain(plan.policy["policy"]), indent=1),
        },
        classes=history.classes,
        seed=seed,
        tick=f"{tick} rows" if isinstance(tick, int) else tick,
        start=format_time(history.start_ns),
        end=format_time(int(history.times_ns[-1])),
        metrics=overall_metrics(loop, labels, recorder.scores, scored, both),
        timeline=timeline_table(loop, recorder, losses, both, labels),
        predictions=predictions_table(history, recorder, labels, ROLES),
        decisions=decisions_table(entries),
        versions=versions_table(recorder, entries),
        slices=slices_table(loop, history, recorder, labels, scored, both),
        alarms=alarms_table(entries),
        monitors=recorder.windows.table(),
        estimates=_estimates(run),
        watch=_watch(run),
        fairness=fairness_table(recorder.windows.kept),
        feedback=feedback_table(recorder.windows.kept),
        business=business_table(recorder.windows.kept),
        verdicts=verdicts_of(recorder.windows.kept),
        missing=missing_table(history, recorder, entries),
        cost=books.totals,
        journal_hash=run.journal.head()[1],
        books=books,
    )


def _estimates(run: Run) -> pl.DataFrame:
    watch = run.state.stages["watch"]
    states = [state for state in watch.monitors if isinstance(state, EstimateState)]
    loss = loss_name(run.loop.task, run.loop.metric)
    return run.recorder.estimates.table(loss, states, watch.config_.slow_ns)


def _watch(run: Run) -> dict[str, Any] | None:
    decide = run.state.stages["decide"]
    return alarm_facts(decide.alarms, decide.config_.alarms, run.clock.now_ns())


def _books(
    run: Run, losses: Floats, labels: Floats, both: NDArray[np.bool_], entries: list[Entry]
) -> Books:
    loop, recorder, scores = run.loop, run.recorder, run.trainer.scores
    harm = harm_of(loop.prices, labels, recorder.scores, losses)
    learns = bool(run.policy.triggers)
    served = run.history.times_ns[run.history.first :]
    cost = costs_of(loop.prices, served, recorder, entries, both if learns else None)
    turns = champions(recorder)
    _, kept = frozen(loop, run.history, scores, labels, artifact=turns[0][1], from_row=0)
    totals = totals_of(
        recorder,
        entries,
        labels_used=int(both.sum()) if learns else 0,
        cost=float(cost.sum()),
        value=float((kept - harm)[both].sum()),
    )
    seconds = {"predict_seconds": run.scorer.predict_seconds, "kernel_seconds": run.kernel_seconds}
    return Books(
        loop=loop,
        history=run.history,
        scores=scores,
        labels=labels,
        losses=losses,
        harm=harm,
        cost=cost,
        train_takes_ns=recorder.train_takes_ns,
        champions=turns,
        totals={**totals, **seconds},
    )
