"""Training with limits, and what it cost.

Numeric libraries run on one thread inside, so that sums come in one order. With a time limit the
learner runs in a process of its own (`ostinato.learn.worker`), which is ended at the limit;
without one it runs here.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from ostinato.core.clock import Stopwatch
from ostinato.core.errors import ConfigError, LearnerError, OstinatoError
from ostinato.core.records import Floats
from ostinato.learn.encoding import check_features, column_of
from ostinato.learn.estimators import fit
from ostinato.learn.model import Model, Task
from ostinato.learn.shipping import dump_by_value

if sys.platform != "win32":
    import resource

START_SECONDS: Final = 120
"""How long the process may take to start and answer, beyond the limit. Smaller: a busy machine
counts as a hanging learner; larger: a process that cannot start is waited for in vain."""

_WORKER: Final = "from ostinato.learn.worker import main; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCost:
    """What a training cost.

    Parameters
    ----------
    wall_seconds, cpu_seconds
        Of the fit alone, without the start of a process.
    peak_memory_bytes
        By how much the fit raised the highest resident memory of the process it ran in; 0 where
        it kept below what the process had used before. With a time limit the process is new, and
        this is close to what the fit needs. 0 on Windows.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The arguments of one `fit`."""

    learner: Any
    frame: pl.DataFrame
    labels: Floats
    weights: Floats | None
    features: tuple[str, ...]
    task: Task
    classes: int
    seed: int
    warm_start: Model | None


def measured_fit(
    learner: Any,
    frame: pl.DataFrame,
    labels: Floats,
    weights: Floats | None,
    *,
    features: Sequence[str],
    task: Task,
    classes: int,
    seed: int,
    warm_start: Model | None = None,
    time_limit: float | None = None,
) -> tuple[Model, FitCost]:
    """Train a model on one thread and measure it.

    Parameters
    ----------
    learner, frame, labels, weights, features, task, classes, seed, warm_start
        As for `ostinato.learn.estimators.fit`.
    time_limit
        Seconds the fit may take, > 0. The process it then runs in takes a second or two to start,
        which does not count.

    Returns
    -------
    tuple
        The model (the same bytes with and without a limit) and its cost.

    Raises
    ------
    ConfigError, DataError
        As for `fit`; also if `time_limit` is not a positive number.
    LearnerError
        As for `fit`; also if the learner did not finish in time, ended its process, or cannot be
        sent to another process.
    """
    job = Job(
        learner=learner,
        frame=frame,
        labels=labels,
        weights=weights,
        features=tuple(features),
        task=task,
        classes=classes,
        seed=seed,
        warm_start=warm_start,
    )
    if time_limit is None:
        return run(job)
    if not (np.isfinite(time_limit) and time_limit > 0):
        raise ConfigError(
            "time_limit is not a positive number of seconds",
            found=time_limit,
            expected="seconds, for example 600",
        )
    check_features(features)
    used = pl.DataFrame([column_of(frame, name) for name in features])
    return _run_elsewhere(replace(job, frame=used), time_limit)


def run(job: Job) -> tuple[Model, FitCost]:
    """Train here, on one thread."""
    watch, before = Stopwatch(), _peak_bytes()
    with threadpool_limits(limits=1), watch:
        model = fit(
            job.learner,
            job.frame,
            job.labels,
            job.weights,
            features=job.features,
            task=job.task,
            classes=job.classes,
            seed=job.seed,
            warm_start=job.warm_start,
        )
    return model, FitCost(
        wall_seconds=watch.wall_seconds,
        cpu_seconds=watch.cpu_seconds,
        peak_memory_bytes=_peak_bytes() - before,
    )


def _run_elsewhere(job: Job, time_limit: float) -> tuple[Model, FitCost]:
    name = type(job.learner).__qualname__
    with tempfile.TemporaryDirectory(prefix="ostinato-fit-") as place:
        folder = Path(place)
        (folder / "job").write_bytes(dump_by_value(job, [job.learner]))
        code = _wait(folder, time_limit)
        if (folder / "answer").exists():
            answer = pickle.loads((folder / "answer").read_bytes())  # noqa: S301 - our own process
            if isinstance(answer, OstinatoError):
                raise answer
            model, cost = answer
            return model, cost
        where = (folder / "where").read_text() if (folder / "where").exists() else ""
    if code is None or where.startswith("Timeout"):
        raise LearnerError(
            f"{name} did not finish within {time_limit:g} seconds on {job.frame.height} rows",
            found=_last_place(where),
            expected=f"a fit of at most {time_limit:g} seconds",
            hint="Raise time_limit, take a shorter window, or a learner that costs less.",
        )
    raise LearnerError(
        f"{name} ended its process instead of returning a model",
        found=f"exit code {code}",
        expected="a fitted estimator",
        hint="A negative code is a signal: -9 often too little memory, -11 a crash in a library.",
    )


def _wait(folder: Path, time_limit: float) -> int | None:
    # PYTHONPATH: the new process finds what this one can import. Its own watchdog keeps the limit
    # (it also knows where the learner hangs); ours is for a process that does not even start.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    arguments = [sys.executable, "-c", _WORKER, str(folder), repr(float(time_limit))]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        arguments, env=environment, stdin=subprocess.DEVNULL
    ) as process:
        try:
            return process.wait(timeout=time_limit + START_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        finally:
            process.kill()


def _last_place(where: str) -> str:
    # The most recent call of the learner's own thread: 'File "x.py", line 3 in fit'.
    lines = [line.strip() for line in where.splitlines() if line.lstrip().startswith("File ")]
    return f"still running: {lines[0]}" if lines else "still running"


def _peak_bytes() -> int:
    if sys.platform == "win32":
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
