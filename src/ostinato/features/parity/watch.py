"""Broken or not, per feature, from counts alone: the part of the monitor that a fold can keep.

In: what each tick's sample showed. Out: changes, "broken" and "restored". State: evidence and
totals; the same counts in the same ticks give the same changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ostinato.core.errors import DataError
from ostinato.features.parity.totals import FeatureTotals
from ostinato.stats.arrays import BoolArray, FloatArray
from ostinato.stats.share_detectors import ARL, ARL_RESTORED, TOLERATED, ShareEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityChange:
    """A feature that is no longer served as it is computed, or is again.

    Parameters
    ----------
    feature
        its name.
    broken
        true when an alarm opens, false when it closes.
    at_ns
        time of the tick.
    began_ns
        estimate of when it began: the last tick at which nothing spoke for it.
    log_e
        log of the evidence, to be compared with log(arl).
    totals
        of the sampled rows since then. What led to an alarm looks worse than it is: rows after the
        alarm (`ParityWatch.since`) give the share without that.
    """

    feature: str
    broken: bool
    at_ns: int
    began_ns: int
    log_e: float
    totals: FeatureTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityWatch:
    """Evidence of each feature, and which are broken.

    Parameters
    ----------
    names
        of the features.
    above, below
        evidence that more rows differ than is tolerated; of broken features, that no more do.
    broken
        (features,), whose alarm is open.
    totals
        over all rows since the start.
    since
        over the rows since the last change of each feature.
    recent
        over the rows since nothing spoke for the next change.
    """

    names: tuple[str, ...]
    above: ShareEvidence
    below: ShareEvidence
    broken: BoolArray
    totals: tuple[FeatureTotals, ...]
    since: tuple[FeatureTotals, ...]
    recent: tuple[FeatureTotals, ...]

    @classmethod
    def begin(
        cls,
        names: Sequence[str],
        *,
        tolerated: float = TOLERATED,
        arl: float = ARL,
        arl_restored: float = ARL_RESTORED,
        importance: FloatArray | None = None,
        now_ns: int = 0,
    ) -> ParityWatch:
        """Start with no row seen and nothing broken; see `ShareEvidence.begin`."""
        count = len(names)
        nothing = (FeatureTotals(),) * count
        return cls(
            names=tuple(names),
            above=ShareEvidence.begin(
                count, tolerated=tolerated, arl=arl, importance=importance, now_ns=now_ns
            ),
            below=ShareEvidence.begin(
                count, side="below", tolerated=tolerated, arl=arl_restored, now_ns=now_ns
            ),
            broken=np.zeros(count, dtype=np.bool_),
            totals=nothing,
            since=nothing,
            recent=nothing,
        )

    @property
    def names_broken(self) -> tuple[str, ...]:
        """Features whose alarm is open."""
        return tuple(np.array(self.names, dtype=object)[self.broken])

    def taken(
        self, tick: Sequence[FeatureTotals], *, at_ns: int
    ) -> tuple[ParityWatch, tuple[ParityChange, ...]]:
        """Return the watch after one tick, and what changed in it.

        Parameters
        ----------
        tick
            totals of the tick's sample, one for each feature in order; workers' are added up.
        at_ns
            time of the tick.

        Raises
        ------
        DataError
            when there is not one for each feature.
        """
        if len(tick) != len(self.names):
            raise DataError(
                "The features compared are not those that are watched",
                found=f"totals of {len(tick)} features",
                expected=f"{len(self.names)}: {', '.join(self.names)}",
            )
        rows = np.array([each.rows for each in tick], dtype=np.int64)
        hits = np.array([each.mismatches for each in tick], dtype=np.int64)
        # Each side listens only while its question is open.
        above = self.above.updated(
            np.where(self.broken, 0, rows), np.where(self.broken, 0, hits), at_ns=at_ns
        )
        below = self.below.updated(
            np.where(self.broken, rows, 0), np.where(self.broken, hits, 0), at_ns=at_ns
        )
        changed = np.where(self.broken, below.crossed, above.crossed)
        quiet = np.where(self.broken, below.quiet, above.quiet)
        after = replace(
            self,
            above=above,
            below=below,
            totals=_plus(self.totals, tick),
            since=_plus(self.since, tick),
            recent=tuple(
                FeatureTotals() if quiet[j] else old.plus(new)
                for j, (old, new) in enumerate(zip(self.recent, tick, strict=True))
            ),
        )
        changes = tuple(_change(after, int(j), at_ns) for j in np.flatnonzero(changed))
        return _turned(after, changed, at_ns) if changes else after, changes

    def registered(self) -> dict[str, Any]:
        """Return the method and what was fixed before the first row, for the journal."""
        return {
            "features": list(self.names),
            "broken": self.above.registered(),
            "restored": self.below.registered(),
        }


def _change(watch: ParityWatch, j: int, at_ns: int) -> ParityChange:
    side = watch.below if watch.broken[j] else watch.above
    return ParityChange(
        feature=watch.names[j],
        broken=not watch.broken[j],
        at_ns=at_ns,
        began_ns=int(side.began_ns[j]),
        log_e=float(side.log_e[j]),
        totals=watch.recent[j],
    )


def _turned(watch: ParityWatch, changed: BoolArray, at_ns: int) -> ParityWatch:
    return replace(
        watch,
        above=watch.above.restarted(changed, at_ns=at_ns),
        below=watch.below.restarted(changed, at_ns=at_ns),
        broken=watch.broken ^ changed,
        since=_anew(watch.since, changed),
        recent=_anew(watch.recent, changed),
    )


def _anew(totals: Sequence[FeatureTotals], changed: BoolArray) -> tuple[FeatureTotals, ...]:
    return tuple(FeatureTotals() if new else old for new, old in zip(changed, totals, strict=True))


def _plus(
    first: Sequence[FeatureTotals], second: Sequence[FeatureTotals]
) -> tuple[FeatureTotals, ...]:
    return tuple(a.plus(b) for a, b in zip(first, second, strict=True))
