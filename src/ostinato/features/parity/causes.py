"""Name the cause of a mismatch: try what usually goes wrong, and say what explains the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import polars as pl

from ostinato.features.parity.differ import Measure, measure_for
from ostinato.features.parity.formulas import defaults, roundings, swaps
from ostinato.features.parity.sample import TIE, Candidate, Sample
from ostinato.features.parity.scan import Scan, Scanner
from ostinato.features.parity.texts import told, told_unknown
from ostinato.features.parity.units import units
from ostinato.features.parity.variants import Recompute

UNKNOWN: Final = "unknown"

_SURE: Final = 0.98  # share explained from which no further family is recomputed
_OTHERS: Final = 3  # further candidates that are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why a feature differs.

    Parameters
    ----------
    feature
        its name.
    kind, form
        as in `texts.TEXTS`, or "unknown" with the form of what came nearest ("" if nothing did).
    parameter
        nanoseconds of a lag, a period or a shift; a factor or an offset; the constant of a default;
        the name of a version, key or part. Of what came nearest where unknown.
    share
        share of the rows that differ which it explains, in [0, 1].
    rows
        rows that differ and were looked at.
    everywhere
        whether it may be at work on every row; else only a part of the traffic is hit.
    others
        kind, form, words and share of the next candidates, best first.
    text
        the finding and what to do, in plain English.
    """

    feature: str
    kind: str
    form: str
    parameter: Any
    share: float
    rows: int
    everywhere: bool
    others: tuple[tuple[str, str, str, float], ...]
    text: str

    @property
    def known(self) -> bool:
        """Whether a cause was named."""
        return self.kind != UNKNOWN


def find_cause(
    feature: str,
    served: pl.Series,
    recomputed: pl.Series,
    recompute: Recompute | None = None,
    *,
    measure: Measure | None = None,
    scan: Scan | None = None,
) -> Cause:
    """Find what explains the rows on which a feature differs.

    A candidate is judged by the share of the rows that differ whose served value it gives, so that
    a fault on half a percent of the rows is found as one on all of them. Among those that explain
    at least 80 % the one with the most evidence is named (`Fit.weight`), and of equals the simpler:
    defaults, roundings, units, versions, late sources, time zones, stale values, keys, missing
    parts, then what has a free constant.

    Parameters
    ----------
    feature
        its name.
    served, recomputed
        (n,), values of rows that differ and of rows that do not; the latter tell what a cause
        would have changed besides. Some hundred of each are plenty.
    recompute
        carries variants out for these rows; without it only the values are looked at.
    measure
        the rule by which values are the same; by type where left out.
    scan
        what else may have gone wrong.
    """
    rule = measure or measure_for(served, recomputed)
    asked = scan or Scan()
    sample = Sample.of(rule, served, recomputed)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows explains nothing
        found = [
            *defaults(sample, asked.default),
            *roundings(sample),
            *units(sample),
            *swaps(sample),
        ]
    if recompute is not None and sample.count:
        _scan(found, Scanner(sample, recompute), asked)
    return _named(feature, sample, found, asked.background)


def _scan(found: list[Candidate], scanner: Scanner, scan: Scan) -> None:
    families = (partial(scanner.named, scan), scanner.lags, scanner.zones, scanner.ages)
    for family in families:
        rest = max((candidate.fit.weight for candidate in found), default=0.0)
        new = list(family())
        found.extend(new)
        if any(c.fit.share >= _SURE and c.fit.weight > rest + TIE for c in new):
            return


def _named(feature: str, sample: Sample, found: Sequence[Candidate], background: float) -> Cause:
    explaining = sorted(
        (c for c in found if c.fit.explained), key=lambda c: (-c.fit.weight, c.rank)
    )
    enough = [c for c in explaining if c.fit.enough(background)]
    pool = enough or explaining
    equals = [c for c in pool if c.fit.weight >= pool[0].fit.weight - TIE]
    best = min(equals, key=lambda c: c.rank, default=None)
    others = [c for c in explaining if best and (c.kind, c.form) != (best.kind, best.form)]
    known = best is not None and bool(enough)
    return Cause(
        feature=feature,
        kind=best.kind if best and known else UNKNOWN,
        form=best.form if best else "",
        parameter=best.parameter if best else None,
        share=best.fit.share if best else 0.0,
        rows=sample.count,
        everywhere=best is not None and best.fit.everywhere,
        others=tuple((c.kind, c.form, c.detail, c.fit.share) for c in others[:_OTHERS]),
        text=(
            told(feature, best, [c for c in equals if c.kind != best.kind])
            if best and known
            else told_unknown(feature, sample, best)
        ),
    )
