"""Values that are broken: missing, impossible, stuck or written otherwise, beyond the reference.

What moves with the world is no fault: a value far away but within reach, a new category, a column
that grows with time or holds one value per period. Those are other inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ostinato.core.records import Floats, Ints
from ostinato.watch.examine.expand import Plain

FLOOR: Final = 0.01
"""Share of rows that may newly be broken. Smaller: a handful of odd rows is looked into; larger:
faults of small groups stay unseen."""

STUCK_FLOOR: Final = 0.03
"""The same for one value of a number that comes more often than it used to."""

ROWS_LEAST: Final = 10
"""Broken rows, at least: of few rows one odd value is a large share."""

_SURE: Final = 4.0  # standard errors: many columns and several faults are looked for
_MANY: Final = 50  # different values from which a number counts as continuous
_REACH: Final = 1.0  # of the reference's range that values may lie outside it
_TIMES: Final = 3.0  # the share of the reference's commonest value that is still no sticking
_USUAL: Final = 0.03  # share of rows of a value from which it is missed when it is gone
_IN_STEP: Final = 0.9  # rank correlation with time from which a column grows with it
_MOSTLY: Final = 0.95  # share of one value from which a column holds nothing else

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fault:
    """One thing that is broken about a column of the frame.

    Parameters
    ----------
    column
        Its name.
    what
        ``"missing"``, ``"far out of range"``, ``"stuck at 3.5"``, ``"repeats"``,
        ``"written otherwise"``.
    before, now
        Share of rows of the reference and of the current sample.
    rows
        (m,) the broken rows of the current sample.
    """

    column: str
    what: str
    before: float
    now: float
    rows: Flags


def find_faults(plain: tuple[Plain, ...], before_ns: Ints, now_ns: Ints) -> list[Fault]:
    """Look for broken values, column by column; the times are those of both samples' rows."""
    found = []
    for each in plain:
        if each.numbers is not None:
            looked = _in_numbers(each, before_ns, now_ns)
        else:
            looked = _in_texts(each, before_ns, now_ns)
        found += [
            Fault(column=each.source, what=what, before=_share(p), now=_share(q), rows=q)
            for what, p, q, floor in looked
            if _is_more(_share(p), _share(q), len(p), len(q), floor)
        ]
    return found


Looked = Iterator[tuple[str, Flags, Flags, float]]
"""What is broken, on which rows of the reference and of the current sample, and the floor."""


def _in_numbers(plain: Plain, before_ns: Ints, now_ns: Ints) -> Looked:
    assert plain.numbers is not None, "asked for numbers"
    p, q = plain.numbers
    yield "missing", np.isnan(p), np.isnan(q), FLOOR
    known, now = p[~np.isnan(p)], q[~np.isnan(q)]
    if not known.size or not now.size or _grows(p, before_ns):
        return
    low, high = float(known.min()), float(known.max())
    reach = _REACH * (high - low)
    if reach > 0.0:
        yield (
            "far out of range",
            _outside(p, low, high),
            _outside(q, low - reach, high + reach),
            FLOOR,
        )
    values, counts = np.unique(now, return_counts=True)
    usual = float(values[counts.argmax()])
    continuous = len(np.unique(known)) > _MANY
    common = float(np.unique(known, return_counts=True)[1].max()) / len(p)
    strange = continuous and _share(q == usual) > _TIMES * common
    alone = len(values) == 1 < len(np.unique(known))
    if strange or (alone and not _by_period(p, before_ns, now_ns)):
        yield f"stuck at {usual:.6g}", p == usual, q == usual, STUCK_FLOOR
    if continuous:
        yield "repeats", _repeats(p), _repeats(q) & (q != usual), STUCK_FLOOR


def _outside(values: Floats, low: float, high: float) -> Flags:
    found: Flags = (values < low) | (values > high)
    return found


def _repeats(values: Floats) -> Flags:
    found = np.zeros(len(values), dtype=np.bool_)
    found[1:] = values[1:] == values[:-1]
    return found


