"""The tables of a result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.canonical import canonical_json
from ostinato.core.ports import Entry
from ostinato.core.records import Floats
from ostinato.core.units import format_time
from ostinato.loop.loop import Loop
from ostinato.replay.history import History
from ostinato.replay.record import Recorder
from ostinato.stats.metrics import companions, metric_for

_UTC = pl.Datetime("ns", "UTC")
_SMALL_METRIC_ROWS = 1  # a slice with a single label still has a mean loss
_COMMON = (
    "seq",
    "kind",
    "subject",
    "reason",
    "policy_digest",
    "ts_event_ns",
    "ts_record_ns",
    "evidence",
)

Mask = NDArray[np.bool_]


def times(values: NDArray[np.int64]) -> pl.Series:
    """Turn nanoseconds into a UTC column."""
    return (
        pl.Series("time", values, dtype=pl.Int64)
        .cast(pl.Datetime("ns"))
        .dt.replace_time_zone("UTC")
    )


def overall_metrics(
    loop: Loop, labels: Floats, scores: Floats, scored: Mask, both: Mask
) -> dict[str, float]:
    """Compute the metric and its companions over all scored, labelled predictions, exactly."""
    found: dict[str, float] = {}
    for name in dict.fromkeys((loop.metric, *companions(loop.task))):
        metric = metric_for(loop.task, name)
        found[name] = metric.value(labels[both], scores[both]) if both.any() else float("nan")
    served = int(scored.sum())
    return {
        **found,
        "n": served,
        "label_coverage": float(both.sum() / served) if served else 0.0,
    }


def predictions_table(
    history: History, recorder: Recorder, labels: Floats, roles: Sequence[str]
) -> pl.DataFrame:
    """`prediction_id, time, version, role, score, label`; label is null where none came."""
    first = history.first
    versions = np.array([*recorder.versions, None], dtype=object)
    wide = recorder.scores.ndim == 2
    score = pl.Series("score", recorder.scores.tolist() if wide else recorder.scores)
    return pl.DataFrame(
        {
            "prediction_id": pl.Series(
                "prediction_id", [str(i) for i in history.ids[first:].tolist()]
            ),
            "time": times(history.times_ns[first:]),
            "version": pl.Series("version", versions[recorder.answered].tolist(), dtype=pl.String),
            "role": pl.Series(
                "role", np.array(roles, dtype=object)[recorder.roles].tolist(), dtype=pl.String
            ),
            "score": score if wide else score.fill_nan(None),
            "label": pl.Series("label", labels).fill_nan(None),
        }
    )


def timeline_table(
    loop: Loop, recorder: Recorder, losses: Floats, both: Mask, labels: Floats
) -> pl.DataFrame:
    """Draw up a row per tick: rows served in it, their metric, and what held at its end."""
    ticks = recorder.ticks
    first = recorder.history.first
    stops = np.array([tick.stop_row - first for tick in ticks], dtype=np.int64)
    starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
    keep = np.flatnonzero(stops > starts)
    values = _per_tick(loop, starts[keep], stops[keep], losses, both, labels, recorder.scores)
    kept = [ticks[place] for place in keep.tolist()]
    before = [
        ticks[max(place - 1, 0)] for place in keep.tolist()
    ]  # the routes that served the rows
    charts = np.array([tick.chart for tick in kept], dtype=np.float64).reshape(len(kept), 4)
    return pl.DataFrame(
        {
            "time": times(recorder.history.times_ns[first + starts[keep]]),
            "n": stops[keep] - starts[keep],
            "labelled": _counts(both, starts[keep], stops[keep]),
            loop.metric: pl.Series(loop.metric, values).fill_nan(None),
            "champion": pl.Series("champion", [t.routes.champion for t in before], dtype=pl.String),
            "challenger": pl.Series(
                "challenger", [_challenger(t.routes) for t in before], dtype=pl.String
            ),
            "challenger_share": [t.routes.canary_share for t in before],
            "holdback_share": [t.routes.holdback_share for t in before],
            **{
                name: pl.Series(name, charts[:, place]).fill_nan(None)
                for place, name in enumerate(("expected", "limit", "evidence", "evidence_limit"))
            },
        }
    )


def _challenger(routes: Any) -> str | None:
    if routes.canary is not None:
        return str(routes.canary)
    return str(routes.shadows[0]) if routes.shadows else None


def _counts(mask: Mask, starts: NDArray[np.int64], stops: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.concatenate([[0], np.cumsum(mask)])
    counts: NDArray[np.int64] = (total[stops] - total[starts]).astype(np.int64)
    return counts


def _per_tick(
    loop: Loop,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    losses: Floats,
    both: Mask,
    labels: Floats,
    scores: Floats,
) -> Floats:
    """Metric per tick: from running sums where it is a mean of row losses, else tick by tick."""
    metric = metric_for(loop.task, loop.metric)
    means = _tick_means(losses, both, starts, stops)
    if loop.metric in ("log_loss", "brier", "error_rate", "mse", "mae"):
        return means
    if loop.metric == "accuracy":
        return 1.0 - means
    if loop.metric == "rmse":
        roots: Floats = np.sqrt(means)
        return roots
    found = np.full(len(starts), np.nan)
    for place, (start, stop) in enumerate(zip(starts.tolist(), stops.tolist(), strict=True)):
        chosen = np.flatnonzero(both[start:stop]) + start
        if len(chosen):
            found[place] = metric.value(labels[chosen], scores[chosen])
    return found


def _tick_means(
    losses: Floats, both: Mask, starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> Floats:
    counts = _counts(both, starts, stops)
    ticks = np.repeat(np.arange(len(starts)), stops - starts)
    rows = np.concatenate([np.arange(a, b) for a, b in zip(starts, stops, strict=True)] or [starts])
    sums = np.bincount(
        ticks, weights=np.where(both[rows], losses[rows], 0.0), minlength=len(starts)
    )
    means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means


def decisions_table(entries: Sequence[Entry]) -> pl.DataFrame:
    """`seq, time, kind, subject, reason, evidence, policy_digest, hash`."""
    bodies = [json.loads(entry.body) for entry in entries]
    evidence = [
        canonical_json({**{k: v for k, v in body.items() if k not in _COMMON}, **body["evidence"]})
        for body in bodies
    ]
    return pl.DataFrame(
        {
            "seq": [entry.seq for entry in entries],
            "time": times(np.array([entry.ts_event_ns for entry in entries], dtype=np.int64)),
            "kind": [entry.kind for entry in entries],
            "subject": [body["subject"] for body in bodies],
            "reason": [body["reason"] for body in bodies],
            "evidence": evidence,
            "policy_digest": [body["policy_digest"] for body in bodies],
            "hash": [entry.hash for entry in entries],
        }
    )


def slices_table(
    loop: Loop, history: History, recorder: Recorder, labels: Floats, scored: Mask, both: Mask
) -> pl.DataFrame:
    """Draw up a row per slice value: rows, coverage, the metric and its companions, exactly."""
    rows: list[dict[str, Any]] = []
    groups = history.groups[history.first :]
    names = dict.fromkeys((loop.metric, *companions(loop.task)))
    for group, (column, value) in enumerate(history.slices.labels):
        member = (groups == group).any(axis=1)
        served, known = int((member & scored).sum()), member & both
        if not served:
            continue
        row: dict[str, Any] = {"slice": column, "value": value, "n": served}
        row["label_coverage"] = float(known.sum() / served)
        some = int(known.sum()) >= _SMALL_METRIC_ROWS
        for name in names:
            metric = metric_for(loop.task, name)
            row[name] = (
                metric.value(labels[known], recorder.scores[known]) if some else float("nan")
            )
        rows.append(row)
    schema = {"slice": pl.String, "value": pl.String, "n": pl.Int64, "label_coverage": pl.Float64}
    return pl.DataFrame(rows, schema={**schema, **dict.fromkeys(names, pl.Float64)})


VERSION_TIMES: Final = ("trained_at", "data_from", "data_to", "serving_from", "serving_to")
_VERSIONS: Final = {
    "version": pl.String,
    "trained_at": pl.String,
    "data_from": pl.String,
    "data_to": pl.String,
    "rows": pl.Int64,
    "data_digest": pl.String,
    "artifact": pl.String,
    "parent": pl.String,
    "seed": pl.Int64,
    "status": pl.String,
    "serving_from": pl.String,
    "serving_to": pl.String,
    "metrics": pl.String,
    "cost": pl.String,
}


def versions_table(recorder: Recorder, entries: Sequence[Entry]) -> pl.DataFrame:
    """Draw up a row per trained version: provenance, what became of it, when it served."""
    fate, serving = _fates(entries)
    rows = []
    for version, (at_ns, lineage, artifact) in recorder.trained.items():
        since, until = serving.get(version, (None, None))
        rows.append(
            {
                "version": version,
                "trained_at": format_time(at_ns),
                "data_from": format_time(lineage.data_from_ns),
                "data_to": format_time(lineage.data_to_ns),
                "rows": lineage.data_rows,
                "data_digest": lineage.data_digest,
                "artifact": artifact,
                "parent": lineage.parent,
                "seed": lineage.seed,
                "status": fate.get(version, "trained"),
                "serving_from": since,
                "serving_to": until,
                "metrics": canonical_json(lineage.metrics),
                "cost": canonical_json(lineage.cost),
            }
        )
    table = pl.DataFrame(rows, schema=_VERSIONS)
    return table.with_columns(
        pl.col(name).str.to_datetime(time_unit="ns", time_zone="UTC") for name in VERSION_TIMES
    )


def _fates(entries: Sequence[Entry]) -> tuple[dict[str, str], dict[str, tuple[str, str | None]]]:
    fate: dict[str, str] = {}
    serving: dict[str, tuple[str, str | None]] = {}

    def serve(version: str, at: str, leaving: str | None, becomes: str) -> None:
        if leaving is not None:
            fate[leaving] = becomes
            serving[leaving] = (serving.get(leaving, (at, None))[0], at)
        fate[version] = "champion"
        serving[version] = (serving.get(version, (at, None))[0], None)

    for entry in entries:
        body, at = json.loads(entry.body), format_time(entry.ts_event_ns)
        match entry.kind:
            case "candidate_rejected":
                fate[body["subject"]] = "rejected"
            case "rollout_ended":
                fate[body["subject"]] = body["outcome"]
            case "promoted":
                serve(body["subject"], at, body["previous"], "retired")
            case "rolled_back":
                serve(body["previous"], at, body["subject"], "rolled back")
            case _:
                pass
    return fate, serving
