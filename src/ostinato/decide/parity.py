"""Judge whether features are served as they are computed; hold learning back while one is not.

In: `FeaturesCompared`. Out: `ParityBroken`, `ParityRestored`. What is judged by stands in the
loop's declaration, and so in the first entry of the journal, before any row is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ostinato.core.records import (
    FeaturesCompared,
    Floats,
    Ints,
    ParityBroken,
    ParityCause,
    ParityRestored,
    Record,
)
from ostinato.core.units import format_time
from ostinato.stats.betting import BettingMean
from ostinato.stats.share_detectors import ARL_RESTORED, ShareEvidence

UNKNOWN: Final = ParityCause(
    name="unknown", parameter=None, explained=0.0, text="No cause was found."
)

_LEVEL: Final = 0.05  # of the interval that is told
_ROWS, _ONLINE, _OFFLINE, _DIFFER, _DATED = range(5)  # columns of the counts
_GAP, _SIZE, _AGE = range(3)  # columns of the sums


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityRule:
    """By what features are judged.

    Parameters
    ----------
    features
        Names of those that are compared.
    tolerated
        Share of the rows that may differ, in (0, 0.5).
    arl
        Compared rows per false alarm, all features together; > 1.
    hold
        Whether nothing is trained while parity is broken.
    """

    features: tuple[str, ...]
    tolerated: float
    arl: float
    hold: bool = True


@dataclass(slots=True)
class ParityState:
    """Evidence for and against each feature, in the order of the rule.

    `above` speaks for more differences than are tolerated, `below` for fewer, and counts for
    features that are broken. `counts` (features, 5) and `sums` (features, 3) hold what was compared
    since nothing spoke for a change; `begun` says whether there was a row at all. `broken`
    holds the cause by feature, `facts` what the journal was told when it broke.
    """

    above: ShareEvidence
    below: ShareEvidence
    counts: Ints
    sums: Floats
    begun: bool = False
    broken: dict[str, ParityCause] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)


def begin_parity(rule: ParityRule) -> ParityState:
    """Begin with no row compared."""
    size = len(rule.features)
    return ParityState(
        above=ShareEvidence.begin(size, tolerated=rule.tolerated, arl=rule.arl),
        below=ShareEvidence.begin(size, side="below", tolerated=rule.tolerated, arl=ARL_RESTORED),
        counts=np.zeros((size, 5), dtype=np.int64),
        sums=np.zeros((size, 3)),
    )


def judge_parity(
    state: ParityState, rule: ParityRule, compared: FeaturesCompared, now_ns: int
) -> list[Record]:
    """Take in a comparison; return what it changes.

    A runtime that wants to know where to look for causes asks this of a copy of the state: features
    that come back as broken for the cause `UNKNOWN` are the ones.
    """
    _add(state, rule, compared)
    out: list[Record] = []
    over, under = state.above.crossed, state.below.crossed
    for at, name in enumerate(rule.features):
        found = compared.causes.get(name)
        if name not in state.broken:
            if over[at]:
                out.append(_broke(state, rule, at, compared, now_ns))
        elif under[at]:
            out.append(_restored(state, rule, at, now_ns))
        elif found is not None and _other(found, state.broken[name]):
            state.broken[name] = found
            state.facts[name] |= _effect(compared, name)
            out.append(_broken(state, rule, name, now_ns))
    return out


def broken_parity(state: ParityState | None, rule: ParityRule | None) -> str:
    """Say which feature keeps the loop from learning, and why; "" when none does."""
    if state is None or rule is None or not rule.hold or not state.broken:
        return ""
    return held_by({name: cause.text for name, cause in state.broken.items()})


def held_by(broken: Mapping[str, str]) -> str:
    """Put in words what is broken: at least one feature with the text of its cause."""
    (name, text), *others = broken.items()
    more = f" (and {len(others)} more)" if others else ""
    return f"parity of {name}{more} is broken: {text.rstrip('.')}"


# ---------------------------------------------------------------- evidence


def _add(state: ParityState, rule: ParityRule, compared: FeaturesCompared) -> None:
    if not state.begun:
        everything = np.ones(len(rule.features), dtype=np.bool_)
        state.above = state.above.restarted(everything, at_ns=compared.ts_event_ns)
        state.begun = True
    at = [rule.features.index(name) for name in compared.features]
    rows, mismatches = np.zeros((2, len(rule.features)), dtype=np.int64)
    rows[at], mismatches[at] = compared.rows, compared.mismatches
    state.above = state.above.updated(rows, mismatches, at_ns=compared.ts_event_ns)
    state.below = state.below.updated(rows, mismatches, at_ns=compared.ts_event_ns)
    columns = (compared.rows, compared.missing_online, compared.missing_offline)
    state.counts[at] += np.stack([*columns, compared.both_differ, compared.dated], axis=1)
    told = (compared.gap, compared.size, compared.ages_s * compared.dated)
    state.sums[at] += np.nan_to_num(np.stack(told, axis=1))
    for place, name in enumerate(rule.features):
        speaks = (state.below if name in state.broken else state.above).log_cu[place]
        if not speaks.any():
            _forget(state, place)


def _forget(state: ParityState, at: int) -> None:
    state.counts[at], state.sums[at] = 0, 0.0


def _other(found: ParityCause, told: ParityCause) -> bool:
    # On more rows some agree by chance: that nothing explains all of them takes no cause back.
    same = (found.name, found.parameter) == (told.name, told.parameter)
    return not same and found.name != UNKNOWN.name


# ---------------------------------------------------------------- decisions


def _broke(
    state: ParityState, rule: ParityRule, at: int, compared: FeaturesCompared, now_ns: int
) -> ParityBroken:
    name = rule.features[at]
    began_ns = int(state.above.began_ns[at])
    state.facts[name] = {
        **_seen(state, at),
        "since": format_time(began_ns),
        "tolerated": rule.tolerated,
        "log_e": float(state.above.log_e[at]),
        **_effect(compared, name),
    }
    state.broken[name] = compared.causes.get(name, UNKNOWN)
    _forget(state, at)
    state.below = state.below.restarted(_only(rule, at), at_ns=now_ns)
    return _broken(state, rule, name, now_ns)


def _effect(compared: FeaturesCompared, name: str) -> dict[str, float]:
    at = compared.features.index(name)
    return {"effect": float(compared.effect[at]), "effect_max": float(compared.effect_max[at])}


def _broken(state: ParityState, rule: ParityRule, name: str, now_ns: int) -> ParityBroken:
    facts, cause = state.facts[name], state.broken[name]
    share = (
        f"{facts['mismatches']:,} of {facts['rows']:,} compared rows differ, where "
        f"{100 * rule.tolerated:g}% may."
    )
    held = " Nothing is trained until this is over." if rule.hold else ""
    return ParityBroken(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=name,
        reason=f"{share} {cause.text}{held}",
        cause=cause.name,
        evidence={
            **facts,
            "parameter": cause.parameter,
            "explained": cause.explained,
            "text": cause.text,
        },
    )


def _restored(state: ParityState, rule: ParityRule, at: int, now_ns: int) -> ParityRestored:
    name, chosen = rule.features[at], _only(rule, at)
    found = _seen(state, at)
    found["log_e"] = float(state.below.log_e[at])
    del state.broken[name], state.facts[name]
    _forget(state, at)
    state.above = state.above.restarted(chosen, at_ns=now_ns)
    state.below = state.below.restarted(chosen, at_ns=now_ns)
    return ParityRestored(
        ts_event_ns=now_ns,
        ts_record_ns=now_ns,
        subject=name,
        reason=f"{found['mismatches']:,} of the last {found['rows']:,} compared rows differ.",
        evidence=found,
    )


def _seen(state: ParityState, at: int) -> dict[str, Any]:
    """Tell what was compared since nothing spoke for a change."""
    counts, sums = state.counts[at], state.sums[at]
    rows, differing = int(counts[_ROWS]), int(counts[_ONLINE : _DIFFER + 1].sum())
    table = np.array([[rows - differing, differing]], dtype=np.float64)
    low, high = BettingMean(table).interval(_LEVEL)
    return {
        "rows": rows,
        "mismatches": differing,
        "share": differing / max(rows, 1),
        "low": float(low[0]),
        "high": float(high[0]),
        "missing_online": int(counts[_ONLINE]),
        "missing_offline": int(counts[_OFFLINE]),
        "both_differ": int(counts[_DIFFER]),
        "relative_size": float(sums[_GAP] / sums[_SIZE]) if sums[_SIZE] else 0.0,
        "newest_event_age_s": float(sums[_AGE]) / max(int(counts[_DATED]), 1),
    }


def _only(rule: ParityRule, at: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    chosen: np.ndarray[Any, np.dtype[np.bool_]] = np.arange(len(rule.features)) == at
    return chosen
