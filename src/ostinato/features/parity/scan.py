"""Causes that need a recomputation: lag, version, time zone, key, missing part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ostinato.core.units import NS_PER_UNIT
from ostinato.features.parity.lags import LagSearch
from ostinato.features.parity.sample import Candidate, Fit, Sample
from ostinato.features.parity.variants import (
    Keyed,
    Late,
    Recompute,
    Refreshed,
    Shifted,
    Stale,
    Subset,
    Variant,
    Version,
)

_S, _M, _H, _D = (NS_PER_UNIT[unit] for unit in "smhd")

_PERIODS: Final = (_D, _H, 7 * _D, 15 * _M, 5 * _M, _M, 30 * _M, 6 * _H, 12 * _H, 3 * _H)
# the usual ones first: rows of one morning fit several

_ZONES: Final = tuple(
    sign * minutes * _M
    for minutes in (*range(60, 841, 60), *range(30, 841, 60), 345, 525, 765)
    for sign in (1, -1)
)  # whole hours, half hours, and the three zones at three quarters


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What may have gone wrong with a feature, besides what is always tried.

    Parameters
    ----------
    versions
        earlier definitions, newest first, as `Version` names them.
    keys
        other ways to look it up, as `Keyed` names them.
    parts
        parts of its source that may be missing, as `Subset` names them.
    default
        value in place of a missing one in its definition.
    background
        rows among those that differ which are expected for reasons that are tolerated, >= 0.
    """

    versions: Sequence[str] = ()
    keys: Sequence[str] = ()
    parts: Sequence[str] = ()
    default: Any = None
    background: float = 0.0


@dataclass(slots=True)
class Scanner:
    """Carries variants out on one sample."""

    sample: Sample
    recompute: Recompute

    def named(self, scan: Scan) -> Iterator[Candidate]:
        """Versions, keys and parts that the caller named."""
        for name in scan.versions:
            yield from self._tried("version", "other", Version(name), name, 30, name)
        for name in scan.keys:
            yield from self._tried("wrong key", "key", Keyed(name), name, 50, name)
        for name in scan.parts:
            yield from self._tried("missing rows", "part", Subset(name), name, 60, name)

    def lags(self) -> Iterator[Candidate]:
        """Sources that are late or ahead."""
        yield from self._best_lag("late", Late, 40)
        yield from self._best_lag("ahead", lambda by: Late(-by), 41)

    def ages(self) -> Iterator[Candidate]:
        """Values that are old, or renewed now and then."""
        yield from self._best_lag("stale", Stale, 46)
        for every in _PERIODS:
            words = in_words(every)
            yield from self._tried("lag", "renewed", Refreshed(every), every, 47, words)

    def zones(self) -> Iterator[Candidate]:
        """Clocks that are whole or half hours apart."""
        for by in _ZONES:
            yield from self._tried("time zone", "shift", Shifted(by), by, 45, in_words(by))

    def _tried(
        self, kind: str, form: str, variant: Variant, parameter: Any, rank: int, detail: str
    ) -> Iterator[Candidate]:
        fit = self._fit(variant)
        if fit is not None:
            yield Candidate(
                kind=kind, form=form, parameter=parameter, fit=fit, rank=rank, detail=detail
            )

    def _fit(self, variant: Variant) -> Fit | None:
        values = self.recompute(variant)
        return None if values is None else self.sample.fit(values)

    def _best_lag(
        self, form: str, variant_of: Callable[[int], Variant], rank: int
    ) -> Iterator[Candidate]:
        search = LagSearch(self.sample, lambda by: self.recompute(variant_of(by)))
        by = search.best()
        if by is not None:
            signed = -by if form == "ahead" else by
            fit = search.known[by][0]
            yield Candidate(
                kind="lag", form=form, parameter=signed, fit=fit, rank=rank, detail=in_words(by)
            )


def in_words(ns: int) -> str:
    """Write a time span as people do, in two units.

    >>> in_words(5_400_000_000_000), in_words(-86_400_000_000_000)
    ('1 h 30 min', '-1 d')
    """
    left = abs(ns)
    pieces: list[str] = []
    for name, size in (("d", _D), ("h", _H), ("min", _M), ("s", _S), ("ms", _S // 1000)):
        count, left = divmod(left, size)
        if count and len(pieces) < 2:
            pieces.append(f"{count} {name}")
    return ("-" if ns < 0 else "") + (" ".join(pieces) or "0 s")
