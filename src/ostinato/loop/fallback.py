"""What a loop answers when no version can score: a constant, checked against its task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ostinato.core.errors import ConfigError

_ROUNDING: Final = 1e-6
"""How far the probabilities may be off 1 in sum: a list such as [0.333, 0.333, 0.334] is exact."""

_EXPECTED: Final = {
    "binary": "a probability, in [0, 1]",
    "regression": "a finite number",
    "multiclass": "a list of probabilities that add up to 1, one per class",
}


def fallback_of(task: str, answer: Any, classes: Sequence[Any] | None) -> Any:
    """Return a declared answer as a float, or as a tuple of floats for multiclass; None stays.

    Raises
    ------
    ConfigError
        If it is no answer to the task.
    """
    if answer is None:
        return None
    if task == "multiclass":
        return _list(answer, classes)
    if not _number(answer) or (task == "binary" and not 0 <= answer <= 1):
        raise _unfit(task, answer)
    return float(answer)


def _list(answer: Any, classes: Sequence[Any] | None) -> tuple[float, ...]:
    if isinstance(answer, str) or not isinstance(answer, Sequence | np.ndarray):
        raise _unfit("multiclass", answer)
    numbers = all(_number(each) and 0 <= each <= 1 for each in answer)
    if not numbers or len(answer) < 3 or abs(math.fsum(answer) - 1) > _ROUNDING:
        raise _unfit("multiclass", answer)
    if classes is not None:
        check_width(len(answer), len(classes))
    return tuple(float(each) for each in answer)


def check_width(found: int, classes: int) -> None:
    """Refuse an answer that has not one number per class.

    Raises
    ------
    ConfigError
        If the numbers differ.
    """
    if found != classes:
        raise ConfigError(
            "Loop(fallback=...) has not one probability per class",
            found=f"{found} probabilities for {classes} classes",
            expected=f"{classes} probabilities, in the order of the classes",
            hint="Loop(classes=[...]) fixes the classes and their order.",
        )


def _number(value: Any) -> bool:
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return real and math.isfinite(value)


def _unfit(task: str, answer: Any) -> ConfigError:
    return ConfigError(
        f"Loop(fallback=...) is no answer to Loop(task={task!r})",
        found=repr(answer),
        expected=_EXPECTED[task],
    )
