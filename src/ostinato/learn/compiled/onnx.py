"""Neural networks and others through ONNX Runtime, where skl2onnx and it are installed.

Both are loaded when they are first used. Sums are kept in double precision, on one thread.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ostinato.core.records import Floats
from ostinato.learn.compiled.dense import Dense
from ostinato.learn.compiled.form import Form, Row, Unsupported, finisher
from ostinato.learn.compiled.original import original
from ostinato.learn.compiled.rows import Coder
from ostinato.learn.model import Model

CONVERTED: Final = ("BernoulliNB", "GaussianNB", "MLPClassifier", "MLPRegressor")
"""Estimators of scikit-learn that are tried. Others are not: support vector machines are computed
in single precision (4e-7 off) or not at all in double, nearest neighbours are no faster, and
converting a bagging of trees did not end within minutes."""
INLINE_BYTES_MAX: Final = 1_000_000
"""Size of a graph up to which it may score in an event loop: as many parameters, read once a row,
take some 100 us. Larger: one row holds up all others."""


def onnx_form(model: Model) -> Form:
    """Convert an estimator to an ONNX graph and score with ONNX Runtime.

    Raises
    ------
    Unsupported
        If a library is not installed, or the model is a pipeline on a table.
    """
    encoding, classifies = model.encoding, model.task != "regression"
    if encoding.style == "frame":
        raise Unsupported("it takes a table")
    graph = _graph(model)
    session, finish, asked = _session(graph), finisher(model), original(model)
    output = session.get_outputs()[1 if classifies else 0].name
    coder, expand = Coder(encoding), _expander(model)

    def score(rows: Sequence[Row]) -> Floats:
        if not rows:
            return asked(rows)
        answer = session.run([output], {"rows": expand(coder.clean(rows))})[0]
        found = np.asarray(answer, dtype=np.float64)
        if not np.isfinite(found).all():
            return asked(rows)
        return finish(np.clip(found, 0.0, 1.0) if classifies else found.ravel())

    return Form(name="onnx", inline=len(graph) <= INLINE_BYTES_MAX, score=score, corners=())


def _expander(model: Model) -> Any:
    expansion = model.encoding.expansion
    return (lambda codes: codes) if expansion is None else Dense(expansion)


def _graph(model: Model) -> bytes:
    convert, types = _library("skl2onnx"), _library("skl2onnx.common.data_types")
    width = len(model.encoding.names)
    options = {id(model.estimator): {"zipmap": False}} if model.task != "regression" else {}
    made = convert.convert_sklearn(
        model.estimator,
        initial_types=[("rows", types.DoubleTensorType([None, width]))],
        options=options,
    )
    graph: bytes = made.SerializeToString()
    return graph


def _session(graph: bytes) -> Any:
    runtime = _library("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it cannot do is raised; no lines of its own
    return runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise Unsupported(f"{package} is not installed (pip install 'ostinato[onnx]')") from error
