"""The smallest visible effect, in words: what a verdict could have missed."""

from __future__ import annotations

import math


def effect(size: float, base: float) -> str:
    """Write an effect down, with its share of what it is measured against.

    Parameters
    ----------
    size
        In units of the loss, >= 0, may be infinite.
    base
        The loss it is a share of; where it is not positive no share is told.

    Examples
    --------
    >>> effect(0.0121, 0.526)
    'an effect of 0.012 (2.3 %)'
    """
    if not math.isfinite(size):
        return "no effect"
    share = f" ({100 * size / base:.2g} %)" if base > 0 else ""
    return f"an effect of {size:.2g}{share}"


def would_show(sentence: str, size: float, base: float, *, where: str = "") -> str:
    """Put the smallest visible effect behind a sentence that has no full stop yet.

    Examples
    --------
    >>> would_show("No harm shows", 0.5, 2.0)
    'No harm shows; an effect of 0.5 (25 %) would have shown.'
    >>> would_show("Two rows only", math.inf, 2.0, where="on them")
    'Two rows only; on them no effect would have shown.'
    """
    place = f"{where} " if where else ""
    return f"{sentence}; {place}{effect(size, base)} would have shown."
