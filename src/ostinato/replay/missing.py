"""The share of rows in which computed features are missing: trained on, and served by versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.core.ports import Entry
from ostinato.features.missing import compare_missing, count_missing
from ostinato.replay.history import History
from ostinato.replay.record import Recorder

_MISSING: Final[dict[str, Any]] = {
    "version": pl.String,
    "feature": pl.String,
    "n": pl.Int64,
    "trained": pl.Float64,
    "served": pl.Float64,
    "e_value": pl.Float64,
    "moved": pl.Boolean,
}


def missing_table(history: History, recorder: Recorder, entries: Sequence[Entry]) -> pl.DataFrame:
    """Draw up a row per version that answered and feature that is computed; what moved first."""
    served = history.frame[history.first :]
    rows = []
    for version, trained in _trained(entries).items():
        if version not in recorder.versions:
            continue
        mine = np.flatnonzero(recorder.answered == recorder.versions.index(version))
        counts = count_missing(served.select(*trained)[mine])
        rows += [
            {"version": version, "n": counts.rows, **asdict(shift)}
            for shift in compare_missing(trained, counts)
        ]
    return pl.DataFrame(rows, schema=_MISSING)


def _trained(entries: Sequence[Entry]) -> dict[str, Mapping[str, float]]:
    found = {}
    for entry in entries:
        if entry.kind == "candidate_trained":
            body = json.loads(entry.body)
            if "missing" in body["evidence"]:
                found[body["subject"]] = body["evidence"]["missing"]
    return found
