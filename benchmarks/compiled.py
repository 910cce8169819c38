"""How much faster is a compiled model than the original, and is it the same?

For every family of learners: one row, 64 rows and 8,192 rows of JSON values (6 categories, 8
numbers, some missing), processor time on one thread, medians. `original` builds a table of the
values and asks the model, `estimator` is the estimator alone on rows that are coded already: what a
server cannot go below without compiling. `difference` is the largest one of two scores on 8,192
rows.

    python benchmarks/compiled.py               # ten minutes
    python benchmarks/compiled.py --quick       # smaller models and batches, fewer families
    python benchmarks/compiled.py --only HistGradientBoostingClassifier
    python benchmarks/compiled.py --json
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from ostinato.learn.compiled import compile_model
from ostinato.learn.compiled.original import original
from ostinato.learn.estimators import fit
from ostinato.learn.model import Model

CATEGORIES, NUMBERS = 6, 8
TRAINING_ROWS, QUICK_ROWS = 20_000, 1_000
SIZES, QUICK_SIZES = (1, 64, 8_192), (1, 64)
TREES, QUICK_TREES = 100, 5
PARTS = 16
SECONDS = 0.3  # of each median, at least five rounds


@dataclass(frozen=True)
class Row:
    learner: str
    task: str
    form: str
    exact: bool
    rows: int
    compiled_us: float
    original_us: float
    estimator_us: float
    times_original: float
    times_estimator: float
    difference: float
    prepare_s: float


def table(count: int, seed: int) -> pl.DataFrame:
    """Rows with some values missing; text of 5 to 200 levels."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for j, levels in enumerate((5, 8, 12, 30, 80, 200)[:CATEGORIES]):
        codes = rng.integers(0, levels, count)
        columns[f"c{j}"] = [None if i % 50 == j else f"level {c}" for i, c in enumerate(codes)]
    for j in range(NUMBERS):
        values = rng.normal(j, 1.0 + j, count)
        columns[f"x{j}"] = [
            None if j < 2 and i % 20 == j else float(v) for i, v in enumerate(values)
        ]
    return pl.DataFrame(columns)


def labels(frame: pl.DataFrame, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    codes = frame["c1"].str.tail(1).str.to_integer(strict=False).fill_null(0).to_numpy()
    drive = frame["x2"].to_numpy() - 2.0 + (codes % 3) + frame["x3"].to_numpy() * 0.3
    return drive + rng.normal(size=frame.height)


def learners(trees: int) -> Iterator[tuple[str, Any]]:
    """One of each family: with its task."""
    prepared = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(), StandardScaler()),
                [f"x{j}" for j in range(NUMBERS)],
            ),
            (
                "text",
                OneHotEncoder(handle_unknown="ignore"),
                [f"c{j}" for j in range(CATEGORIES)],
            ),
        ]
    )
    yield "binary", HistGradientBoostingClassifier(max_iter=trees, early_stopping=False)
    yield "multiclass", HistGradientBoostingClassifier(max_iter=trees, early_stopping=False)
    yield "regression", HistGradientBoostingRegressor(max_iter=trees, early_stopping=False)
    if importlib.util.find_spec("lightgbm"):
        lightgbm = importlib.import_module("lightgbm")
        yield "binary", lightgbm.LGBMClassifier(n_estimators=trees)
        yield "regression", lightgbm.LGBMRegressor(n_estimators=trees, linear_tree=True)
    if importlib.util.find_spec("xgboost"):
        yield "binary", importlib.import_module("xgboost").XGBClassifier(n_estimators=trees)
    yield "binary", RandomForestClassifier(trees, max_depth=10)
    yield "binary", GradientBoostingClassifier(n_estimators=trees)
    yield "binary", LogisticRegression(max_iter=1000)
    yield "multiclass", LogisticRegression(max_iter=1000)
    yield "regression", Ridge()
    yield "binary", make_pipeline(prepared, LogisticRegression(max_iter=1000))
    yield "binary", MLPClassifier((64, 32), max_iter=20, early_stopping=True)


