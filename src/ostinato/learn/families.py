"""What kind of estimator a learner is, and hence how it wants its rows.

Libraries are recognised by the module of a class, so that nothing is imported that is not
installed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from ostinato.core.rng import stream_seed
from ostinato.learn.encoding import CATEGORIES_MAX, Encoding, Style

Library = Literal["histogram", "lightgbm", "xgboost", "pipeline", "other"]

_WRAPPED: Final = ("estimator", "regressor")
_HISTOGRAM: Final = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How a learner is to be handled.

    `prefix` is where the estimator that sees the rows lies inside wrappers such as
    `CalibratedClassifierCV` (``"estimator__"``), empty where it is the learner itself.
    """

    library: Library
    style: Style
    prefix: str = ""
    categories_max: int | None = None


def family_of(learner: Any) -> Family:
    """Recognise a learner.

    Pipelines get the features as a table; trees that know missing values get codes; everything
    else gets standardised numbers and one column per level.
    """
    core, prefix = _unwrapped(learner)
    library = _library(core)
    if library == "pipeline":
        return Family(library=library, style="frame", prefix=prefix)
    if library == "histogram":
        # One bin is for "other".
        limit = min(CATEGORIES_MAX, int(core.get_params()["max_bins"]) - 1)
        return Family(library=library, style="ordinal", prefix=prefix, categories_max=max(1, limit))
    if library != "other" or _allows_missing(learner):
        return Family(library=library, style="ordinal", prefix=prefix)
    return Family(library=library, style="onehot", prefix=prefix)


def settings(learner: Any, family: Family, encoding: Encoding, *, seed: int) -> dict[str, Any]:
    """Return the parameters to set before the learner is fitted.

    Seeds and numbers of jobs that the user left open, in nested estimators too, and what the
    library wants to know about categories.
    """
    current: Mapping[str, Any] = learner.get_params(deep=True)
    chosen: dict[str, Any] = {}
    for key in sorted(current):
        last = key.rsplit("__", 1)[-1]
        if current[key] is None and last == "random_state":
            # 31 bits: the compiled libraries keep the seed in a signed 32-bit integer.
            chosen[key] = stream_seed(seed, f"learn/{key}") & 0x7FFF_FFFF
        if current[key] is None and last == "n_jobs" and not _of_sklearn(learner, current, key):
            chosen[key] = 1
    rules: dict[Library, Callable[..., dict[str, Any]]] = {
        "histogram": _histogram,
        "lightgbm": _lightgbm,
        "xgboost": _xgboost,
    }
    if family.library in rules:
        start = len(family.prefix)
        own = {k[start:]: v for k, v in current.items() if k.startswith(family.prefix)}
        found = rules[family.library](own, encoding)
        chosen |= {family.prefix + key: value for key, value in found.items()}
    return chosen


def fit_arguments(family: Family, encoding: Encoding) -> dict[str, Any]:
    """Return what `fit` takes beside rows, labels and weights."""
    if family.library == "lightgbm" and not family.prefix and encoding.categorical:
        return {"categorical_feature": list(encoding.categorical)}
    return {}


def weights_argument(learner: Any, method: str = "fit") -> str | None:
    """Return the name under which a method takes row weights, None where it takes none."""
    if isinstance(learner, Pipeline):
        name, last = learner.steps[-1]
        inner = weights_argument(last, method)
        return None if inner is None else f"{name}__{inner}"
    try:
        parameters = inspect.signature(getattr(learner, method)).parameters
    except (AttributeError, TypeError, ValueError):  # no such method, or a built-in one
        return None
    return "sample_weight" if "sample_weight" in parameters else None


def _of_sklearn(learner: Any, current: Mapping[str, Any], key: str) -> bool:
    # There, no number of jobs means one (and some estimators warn when it is set).
    owner = current[key.rpartition("__")[0]] if "__" in key else learner
    return type(owner).__module__.split(".", 1)[0] == "sklearn"


def _unwrapped(learner: Any) -> tuple[Any, str]:
    prefix = ""
    while _library(learner) == "other":
        inner = [key for key in _WRAPPED if _is_estimator(getattr(learner, key, None))]
        if not inner:
            break
        prefix += f"{inner[0]}__"
        learner = getattr(learner, inner[0])
    return learner, prefix


def _is_estimator(value: Any) -> bool:
    return callable(getattr(value, "fit", None)) and callable(getattr(value, "get_params", None))


def _library(learner: Any) -> Library:
    if isinstance(learner, Pipeline | ColumnTransformer):
        return "pipeline"
    for cls in type(learner).__mro__:
        root = cls.__module__.split(".", 1)[0]
        if root == "sklearn" and cls.__name__ in _HISTOGRAM:
            return "histogram"
        if root in {"lightgbm", "xgboost"}:
            return "lightgbm" if root == "lightgbm" else "xgboost"
    return "other"


def _allows_missing(learner: Any) -> bool:
    try:
        return bool(get_tags(learner).input_tags.allow_nan)
    except (AttributeError, TypeError, ValueError):  # not derived from BaseEstimator
        return False


def _histogram(own: Mapping[str, Any], encoding: Encoding) -> dict[str, Any]:
    names = list(encoding.features)
    declared = own["categorical_features"]
    found = set(encoding.categorical)
    if declared is not None and not isinstance(declared, str):
        for position, item in enumerate(declared):
            if isinstance(item, str):
                found.add(names.index(item))
            elif isinstance(item, bool):  # a mask
                found |= {position} if item else set()
            else:
                found.add(int(item))
    chosen: dict[str, Any] = {"categorical_features": sorted(found) or None}
    if isinstance(own.get("monotonic_cst"), Mapping):  # by name; we fit on positions
        chosen["monotonic_cst"] = [own["monotonic_cst"].get(name, 0) for name in names]
    return chosen


def _lightgbm(own: Mapping[str, Any], _encoding: Encoding) -> dict[str, Any]:
    chosen: dict[str, Any] = {"deterministic": True}
    if "verbosity" not in own and "verbose" not in own:
        chosen["verbosity"] = -1
    if not {"force_row_wise", "force_col_wise"} & own.keys():
        # Left open, LightGBM times both and takes the faster: another order of sums each run.
        chosen["force_row_wise"] = True
    return chosen


def _xgboost(own: Mapping[str, Any], encoding: Encoding) -> dict[str, Any]:
    if not encoding.categorical or own.get("feature_types") is not None:
        return {}
    types = ["c" if i in encoding.categorical else "q" for i in range(len(encoding.columns))]
    return {"enable_categorical": True, "feature_types": types}
