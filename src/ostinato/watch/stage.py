"""Summarise performance of every version, overall and per slice, and pass the losses on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import BucketClosed, Codes, Floats, LossesObserved, Record, RowsMatured
from ostinato.core.stage import Stage
from ostinato.stats.metrics import metric_for
from ostinato.stats.sums import BinarySums, MulticlassSums, RegressionSums
from ostinato.watch.config import WatchConfig
from ostinato.watch.state import Sums, WatchState

ANSWERS = "answers"
"""Key of the summaries of the answers as given, whichever version gave them."""


def start(config: WatchConfig) -> WatchState:
    """Begin with no buckets."""
    return WatchState(config_=config)


def step(state: WatchState, inbox: Sequence[Record], now_ns: int) -> list[Record]:
    """Add matured rows to their buckets; return their losses and the buckets that closed."""
    out: list[Record] = []
    matured_to_ns = -1
    for record in inbox:
        if isinstance(record, RowsMatured):
            out.extend(_observe(state, record, now_ns))
            matured_to_ns = max(matured_to_ns, record.matured_to_ns)
    if matured_to_ns >= 0:
        out.extend(_close(state, matured_to_ns, now_ns))
    return out


def _observe(state: WatchState, rows: RowsMatured, now_ns: int) -> list[Record]:
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    buckets = rows.times_ns // config.bucket_ns
    first, last = int(buckets.min()), int(buckets.max())
    for bucket in range(first, last + 1):
        chosen = np.flatnonzero(buckets == bucket) if first != last else np.arange(len(rows))
        if len(chosen):
            _summarise(state, config, bucket * config.bucket_ns, rows, chosen)
    if rows.revision:
        return []  # what was decided on stays decided; the summaries are corrected
    return _losses(config, rows, now_ns)


def _summarise(
    state: WatchState, config: WatchConfig, bucket_ns: int, rows: RowsMatured, chosen: NDArray[np.int64]
) -> None:
    per_version = state.buckets.setdefault(bucket_ns, {})
    signs = rows.signs[chosen]
    state.seen[bucket_ns] = state.seen.get(bucket_ns, 0) + int(signs.sum())
    labelled = chosen[~np.isnan(rows.labels[chosen])]
    if not len(labelled):
        return
    labels, weights = rows.labels[labelled], rows.signs[labelled].astype(np.float64)
    codes = _codes(rows.groups[labelled])
    for version in rows.versions:
        scores = rows.scores[version][labelled]
        _add(per_version, version, config, codes, labels, scores, weights)
    if len(rows.versions) == 1:
        return  # the one version's summaries are those of the answers
    stacked = np.stack([rows.scores[version] for version in rows.versions])
    answers = stacked[rows.answered[labelled], labelled]
    _add(per_version, ANSWERS, config, codes, labels, answers, weights)


def _codes(groups: Codes) -> Codes:
    # Group 0 is all rows; slice group g is summarised under g + 1; -1 stays out.
    everything = np.zeros((len(groups), 1), dtype=np.int32)
    return np.concatenate([everything, np.where(groups >= 0, groups + 1, -1).astype(np.int32)], axis=1)


def _add(
    per_version: dict[str, Sums],
    version: str,
    config: WatchConfig,
    codes: Codes,
    labels: Floats,
    scores: Floats,
    weights: Floats,
) -> None:
    scored = ~np.isnan(scores if scores.ndim == 1 else scores[:, 0])
    if not scored.all():
        codes, labels, scores, weights = codes[scored], labels[scored], scores[scored], weights[scored]
    if not len(labels):
        return
    sums = per_version.get(version)
    if sums is None:
        sums = per_version[version] = _zeros(config)
    sums.add(codes, labels, scores, weights)


def _zeros(config: WatchConfig) -> Sums:
    groups = config.groups + 1
    if config.task == "binary":
        return BinarySums.zeros(groups)
    if config.task == "multiclass":
        return MulticlassSums.zeros(groups, config.classes)
    return RegressionSums.zeros(groups)


def _losses(config: WatchConfig, rows: RowsMatured, now_ns: int) -> list[Record]:
    labelled = np.flatnonzero(~np.isnan(rows.labels))
    if not len(labelled):
        return []
    row_loss = metric_for(config.task, config.metric).row_loss
    labels = rows.labels[labelled]
    losses: dict[str, Floats] = {}
    for version in rows.versions:
        scores = rows.scores[version][labelled]
        scored = ~np.isnan(scores if scores.ndim == 1 else scores[:, 0])
        if scored.all():
            losses[version] = row_loss(labels, scores)
            continue
        found = np.full(len(labels), np.nan)
        found[scored] = row_loss(labels[scored], scores[scored])
        losses[version] = found
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
        losses=losses,
        matured_to_ns=rows.matured_to_ns,
    )
    return [observed]


def _close(state: WatchState, matured_to_ns: int, now_ns: int) -> list[Record]:
    config = state.config_
    assert config is not None, "the kernel hands the configuration in at start and restore"
    settled = matured_to_ns - config.settle_ns - config.bucket_ns
    out: list[Record] = []
    for bucket_ns in [bucket for bucket in state.buckets if bucket <= settled]:
        out.extend(tables(state, bucket_ns, now_ns))
        del state.buckets[bucket_ns], state.seen[bucket_ns]
    return out


def tables(state: WatchState, bucket_ns: int, now_ns: int) -> list[Record]:
    """Write down what is known of one open bucket, a record per version."""
    found: list[Record] = []
    for version, sums in state.buckets[bucket_ns].items():
        table = {"matured": np.array([float(state.seen[bucket_ns])]), **sums.table()}
        found.append(
            BucketClosed(
                ts_event_ns=bucket_ns, ts_record_ns=now_ns, bucket_ns=bucket_ns, version=version, table=table
            )
        )
    return found


STAGE = Stage("watch", frozenset({"rows_matured"}), start, step)
