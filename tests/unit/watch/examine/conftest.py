"""Small seeded worlds: a model learned before, rows of then and now, and one thing that differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from ostinato.stats.metrics import METRICS
from ostinato.watch.examine import Champion, Sample

COLUMNS = ("x0", "x1", "x2", "x3")
EFFECTS = np.array([1.5, -1.0, 0.7, 0.0])
DAY = 86_400 * 10**9


def _inputs(rng, rows):
    x = rng.normal(size=(rows, len(COLUMNS)))
    return pl.DataFrame(
        {**dict(zip(COLUMNS, x.T, strict=True)), "kind": rng.choice(["a", "b", "c"], rows)}
    )


def _outcomes(rng, frame, task, effects):
    mean = frame.select(COLUMNS).to_numpy() @ effects + 1.2 * (frame["kind"] == "a").to_numpy()
    if task == "binary":
        return (rng.random(len(mean)) < 1 / (1 + np.exp(-mean))).astype(np.float64)
    if task == "multiclass":
        odds = np.stack([mean, frame["x1"].to_numpy() - mean / 2, 0 * mean], axis=1)
        return (odds + rng.gumbel(size=odds.shape)).argmax(axis=1).astype(np.float64)
    # Rows near x0 = 0 are noisy, so that other inputs lose more.
    noise = np.exp(-np.abs(frame["x0"].to_numpy()))
    return mean + 2.0 * noise * rng.normal(size=len(mean))


def _design(frame):
    numbers = frame.select(COLUMNS).fill_null(0.0).to_numpy().astype(np.float64)
    kinds = frame["kind"].to_numpy()
    return np.column_stack([numbers, kinds == "a", kinds == "b"])


def _thinned(rng, task, rows, effects, chance):
    frame = _inputs(rng, 6 * rows)
    labels = _outcomes(rng, frame, task, effects)
    kept = np.flatnonzero(rng.random(6 * rows) < chance(frame, labels))[:rows]
    assert len(kept) == rows
    return frame[kept], labels[kept]


def _fewer(task):
    def chance(frame, labels):
        if task == "regression":  # small targets go
            return 1 / (1 + np.exp(2.0 - labels))
        return np.where(labels == (0.0 if task == "multiclass" else 1.0), 0.2, 1.0)

    return chance


def _near(frame, labels):
    return np.exp(-2.0 * np.abs(frame["x0"].to_numpy()))


def _broken(rng, frame, fault):
    rows = pl.Series(rng.random(frame.height) < 0.4)
    x0, kind = pl.col("x0"), pl.col("kind")
    late = pl.Series(np.arange(frame.height) > 0.5 * frame.height)
    changes = {
        "missing": pl.when(rows).then(None).otherwise(x0).alias("x0"),
        "stuck": pl.when(late).then(pl.lit(1.25)).otherwise(x0).alias("x0"),
        "unit": pl.when(rows).then(x0 * 100).otherwise(x0).alias("x0"),
        "gone": pl.lit(None, dtype=pl.Float64).alias("x0"),
        "renamed": kind.replace({"a": "A ", "b": "B "}).alias("kind"),
    }
    return frame.with_columns(changes[fault])


@pytest.fixture(scope="session")
def planted() -> Callable[..., tuple[Sample, Sample, Champion]]:
    """Make a world: (task, what differs, rows, seed) -> reference, current rows, champion."""

    def make(task: str, what: str = "none", *, rows: int = 3000, seed: int = 0, **changes: Any):
        rng = np.random.default_rng([seed, rows])
        learned = _inputs(rng, 4000)
        taught = _outcomes(rng, learned, task, EFFECTS)
        kinds = LinearRegression if task == "regression" else LogisticRegression
        model = kinds().fit(_design(learned), taught)
        loss = METRICS["mse" if task == "regression" else "log_loss"].row_loss

        def score(frame):
            if task == "regression":
                return model.predict(_design(frame))
            chances = model.predict_proba(_design(frame))
            return chances if task == "multiclass" else chances[:, 1]

        def sample(frame, labels, from_ns):
            times = from_ns + np.arange(len(labels)) * (10 * DAY // len(labels))
            scores = score(frame)
            return Sample(
                frame=frame,
                times_ns=times,
                labels=labels,
                scores=scores,
                losses=loss(labels, scores),
                groups=np.empty((len(labels), 0), dtype=np.int32),
            )

        before = _inputs(rng, rows)
        reference = sample(before, _outcomes(rng, before, task, EFFECTS), 0)
        if what == "label":
            frame, labels = _thinned(rng, task, rows, EFFECTS, _fewer(task))
        elif what == "covariate":
            frame, labels = _thinned(rng, task, rows, EFFECTS, _near)
        else:
            frame = _inputs(rng, rows)
            effects = EFFECTS - [1.0, 0, 0, 0] if what == "concept" else EFFECTS
            labels = _outcomes(rng, frame, task, effects)
            if what not in ("none", "concept"):
                frame = _broken(rng, frame, what)
        classes = {"binary": ("no", "yes"), "multiclass": ("u", "v", "w"), "regression": ()}[task]
        champion = Champion(version="v001", task=task, loss=loss, score=score, classes=classes)
        return reference, sample(frame, labels, 100 * DAY), champion

    return make
