"""The way to compiled code: Numba is loaded when the first windowed feature is computed."""

from __future__ import annotations

import importlib
from types import ModuleType

from ostinato.core.errors import ConfigError


def compiled(name: str) -> ModuleType:
    """Load a module of compiled functions by its full name.

    Raises
    ------
    ConfigError
        If Numba is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        raise ConfigError(
            "Windowed features need Numba",
            found="not installed",
            hint="pip install 'ostinato[features]'",
        ) from error
