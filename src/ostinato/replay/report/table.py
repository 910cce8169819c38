"""The table of policies, prepared for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ostinato.replay.report.figures import number

BASELINE: Final = "static"
"""The policy that does nothing; the others are measured against it when it is there."""

_ENDS: Final = ("_low", "", "_high")
_LOWER_IS_BETTER: Final = {"value": False, "regret": True}
"""Columns beside the metric whose best figure is marked. Cost is not: doing nothing is cheapest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Where an interval lies on a scale drawn from 0 to 100.

    `zero` is where the number 0 lies, None when it is outside the scale.
    """

    low: float
    middle: float
    high: float
    zero: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """One row of the table: the document's figures, the drawn interval, and what to mark.

    `best` holds the names of the columns in which this policy is the best; `colour` is its place
    in the palette, -1 for the baseline.
    """

    name: str
    colour: int
    figures: Mapping[str, Any]
    interval: Interval | None
    best: frozenset[str]
    advised: bool


def baseline_of(policies: Sequence[str]) -> str | None:
    """Return the policy that others are measured against: static, or else the first.

    >>> baseline_of(["triggered", "static"]), baseline_of(["a"])
    ('static', None)
    """
    if len(policies) < 2:
        return None
    return BASELINE if BASELINE in policies else policies[0]


def colours_of(policies: Sequence[str]) -> dict[str, int]:
    """Give every policy a colour of its own; the baseline gets the neutral one.

    >>> colours_of(["static", "a", "b"])
    {'static': -1, 'a': 0, 'b': 1}
    """
    neutral = baseline_of(policies)
    others = [name for name in policies if name != neutral]
    return {name: -1 if name == neutral else others.index(name) for name in policies}


def policy_rows(
    table: Sequence[Mapping[str, Any]], metric: str, *, lower_is_better: bool, advised: str | None
) -> tuple[PolicyRow, ...]:
    """Prepare the rows of a comparison's table, in its order."""
    colours = colours_of([str(row["policy"]) for row in table])
    best = _best_in(table, metric, lower_is_better=lower_is_better)
    bounds = [number(row.get(f"{metric}{end}")) for row in table for end in _ENDS]
    return tuple(
        PolicyRow(
            name=str(row["policy"]),
            colour=colours[str(row["policy"])],
            figures=row,
            interval=placed([row.get(f"{metric}{end}") for end in _ENDS], bounds),
            best=frozenset(
                column for column, top in best.items() if number(row.get(column)) == top
            ),
            advised=str(row["policy"]) == advised,
        )
        for row in table
    )


def placed(interval: Sequence[Any], scale: Sequence[float]) -> Interval | None:
    """Place (low, middle, high) on the scale that `scale` spans, with a small margin.

    >>> placed([0.0, 5.0, 10.0], [0.0, 10.0])
    Interval(low=4.0, middle=50.0, high=96.0, zero=4.0)
    """
    ends = [number(end) for end in interval]
    known = [x for x in scale if math.isfinite(x)]
    if not all(map(math.isfinite, ends)) or not known:
        return None
    smallest, span = min(known), (max(known) - min(known)) or 1.0
    at = [round(4 + 92 * (x - smallest) / span, 2) for x in ends]
    zero = round(4 + 92 * (0 - smallest) / span, 2)
    return Interval(low=at[0], middle=at[1], high=at[2], zero=zero if 0 <= zero <= 100 else None)


def _best_in(
    table: Sequence[Mapping[str, Any]], metric: str, *, lower_is_better: bool
) -> dict[str, float]:
    """Return the best figure of each marked column; a column of equals has no best."""
    best = {}
    for column, low in {metric: lower_is_better, **_LOWER_IS_BETTER}.items():
        known = [x for x in (number(row.get(column)) for row in table) if math.isfinite(x)]
        if len(set(known)) > 1:
            best[column] = min(known) if low else max(known)
    return best
