"""Ask every version for its scores; keep what is finite, and say why the rest is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ostinato.core.errors import LearnerError
from ostinato.core.ports import Scorer
from ostinato.core.records import FALLBACK_VERSION, Floats, RequestsAnswered, RequestsArrived

NOT_FINITE = "The version answered NaN or an infinite number."

Scored = Mapping[str, tuple[Floats | None, str]]
"""By version: its scores, whole rows NaN where it has none (None: it has none at all), and why."""


def score_all(scorer: Scorer, versions: Sequence[str], requests: RequestsArrived) -> Scored:
    """Ask every version."""
    return {version: _score(scorer, version, requests) for version in versions}


def scored_elsewhere(answered: RequestsAnswered) -> Scored:
    """Read what every version said to a gateway, and of what failed without a word."""
    named = dict.fromkeys([*answered.versions, *answered.faults])
    found = {}
    for version in named:
        scores, cause = answered.scores.get(version), answered.faults.get(version, "")
        if version == FALLBACK_VERSION:
            found[version] = scores, ""
        elif scores is None:
            found[version] = None, cause or "The version gave no answers."
        else:
            cleaned, missing = _cleaned(scores, len(answered))
            found[version] = cleaned, cause or missing
    return found


def _score(scorer: Scorer, version: str, requests: RequestsArrived) -> tuple[Floats | None, str]:
    try:
        scores = scorer.score(version, requests)
    except LearnerError as error:
        return None, str(error)
    return _cleaned(scores, len(requests))


def _cleaned(scores: Floats, count: int) -> tuple[Floats | None, str]:
    """Return the scores, whole rows NaN where one number is not finite, and what was wrong."""
    if len(scores) != count:
        return None, f"The version gave {len(scores)} answers to {count} requests."
    lost = ~np.isfinite(scores)
    if not lost.any():
        return scores, ""
    cleaned = scores.copy()  # the scorer may keep what it handed out
    cleaned[lost.any(axis=1) if scores.ndim == 2 else lost] = np.nan
    return cleaned, NOT_FINITE


def unanswered(scores: Floats) -> NDArray[np.bool_]:
    """Say which rows have no score: (n,) bool."""
    return np.isnan(scores if scores.ndim == 1 else scores[:, 0])
