"""Labels that look wrong, now and in the reference.

Of classes: the champion is as sure of another class as it is of rows that surely have it (confident
learning). Of numbers: they lie far from what the champion says, in spreads of the reference. More
of them is no proof: where the same inputs came to mean something else, labels surprise as well.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ostinato.core.records import Floats
from ostinato.stats.confident import bars, looks_like
from ostinato.stats.influence import Estimate, estimate
from ostinato.watch.examine.sample import Champion, Sample

FAR: Final = 6.0
"""Spreads from which a target is suspicious. Smaller: the tail of an honest one is."""

_SPREAD: Final = 1.4826  # a normal spread in medians of absolute deviations
_TOLD: Final = 5
_FLOOR: Final = 0.005  # share of rows by which suspicious labels must rise to be told as more


def doubtful_labels(reference: Sample, current: Sample, champion: Champion) -> dict[str, Any] | str:
    """Return the entry of the evidence on labels of rows with a loss; or say why there is none."""
    if champion.task == "regression":
        found = _far(reference, current)
        if found is None:
            return "the champion's errors in the reference have no spread"
        return _told(*found, {})
    p, q = _wide(reference.scores), _wide(current.scores)
    if len(np.unique(reference.labels)) < 2:
        return "the labels of the reference are of one class"
    at_least = bars(reference.labels, p)
    looks = looks_like(q, at_least)
    before = _other(reference.labels, looks_like(p, at_least))
    now = _other(current.labels, looks)
    return _told(before, now, _flips(current.labels[now], looks[now], len(current), champion))


def _wide(scores: Floats) -> Floats:
    return scores if scores.ndim == 2 else np.stack([1.0 - scores, scores], axis=1)


def _other(labels: Floats, looks: NDArray[np.int64]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (looks >= 0) & (looks != labels)
    return found


def _far(reference: Sample, current: Sample) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    errors = reference.labels - reference.scores
    middle = float(np.median(errors))
    spread = _SPREAD * float(np.median(np.abs(errors - middle)))
    if not spread > 0.0:
        return None
    now = np.abs(current.labels - current.scores - middle) > FAR * spread
    return np.abs(errors - middle) > FAR * spread, now


def _flips(
    labels: Floats, looks: NDArray[np.int64], rows: int, champion: Champion
) -> dict[str, float]:
    pairs, counts = np.unique(
        np.stack([labels.astype(np.int64), looks], axis=1), axis=0, return_counts=True
    )
    found = {}
    for i in np.argsort(-counts, kind="stable")[:_TOLD].tolist():
        label, look = (_name(champion, int(index)) for index in pairs[i])
        found[f"{label} looks like {look}"] = float(counts[i] / rows)
    return found


def _name(champion: Champion, index: int) -> str:
    return champion.classes[index] if index < len(champion.classes) else str(index)


def _told(
    before: NDArray[np.bool_], now: NDArray[np.bool_], flips: dict[str, float]
) -> dict[str, Any]:
    first, then = float(before.mean()), float(now.mean())
    rise = estimate(then - first, (first - before) / len(before), (now - then) / len(now))
    return {
        "suspicious_before": first,
        "suspicious_now": then,
        "rise": rise,
        "more": bool(_sure(rise)),
        "flips": flips,
    }


def _sure(rise: Estimate) -> bool:
    return rise.interval(0.99)[0] > 0.0 and rise.value > _FLOOR
