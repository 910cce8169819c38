"""Performance of every version, overall and per slice: summaries by time, and the losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import (
    DECISION_COST,
    BucketClosed,
    Codes,
    Floats,
    LossesObserved,
    OutcomesRevealed,
    Record,
    RowsLabelled,
    RowsMatured,
)
from ostinato.stats.metrics import metric_for
from ostinato.stats.rows import decision_cost
from ostinato.stats.sums import BinarySums, MulticlassSums, RegressionSums
from ostinato.watch.config import WatchConfig

ANSWERS = "answers"
"""Key of the summaries of the answers as given, whichever version gave them; absent from a bucket
in which one version gave all of them."""

Chosen = NDArray[np.int64] | slice  # which rows


Sums = BinarySums | MulticlassSums | RegressionSums


@dataclass(slots=True)
class Performance:
    """Open buckets, oldest first: start of bucket to version to summaries.

    `seen` counts matured rows per bucket (labelled or not), for the label coverage. Buckets that
    begin before `open_from_ns` are closed; `left_out` counts rows that came for them since.
    """

    buckets: dict[int, dict[str, Sums]] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    open_from_ns: int | None = None
    left_out: int = 0


def observe(
    state: Performance, config: WatchConfig, inbox: Sequence[Record], now_ns: int
) -> list[Record]:
    """Add matured rows to their buckets; return all losses and the buckets that closed."""
    matured = [record for record in inbox if isinstance(record, RowsMatured) and len(record)]
    out: list[Record] = [
        _revealed(config, record, now_ns) for record in inbox if isinstance(record, RowsLabelled)
    ]
    for rows in matured:
        _summarise(state, config, rows)
        if not rows.revision:  # what was decided on stays decided; summaries are corrected
            out.extend(_losses(config, rows, now_ns))
    if matured:
        out.extend(_close(state, config, max(rows.matured_to_ns for rows in matured), now_ns))
    return out


def _summarise(state: Performance, config: WatchConfig, rows: RowsMatured) -> None:
    starts = rows.times_ns // config.bucket_ns * config.bucket_ns
    first, last = int(starts.min()), int(starts.max())
    if first == last:
        _add_rows(state, config, first, rows, slice(None))
        return
    for bucket_ns in np.unique(starts).tolist():
        _add_rows(state, config, bucket_ns, rows, np.flatnonzero(starts == bucket_ns))


def _add_rows(
    state: Performance, config: WatchConfig, bucket_ns: int, rows: RowsMatured, chosen: Chosen
) -> None:
    """Add rows of one bucket to the summaries of each version and of the answers."""
    signs = rows.signs[chosen]
    if state.open_from_ns is not None and bucket_ns < state.open_from_ns:
        state.left_out += len(signs)
        return
    sums = state.buckets.setdefault(bucket_ns, {})
    state.seen[bucket_ns] = state.seen.get(bucket_ns, 0) + int(signs.sum())
    labelled = ~np.isnan(rows.labels[chosen])
    if not labelled.any():
        return
    if not labelled.all():
        chosen = np.arange(len(rows))[chosen][labelled]
    batch = _Batch(
        codes=_codes(rows.groups[chosen]),
        labels=rows.labels[chosen],
        weights=rows.signs[chosen].astype(np.float64) if rows.revision else None,
    )
    if _mixed(sums, rows.versions):
        _begin_answers(sums, config)
        _add(sums, ANSWERS, config, batch, _answers(rows, chosen))
    for version in rows.versions:
        _add(sums, version, config, batch, rows.scores[version][chosen])


def _mixed(sums: dict[str, Sums], versions: tuple[str, ...]) -> bool:
    """Say whether the answers need summaries of their own: not as long as one version gave all."""
    return ANSWERS in sums or len({*sums, *versions}) > 1


def _begin_answers(sums: dict[str, Sums], config: WatchConfig) -> None:
    if ANSWERS in sums:
        return
    so_far = list(sums.values())
    assert len(so_far) <= 1, "summaries of the answers begin with the second version"
    sums[ANSWERS] = deepcopy(so_far[0]) if so_far else _zeros(config)


def _answers(rows: RowsMatured, chosen: Chosen) -> Floats:
    if len(rows.versions) == 1:
        only: Floats = rows.scores[rows.versions[0]][chosen]
        return only
    stacked = np.stack([rows.scores[version][chosen] for version in rows.versions])
    picked: Floats = stacked[rows.answered[chosen], np.arange(stacked.shape[1])]
    return picked


def _codes(groups: Codes) -> Codes:
    # Group 0 is all rows; slice group g is summarised under g + 1; -1 stays out.
    codes = np.zeros((len(groups), groups.shape[1] + 1), dtype=np.int32)
    codes[:, 1:] = groups + 1
    codes[:, 1:][groups < 0] = -1
    return codes


@dataclass(frozen=True, slots=True)
class _Batch:
    """Labelled rows of one bucket: what all versions have in common."""

    codes: Codes
    labels: Floats
    weights: Floats | None

    def only(self, rows: NDArray[np.bool_]) -> _Batch:
        weights = None if self.weights is None else self.weights[rows]
        return _Batch(codes=self.codes[rows], labels=self.labels[rows], weights=weights)


def _add(
    per_version: dict[str, Sums], version: str, config: WatchConfig, batch: _Batch, scores: Floats
) -> None:
    scored = _scored(scores)
    if not scored.any():
        return
    if not scored.all():
        batch, scores = batch.only(scored), scores[scored]
    sums = per_version.get(version)
    if sums is None:
        sums = per_version[version] = _zeros(config)
    highest = int(batch.codes.max())
    if highest >= sums.groups:
        sums.grow(highest + 1)
    sums.add(batch.codes, batch.labels, scores, batch.weights)


def _scored(scores: Floats) -> NDArray[np.bool_]:
    scored: NDArray[np.bool_] = ~np.isnan(scores if scores.ndim == 1 else scores[:, 0])
    return scored


def _zeros(config: WatchConfig) -> Sums:
    groups = config.groups + 1
    if config.task == "binary":
        return BinarySums.zeros(groups)
    if config.task == "multiclass":
        return MulticlassSums.zeros(groups, config.classes)
    return RegressionSums.zeros(groups)


def _losses(config: WatchConfig, rows: RowsMatured, now_ns: int) -> list[Record]:
    known = ~np.isnan(rows.labels)
    if not known.any():
        return []
    labelled: Chosen = slice(None) if known.all() else np.flatnonzero(known)
    labels = rows.labels[labelled]
    scores = {version: rows.scores[version][labelled] for version in rows.versions}
    losses = {
        metric: {v: _loss(config.task, metric, labels, scores[v]) for v in rows.versions}
        for metric in dict.fromkeys((config.metric, *config.guards))
    }
    observed = LossesObserved(
        ts_event_ns=rows.ts_event_ns,
        ts_record_ns=now_ns,
        offsets=rows.offsets[labelled],
        times_ns=rows.times_ns[labelled],
        unit_hashes=rows.unit_hashes[labelled],
        groups=rows.groups[labelled],
        versions=rows.versions,
        answered=rows.answered[labelled],
        roles=rows.roles[labelled],
        losses=losses[config.metric],
        matured_to_ns=rows.matured_to_ns,
        guards={metric: losses[metric] for metric in config.guards}
        | _priced(config, labels, scores),
        propensities=None if rows.propensities is None else rows.propensities[labelled],
    )
    return [observed]


def _priced(
    config: WatchConfig, labels: Floats, scores: Mapping[str, Floats]
) -> dict[str, dict[str, Floats]]:
    if config.costs is None:
        return {}
    return {DECISION_COST: {v: decision_cost(labels, s, *config.costs) for v, s in scores.items()}}


def _loss(task: str, metric: str, labels: Floats, scores: Floats) -> Floats:
    """Return the loss of each labelled row, NaN where it was not scored."""
    row_loss = metric_for(task, metric).row_loss
    scored = _scored(scores)
    if scored.all():
        return row_loss(labels, scores)
    found = np.full(len(labels), np.nan)
    found[scored] = row_loss(labels[scored], scores[scored])
    return found


def _revealed(config: WatchConfig, rows: RowsLabelled, now_ns: int) -> OutcomesRevealed:
    """Give the losses of rows that got their first label; they are not summed up."""
    return OutcomesRevealed(
        ts_event_ns=rows.ts_event_ns,
        ts_record_ns=now_ns,
        times_ns=rows.times_ns,
        label_times_ns=rows.label_times_ns,
        versions=rows.versions,
        answered=rows.answered,
        roles=rows.roles,
        losses={
            version: _loss(config.task, config.metric, rows.labels, rows.scores[version])
            for version in rows.versions
        },
    )


def _close(
    state: Performance, config: WatchConfig, matured_to_ns: int, now_ns: int
) -> list[Record]:
    """Close the buckets that no revision can change any more; each closes once."""
    settled = matured_to_ns - config.settle_ns - config.bucket_ns
    closing = sorted(bucket for bucket in state.buckets if bucket <= settled)
    if not closing:
        return []
    out: list[Record] = []
    for bucket_ns in closing:
        out.extend(tables(state, bucket_ns, now_ns))
        del state.buckets[bucket_ns], state.seen[bucket_ns]
    state.open_from_ns = closing[-1] + config.bucket_ns
    return out


def tables(state: Performance, bucket_ns: int, now_ns: int) -> list[Record]:
    """Write down what is known of one open bucket, a record per version."""
    found: list[Record] = []
    for version, sums in state.buckets[bucket_ns].items():
        table = {"matured": np.array([float(state.seen[bucket_ns])]), **sums.table()}
        found.append(
            BucketClosed(
                ts_event_ns=bucket_ns,
                ts_record_ns=now_ns,
                bucket_ns=bucket_ns,
                version=version,
                table=table,
            )
        )
    return found