def _grows(values: Floats, times_ns: Ints) -> bool:
    known = ~np.isnan(values)
    if known.sum() < 3 or np.ptp(values[known]) == 0 or np.ptp(times_ns[known]) == 0:
        return False
    return bool(abs(spearmanr(values[known], times_ns[known]).statistic) > _IN_STEP)


def _by_period(values: Floats, before_ns: Ints, now_ns: Ints) -> bool:
    """Say whether the reference, too, holds one value for as long as the current rows last."""
    span = max(int(now_ns[-1] - now_ns[0]), 1)
    starts = np.searchsorted(before_ns, np.arange(int(before_ns[0]), int(before_ns[-1]), span))
    pieces = [piece[~np.isnan(piece)] for piece in np.split(values, starts[1:])]
    full = [piece for piece in pieces if len(piece) >= _PIECE]
    return any(
        np.unique(piece, return_counts=True)[1].max() > _MOSTLY * len(piece) for piece in full
    )


_PIECE: Final = 20  # rows of a period that say whether a column is constant in it


def _in_texts(plain: Plain, before_ns: Ints, now_ns: Ints) -> Looked:
    assert plain.texts is not None, "asked for texts"
    p, q = plain.texts
    yield "missing", p.is_null().to_numpy(), q.is_null().to_numpy(), FLOOR
    known = p.drop_nulls().unique()
    yield from _alone(p, q, before_ns, now_ns)
    new = ~q.is_in(known.implode()).fill_null(value=True)
    if not new.any():
        return
    tidy = _tidy(known).unique()
    same = new & _tidy(q).is_in(tidy.implode()).fill_null(value=False)
    other = (new & _recoded(p, q)).fill_null(value=False)
    rows = (same | other).to_numpy()
    yield "written otherwise", np.zeros(len(p), dtype=np.bool_), rows, FLOOR


def _alone(p: pl.Series, q: pl.Series, before_ns: Ints, now_ns: Ints) -> Looked:
    values = q.drop_nulls().unique()
    if len(values) != 1 or p.drop_nulls().n_unique() < 2:
        return
    codes = p.rank("dense").cast(pl.Float64).fill_null(np.nan).to_numpy()
    if not _by_period(codes, before_ns, now_ns):
        usual = ((each == values[0]).fill_null(value=False).to_numpy() for each in (p, q))
        yield f"stuck at {values[0]}", *usual, STUCK_FLOOR


def _tidy(texts: pl.Series) -> pl.Series:
    return texts.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "")


def _recoded(p: pl.Series, q: pl.Series) -> pl.Series:
    """Flag values that came for one that is gone, in about its number."""
    before, now = _counts(p), _counts(q)
    gone = {v: share for v, share in before.items() if share >= _USUAL and v not in now}
    fresh = {v: share for v, share in now.items() if share >= _USUAL and v not in before}
    heirs = [v for v, share in fresh.items() if any(_alike(share, old) for old in gone.values())]
    return q.is_in(heirs).fill_null(value=False)


def _alike(one: float, other: float) -> bool:
    return abs(one - other) < _ABOUT * max(one, other)


_ABOUT: Final = 0.15  # how far two shares may differ and still be those of one value


def _counts(texts: pl.Series) -> dict[str, float]:
    counts = texts.drop_nulls().rename("value").value_counts(name="rows", sort=True)
    shares = (counts["rows"] / max(len(texts), 1)).to_list()
    return dict(zip(counts["value"].to_list(), shares, strict=True))


def _share(rows: Flags) -> float:
    return float(rows.mean()) if len(rows) else 0.0


def _is_more(before: float, now: float, n: int, m: int, floor: float) -> bool:
    pooled = (before * n + now * m) / (n + m)
    error = (max(pooled * (1.0 - pooled), 1.0 / (n + m)) * (1.0 / n + 1.0 / m)) ** 0.5
    more = now - before > floor and now - before > _SURE * error
    return more and now * m >= ROWS_LEAST
