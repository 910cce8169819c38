"""The made-up task: a history to learn from, rows to ask for, and the model the peers serve."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import joblib
import numpy as np
import polars as pl
from sklearn.base import clone

from servers.loops.steady import loop

FEATURES = tuple(loop.feature_names)
HISTORY_ROWS, ASKED_ROWS = 20_000, 4_096
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class World:
    """Where the files lie, and the rows that are asked for with their truth and the model's score.

    rows: (n, 30), float64, rounded to 6 places, so that JSON carries them exactly.
    """

    history: Path
    model: Path
    rows: np.ndarray
    truth: np.ndarray
    scores: np.ndarray


def draw(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw features and labels: mostly linear, with one product and one wave for the trees."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, len(FEATURES))).round(6)
    weights = np.random.default_rng(0).normal(scale=0.4, size=len(FEATURES))
    logit = features @ weights + features[:, 0] * features[:, 1] + np.sin(2 * features[:, 2])
    return features, (rng.logistic(size=rows) < logit).astype(np.int8)


def history(rows: int = HISTORY_ROWS) -> pl.DataFrame:
    """A row a minute from the first of January 2026 on."""
    features, labels = draw(rows, seed=1)
    minutes = pl.Series(np.arange(rows))
    return pl.DataFrame(features, schema=list(FEATURES)).with_columns(
        time=pl.lit(BEGIN).dt.cast_time_unit("us") + pl.duration(minutes=minutes),
        y=pl.Series(labels),
    )


def prepare(folder: Path, rows: int = HISTORY_ROWS) -> World:
    """Write the history and the fitted model into the folder, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    table = history(rows)
    learner = clone(loop.learner)
    told = f"{loop.learner!r} {rows} {joblib.__version__} {_sklearn()}"
    stem = hashlib.sha256(told.encode()).hexdigest()[:12]
    data, model = folder / f"history-{stem}.parquet", folder / f"model-{stem}.joblib"
    if not model.exists():
        table.write_parquet(data)
        learner.fit(table.select(FEATURES).to_numpy(), table["y"].to_numpy())
        unfinished = model.with_suffix(".unfinished")
        joblib.dump(learner, unfinished)
        unfinished.rename(model)
    asked, truth = draw(ASKED_ROWS, seed=2)
    scores = joblib.load(model).predict_proba(asked)[:, 1]
    return World(history=data, model=model, rows=asked, truth=truth, scores=scores)


def _sklearn() -> str:
    import sklearn  # noqa: PLC0415 - for its version alone

    return sklearn.__version__
