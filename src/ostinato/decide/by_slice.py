"""Degradation on slices: what breaks on a few rows hardly moves the mean of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from ostinato.core.records import Codes, Floats, Ints, LossesObserved
from ostinato.core.units import duration_ns, format_time
from ostinato.decide.degradation import Degradation
from ostinato.decide.late import LateDegradation
from ostinato.decide.slice_watch import SHARE, SliceWatch
from ostinato.decide.trigger import URGENCY, Early, Finding, Reference, Seen, Stance
from ostinato.decide.watching import Watching, season_bins

_NAMED: Final = 5
"""Slices a reason names; the evidence lists all that were reported."""

State = list[Any]  # [state of the overall trigger, SliceWatch]


@dataclass(frozen=True, kw_only=True)
class SlicedDegradation:
    """A `Degradation` that watches slices beside the overall loss.

    One e-detector per slice, against what the champion lost on it when it was proved, shrunken to
    the mean of all. With c slice columns and q = .05, slices are reported as soon as r of them have
    evidence of at least c arl / (q r) each (e-d-BH): stopped at any time, the expected share of
    healthy slices among those reported is at most q per `arl` labelled events. An alarm of any
    slices needs evidence of c arl / q in sum, and a row adds at most 1 to that of each column, so
    that false alarms of slices come at least arl / q events apart. The overall chart has the run
    length arl / (1 - q); together the false alarms are at least `arl` events apart.

    Parameters
    ----------
    declared
        What the policy says.
    overall
        The trigger for all rows, as it runs, with the run length that slices leave it.
    columns
        How many columns of groups are slices: those of monitors, after them, cost no power.
    group_names
        Names of the slice groups.

    Source
    ------
    Dandapanthula and Ramdas 2025, "Multiple testing in multi-stream sequential change detection";
    Shin, Ramdas, Rinaldo 2023, "E-detectors". That the levels follow the number of columns and not
    of slices: a row is an event of one slice per column, so that M_1 + ... + M_s - c t is a
    supermartingale over the t rows of the loop.
    """

    declared: Degradation
    overall: Degradation | LateDegradation
    columns: int
    group_names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.declared.name

    @cached_property
    def freeze_ns(self) -> int:
        """How long slices rest after an answer."""
        return duration_ns(self.declared.freeze)

    def begin(self) -> State:
        return [self.overall.begin(), self._fresh()]

    def renew(self, state: State, reference: Reference | None) -> None:
        self.overall.renew(state[0], reference)
        slices = state[1] = self._fresh()
        if _watching(state).baseline is None:
            return
        assert reference is not None, "a baseline was made of it"
        if reference.groups is not None:
            groups = reference.groups[:, : self.columns]
            self._adopt(state, slices, reference.losses, reference.times_ns, groups)

    def observe(self, state: State, losses: LossesObserved, champion: str) -> None:
        slices: SliceWatch = state[1]
        found = losses.losses.get(champion)
        unknown = _watching(state).baseline is None
        missing = self.declared.reference_rows - len(_watching(state).pending)
        self.overall.observe(state[0], losses, champion)
        if found is None or self._rests(slices, losses.ts_record_ns):
            return
        rows = np.flatnonzero(np.isfinite(found) if unknown else ~np.isnan(found))
        if unknown:
            self._collect(state, slices, losses, found, rows[:missing])
            rows = rows[missing:]
        if rows.size and slices.bank is not None:
            times = losses.times_ns[rows]
            bins = season_bins(times, self.declared.season)
            scaled = np.minimum(found[rows] / _watching(state).scale, 1.0)
            slices.take(scaled, times, bins, losses.groups[rows, : self.columns])

    def requested(self, state: State, now_ns: int) -> None:
        slices: SliceWatch = state[1]
        alarmed = slices.alarmed or _alarmed(state[0])
        self.overall.requested(state[0], now_ns)
        if alarmed:
            slices.answered(now_ns + self.freeze_ns)

    def foresee(self, state: State, early: Early, champion: str) -> None:
        self.overall.foresee(state[0], early, champion)

    def advance(self, state: State, now_ns: int) -> None:
        self.overall.advance(state[0], now_ns)

    def kept(self, state: State, candidate: Reference | None) -> None:
        self.overall.kept(state[0], candidate)

    def registered(self, state: State) -> Mapping[str, Any] | None:
        overall, slices = self.overall.registered(state[0]), state[1].registered()
        if overall is None or slices is None:
            return overall
        names = [self._label(code) for code in slices.pop("groups")]
        return {
            "method": "e-detectors of all rows and of each slice",
            "overall": overall,
            "slices": {"names": names, **slices},
        }

    def look(self, state: State, seen: Seen) -> Stance:
        overall = self.overall.look(state[0], seen)
        return max((overall, _stance(state[1])), key=URGENCY.__getitem__)

    def explain(self, state: State, seen: Seen) -> Finding:
        slices: SliceWatch = state[1]
        found = self.overall.explain(state[0], seen)
        if _watching(state).baseline is None:
            return found
        evidence = {**found.evidence, "arl": self.declared.arl, "slices": self._evidence(slices)}
        overall = self.overall.look(state[0], seen)
        if overall == "act":
            also = f" Also on its own: {self._named(slices)}." if slices.alarmed else ""
            return replace(found, reason=found.reason + also, evidence=evidence)
        if slices.alarmed:
            change_ns = min(slices.changes().values())
            change = format_time(change_ns)
            return Finding(
                reason=f"The loss is above its baseline on {self._named(slices)} since about "
                f"{change}.",
                evidence={**evidence, "change": change},
                change_ns=change_ns,
            )
        calm = self._calm(slices, seen) if overall == "quiet" else ""
        return replace(found, reason=calm or found.reason, evidence=evidence)

    def _calm(self, slices: SliceWatch, seen: Seen) -> str:
        """Say what is to be said of slices though none is reported; "" when nothing is."""
        if slices.warned:
            return f"The loss may be rising on {self._highest(slices)}."
        if self._rests(slices, seen.now_ns):
            return f"The alarm was answered; slices rest for {self.declared.freeze}."
        return ""

    def _fresh(self) -> SliceWatch:
        return SliceWatch(self.declared.arl)

    def _rests(self, slices: SliceWatch, at_ns: int) -> bool:
        return slices.quiet_until_ns is not None and at_ns < slices.quiet_until_ns

    def _collect(
        self, state: State, slices: SliceWatch, told: LossesObserved, found: Floats, rows: Ints
    ) -> None:
        """Keep the live rows that the overall chart makes its baseline of; begin when it does."""
        groups = told.groups[rows, : self.columns]
        slices.pending.append((found[rows], told.times_ns[rows], groups))
        if _watching(state).baseline is None:
            return
        losses, times, groups = (np.concatenate(each) for each in zip(*slices.pending, strict=True))
        slices.pending = []
        self._adopt(state, slices, losses, times, groups)

    def _adopt(
        self, state: State, slices: SliceWatch, losses: Floats, times: Ints, groups: Codes
    ) -> None:
        watching = _watching(state)
        assert watching.baseline is not None, "slices are drawn to the mean of all"
        scaled = np.minimum(losses / watching.scale, 1.0)
        bins = season_bins(times, self.declared.season)
        slices.adopt(scaled, bins, groups, watching.baseline, self.declared.tolerance)

    def _label(self, code: int) -> str:
        known = code < len(self.group_names)
        return self.group_names[code] if known else f"slice {code}"

    def _named(self, slices: SliceWatch) -> str:
        labels = [self._label(code) for code in slices.evidence(slices.reported)]
        more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
        return ", ".join(labels[:_NAMED]) + more

    def _highest(self, slices: SliceWatch) -> str:
        return self._label(next(iter(slices.evidence(np.arange(slices.codes.size)))))

    def _evidence(self, slices: SliceWatch) -> dict[str, Any]:
        if slices.bank is None:
            return {"watched": 0}
        everyone = slices.evidence(np.arange(slices.codes.size))
        highest = next(iter(everyone))
        changes = slices.changes()
        return {
            "watched": slices.codes.size,
            "log10_e_act": slices.log10_act,
            "highest": {"slice": self._label(highest), **everyone[highest]},
            "reported": {
                self._label(code): {**numbers, "change": format_time(changes[code])}
                for code, numbers in slices.evidence(slices.reported).items()
            },
        }


def for_all_rows(declared: Degradation) -> Degradation:
    """Return the trigger for all rows, with the run length that slices leave it."""
    return replace(declared, by_slice=False, arl=declared.arl / (1.0 - SHARE))


def _watching(state: State) -> Watching:
    watching: Watching = state[0][0] if isinstance(state[0], list) else state[0]
    return watching


def _alarmed(overall: Any) -> bool:
    if isinstance(overall, list):  # as `LateDegradation` keeps it
        return bool(overall[0].alarmed or overall[1].learnable)
    return bool(overall.alarmed)


def _stance(slices: SliceWatch) -> Stance:
    if slices.alarmed:
        return "act"
    return "warn" if slices.warned else "quiet"
