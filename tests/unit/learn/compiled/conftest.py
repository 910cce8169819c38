"""Trained models of every family, and a way to compile and compare them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_limits

from ostinato.learn.compiled import kernels
from ostinato.learn.estimators import fit
from ostinato.learn.model import Model

CLASSES = {"binary": 2, "multiclass": 5, "regression": 0}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Small models are faster on one, above all where other tests keep the cores busy."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def train(rows) -> Callable[..., Model]:
    """Train on the made-up flights; counts are targets of at least 1."""

    def trained(learner: Any, task: str, features: Sequence[str] | None = None) -> Model:
        labels = {
            "binary": rows.binary,
            "multiclass": rows.multiclass,
            "regression": rows.target,
            "counts": np.floor(np.abs(rows.target)) + 1.0,
        }[task]
        task = "regression" if task == "counts" else task
        return fit(
            learner,
            rows.frame,
            labels,
            None,
            features=features or rows.features,
            task=task,  # type: ignore[arg-type]
            classes=CLASSES[task],
            seed=0,
        )

    return trained


@pytest.fixture(scope="session")
def served(later) -> Callable[[Model], tuple[pl.DataFrame, list[tuple]]]:
    """Rows as they come when serving, as a table and as tuples."""

    def tuples(model: Model) -> tuple[pl.DataFrame, list[tuple]]:
        return later.frame, later.frame.select(model.encoding.features).rows()

    return tuples


@pytest.fixture
def without_numba(monkeypatch):
    """Numba cannot be imported."""

    for kernel in (kernels.walk_kernel, kernels.fold_kernel, kernels.single_kernel):
        kernel.cache_clear()
    monkeypatch.setitem(sys.modules, "numba", None)
    yield
    for kernel in (kernels.walk_kernel, kernels.fold_kernel, kernels.single_kernel):
        kernel.cache_clear()
