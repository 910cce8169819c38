"""The parity monitor: which rows to compare, when a feature is broken, why, and when it is whole.

In: sampled rows, as served and as recomputed. Out: changes and causes. State: counts, logs and a
bounded number of rows; nothing is drawn, so the same rows in the same ticks give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ostinato.core.errors import ConfigError, StoreError
from ostinato.core.ids import place
from ostinato.core.snapshot import decode, encode
from ostinato.features.parity.causes import Cause, find_cause
from ostinato.features.parity.compare import Comparison, Score, compare
from ostinato.features.parity.differ import Kind, Measure
from ostinato.features.parity.kept import KEPT, KeptRow, KeptRows
from ostinato.features.parity.scan import Scan
from ostinato.features.parity.variants import Variant
from ostinato.features.parity.watch import ParityChange, ParityWatch
from ostinato.stats.arrays import BoolArray, FloatArray, IntArray
from ostinato.stats.share_detectors import ARL, ARL_RESTORED, TOLERATED

SAMPLED: Final = 0.01
"""Share of the units whose requests are compared. Smaller is cheaper and slower."""

FIRST_LOOK: Final = 12
"""Rows that differ before a cause is looked for; again at twice as many each time, so that a cause
that a few rows suggested is held against more. Fewer: luck names causes."""

RecomputeRows = Callable[[str, Sequence[KeptRow], Variant], "pl.Series | FloatArray | None"]
"""Values of a feature for kept rows under a variant, in their order; None: cannot be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityConfig:
    """What is watched, and how strictly.

    Parameters
    ----------
    features
        names of the features that are compared; in this order everywhere.
    kinds, rtol, atol
        how values are compared; see `compare`.
    tolerated
        share of rows that may differ, in (0, .5).
    arl
        sampled rows per false alarm of all features together; > 1.
    arl_restored
        rows per false "restored" while a feature goes on differing; > 1.
    importance
        part of the false alarms each feature may have, relative to the others; equal when empty.
    sampled
        share of units whose requests are compared, in (0, 1].
    limit_ns
        age of the newest event from which a value counts as stale; None: ages are not judged.
    scans
        what else may have gone wrong, by feature.
    kept
        rows kept of each kind, from `FIRST_LOOK`.
    """

    features: tuple[str, ...]
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    rtol: float | None = None
    atol: float = 0.0
    tolerated: float = TOLERATED
    arl: float = ARL
    arl_restored: float = ARL_RESTORED
    importance: tuple[float, ...] = ()
    sampled: float = SAMPLED
    limit_ns: int | None = None
    scans: Mapping[str, Scan] = field(default_factory=dict)
    kept: int = KEPT

    def __post_init__(self) -> None:
        if not (0.0 < self.sampled <= 1.0 and self.kept >= FIRST_LOOK):
            raise ConfigError(
                "Parity cannot be watched with these values",
                found=f"sampled {self.sampled}, kept {self.kept}",
                expected=f"sampled in (0, 1], kept from {FIRST_LOOK}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseFound:
    """The cause of an open alarm, when it is first looked for and whenever it becomes another."""

    cause: Cause
    at_ns: int


Finding = ParityChange | CauseFound


@dataclass(slots=True)
class ParityState:
    """What the monitor keeps.

    Parameters
    ----------
    watch
        evidence and totals.
    kept
        rows to judge causes on.
    opened
        of each broken feature, the change that opened its alarm.
    causes
        of each broken feature, what was found last.
    """

    watch: ParityWatch
    kept: KeptRows
    opened: dict[str, ParityChange] = field(default_factory=dict)
    causes: dict[str, Cause] = field(default_factory=dict)


@dataclass(slots=True)
class ParityMonitor:
    """Watches the features of a loop.

    Ask `sampled` which requests to recompute; hand them to `observe`; act on what it returns.
    """

    config: ParityConfig
    state: ParityState

    @classmethod
    def begin(cls, config: ParityConfig, *, now_ns: int = 0) -> ParityMonitor:
        """Start with nothing seen.

        Raises
        ------
        ConfigError
            when a value is out of its range.
        """
        importance = np.array(config.importance) if config.importance else None
        watch = ParityWatch.begin(
            config.features,
            tolerated=config.tolerated,
            arl=config.arl,
            arl_restored=config.arl_restored,
            importance=importance,
            now_ns=now_ns,
        )
        kept = KeptRows(names=config.features, limit=config.kept)
        return cls(config=config, state=ParityState(watch=watch, kept=kept))

    @property
    def broken(self) -> tuple[str, ...]:
        """Features whose alarm is open."""
        return self.state.watch.names_broken

    def sampled(self, unit_hashes: NDArray[np.uint64]) -> BoolArray:
        """Say which requests to compare, (n,), by the hash of their unit (`core.ids`).

        All while an alarm is open; else always those of the same units.
        """
        if self.broken:
            return np.ones(len(unit_hashes), dtype=np.bool_)
        chosen: BoolArray = place(unit_hashes, "parity") < self.config.sampled
        return chosen

    def observe(
        self,
        served: pl.DataFrame,
        recomputed: pl.DataFrame,
        *,
        times_ns: IntArray,
        rows: Sequence[tuple[Any, ...]],
        at_ns: int,
        recompute: RecomputeRows | None = None,
        score: Score | None = None,
        newest_ns: Mapping[str, IntArray] | None = None,
    ) -> tuple[Comparison, tuple[Finding, ...]]:
        """Take in the sample of one tick.

        Parameters
        ----------
        served, recomputed
            (n rows), as for `compare`; ``recomputed`` must have the features of the configuration.
        times_ns
            (n,), time of each request.
        rows
            (n,), plain values from which each request's features can be computed again.
        at_ns
            time of the tick.
        recompute
            carries variants out on kept rows; without it causes are looked for in the values alone.
        score, newest_ns
            as for `compare`.

        Returns
        -------
        tuple
            what the sample showed, and what changed: alarms that opened and closed, and causes.
        """
        config = self.config
        comparison = compare(
            served,
            recomputed.select(config.features),
            kinds=config.kinds,
            rtol=config.rtol,
            atol=config.atol,
            score=score,
            times_ns=times_ns,
            newest_ns=newest_ns,
            limit_ns=config.limit_ns,
        )
        measures = {each.name: each.measure for each in comparison.features}
        self.state.kept.keep(
            served,
            recomputed,
            measures=measures,
            classes=comparison.classes,
            times_ns=times_ns,
            rows=rows,
            at_ns=at_ns,
        )
        tick = [each.totals for each in comparison.features]
        self.state.watch, changes = self.state.watch.taken(tick, at_ns=at_ns)
        for change in changes:
            self._turn(change)
        causes = self._explained(measures, recompute, at_ns)
        return comparison, (*changes, *causes)

    def _turn(self, change: ParityChange) -> None:
        if change.broken:
            self.state.opened[change.feature] = change
            return
        self.state.opened.pop(change.feature)
        self.state.causes.pop(change.feature, None)
        self.state.kept.forget(change.feature)

    def _explained(
        self, measures: Mapping[str, Measure], recompute: RecomputeRows | None, at_ns: int
    ) -> list[CauseFound]:
        found = []
        for name in self.broken:
            before = self.state.causes.get(name)
            cause = self._look(name, measures[name], recompute)
            if cause is None:
                continue
            self.state.causes[name] = cause
            if before is None or _told(before) != _told(cause):
                found.append(CauseFound(cause=cause, at_ns=at_ns))
        return found

    def _look(self, name: str, measure: Measure, recompute: RecomputeRows | None) -> Cause | None:
        j = self.config.features.index(name)
        rows = self.state.kept.of(name, since_ns=self.state.opened[name].began_ns)
        wrong = sum(not row.equal[j] for row in rows)
        before = self.state.causes.get(name)
        if wrong < (FIRST_LOOK if before is None else 2 * before.rows):
            return None
        dtype = pl.Float64 if measure.numeric else pl.String
        return find_cause(
            name,
            pl.Series([row.served[j] for row in rows], dtype=dtype),
            pl.Series([row.recomputed[j] for row in rows], dtype=dtype),
            None if recompute is None else lambda variant: recompute(name, rows, variant),
            measure=measure,
            scan=self._scan(name, j, wrong),
        )

    def _scan(self, name: str, j: int, wrong: int) -> Scan:
        # Of the rows that differ, some would without the fault: as many as are tolerated.
        seen = self.state.opened[name].totals.plus(self.state.watch.since[j])
        share = self.config.tolerated * seen.rows / max(seen.mismatches, 1)
        return replace(self.config.scans.get(name, Scan()), background=share * wrong)

    # ------------------------------------------------------------ state

    def snapshot(self) -> bytes:
        """Return the state as bytes."""
        return encode(self.state)

    @classmethod
    def restore(cls, config: ParityConfig, data: bytes) -> ParityMonitor:
        """Go on from a snapshot.

        Raises
        ------
        StoreError
            when the bytes are damaged or of other features.
        """
        state = decode(data)
        if not isinstance(state, ParityState) or state.watch.names != config.features:
            raise StoreError(
                "The state of the parity monitor is of other features",
                found=_names(state),
                expected=", ".join(config.features),
                hint="Begin anew, and say in the journal that the evidence so far is void.",
            )
        return cls(config=config, state=state)


def _told(cause: Cause) -> tuple[Any, ...]:
    return cause.kind, cause.form, cause.parameter


def _names(state: Any) -> str:
    held = isinstance(state, ParityState)
    return ", ".join(state.watch.names) if held else type(state).__name__
