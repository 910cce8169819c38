"""Which forms a model may have, from the fastest on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sklearn.pipeline import Pipeline

from ostinato.learn.compiled.coefficients import is_linear
from ostinato.learn.compiled.folding import folded_onehot
from ostinato.learn.compiled.forest import BOOSTED, FORESTS, SINGLE, boosted_trees, forest_trees
from ostinato.learn.compiled.form import Form
from ostinato.learn.compiled.histogram import histogram_trees
from ostinato.learn.compiled.lightgbm import lightgbm_trees
from ostinato.learn.compiled.onnx import CONVERTED, onnx_form
from ostinato.learn.compiled.pipeline import folded_pipeline
from ostinato.learn.compiled.single_row import single_row_form
from ostinato.learn.compiled.xgboost import xgboost_trees
from ostinato.learn.model import Model

Build = Callable[[Model], Form]

_HISTOGRAM: Final = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
_LIGHTGBM: Final = ("LGBMClassifier", "LGBMRegressor")
_XGBOOST: Final = ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor")

TREES: Final[Mapping[tuple[str, str], Build]] = (
    {("sklearn", name): histogram_trees for name in _HISTOGRAM}
    | {("sklearn", name): forest_trees for name in (*SINGLE, *FORESTS)}
    | {("sklearn", name): boosted_trees for name in BOOSTED}
    | {("lightgbm", name): lightgbm_trees for name in _LIGHTGBM}
    | {("xgboost", name): xgboost_trees for name in _XGBOOST}
)
"""By library and class. Derived classes may answer otherwise, hence not `isinstance`."""


def forms_for(model: Model) -> tuple[tuple[str, Build], ...]:
    """Return the forms to try, each with its name; none where only the original is known."""
    kind = type(model.estimator)
    build = TREES.get((kind.__module__.split(".", 1)[0], kind.__name__))
    if build is not None and model.encoding.style != "frame":
        trees = ("trees", build)
        return (trees, ("lightgbm", single_row_form)) if build is lightgbm_trees else (trees,)
    if is_linear(model.estimator) and model.encoding.style == "onehot":
        return (("linear", folded_onehot),)
    if isinstance(model.estimator, Pipeline) and is_linear(model.estimator.steps[-1][1]):
        return (("linear", folded_pipeline),)
    if kind.__module__.startswith("sklearn.") and kind.__name__ in CONVERTED:
        return (("onnx", onnx_form),)
    return ()
