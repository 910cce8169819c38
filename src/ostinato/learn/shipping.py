"""Sending the user's learner to another process and back.

A class written in the user's script cannot be found by name elsewhere, so such classes travel with
their code. Classes of installed packages travel by name.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from ostinato.core.errors import LearnerError

try:  # both come with scikit-learn, through joblib: on its own since 1.6, inside before
    import cloudpickle
except ImportError:
    from joblib.externals import cloudpickle


def dump_by_value(value: Any, learners: Sequence[Any]) -> bytes:
    """Write a value as bytes that another process can read with `pickle`.

    Parameters
    ----------
    value
        What to send.
    learners
        Estimators in it, whose classes may come from a script.

    Raises
    ------
    LearnerError
        If something in it has no bytes (an open file, a lock, a connection).
    """
    try:
        with ExitStack() as stack:
            for module in _homeless(learners):
                cloudpickle.register_pickle_by_value(module)
                stack.callback(cloudpickle.unregister_pickle_by_value, module)
            written: bytes = cloudpickle.dumps(value, protocol=5)
            return written
    except Exception as error:
        raise LearnerError(
            "The learner cannot be sent to another process",
            found=f"{type(error).__name__}: {error}",
            expected="an estimator that can be pickled",
            hint="Train it without a time limit, or keep open files and locks out of it.",
        ) from error


def _homeless(learners: Sequence[Any]) -> list[ModuleType]:
    # Modules in memory that another process cannot import by name, such as a loop file.
    nested = [v for learner in learners for v in learner.get_params(deep=True).values()]
    classes = [v if isinstance(v, type) else type(v) for v in [*learners, *nested]]
    names = sorted({cls.__module__ for cls in classes} - {"__main__", "builtins"})
    return [sys.modules[name] for name in names if name in sys.modules and not _importable(name)]


def _importable(name: str) -> bool:
    root = name.split(".", 1)[0]
    if root in sys.builtin_module_names:
        return True
    try:
        found = PathFinder.find_spec(root)
    except (ImportError, ValueError):
        return False
    if found is None:
        return False
    # Another file of the same name may lie on the path, such as the loop file of another folder.
    here = getattr(sys.modules.get(root), "__file__", None)
    return (
        here is None or found.origin is None or Path(here).resolve() == Path(found.origin).resolve()
    )