def trained(learner: Any, task: str, count: int) -> Model:
    frame = table(count, 0)
    target = labels(frame, 1)
    found = {
        "binary": (target > 0).astype(float),
        "multiclass": np.digitize(target, [-1.0, 1.0, 2.0]).astype(float),
        "regression": target,
    }[task]
    classes = {"binary": 2, "multiclass": 4, "regression": 0}[task]
    return fit(
        learner, frame, found, None, features=frame.columns, task=task, classes=classes, seed=0
    )


def microseconds(call: Callable[[Any], Any], parts: list[Any], seconds: float) -> float:
    """Median processor time of a call, over rounds through all parts."""

    def through(rounds: int) -> float:
        begin = time.process_time()
        for _ in range(rounds):
            for part in parts:
                call(part)
        return (time.process_time() - begin) / rounds / len(parts) * 1e6

    through(1)
    once = max(through(1) * len(parts) / 1e6, 1e-6)
    rounds = max(1, int(seconds / 20 / once))
    return median(through(rounds) for _ in range(max(5, min(20, int(seconds / once)))))


def measure(learner: Any, task: str, *, quick: bool) -> Iterator[Row]:
    model = trained(learner, task, QUICK_ROWS if quick else TRAINING_ROWS)
    sizes = QUICK_SIZES if quick else SIZES
    frame = table(max(sizes) if not quick else PARTS * max(sizes), 2)
    begin = time.perf_counter()
    compiled = compile_model(model, frame)
    prepare = time.perf_counter() - begin
    values, asked = frame.rows(), original(model)
    difference = float(np.max(np.abs(compiled.score(values) - asked(values))))
    method = getattr(model.estimator, "predict" if task == "regression" else "predict_proba")
    for size in sizes:
        # Different rows in turn: a processor learns the way of one row by heart.
        starts = range(0, min(frame.height, PARTS * size), size)
        parts = [values[i : i + size] for i in starts]
        coded = [model.encoding.transform(frame[i : i + size]) for i in starts]
        seconds = 0.01 if quick else SECONDS
        ours = microseconds(compiled.score, parts, seconds)
        theirs = microseconds(asked, parts, seconds)
        alone = microseconds(method, coded, seconds)
        yield Row(
            learner=type(learner).__name__,
            task=task,
            form=compiled.form,
            exact=compiled.exact,
            rows=size,
            compiled_us=ours,
            original_us=theirs,
            estimator_us=alone,
            times_original=theirs / ours,
            times_estimator=alone / ours,
            difference=difference,
            prepare_s=prepare,
        )


def line(row: Row) -> str:
    return (
        f"{row.learner:31}{row.task:12}{row.form:9}{row.rows:6,}"
        f"{row.compiled_us:12,.1f}{row.original_us:12,.1f}{row.estimator_us:12,.1f}"
        f"{row.times_original:9,.1f}x{row.times_estimator:9,.1f}x"
        f"{'equal' if row.exact else f'{row.difference:.1e}':>12}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", help="name of a learner's class")
    options = parser.parse_args()
    found = []
    if not options.json:
        print(
            f"{'learner':31}{'task':12}{'form':9}{'rows':>6}{'compiled us':>12}{'original us':>12}"
            f"{'estimator us':>13}{'original':>9}{'estimator':>10}{'difference':>12}"
        )
    with threadpool_limits(limits=1):
        for task, learner in learners(QUICK_TREES if options.quick else TREES):
            if options.only not in {None, type(learner).__name__}:
                continue
            for row in measure(learner, task, quick=options.quick):
                found.append(row)
                if not options.json:
                    print(line(row), flush=True)
    if options.json:
        print(json.dumps([asdict(row) for row in found], indent=2))


if __name__ == "__main__":
    main()
