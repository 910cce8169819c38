"""What a learner is, in words that stay the same: for provenance and for comparing two runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ostinato.core.canonical import digest, plain

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def describe(learner: Any) -> tuple[str, dict[str, Any]]:
    """Return a learner's name and parameters as JSON types, without memory addresses.

    Parameters
    ----------
    learner
        A scikit-learn estimator or pipeline; nested ones are described in the same way.

    Returns
    -------
    tuple
        The name with its public module, and the parameters by name.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> name, parameters = describe(Ridge(alpha=2))
    >>> name, parameters["alpha"]
    ('sklearn.linear_model.Ridge', 2)
    """
    parameters: Mapping[str, Any] = learner.get_params(deep=False)
    return _name(learner), {key: _value(parameters[key]) for key in sorted(parameters)}


def learner_digest(learner: Any) -> str:
    """SHA-256 (hex) of a learner's name and parameters: the same for equal learners everywhere."""
    name, parameters = describe(learner)
    return digest({"learner": name, "parameters": parameters})


def _name(learner: Any) -> str:
    # Up to the first private part: sklearn.linear_model._ridge is an internal place.
    public: list[str] = []
    for part in type(learner).__module__.split("."):
        if part.startswith("_") and part != "__main__":
            break
        public.append(part)
    return ".".join([*public, type(learner).__qualname__])


def _value(value: Any) -> Any:
    if callable(getattr(value, "get_params", None)) and not isinstance(value, type):
        name, parameters = describe(value)
        return {"learner": name, "parameters": parameters}
    if isinstance(value, Mapping):
        return {str(key): _value(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    written = plain(value)
    return _ADDRESS.sub("", written) if isinstance(written, str) else written
