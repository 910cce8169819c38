"""Numbers as people read them; the templates' filters."""

from __future__ import annotations

import math
from typing import Any, Final

NONE: Final = "–"
"""Shown where there is no number."""


def number(value: Any) -> float:
    """Read a JSON value as a number; null, text and the like are NaN.

    >>> number(None), number("nan"), number(3)
    (nan, nan, 3.0)
    """
    return float(value) if isinstance(value, int | float) else math.nan


def metric(value: Any) -> str:
    """Write a metric with the digits that tell policies apart.

    >>> metric(0.41234567), metric(12345.6), metric(None)
    ('0.4123', '12,346', '–')
    """
    x = number(value)
    if not math.isfinite(x):
        return NONE
    size = abs(x)
    decimals = 4 if size < 10 else 3 if size < 100 else 1 if size < 10_000 else 0
    return minus(f"{x:,.{decimals}f}")


def amount(value: Any) -> str:
    """Write an amount of money or work: whole when large, two digits when small.

    >>> amount(1234.5), amount(-3.14159), amount(0)
    ('1,234', '−3.14', '0')
    """
    x = number(value)
    if not math.isfinite(x):
        return NONE
    if x == 0:
        return "0"
    return minus(f"{x:,.0f}" if abs(x) >= 100 else f"{x:,.1f}" if abs(x) >= 10 else f"{x:.2f}")


def count(value: Any) -> str:
    """Write a count.

    >>> count(12034), count(None)
    ('12,034', '–')
    """
    x = number(value)
    return minus(f"{x:,.0f}") if math.isfinite(x) else NONE


def share(value: Any) -> str:
    """Write a share of 1 in per cent.

    >>> share(0.9643), share(1)
    ('96.4%', '100%')
    """
    x = number(value)
    if not math.isfinite(x):
        return NONE
    text = f"{x:.1%}"
    return text.replace(".0%", "%")


def seconds(value: Any) -> str:
    """Write a number of seconds in the unit people would use.

    >>> seconds(0.5), seconds(42), seconds(300), seconds(9000)
    ('0.5 s', '42 s', '5.0 min', '2.5 h')
    """
    x = number(value)
    if not math.isfinite(x):
        return NONE
    if x < 10:
        return f"{x:.1f} s" if x else "0 s"
    if x < 120:
        return f"{x:.0f} s"
    return f"{x / 60:.1f} min" if x < 7200 else f"{x / 3600:,.1f} h"


def day(value: Any) -> str:
    """Write the day of an ISO time.

    >>> day("2013-02-06T10:00:00Z"), day(None)
    ('2013-02-06', '–')
    """
    return str(value)[:10] if value else NONE


def minus(text: str) -> str:
    """Put the typographic minus in place of the hyphen.

    >>> minus("-3")
    '−3'
    """
    return text.replace("-", "−")


FILTERS: Final = {
    "metric": metric,
    "amount": amount,
    "count": count,
    "share": share,
    "seconds": seconds,
    "day": day,
}
