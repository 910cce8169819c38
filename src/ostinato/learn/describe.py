"""What a learner is, in words that stay the same: for provenance and for comparing two runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np

from ostinato.core.canonical import digest, plain
from ostinato.core.errors import ConfigError

_GENERATORS: Final = (
    np.random.RandomState,
    np.random.Generator,
    np.random.BitGenerator,
)


def describe(learner: Any) -> tuple[str, dict[str, Any]]:
    """Return a learner's name and parameters as JSON types, without memory addresses.

    A parameter that cannot be written down, such as an object of a script, is described by its
    type.

    Parameters
    ----------
    learner
        A scikit-learn estimator or pipeline; nested ones are described in the same way.

    Returns
    -------
    tuple
        The name with its public module, and the parameters by name.

    Raises
    ------
    ConfigError
        If a parameter is a random generator: its state changes with each use, so that the same
        declaration would train another model.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> name, parameters = describe(Ridge(alpha=2))
    >>> name, parameters["alpha"]
    ('sklearn.linear_model.Ridge', 2)
    """
    parameters: Mapping[str, Any] = learner.get_params(deep=False)
    return _name(learner), {
        key: _value(parameters[key], f"{type(learner).__qualname__}({key}=...)")
        for key in sorted(parameters)
    }


def learner_digest(learner: Any) -> str:
    """SHA-256 (hex) of a learner's name and parameters: the same for equal learners everywhere."""
    name, parameters = describe(learner)
    return digest({"learner": name, "parameters": parameters})


def _name(value: Any) -> str:
    # Up to the first private part: sklearn.linear_model._ridge is an internal place.
    public: list[str] = []
    for part in type(value).__module__.split("."):
        if part.startswith("_") and part != "__main__":
            break
        public.append(part)
    return ".".join([*public, type(value).__qualname__])


def _value(value: Any, where: str) -> Any:
    if isinstance(value, _GENERATORS):
        raise ConfigError(
            f"{where} is a random generator",
            found=_name(value),
            expected="a number, or None for a seed that follows from the run's",
            hint="Write random_state=0: a generator changes with each use.",
        )
    if callable(getattr(value, "get_params", None)) and not isinstance(value, type):
        name, parameters = describe(value)
        return {"learner": name, "parameters": parameters}
    if isinstance(value, Mapping):
        return {str(key): _value(value[key], where) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_value(item, where) for item in value]
    if isinstance(value, partial):
        given = {"args": value.args, "keywords": value.keywords}
        return {"partial": _value(value.func, where), **_value(given, where)}
    try:
        return plain(value)
    except TypeError:  # its text holds a memory address
        return _name(value)
