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
    >>> effect(1530.0, 1200.0)
    'an effect of 1,530 (128 %)'
    """
    if not math.isfinite(size):
        return "no effect"
    share = f" ({_short(100 * size / base)} %)" if base > 0 else ""
    return f"an effect of {_short(size)}{share}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2g}"


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
